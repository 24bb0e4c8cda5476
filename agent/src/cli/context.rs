//! What every command has at hand.

use std::sync::Arc;

use orlop_repo::clock::{Clock, SystemClock};
use orlop_repo::repository::Repository;
use orlop_repo::store::StoreUrl;
use parking_lot::Mutex;

use super::global::GlobalOptions;
use super::human;
use super::interrupt::Interrupt;
use super::memory;
use super::output::Output;
use super::progress::{Display, Style, Work, error_message};
use super::terminal::Terminal;
use crate::memory::MemoryPlan;
use crate::progress::{ProblemSeen, Progress};

/// Global options and the process's own things.
pub(super) struct Context {
    /// What the user said for all commands.
    pub(super) options: GlobalOptions,
    /// Standard error.
    pub(super) terminal: Terminal,
    /// Ctrl-C.
    pub(super) interrupt: Interrupt,
    /// Wall and monotonic time.
    pub(super) clock: Arc<dyn Clock>,
    /// Repositories that were opened, and where they are.
    pub(super) opened: Mutex<Vec<(StoreUrl, Arc<Repository>)>>,
}

impl Context {
    /// Begins to listen to signals. To be called within the runtime.
    pub(super) fn new(options: GlobalOptions, terminal: Terminal) -> Self {
        Self {
            options,
            interrupt: Interrupt::listen(&terminal),
            terminal,
            clock: Arc::new(SystemClock::new()),
            opened: Mutex::default(),
        }
    }

    /// Where results go.
    #[expect(
        clippy::unused_self,
        reason = "results are written by whoever runs a command"
    )]
    pub(super) fn output(&self) -> Output {
        Output::stdout()
    }

    /// Bytes of memory to stay within.
    pub(super) fn memory(&self) -> u64 {
        match self.options.memory {
            Some(size) => size.0,
            None => memory::default_budget(),
        }
    }

    /// Bytes of what was read from the repository that may be kept, for each kind of block.
    pub(super) fn cache_memory(&self) -> u64 {
        MemoryPlan::new(self.memory()).block_cache
    }

    /// Threads that compute.
    pub(super) fn threads(&self) -> usize {
        match self.options.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    /// Says something on standard error that is neither result nor error; not if asked to be
    /// quiet, nor to programs.
    pub(super) fn note(&self, line: &str) {
        if !self.options.quiet && !self.options.json {
            self.terminal.line(line);
        }
    }

    /// Says something on standard error that the user must know.
    pub(super) fn warn(&self, line: &str) {
        if self.options.json {
            self.terminal
                .json(&serde_json::json!({ "message_type": "warning", "message": line }));
        } else {
            self.terminal.line(&format!("warning: {line}"));
        }
    }

    /// Says on standard error what is wrong with one file or part of a snapshot.
    pub(super) fn problem(&self, during: &'static str, problem: &ProblemSeen) {
        self.reporter(during)(problem);
    }

    /// Says the same, for those who meet problems on other threads.
    pub(super) fn reporter(
        &self,
        during: &'static str,
    ) -> impl Fn(&ProblemSeen) + Send + Sync + 'static {
        let (json, terminal) = (self.options.json, self.terminal.clone());
        move |problem| {
            if json {
                terminal.json(&error_message(during, problem));
            } else {
                terminal.line(&human::problem(problem));
            }
        }
    }

    /// Begins work that shows its progress and that Ctrl-C lets end well.
    pub(super) fn work(&self, work: Work, during: &'static str) -> (Arc<Progress>, Display) {
        let progress = Arc::new(Progress::new());
        self.interrupt.cancels(&progress);
        let style = match (self.options.json, self.options.quiet) {
            (false, false) => Style::People,
            (false, true) => Style::Quiet,
            (true, false) => Style::Json,
            (true, true) => Style::QuietJson,
        };
        let display = Display::start(style, work, during, &self.terminal, &self.clock, &progress);
        (progress, display)
    }
}

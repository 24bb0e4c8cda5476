//! The thread that looks at an operation's counters and shows them.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use indicatif::{ProgressBar, ProgressStyle};
use orlop_repo::clock::Clock;

use super::line::{Work, line};
use super::meter::Meter;
use super::status::{error_message, status};
use crate::cli::human;
use crate::cli::terminal::Terminal;
use crate::progress::Progress;

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) enum Style {
    /// Not at all; problems still are.
    Quiet,
    /// A live line on a terminal, a line now and then elsewhere.
    People,
    /// JSON messages.
    Json,
    /// Problems only, as JSON messages.
    QuietJson,
}

/// How often the counters are looked at: smooth for the eye, nothing for the processor.
const TICK: Duration = Duration::from_millis(200);
/// How often a program is told.
const JSON_EVERY: Duration = Duration::from_secs(1);
/// How often a line goes to a log, which somebody may have to read later.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows an operation until it is dropped or [`Display::end`] is called.
pub(in crate::cli) struct Display {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Display {
    /// Begins to show `progress`. `during` names the operation in messages.
    pub(in crate::cli) fn start(
        style: Style,
        work: Work,
        during: &'static str,
        terminal: &Terminal,
        clock: &Arc<dyn Clock>,
        progress: &Arc<Progress>,
    ) -> Self {
        let (stop, stopped) = bounded::<()>(0);
        let mut shown = Shown {
            style,
            work,
            during,
            terminal: terminal.clone(),
            clock: clock.clone(),
            progress: progress.clone(),
            began: clock.monotonic(),
            last: clock.monotonic(),
            meter: Meter::default(),
            bar: None,
        };
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                // A time-out is the tick; a disconnected channel the end.
                while stopped.recv_timeout(TICK)
                    == Err(crossbeam_channel::RecvTimeoutError::Timeout)
                {
                    shown.tick();
                }
                shown.problems();
                if let Some(bar) = &shown.bar {
                    bar.finish_and_clear();
                }
            });
        Self {
            stop: Some(stop),
            // Without a thread nothing is shown; the work goes on.
            thread: thread.ok(),
        }
    }

    /// Ends the display after the last problem was said.
    pub(in crate::cli) fn end(self) {
        drop(self);
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It says nothing on success and has nothing to add after a panic.
            drop(thread.join());
        }
    }
}

/// What the thread holds.
struct Shown {
    style: Style,
    work: Work,
    during: &'static str,
    terminal: Terminal,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    began: Duration,
    last: Duration,
    meter: Meter,
    bar: Option<ProgressBar>,
}

impl Shown {
    fn tick(&mut self) {
        self.problems();
        let now = self.clock.monotonic();
        self.meter.sample(now, self.progress.bytes_done.get());
        let elapsed = now.saturating_sub(self.began);
        let style = self.style;
        match style {
            Style::People if self.terminal.is_live() => {
                let line = line(self.work, &self.progress, &self.meter, elapsed, true);
                let bar = self.bar.get_or_insert_with(|| {
                    let bar = ProgressBar::new_spinner();
                    bar.set_style(
                        ProgressStyle::with_template("{wide_msg}")
                            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
                    );
                    self.terminal.lines().add(bar)
                });
                bar.set_message(line);
                bar.tick();
            }
            Style::People if self.due(now, LINE_EVERY) => {
                let line = line(self.work, &self.progress, &self.meter, elapsed, false);
                self.terminal.line(&line);
            }
            Style::Json if self.due(now, JSON_EVERY) => {
                let status = status(&self.progress, &self.meter, elapsed);
                // A reader that left is noticed when the result is written.
                let mut out = crate::cli::output::Output::stdout();
                drop(out.json(&status).and_then(|()| out.flush()));
            }
            Style::People | Style::Json | Style::Quiet | Style::QuietJson => {}
        }
    }

    fn due(&mut self, now: Duration, every: Duration) -> bool {
        let due = now.saturating_sub(self.last) >= every;
        if due {
            self.last = now;
        }
        due
    }

    fn problems(&self) {
        for problem in self.progress.take_problems() {
            match self.style {
                Style::Json | Style::QuietJson => {
                    self.terminal.json(&error_message(self.during, &problem));
                }
                Style::People | Style::Quiet => self.terminal.line(&human::problem(&problem)),
            }
        }
    }
}

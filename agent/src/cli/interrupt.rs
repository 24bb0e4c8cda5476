//! Ctrl-C and requests to terminate: the first lets the work end well, the second ends it.

use std::sync::Arc;

use crate::progress::Progress;
use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::exit::ExitStatus;
use super::terminal::Terminal;

/// What a signal does.
#[derive(Clone, Default)]
pub(super) struct Interrupt(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Work that can end well; without one, the first signal ends the process.
    work: Option<Work>,
    happened: bool,
}

/// Work that can end well.
enum Work {
    /// It looks whether it was cancelled.
    Cancelled(Arc<Progress>),
    /// It waits to be asked.
    Asked(oneshot::Sender<()>),
}

impl Interrupt {
    /// Begins to listen. To be called within the runtime.
    pub(super) fn listen(terminal: &Terminal) -> Self {
        let interrupt = Self::default();
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            // Without a handler the system's own way stays: the process ends at once.
            if let Ok(mut signals) = signal(kind) {
                let interrupt = interrupt.clone();
                let terminal = terminal.clone();
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        interrupt.take(&terminal);
                    }
                });
            }
        }
        interrupt
    }

    /// Lets the first signal cancel `work` in place of ending the process.
    pub(super) fn cancels(&self, work: &Arc<Progress>) {
        let mut state = self.0.lock();
        if state.happened {
            work.cancel();
        }
        state.work = Some(Work::Cancelled(work.clone()));
    }

    /// Lets the first signal ask for an end in place of ending the process.
    pub(super) fn asks(&self) -> oneshot::Receiver<()> {
        let (ask, asked) = oneshot::channel();
        self.0.lock().work = Some(Work::Asked(ask));
        asked
    }

    /// Whether there was a signal.
    pub(super) fn happened(&self) -> bool {
        self.0.lock().happened
    }

    fn take(&self, terminal: &Terminal) {
        let mut state = self.0.lock();
        let first = !std::mem::replace(&mut state.happened, true);
        match state.work.take() {
            Some(Work::Cancelled(work)) if first => {
                work.cancel();
                terminal.line(
                    "interrupted: finishing what is in flight, so that the next run goes on from \
                     there; Ctrl-C again stops at once",
                );
            }
            // If it does not wait any more, it has ended.
            Some(Work::Asked(ask)) if first => drop(ask.send(())),
            _ => {
                terminal.clear();
                // The work may be stuck, and what is stored is safe at any moment.
                std::process::exit(ExitStatus::Interrupted.code().into());
            }
        }
    }
}

//! Standard error: messages, logs and the live line, without tearing each other.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

/// Standard error, shared by all who write to it; cheap to clone.
#[derive(Clone)]
pub(super) struct Terminal {
    lines: MultiProgress,
    live: Arc<bool>,
}

impl Terminal {
    /// Standard error; with `live` false it shows no live line even on a terminal.
    pub(super) fn stderr(live: bool) -> Self {
        let live = live && io::stderr().is_terminal();
        Self {
            lines: MultiProgress::with_draw_target(if live {
                ProgressDrawTarget::stderr_with_hz(8)
            } else {
                ProgressDrawTarget::hidden()
            }),
            live: Arc::new(live),
        }
    }

    /// Whether a live line can be shown.
    pub(super) fn is_live(&self) -> bool {
        *self.live
    }

    /// Where live lines go.
    pub(super) fn lines(&self) -> &MultiProgress {
        &self.lines
    }

    /// Writes bytes that end with a line's end, above the live line. Nobody is left to be told
    /// if that fails.
    pub(super) fn write(&self, bytes: &[u8]) {
        self.lines.suspend(|| {
            let mut stderr = io::stderr().lock();
            drop(stderr.write_all(bytes).and_then(|()| stderr.flush()));
        });
    }

    /// Writes one line.
    pub(super) fn line(&self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Writes one line of JSON.
    pub(super) fn json(&self, value: &impl Serialize) {
        if let Ok(mut line) = serde_json::to_vec(value) {
            line.push(b'\n');
            self.write(&line);
        }
    }

    /// Takes the live line away for good.
    pub(super) fn clear(&self) {
        drop(self.lines.clear());
    }
}

/// One log line, or several, on its way to standard error.
pub(super) struct LogLines {
    to: Terminal,
    buffer: Vec<u8>,
}

impl io::Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLines {
    fn drop(&mut self) {
        self.to.write(&self.buffer);
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Terminal {
    type Writer = LogLines;

    fn make_writer(&'a self) -> LogLines {
        LogLines {
            to: self.clone(),
            buffer: Vec::new(),
        }
    }
}

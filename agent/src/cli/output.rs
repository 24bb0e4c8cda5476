//! Standard output: results, and nothing else.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use serde::Serialize;

use super::failure::Failure;
use super::human;

/// Results, buffered; [`Output::flush`] or the end of the command sends them.
pub(super) struct Output {
    to: BufWriter<Stdout>,
    terminal: bool,
}

impl Output {
    /// Writes to standard output. Nobody else does so meanwhile.
    pub(super) fn stdout() -> Self {
        let stdout = io::stdout();
        Self {
            terminal: stdout.is_terminal(),
            to: BufWriter::new(stdout),
        }
    }

    /// Writes one line.
    pub(super) fn line(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        writeln!(self.to, "{}", line.as_ref()).map_err(failure)
    }

    /// Writes one line of JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.to, value).map_err(|error| failure(error.into()))?;
        self.to.write_all(b"\n").map_err(failure)
    }

    /// Writes a line that ends with a path: as it is for programs, harmless for a terminal.
    pub(super) fn path_line(&mut self, before: &str, path: &[u8]) -> Result<(), Failure> {
        let path = if self.terminal {
            human::name(path).into_bytes()
        } else {
            path.to_vec()
        };
        self.to
            .write_all(&[before.as_bytes(), &path, b"\n"].concat())
            .map_err(failure)
    }

    /// Sends what is buffered.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(failure)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Standard output could not take a result.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct OutputError(#[from] io::Error);

impl OutputError {
    /// Whether the reader went away, as `head` does: nothing to complain about.
    pub(super) fn reader_left(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// What a failed write to standard output means.
pub(super) fn failure(error: io::Error) -> Failure {
    Failure::new("cannot write to standard output").because(OutputError(error))
}

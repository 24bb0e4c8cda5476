//! Exit codes: what scripts may rely on.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ExitStatus {
    /// All of it is done.
    Done,
    /// Failed, and nothing is promised.
    Failed,
    /// The command line is not understood.
    Usage,
    /// Done, but not all of it: each missing part was named.
    Incomplete,
    /// There is no repository at the place named.
    NoRepository,
    /// No key opens the repository.
    NoKey,
    /// Stopped by Ctrl-C or a request to terminate.
    Interrupted,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::NoRepository => 10,
            Self::NoKey => 12,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

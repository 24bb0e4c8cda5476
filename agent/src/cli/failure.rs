//! Why a command did not do what was asked: what happened, to which object, why, what to do next.

use std::error::Error;
use std::fmt::Write as _;

use serde::Serialize;

use super::advice::advise;
use super::exit::ExitStatus;
use super::output::OutputError;

/// The end of a command that failed, in words for people.
///
/// It is shown once, by whoever runs the command.
#[derive(Debug)]
pub(super) struct Failure {
    what: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
    next: Option<String>,
    status: Option<ExitStatus>,
}

impl Failure {
    /// Says what happened and to which object, without full stop: "cannot read the key file k".
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cause: None,
            next: None,
            status: None,
        }
    }

    /// A command line that makes no sense.
    pub(super) fn usage(what: impl Into<String>) -> Self {
        Self::new(what).status(ExitStatus::Usage)
    }

    /// Adds the reason, with all reasons below it.
    pub(super) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds what to do next, in place of what the cause would advise.
    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Sets how the command ends, in place of what the cause would say.
    pub(super) fn status(mut self, status: ExitStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// How the command ends.
    pub(super) fn exit_status(&self) -> ExitStatus {
        let advised = || {
            let cause: &(dyn Error + 'static) = self.cause.as_deref()?;
            advise(cause).status
        };
        self.status.or_else(advised).unwrap_or(ExitStatus::Failed)
    }

    /// Whether there is nothing to say: the reader of the results went away, as `head` does.
    pub(super) fn is_silent(&self) -> bool {
        let cause = self.cause.as_deref();
        cause
            .and_then(|cause| cause.downcast_ref::<OutputError>())
            .is_some_and(OutputError::reader_left)
    }

    /// What to do next, if anything is known.
    fn next_step(&self) -> Option<String> {
        let advised = || {
            let cause: &(dyn Error + 'static) = self.cause.as_deref()?;
            advise(cause).next
        };
        self.next.clone().or_else(advised)
    }

    /// The reasons from the nearest to the first one, each said once.
    fn causes(&self) -> Vec<String> {
        let mut said = vec![self.what.clone()];
        let mut cause: Option<&(dyn Error + 'static)> = match &self.cause {
            Some(cause) => Some(cause.as_ref()),
            None => None,
        };
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.iter().any(|earlier| earlier.contains(&text)) {
                said.push(text);
            }
            cause = error.source();
        }
        said.split_off(1)
    }

    /// The lines for people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.what);
        for cause in self.causes() {
            let _ = writeln!(text, "  because: {cause}");
        }
        if let Some(next) = self.next_step() {
            let _ = writeln!(text, "  next: {next}");
        }
        text
    }

    /// The line for programs.
    pub(super) fn json(&self) -> ExitError {
        ExitError {
            message_type: "exit_error",
            code: self.exit_status().code(),
            message: self.what.clone(),
            causes: self.causes(),
            next: self.next_step(),
        }
    }
}

/// The last message of a command that failed, on standard error.
#[derive(Debug, Serialize)]
pub(super) struct ExitError {
    message_type: &'static str,
    /// The exit code.
    code: u8,
    /// What happened, and to which object.
    message: String,
    /// Why, from the nearest reason to the first one.
    causes: Vec<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("bucket b: request failed")]
    struct Outer {
        source: Transparent,
    }

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Transparent(#[from] io::Error);

    #[test]
    fn each_reason_is_said_once() {
        let source = Transparent(io::Error::other("connection reset"));
        let failure = Failure::new("cannot list the snapshots")
            .because(Outer { source })
            .next("try again");
        assert_eq!(
            failure.text(),
            "error: cannot list the snapshots\n  because: bucket b: request failed\n  \
             because: connection reset\n  next: try again\n"
        );
    }

    #[test]
    fn programs_get_the_same_in_parts() {
        let failure = Failure::usage("no path").next("name one");
        let json = serde_json::to_value(failure.json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "message_type": "exit_error", "code": 2, "message": "no path", "causes": [],
                "next": "name one",
            })
        );
    }
}

//! Names and contents of the files.

use serde::{Deserialize, Serialize};

use crate::fs::{BadName, check_name};

/// The folder in the root of a volume.
pub(in crate::node) const FOLDER: &str = ".velero";

/// Longest file that is read.
pub(in crate::node) const MAX_LEN: usize = 16 << 10;

/// Longest reason that is written, in characters; each takes six bytes at the most in JSON.
pub(super) const MAX_REASON: usize = 2000;

/// Names of the files of one Restore.
#[derive(Debug, Clone)]
pub(in crate::node) struct Names {
    pub(in crate::node) done: String,
    pub(in crate::node) progress: String,
    pub(in crate::node) failed: String,
}

impl Names {
    /// Those of the Restore with this UID.
    pub(in crate::node) fn of(restore_uid: &str) -> Result<Self, BadName> {
        check_name(restore_uid.as_bytes())?;
        Ok(Self {
            done: restore_uid.to_owned(),
            progress: format!("{restore_uid}.progress"),
            failed: format!("{restore_uid}.failed"),
        })
    }
}

/// Why a volume will not be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What ended the restore.
    pub outcome: Outcome,
    /// For people.
    pub reason: String,
}

/// What ended a restore that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It failed.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

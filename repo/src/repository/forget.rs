//! Forgetting snapshots.

use super::Repository;
use crate::log::{AppendError, Body, Forget, State};
use crate::model::SnapshotId;

/// Snapshots that one entry names, at most: it stays well below what an entry may hold.
const MAX_NAMED: usize = 10_000;

impl Repository {
    /// Appends `Forget` for what `choose` names, by several entries if it is much; gives what was
    /// forgotten.
    ///
    /// `choose` is asked again after every entry that somebody else appended meanwhile, and after
    /// each of its own: a policy counts the snapshots that are there when it takes effect. What it
    /// names that is no longer there was forgotten by somebody else, which is no error.
    ///
    /// What is forgotten may be brought back ([`Self::unforget`](super::Repository::unforget))
    /// until maintenance has taken its space.
    ///
    /// # Errors
    ///
    /// What `choose` gives; [`AppendError`] of the log. What was forgotten before an error stays
    /// forgotten.
    pub async fn forget<E: From<AppendError>>(
        &self,
        mut choose: impl FnMut(&State) -> Result<Vec<SnapshotId>, E>,
    ) -> Result<Vec<SnapshotId>, E> {
        let mut chain = self.chain().await;
        let mut forgotten = Vec::new();
        loop {
            let mut named = Vec::new();
            let appended = chain
                .append::<Stop<E>>(|state| {
                    named = choose(state).map_err(Stop::Failed)?;
                    named.retain(|id| state.snapshots.contains_key(id));
                    named.sort_unstable();
                    named.dedup();
                    named.truncate(MAX_NAMED);
                    if named.is_empty() {
                        return Err(Stop::Nothing);
                    }
                    Ok(Body::Forget(Forget {
                        snapshots: named.clone(),
                    }))
                })
                .await;
            match appended {
                Ok(_) => forgotten.extend(named),
                Err(Stop::Nothing) => return Ok(forgotten),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Append(error)) => return Err(error.into()),
            }
        }
    }
}

/// Why no entry was appended.
enum Stop<E> {
    /// There is nothing (more) to forget.
    Nothing,
    Failed(E),
    Append(AppendError),
}

impl<E> From<AppendError> for Stop<E> {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}

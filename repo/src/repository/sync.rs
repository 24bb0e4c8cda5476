//! Bringing a local index to the live segments, while others merge and sweep those.

use std::sync::Arc;

use super::Repository;
use crate::index::{IndexError, LocalIndex, read_segment};
use crate::log::{LogError, State};

impl Repository {
    /// Brings the index to the segments that are live in `state`, or in a newer state where
    /// somebody has merged or swept segments meanwhile: a segment goes with the packs that it
    /// lists, and waits for nobody. Gives the state whose segments the index has.
    ///
    /// # Errors
    ///
    /// Of the index, if the log has nothing newer to say; of the log.
    pub async fn sync_index<E>(&self, index: &LocalIndex, mut state: State) -> Result<State, E>
    where
        E: From<IndexError> + From<LogError>,
    {
        loop {
            let live: Vec<_> = state.segments.iter().copied().collect();
            let synced = index
                .sync(&live, Arc::new(state.swept.clone()), |segment| async move {
                    read_segment(self.store(), self.keys(), &segment).await
                })
                .await;
            let error = match synced {
                Ok(_) => return Ok(state),
                Err(error) if is_broken(&error) => error,
                Err(error) => return Err(error.into()),
            };
            let mut chain = self.chain().await;
            chain.refresh().await?;
            if chain.state().head == state.head {
                return Err(error.into());
            }
            state = chain.state().clone();
        }
    }
}

/// Whether a segment is damaged or gone, as opposed to a store or a disk that does not answer.
pub(super) fn is_broken(error: &IndexError) -> bool {
    match error {
        IndexError::Store { source, .. } => source.is_missing() || source.is_damage(),
        error => error.is_damage(),
    }
}

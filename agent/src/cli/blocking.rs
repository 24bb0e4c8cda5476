//! Work that blocks, away from the threads that wait for the network.

use super::failure::Failure;

/// Runs `work` on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::new("a part of the program stopped").because(error)),
    }
}

//! Waiting for what the API server hears of later than its client.

use std::time::Duration;

use crate::error::ClusterError;

/// Looks before it counts as broken, 10 ms apart: two minutes, for a machine that has much to do.
pub(crate) const LOOKS: u32 = 12_000;
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `so` says yes. `what` is what it says yes to.
pub(crate) async fn until(
    what: &'static str,
    so: impl AsyncFn() -> kube::Result<bool>,
) -> Result<(), ClusterError> {
    for _ in 0..LOOKS {
        if so().await? {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(ClusterError::Never { what })
}

//! Clock and speed of a store.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::scene::{Checked, Scene, ensure, pattern};

/// Offset from which requests to S3 are refused is 15 minutes; warn well before.
const MAX_OFFSET_SECONDS: f64 = 300.0;

/// Requests that a latency is the median of.
const SAMPLES: u32 = 9;

/// Seconds by which the store's clock is ahead of `now`.
pub(super) async fn offset(
    scene: &Scene,
    now: &(dyn Fn() -> SystemTime + Send + Sync),
) -> Result<f64, crate::store::StoreError> {
    let before = now();
    let theirs = scene.store.store_now().await?;
    let half = now().duration_since(before).unwrap_or_default() / 2;
    let ours = before + half;
    Ok(match theirs.duration_since(ours) {
        Ok(ahead) => ahead.as_secs_f64(),
        Err(behind) => -behind.duration().as_secs_f64(),
    })
}

/// Judges an offset.
pub(super) fn judge(offset: f64) -> Checked {
    ensure!(
        offset.abs() <= MAX_OFFSET_SECONDS,
        "the store's clock is {offset:+.0} s from this machine's"
    );
    Ok(format!("{offset:+.1} s"))
}

/// Median times to put and to get 1 KiB.
pub(super) async fn latency(
    scene: &Scene,
) -> Result<(Duration, Duration), crate::store::StoreError> {
    let (mut puts, mut gets) = (Vec::new(), Vec::new());
    for i in 0..SAMPLES {
        let name = scene.name(&format!("latency/{i}"))?;
        let start = Instant::now();
        scene.store.put(&name, pattern(1024, u64::from(i))).await?;
        puts.push(start.elapsed());
        let start = Instant::now();
        scene.store.get(&name, 1024).await?;
        gets.push(start.elapsed());
    }
    Ok((median(puts), median(gets)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

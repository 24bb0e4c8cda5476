//! Reads of parts of objects.

use super::scene::{Checked, Failure, Scene, ensure, pattern};
use crate::store::StoreError;

/// Length of the object that is read in parts.
const LEN: u64 = 100_000;

/// Ranges inside are exact, and those that reach over the end are refused rather than cut short.
pub(super) async fn ranges(scene: &Scene) -> Checked {
    let store = &scene.store;
    let name = scene.name("ranges/1")?;
    let bytes = pattern(100_000, 1);
    store.put(&name, bytes.clone()).await?;
    for range in [0..1, 0..LEN, 1..LEN, 4095..8193, LEN - 1..LEN, 77..77] {
        let index = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let want = bytes
            .get(index(range.start)..index(range.end))
            .unwrap_or_default();
        let got = store.get_range(&name, range.clone()).await?;
        ensure!(
            got == want,
            "the range {range:?} came back with other bytes"
        );
    }
    for (range, left) in [
        (0..LEN + 1, LEN),
        (LEN - 10..LEN + 10, 10),
        (LEN..LEN + 1, 0),
        (2 * LEN..3 * LEN, 0),
    ] {
        match store.get_range(&name, range.clone()).await {
            Err(StoreError::ShortRead { got, .. }) => {
                ensure!(
                    got == left,
                    "{got} bytes are said to be in {range:?}, not {left}"
                );
            }
            Err(error) => return Err(error.into()),
            Ok(got) => {
                ensure!(
                    false,
                    "the range {range:?} of {LEN} bytes gave {} bytes",
                    got.len()
                );
            }
        }
    }
    Ok(format!(
        "10 ranges of an object of {LEN} bytes, 4 of them over its end"
    ))
}

/// The last bytes of an object of unknown length.
pub(super) async fn tails(scene: &Scene) -> Checked {
    let store = &scene.store;
    for len in [0_u64, 1, 5000] {
        let size = usize::try_from(len).map_err(|_| Failure::Violated("no room".to_owned()))?;
        let name = scene.name(&format!("tails/{len}"))?;
        let bytes = pattern(size, len);
        store.put(&name, bytes.clone()).await?;
        for n in [0_usize, 1, 100, 5000, 9000] {
            let tail = store.get_tail(&name, n as u64).await?;
            let want = bytes.slice(size.saturating_sub(n)..);
            ensure!(
                tail.bytes == want && tail.object_len == len,
                "the last {n} of {len} bytes came back as {} bytes of {}",
                tail.bytes.len(),
                tail.object_len
            );
        }
    }
    Ok("15 tails of objects from 0 to 5000 bytes".to_owned())
}

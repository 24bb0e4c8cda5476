//! Buffers of long reads, used again: a new one is a page fault for every 4 KiB that is read into
//! it, and each fault costs as much as the copy.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Reads of fewer bytes get memory of the allocator, which keeps that of such a size itself (glibc
/// gives blocks above 128 KiB back to the system at first).
const SHORTEST: usize = 128 << 10;
/// Bytes of idle buffers that are kept. As many as are lent at once come back and are lent again,
/// so that only a change of lengths leaves some idle.
const KEPT: usize = 8 << 20;

/// Buffers that nobody uses at the moment.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    /// The one that came back last stands last: the caches still hold part of it.
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

/// A buffer in use; it goes back when the last [`Bytes`] over it is dropped.
struct Lent {
    buffer: Vec<u8>,
    len: usize,
    home: Arc<Buffers>,
}

impl Buffers {
    /// `len` bytes that `fill` writes; it finds there what an earlier read left.
    pub(super) fn filled<E>(
        self: &Arc<Self>,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Bytes, E> {
        if len < SHORTEST {
            let mut bytes = vec![0; len];
            fill(&mut bytes)?;
            return Ok(bytes.into());
        }
        let mut lent = Lent {
            buffer: self.take(len).unwrap_or_else(|| vec![0; len]),
            len,
            home: Arc::clone(self),
        };
        fill(lent.buffer.get_mut(..len).unwrap_or_default())?;
        Ok(Bytes::from_owner(lent))
    }

    /// An idle buffer of at least `len` bytes, and of at most twice as many: a reader that counts
    /// what it asked for must not hold much more.
    fn take(&self, len: usize) -> Option<Vec<u8>> {
        let mut idle = self.idle.lock();
        let fits = |buffer: &Vec<u8>| (len..=2 * len).contains(&buffer.len());
        let found = idle.buffers.iter().rposition(fits)?;
        let buffer = idle.buffers.remove(found);
        idle.bytes -= buffer.len();
        Some(buffer)
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut idle = self.idle.lock();
        idle.bytes += buffer.len();
        idle.buffers.push(buffer);
        while idle.bytes > KEPT {
            let longest_idle = idle.buffers.remove(0);
            idle.bytes -= longest_idle.len();
        }
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn read(buffers: &Arc<Buffers>, len: usize, byte: u8) -> Bytes {
        let fill = |bytes: &mut [u8]| {
            bytes.fill(byte);
            Ok::<_, Infallible>(())
        };
        buffers.filled(len, fill).unwrap()
    }

    #[test]
    fn a_buffer_is_lent_again_when_nothing_refers_to_it_any_more() {
        let buffers = Arc::<Buffers>::default();
        let first = read(&buffers, 1 << 20, 1);
        let part = first.slice(5..10);
        let place = first.as_ptr();
        drop(first);
        let second = read(&buffers, 1 << 20, 2);
        assert_ne!(second.as_ptr(), place, "a part of it is still in use");
        assert_eq!(part, [1; 5][..]);
        drop(part);
        let third = read(&buffers, 600 << 10, 3);
        assert_eq!(third.as_ptr(), place);
        assert_eq!(third.len(), 600 << 10);
        assert!(third.iter().all(|&byte| byte == 3));
    }

    #[test]
    fn a_short_read_does_not_hold_a_long_buffer() {
        let buffers = Arc::<Buffers>::default();
        drop(read(&buffers, 4 << 20, 1));
        let held = read(&buffers, 1 << 20, 2);
        assert_eq!(buffers.idle.lock().bytes, 4 << 20);
        drop(held);
        assert_eq!(buffers.idle.lock().bytes, 5 << 20);
    }

    #[test]
    fn few_idle_bytes_are_kept_and_none_of_short_reads() {
        let buffers = Arc::<Buffers>::default();
        let many: Vec<_> = (0..10).map(|n| read(&buffers, 1 << 20, n)).collect();
        let short = read(&buffers, SHORTEST - 1, 1);
        drop((many, short));
        let idle = buffers.idle.lock();
        assert_eq!((idle.bytes, idle.buffers.len()), (KEPT, 8));
    }

    #[test]
    fn a_read_that_fails_gives_its_buffer_back() {
        let buffers = Arc::<Buffers>::default();
        assert!(buffers.filled(1 << 20, |_| Err::<(), _>(())).is_err());
        assert_eq!(buffers.idle.lock().bytes, 1 << 20);
    }
}

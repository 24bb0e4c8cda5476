//! Finishing folders when nothing more is created in them.

use std::io;
use std::path::PathBuf;

use super::external_sort::{ExternalSorter, Order};
use super::{Attributes, FsError, Identity, Kind, RelPath, Sink, Time, Warning};

/// Remembers folders, and files whose last flags must wait for hard links, and gives them their
/// metadata at the end, the deepest first: so no time is moved and no folder locked too early.
///
/// Memory is bounded; a longer list goes to a file in the scratch folder.
#[derive(Debug)]
pub struct Finisher {
    sorter: ExternalSorter,
}

impl Finisher {
    /// An empty one. `memory` is in bytes.
    pub fn new(memory: usize, scratch: PathBuf) -> Self {
        Self {
            sorter: ExternalSorter::new(Order::Descending, memory, scratch),
        }
    }

    /// Takes an object to be finished, and which one it is.
    ///
    /// # Errors
    ///
    /// [`FsError::Scratch`].
    pub fn push(
        &mut self,
        path: &RelPath,
        identity: Identity,
        want: &Attributes,
    ) -> Result<(), FsError> {
        Ok(self
            .sorter
            .push(path.as_prefix(), &encode(identity, want))?)
    }

    /// Finishes everything. Each warning, and each object that is no longer the one that was
    /// created, is told to `report`; neither stops it.
    ///
    /// # Errors
    ///
    /// [`FsError::Scratch`] only.
    pub fn finish(
        self,
        sink: &Sink,
        mut report: impl FnMut(Result<Warning, FsError>),
    ) -> Result<(), FsError> {
        let mut cursor = sink.cursor();
        let mut sorted = self.sorter.sort()?;
        while let Some((key, value)) = sorted.next()? {
            let broken = || io::Error::from(io::ErrorKind::InvalidData);
            let path = RelPath::from_prefix(key).map_err(|_| broken())?;
            let (identity, want) = decode(value).ok_or_else(broken)?;
            match cursor.finish(&path, &want, Some(identity)) {
                Ok(warnings) => warnings.into_iter().for_each(|warning| report(Ok(warning))),
                Err(error) => report(Err(error)),
            }
        }
        Ok(())
    }
}

fn encode(identity: Identity, want: &Attributes) -> Vec<u8> {
    let mut out = vec![u8::from(want.kind == Kind::Folder)];
    for number in [identity.dev, identity.ino, want.mtime.secs.cast_unsigned()] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let small = [
        want.mtime.nanos,
        want.mode,
        want.uid,
        want.gid,
        want.flags,
        want.project,
    ];
    for number in small {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for part in want.xattrs.iter().flat_map(|(name, value)| [name, value]) {
        out.extend_from_slice(&(part.len() as u64).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn decode(mut bytes: &[u8]) -> Option<(Identity, Attributes)> {
    let bytes = &mut bytes;
    let folder = take::<1>(bytes)? == [1];
    let mut large = || take(bytes).map(u64::from_le_bytes);
    let identity = Identity {
        dev: large()?,
        ino: large()?,
    };
    let secs = large()?.cast_signed();
    let mut small = || take(bytes).map(u32::from_le_bytes);
    let mut want = Attributes {
        kind: if folder { Kind::Folder } else { Kind::File },
        mtime: Time {
            secs,
            nanos: small()?,
        },
        mode: small()?,
        uid: small()?,
        gid: small()?,
        flags: small()?,
        project: small()?,
        xattrs: Vec::new(),
    };
    let part = |bytes: &mut &[u8]| {
        let len = usize::try_from(u64::from_le_bytes(take(bytes)?)).ok()?;
        let (head, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        Some(head.to_vec())
    };
    while !bytes.is_empty() {
        want.xattrs.push((part(bytes)?, part(bytes)?));
    }
    Some((identity, want))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_waits_comes_back_as_it_was(
            numbers: [u32; 6], large: [u64; 3], folder: bool,
            xattrs: Vec<(Vec<u8>, Vec<u8>)>,
        ) {
            let identity = Identity { dev: large[0], ino: large[1] };
            let want = Attributes {
                kind: if folder { Kind::Folder } else { Kind::File },
                mode: numbers[0],
                uid: numbers[1],
                gid: numbers[2],
                mtime: Time { secs: large[2].cast_signed(), nanos: numbers[3] },
                xattrs,
                flags: numbers[4],
                project: numbers[5],
            };
            prop_assert_eq!(decode(&encode(identity, &want)), Some((identity, want)));
        }
    }
}

//! A stack of bytes of which the lower part may stand in a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Bytes pushed at the top, read anywhere, and cut off at the top.
///
/// A walk keeps the folders still to be entered here, one list per level: lists begin and end like
/// the levels do, so all share one file, however deep and wide the tree is.
#[derive(Debug)]
pub(super) struct SpillStack {
    budget: usize,
    scratch: PathBuf,
    /// Everything below `base` is in the file at its own position, the rest in `top`.
    base: u64,
    top: Vec<u8>,
    file: Option<File>,
}

impl SpillStack {
    pub(super) fn new(budget: usize, scratch: PathBuf) -> Self {
        Self {
            budget,
            scratch,
            base: 0,
            top: Vec::new(),
            file: None,
        }
    }

    /// Position of the next byte pushed.
    pub(super) fn len(&self) -> u64 {
        self.base + self.top.len() as u64
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.top.len() + bytes.len() > self.budget && !self.top.is_empty() {
            let file = match &self.file {
                Some(file) => file,
                None => self.file.insert(tempfile::tempfile_in(&self.scratch)?),
            };
            file.write_all_at(&self.top, self.base)?;
            self.base += self.top.len() as u64;
            self.top.clear();
        }
        self.top.extend_from_slice(bytes);
        Ok(())
    }

    /// Fills `into` from position `at`.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let below = usize::try_from(self.base.saturating_sub(at)).unwrap_or(usize::MAX);
        let (low, high) = into.split_at_mut(below.min(into.len()));
        if !low.is_empty() {
            let file = self.file.as_ref().ok_or(io::ErrorKind::UnexpectedEof)?;
            file.read_exact_at(low, at)?;
        }
        if !high.is_empty() {
            let start = usize::try_from(at.saturating_sub(self.base))
                .map_err(|_| io::ErrorKind::UnexpectedEof)?;
            let from = self.top.get(start..start + high.len());
            high.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        }
        Ok(())
    }

    /// Cuts everything from position `len` off.
    pub(super) fn truncate(&mut self, len: u64) {
        match usize::try_from(len.saturating_sub(self.base)) {
            Ok(keep) if len >= self.base => self.top.truncate(keep),
            _ => {
                self.top.clear();
                self.base = self.base.min(len);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_reads_like_a_plain_vector(
            steps in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..30)), 1..80)
        ) {
            let scratch = tempfile::tempdir().unwrap();
            let mut stack = SpillStack::new(64, scratch.path().to_owned());
            let mut plain: Vec<u8> = Vec::new();
            for (push, bytes) in steps {
                if push || plain.is_empty() {
                    stack.push(&bytes).unwrap();
                    plain.extend_from_slice(&bytes);
                } else {
                    let keep = usize::from(bytes[0]) % plain.len();
                    stack.truncate(keep as u64);
                    plain.truncate(keep);
                }
                prop_assert_eq!(stack.len(), plain.len() as u64);
                let mut all = vec![0; plain.len()];
                stack.read(0, &mut all).unwrap();
                prop_assert_eq!(&all, &plain);
                prop_assert!(stack.read(0, &mut vec![0; plain.len() + 1]).is_err());
            }
        }
    }
}

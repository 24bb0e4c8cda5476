//! What is open, by the number that the kernel was given.

use std::collections::HashMap;
use std::sync::Arc;

use fuser::Errno;
use parking_lot::Mutex;

use super::above::Name;
use super::file::OpenFile;
use super::listing::Listing;
use super::trouble::Trouble;

/// Something that is open.
#[derive(Clone)]
pub(super) enum Handle {
    File(Arc<OpenFile>),
    Folder(Arc<Listing>),
    /// A folder above snapshots, as it was when it was opened.
    Names(Arc<Vec<Name>>),
}

/// All that is open.
#[derive(Default)]
pub(super) struct Handles(Mutex<Table>);

#[derive(Default)]
struct Table {
    open: HashMap<u64, Handle>,
    next: u64,
    files: u64,
}

impl Handles {
    /// Takes what was opened; gives its number.
    pub(super) fn hold(&self, handle: Handle) -> u64 {
        let mut table = self.0.lock();
        table.next += 1;
        table.files += u64::from(matches!(handle, Handle::File(_)));
        let number = table.next;
        table.open.insert(number, handle);
        number
    }

    /// What has that number.
    pub(super) fn get(&self, number: u64) -> Result<Handle, Trouble> {
        let found = self.0.lock().open.get(&number).cloned();
        found.ok_or(Trouble::Plain(Errno::EBADF))
    }

    /// The file with that number, and how many files are open.
    pub(super) fn file(&self, number: u64) -> Result<(Arc<OpenFile>, u64), Trouble> {
        let table = self.0.lock();
        match table.open.get(&number) {
            Some(Handle::File(file)) => Ok((Arc::clone(file), table.files)),
            _ => Err(Trouble::Plain(Errno::EBADF)),
        }
    }

    /// Closes it.
    pub(super) fn close(&self, number: u64) {
        let mut table = self.0.lock();
        let closed = table.open.remove(&number);
        table.files -= u64::from(matches!(closed, Some(Handle::File(_))));
    }
}

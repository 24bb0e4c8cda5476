//! Extended attributes, inode flags and project id of an open object.

use std::os::fd::AsFd;

use rustix::fs as sys;
use rustix::io::Errno;

use super::beneath::proc_path;
use super::ioctls::get_fsxattr;
use super::root::is_unsupported;

/// Longest list of names and longest value, by the kernel (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const XATTR_MAX: usize = 64 << 10;

/// Inode flags that a restore can set again: secure removal, undelete, compressed, synchronous,
/// immutable, append only, no dump, no access time, journalled data, no tail, synchronous folder,
/// top of a hierarchy, no copy on write, DAX, project inherited, names without case. The others
/// say how the file system laid the file out.
pub const RESTORABLE_FLAGS: u32 = 0x1
    | 0x2
    | 0x4
    | 0x8
    | 0x10
    | 0x20
    | 0x40
    | 0x80
    | 0x4000
    | 0x8000
    | 0x1_0000
    | 0x2_0000
    | 0x80_0000
    | 0x200_0000
    | 0x2000_0000
    | 0x4000_0000;

/// `FS_IMMUTABLE_FL` and `FS_APPEND_FL`: with one of them set nothing can be changed any more.
pub const LOCKING_FLAGS: u32 = 0x10 | 0x20;

/// `FS_COMPR_FL`, `FS_NOCOW_FL` and `FS_CASEFOLD_FL`, which take effect only while empty.
pub const EARLY_FLAGS: u32 = 0x4 | 0x80_0000 | 0x4000_0000;

/// What `stat` does not tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Meta {
    /// Names and values, sorted by name; ACLs, capabilities and labels are among them.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Restorable inode flags, nothing where the file system has none.
    pub flags: u32,
    /// Project id, zero where there are none.
    pub project: u32,
    /// What could not be read, with the system's answer.
    pub problems: Vec<(&'static str, Errno)>,
}

/// Metadata of an object that is open for reading.
pub(super) fn of_open(fd: impl AsFd) -> Meta {
    let mut meta = Meta::default();
    read_xattrs(
        &mut meta,
        |buffer| sys::flistxattr(&fd, buffer),
        |name, buffer| sys::fgetxattr(&fd, name, buffer),
    );
    match sys::ioctl_getflags(&fd) {
        Ok(flags) => meta.flags = flags.bits() & RESTORABLE_FLAGS,
        Err(errno) if is_unsupported(errno) => {}
        Err(errno) => meta.problems.push(("read the inode flags", errno)),
    }
    match get_fsxattr(&fd) {
        Ok(attr) => meta.project = attr.projid,
        Err(errno) if is_unsupported(errno) => {}
        Err(errno) => meta.problems.push(("read the project id", errno)),
    }
    meta
}

/// Metadata of an object that is only pointed at (`O_PATH`): links, devices, fifos, sockets.
pub(super) fn of_pointer(fd: impl AsFd) -> Meta {
    let path = proc_path(fd);
    let mut meta = Meta::default();
    read_xattrs(
        &mut meta,
        |buffer| sys::listxattr(&path, buffer),
        |name, buffer| sys::getxattr(&path, name, buffer),
    );
    meta
}

/// Calls with a small buffer, and with the largest if that is too small.
fn with_room(
    buffer: &mut Vec<u8>,
    mut call: impl FnMut(&mut [u8]) -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    match call(buffer) {
        Err(Errno::RANGE) if buffer.len() < XATTR_MAX => {
            buffer.resize(XATTR_MAX, 0);
            call(buffer)
        }
        answer => answer,
    }
}

fn read_xattrs(
    meta: &mut Meta,
    mut list: impl FnMut(&mut [u8]) -> Result<usize, Errno>,
    mut get: impl FnMut(&[u8], &mut [u8]) -> Result<usize, Errno>,
) {
    let (mut names, mut value) = (vec![0; 1 << 10], Vec::new());
    // Names may go between the list and the value: then the list is asked for once more.
    for last in [false, true] {
        meta.xattrs.clear();
        let len = match with_room(&mut names, &mut list) {
            Ok(len) => len,
            Err(errno) if is_unsupported(errno) => return,
            Err(errno) => return meta.problems.push(("list extended attributes", errno)),
        };
        if len > 0 && value.is_empty() {
            value.resize(4 << 10, 0);
        }
        let mut gone = false;
        let mut failed = None;
        for name in names[..len]
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
        {
            match with_room(&mut value, |buffer| get(name, buffer)) {
                Ok(len) => meta.xattrs.push((name.to_vec(), value[..len].to_vec())),
                Err(Errno::NODATA) => gone = true,
                Err(errno) if is_unsupported(errno) => {}
                Err(errno) => failed = Some(errno),
            }
        }
        if last || !gone {
            meta.problems
                .extend(failed.map(|errno| ("read an extended attribute", errno)));
            break;
        }
    }
    meta.xattrs.sort_unstable();
}

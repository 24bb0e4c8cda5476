//! The three calls that no library wraps: project ids and the extent map.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::ioctl::{Getter, Setter, Updater, ioctl, opcode};

/// `struct fsxattr` of `linux/fs.h`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FsxAttr {
    pub(super) xflags: u32,
    extsize: u32,
    nextents: u32,
    pub(super) projid: u32,
    cowextsize: u32,
    pad: [u8; 8],
}

/// `struct fiemap_extent` of `linux/fiemap.h`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FiemapExtent {
    /// Offset in the file, bytes.
    pub(super) logical: u64,
    physical: u64,
    /// Length in bytes.
    pub(super) length: u64,
    reserved64: [u64; 2],
    pub(super) flags: u32,
    reserved: [u32; 3],
}

/// Extents asked for at once.
pub(super) const FIEMAP_BATCH: usize = 64;

/// `FIEMAP_EXTENT_UNWRITTEN`: allocated, never written.
pub(super) const FIEMAP_UNWRITTEN: u32 = 0x800;

/// `struct fiemap` of `linux/fiemap.h` with room for one batch.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Fiemap {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    count: u32,
    reserved: u32,
    extents: [FiemapExtent; FIEMAP_BATCH],
}

const FS_IOC_FSGETXATTR: u32 = opcode::read::<FsxAttr>(b'X', 31);
const FS_IOC_FSSETXATTR: u32 = opcode::write::<FsxAttr>(b'X', 32);
/// The size in the number is that of the head alone, 32 bytes.
const FS_IOC_FIEMAP: u32 = opcode::read_write::<[u64; 4]>(b'f', 11);

/// Project id and extended flags.
#[expect(unsafe_code, reason = "the struct is the one that this call fills")]
pub(super) fn get_fsxattr(fd: impl AsFd) -> Result<FsxAttr, Errno> {
    // SAFETY: the opcode is a getter of `struct fsxattr`, 28 bytes, all of which are integers.
    unsafe { ioctl(fd, Getter::<FS_IOC_FSGETXATTR, FsxAttr>::new()) }
}

/// Sets project id and extended flags.
#[expect(unsafe_code, reason = "the struct is the one that this call reads")]
pub(super) fn set_fsxattr(fd: impl AsFd, attr: FsxAttr) -> Result<(), Errno> {
    // SAFETY: the opcode is a setter of `struct fsxattr`.
    unsafe { ioctl(fd, Setter::<FS_IOC_FSSETXATTR, FsxAttr>::new(attr)) }
}

/// Up to [`FIEMAP_BATCH`] extents that touch `length` bytes from `start`.
#[expect(
    unsafe_code,
    reason = "the struct is the one that this call reads and fills"
)]
pub(super) fn fiemap(
    fd: impl AsFd,
    start: u64,
    length: u64,
) -> Result<(usize, [FiemapExtent; FIEMAP_BATCH]), Errno> {
    let mut map = Fiemap {
        start,
        length,
        flags: 0,
        mapped: 0,
        count: 64,
        reserved: 0,
        extents: [FiemapExtent::default(); FIEMAP_BATCH],
    };
    // SAFETY: `count` says how many extents there is room for after the head, and the kernel
    // writes no more than that.
    unsafe { ioctl(fd, Updater::<FS_IOC_FIEMAP, Fiemap>::new(&mut map))? };
    Ok(((map.mapped as usize).min(FIEMAP_BATCH), map.extents))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_long_as_the_kernel_says() {
        assert_eq!(size_of::<FsxAttr>(), 28);
        assert_eq!(size_of::<FiemapExtent>(), 56);
        assert_eq!(FIEMAP_BATCH, 64, "as `fiemap` says");
        assert_eq!(size_of::<Fiemap>(), 32 + FIEMAP_BATCH * 56);
        assert_eq!(
            (FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR),
            (0x801c_581f, 0x401c_5820)
        );
        assert_eq!(FS_IOC_FIEMAP, 0xc020_660b);
    }
}

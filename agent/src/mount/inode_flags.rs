//! What `lsattr` shows: the flags of an inode and its project id, as the kernel asks for them.

/// `FS_IOC_GETFLAGS` on machines of 64 bits.
const GET_FLAGS: u32 = 0x8008_6601;
/// `FS_IOC_FSGETXATTR`.
const GET_XATTR: u32 = 0x801c_581f;

/// Flags of `FS_IOC_GETFLAGS`, and what they are called in a `struct fsxattr` (linux/fs.h).
const XFLAGS: [(u32, u32); 6] = [
    (0x10, 0x8),          // immutable
    (0x20, 0x10),         // append only
    (0x8, 0x20),          // synchronous
    (0x80, 0x40),         // no access times
    (0x40, 0x80),         // no dump
    (0x2000_0000, 0x200), // inherits the project id
];

/// The answer to an `ioctl` about an inode with these flags and this project id; nothing if it is
/// about something else.
#[expect(
    clippy::host_endian_bytes,
    reason = "structures of the kernel that runs on this machine"
)]
pub(super) fn answer(command: u32, flags: u32, project: u32) -> Option<Vec<u8>> {
    match command {
        GET_FLAGS => Some(flags.to_ne_bytes().to_vec()),
        GET_XATTR => {
            let xflags = XFLAGS
                .iter()
                .filter(|(flag, _)| flags & flag != 0)
                .fold(0, |xflags, (_, xflag)| xflags | xflag);
            // xflags, hint of extents, number of extents, project, hint of copies, 8 bytes unused.
            let fields = [xflags, 0, 0, project, 0, 0, 0];
            Some(
                fields
                    .iter()
                    .flat_map(|field: &u32| field.to_ne_bytes())
                    .collect(),
            )
        }
        _ => None,
    }
}

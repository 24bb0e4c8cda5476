//! Disk images: a guest rewrites its own blocks in them, at offsets that never shift.

use super::head::Head;

/// Below this a raw signature is more likely a boot sector or a small file system kept as a file,
/// which is as well off cut by content: 16 MiB.
const RAW_MIN: u64 = 16 << 20;

pub(super) fn is_paged(name: &[u8], size: u64, head: Head<'_>) -> bool {
    is_container(head) || (size >= RAW_MIN && (is_raw_name(name) || is_raw(head, size)))
}

/// Formats with a header of their own, read-only and streamed variants excepted.
fn is_container(head: Head<'_>) -> bool {
    is_qcow2(head)
        || is_vmdk(head)
        || head.le32(0x40) == Some(0xBEDA_107F) // VDI, behind a line of text
        || head.has(0, b"vhdxfile")
        || head.has(0, b"conectix") // VHD with a table of blocks; the fixed kind is a raw image
}

/// `qemu/docs/interop/qcow2.rst`: magic, version 2 or 3, clusters of 512 bytes to 2 MiB.
fn is_qcow2(head: Head<'_>) -> bool {
    head.has(0, b"QFI\xfb")
        && matches!(head.be32(4), Some(2 | 3))
        && head.be32(20).is_some_and(|bits| (9..=21).contains(&bits))
}

/// A sparse extent of a hosted or an ESX disk. With compressed grains (flag bit 16, "stream
/// optimized") it is an archive that nobody writes into.
fn is_vmdk(head: Head<'_>) -> bool {
    const COMPRESSED: u32 = 1 << 16;
    let hosted = head.has(0, b"KDMV")
        && matches!(head.le32(4), Some(1..=3))
        && head.le32(8).is_some_and(|flags| flags & COMPRESSED == 0);
    hosted || (head.has(0, b"COWD") && head.le32(4) == Some(1))
}

/// Names that only ever mean a raw disk, blank ones included: what `KubeVirt` calls the disk of a
/// volume, and the data of a flat VMDK.
fn is_raw_name(name: &[u8]) -> bool {
    name == b"disk.img" || name.ends_with(b"-flat.vmdk")
}

fn is_raw(head: Head<'_>, size: u64) -> bool {
    is_gpt(head)
        || is_mbr(head, size)
        || is_ext(head, size)
        || is_xfs(head, size)
        || head.has(0x1_0040, b"_BHRfS_M") // btrfs
        || head.has(3, b"NTFS    ")
        || head.has(3, b"EXFAT   ")
        || (head.has(512, b"LABELONE") && head.has(536, b"LVM2 001"))
        || head.has(0, b"LUKS\xba\xbe")
}

/// The header in the second sector of 512 or 4096 bytes.
fn is_gpt(head: Head<'_>) -> bool {
    head.has(512, b"EFI PART") || head.has(4096, b"EFI PART")
}

/// The two bytes at the end of a boot sector are in many other things, so the table must make sense
/// too: four entries that are empty or active or not, and within the file, and one that is used.
fn is_mbr(head: Head<'_>, size: u64) -> bool {
    const ENTRY_LEN: usize = 16;
    const SECTOR: u64 = 512;
    let mut used = 0;
    let sound = (0..4).all(|n| {
        let entry = 446 + n * ENTRY_LEN;
        let fields = (head.byte(entry), head.byte(entry + 4), head.le32(entry + 8));
        let (Some(0 | 0x80), Some(kind), Some(start)) = fields else {
            return false;
        };
        let Some(sectors) = head.le32(entry + 12) else {
            return false;
        };
        if kind == 0 {
            return start == 0 && sectors == 0;
        }
        used += 1;
        let end = u64::from(start) + u64::from(sectors);
        start > 0 && sectors > 0 && end * SECTOR <= size
    });
    sound && used > 0 && head.has(510, &[0x55, 0xAA])
}

/// ext2, 3 or 4: the superblock at 1024 with its magic, blocks of 1 to 64 KiB, and no more of them
/// than the file holds.
fn is_ext(head: Head<'_>, size: u64) -> bool {
    const SUPERBLOCK: usize = 1024;
    let blocks = head.le32(SUPERBLOCK + 4).unwrap_or(0);
    let shift = head.le32(SUPERBLOCK + 24).unwrap_or(u32::MAX);
    head.le16(SUPERBLOCK + 56) == Some(0xEF53)
        && shift <= 6
        && blocks > 0
        && u64::from(blocks) << (10 + shift) <= size
}

/// The superblock of XFS: magic, and blocks of 512 bytes to 64 KiB, at least one of them.
fn is_xfs(head: Head<'_>, size: u64) -> bool {
    let block = head.be32(4).unwrap_or(0);
    let (high, low) = (head.be32(8), head.be32(12).unwrap_or(0));
    let blocks = u64::from(high.unwrap_or(u32::MAX)) << 32 | u64::from(low);
    head.has(0, b"XFSB")
        && block.is_power_of_two()
        && (512..=65_536).contains(&block)
        && blocks > 0
        && blocks
            .checked_mul(u64::from(block))
            .is_some_and(|length| length <= size)
}

#[cfg(test)]
mod tests {
    use super::super::head::fixture::{bytes, patched};
    use super::super::{Class, HEAD_LEN, classify};

    const SIZE: u64 = 32 << 20;

    fn class(head: &[u8]) -> Class {
        classify(b"data", SIZE, head)
    }

    #[test]
    fn qcow2_is_paged_in_its_two_versions() {
        let head = bytes("514649fb000000030000000000000000000000000000001000000000");
        assert_eq!(class(&head), Class::Paged);
        for (byte, value) in [(0, 0), (7, 4), (23, 22), (23, 8)] {
            let mut other = head.clone();
            other[byte] = value;
            assert_eq!(class(&other), Class::General, "byte {byte}");
        }
    }

    #[test]
    fn vmdk_is_paged_unless_it_is_a_stream() {
        assert_eq!(class(&bytes("4b444d560100000003000000")), Class::Paged);
        assert_eq!(class(&bytes("4b444d560300000001000300")), Class::General);
        assert_eq!(class(b"COWD\x01\0\0\0"), Class::Paged);
    }

    #[test]
    fn virtual_box_and_hyper_v_images_are_paged() {
        let mut vdi = b"<<< Oracle VM VirtualBox Disk Image >>>\n".to_vec();
        vdi.resize(0x40, 0);
        vdi.extend(bytes("7f10dabe01000100"));
        assert_eq!(class(&vdi), Class::Paged);
        assert_eq!(class(b"vhdxfileQ\0E\0M\0U\0"), Class::Paged);
        assert_eq!(class(b"conectix\0\0\0\x02\0\x01\0\0"), Class::Paged);
    }

    #[test]
    fn file_systems_are_paged_from_16_mib_on() {
        // The superblock of ext4 on 32 MiB, as mke2fs 1.47 writes it.
        let ext4 = patched(
            2048,
            &[(
                1024,
                "002000000080000066060000e6640000f51f00000100000000000000000000000020000000200000\
                 0008000000000000c072026b0000ffff53ef010001000000c072026b000000000000000001000000",
            )],
        );
        let xfs = patched(512, &[(0, "58465342000010000000000000002000")]);
        let btrfs = patched(HEAD_LEN, &[(0x1_0040, "5f42485266535f4d")]);
        for head in [&ext4, &xfs, &btrfs] {
            assert_eq!(class(head), Class::Paged);
            assert_eq!(classify(b"data", (16 << 20) - 1, head), Class::General);
        }
        // Larger than the file that holds them: only something that looks alike.
        assert_eq!(classify(b"data", SIZE - 1, &ext4), Class::General);
        assert_eq!(classify(b"data", SIZE - 1, &xfs), Class::General);
    }

    #[test]
    fn other_volumes_are_paged() {
        assert_eq!(class(b"\xeb\x52\x90NTFS    "), Class::Paged);
        assert_eq!(class(b"\xeb\x76\x90EXFAT   "), Class::Paged);
        assert_eq!(class(b"LUKS\xba\xbe\0\x02"), Class::Paged);
        let lvm = patched(
            1024,
            &[(512, "4c4142454c4f4e45"), (536, "4c564d3220303031")],
        );
        assert_eq!(class(&lvm), Class::Paged);
    }

    #[test]
    fn partition_tables_are_paged() {
        assert_eq!(
            class(&patched(HEAD_LEN, &[(512, "4546492050415254")])),
            Class::Paged
        );
        assert_eq!(
            class(&patched(HEAD_LEN, &[(4096, "4546492050415254")])),
            Class::Paged
        );
        // One Linux partition from sector 2048 to the end.
        let mbr = patched(
            512,
            &[(446, "0020210083140c040008000000f80000"), (510, "55aa")],
        );
        assert_eq!(class(&mbr), Class::Paged);
        assert_eq!(classify(b"data", SIZE - 1, &mbr), Class::General);
        for (byte, value) in [(446, 1), (450, 0), (455, 0), (510, 0), (462, 7), (470, 1)] {
            let mut other = mbr.clone();
            other[byte] = value;
            assert_eq!(class(&other), Class::General, "byte {byte}");
        }
    }

    #[test]
    fn names_of_raw_disks_make_blank_ones_paged() {
        assert_eq!(classify(b"disk.img", SIZE, &[0; 4096]), Class::Paged);
        assert_eq!(classify(b"vm-flat.vmdk", SIZE, &[0; 4096]), Class::Paged);
        assert_eq!(classify(b"disk.img", 1 << 20, &[0; 4096]), Class::General);
        assert_eq!(classify(b"my-disk.img", SIZE, &[0; 4096]), Class::General);
    }
}

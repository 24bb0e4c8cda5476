//! Database files that are pages at fixed offsets.
//!
//! Left out: Oracle and SQL Server, whose first page gives no certainty, and logs of every kind
//! (see [`classify`](super::classify)).

use super::head::Head;

pub(super) fn is_paged(head: Head<'_>, size: u64) -> bool {
    is_sqlite(head)
        || is_postgresql(head, size)
        || is_innodb(head)
        || is_lmdb(head)
        || is_bbolt(head)
        || is_wired_tiger(head)
}

/// A segment of the write-ahead log of `PostgreSQL`: the long header of its first page
/// (`XLogLongPageHeaderData` in `xlog_internal.h`) has a magic of 0xD1 and a version byte, the flag
/// that it is a long one, and the lengths of segments and pages.
pub(super) fn is_log(head: Head<'_>) -> bool {
    const LONG_HEADER: u16 = 2;
    let power =
        |len: Option<u32>, from: u32| len.is_some_and(|len| len >= from && len.is_power_of_two());
    head.byte(1) == Some(0xd1)
        && head.le16(2).is_some_and(|flags| flags & LONG_HEADER != 0)
        && power(head.le32(32), 1 << 20)
        && power(head.le32(36), 1024)
}

/// Magic, and a page size of 512 to 65536 (recorded as 1). <https://sqlite.org/fileformat2.html>
fn is_sqlite(head: Head<'_>) -> bool {
    head.has(0, b"SQLite format 3\0")
        && head
            .be16(16)
            .is_some_and(|size| size == 1 || (size >= 512 && size.is_power_of_two()))
}

/// Relation files have no magic, but each page has a header that can hardly be anything else
/// (`PageHeaderData` in `bufpage.h`, layout 4, unchanged since 8.3): every complete page of the
/// head must have it or be zero, as pages are that were added and not yet written.
///
/// So no name and no `PG_VERSION` nearby is asked for: a table space or a copy is known as well.
fn is_postgresql(head: Head<'_>, size: u64) -> bool {
    // The usual 8 KiB and what a build may be configured to, of those with more than one page here.
    [8192_u16, 4096, 16_384, 32_768].into_iter().any(|page| {
        if !size.is_multiple_of(u64::from(page)) {
            return false;
        }
        let mut written = 0;
        let sound = head.pages(usize::from(page)).all(|bytes| {
            let header = is_postgresql_page(bytes, page);
            written += usize::from(header);
            header || orlop_chunker::is_zero(bytes.0)
        });
        sound && written > 0
    })
}

fn is_postgresql_page(page: Head<'_>, size: u16) -> bool {
    const LAYOUT: u16 = 4;
    const HEADER_LEN: u16 = 24;
    const KNOWN_FLAGS: u16 = 7;
    let fields = (
        page.le16(10),
        page.le16(12),
        page.le16(14),
        page.le16(16),
        page.le16(18),
    );
    let (Some(flags), Some(lower), Some(upper), Some(special), Some(size_and_layout)) = fields
    else {
        return false;
    };
    size_and_layout == size | LAYOUT
        && flags & !KNOWN_FLAGS == 0
        && HEADER_LEN <= lower
        && lower <= upper
        && upper <= special
        && special <= size
}

/// Page 0 describes the space (type 8, number 0, its space id twice), page 1 is the insert buffer's
/// bitmap of the same space: `fil0types.h`, `fsp0types.h`. The page size is where page 1 is found;
/// below 4 KiB are the tables with compressed rows.
fn is_innodb(head: Head<'_>) -> bool {
    const NUMBER: usize = 4;
    const TYPE: usize = 24;
    const SPACE: usize = 34;
    const SPACE_AGAIN: usize = 38;
    const DESCRIBES_SPACE: u16 = 8;

    let space = head.be32(SPACE);
    let first = head.be32(NUMBER) == Some(0)
        && head.be16(TYPE) == Some(DESCRIBES_SPACE)
        && space.is_some()
        && space == head.be32(SPACE_AGAIN);
    first
        && (10..=16).map(|bits| 1_usize << bits).any(|page| {
            // Type 5 is the bitmap; 14 to 17 are compressed or encrypted pages of any type.
            head.be32(page + NUMBER) == Some(1)
                && head.be32(page + SPACE) == space
                && matches!(head.be16(page + TYPE), Some(5 | 14..=17))
        })
}

/// A meta page: flag 8, magic and version 1 behind a page header of 16 bytes, or of 12 where it was
/// written by a 32-bit machine (`mdb.c`). Little-endian machines only.
fn is_lmdb(head: Head<'_>) -> bool {
    const META: u16 = 8;
    [16, 12].into_iter().any(|header| {
        head.le16(header - 6).is_some_and(|flags| flags & META != 0)
            && head.le32(header) == Some(0xBEEF_C0DE)
            && head.le32(header + 4) == Some(1)
    })
}

/// The store of etcd, containerd and Consul: a meta page (flag 4), magic, version 2 and a page size
/// (`bbolt/internal/common/meta.go`).
fn is_bbolt(head: Head<'_>) -> bool {
    const META: u16 = 4;
    head.le16(8) == Some(META)
        && head.le32(16) == Some(0xED0C_DAED)
        && head.le32(20) == Some(2)
        && head.le32(24).is_some_and(u32::is_power_of_two)
}

/// The tables of `MongoDB`: magic 120897, major version 1, minor 0 (`block.h`). Blocks are of many
/// lengths but aligned to 4 KiB, and stay where they are until their room is free again.
fn is_wired_tiger(head: Head<'_>) -> bool {
    head.le32(0) == Some(120_897) && head.le16(4) == Some(1) && head.le16(6) == Some(0)
}

#[cfg(test)]
mod tests {
    use super::super::head::fixture::{bytes, patched};
    use super::super::{Class, HEAD_LEN, classify};

    /// The header of the first nine pages of a heap, a B-tree index and a system catalogue.
    const RELATIONS: [[&str; 9]; 3] = [
        [
            "00000000e88e9201000004000c0180010020042000000000",
            "00000000d0c89201000004000c0180010020042000000000",
            "00000000a0e29201000004000c0180010020042000000000",
            "0000000058fc9201000004000c0180010020042000000000",
            "0000000028169301000004000c0180010020042000000000",
            "00000000f82f9301000004000c0180010020042000000000",
            "00000000c8499301000004000c0180010020042000000000",
            "0000000098639301000004000c0180010020042000000000",
            "00000000e0dfa709000002000c0180010020042096040000",
        ],
        [
            "00000000983a4009000000004800f01ff01f042000000000",
            "0000000020ba080800000000d4050009f01f042000000000",
            "0000000018fda70900000000d805f008f01f042000000000",
            "00000000e01d2908000000008c04280ef01f042000000000",
            "0000000060f4080800000000d4050009f01f042000000000",
            "000000008011090800000000d4050009f01f042000000000",
            "00000000a02e090800000000d4050009f01f042000000000",
            "0000000048e9e40900000000d805f008f01f042000000000",
            "00000000683bb70a00000000d805f008f01f042000000000",
        ],
        [
            "0000000018af5401000004003000e8040020042000000000",
            "0000000068cd540100000400280028020020042000000000",
            "0000000028ed5401000004002c00b8000020042000000000",
            "00000000900c550100000400280010010020042000000000",
            "00000000e82a5501000004002c0020020020042000000000",
            "00000000d04a5501000004002c0090000020042000000000",
            "00000000406a550100000400280008010020042000000000",
            "00000000788a550100000400280040000020042000000000",
            "0000000010aa5501000004002c00e0000020042000000000",
        ],
    ];

    fn relation(pages: &[&str]) -> Vec<u8> {
        let places: Vec<_> = pages
            .iter()
            .enumerate()
            .map(|(n, page)| (n << 13, *page))
            .collect();
        patched(HEAD_LEN, &places)
    }

    #[test]
    fn relations_of_postgresql_15_are_databases() {
        for pages in RELATIONS {
            assert_eq!(
                classify(b"16397", 134_553_600, &relation(&pages)),
                Class::Database
            );
        }
    }

    #[test]
    fn relation_with_pages_not_yet_written_is_a_database() {
        assert_eq!(
            classify(b"16397", 1 << 20, &relation(&RELATIONS[0][..3])),
            Class::Database
        );
    }

    #[test]
    fn one_page_that_is_none_makes_it_no_relation() {
        let mut head = relation(&RELATIONS[0]);
        head[5 * 8192 + 18] = 5;
        assert_eq!(classify(b"16397", 1 << 20, &head), Class::General);
        let whole = relation(&RELATIONS[0]);
        assert_eq!(classify(b"16397", (1 << 20) + 1, &whole), Class::General);
    }

    #[test]
    fn each_bound_of_a_page_header_is_looked_at() {
        for (offset, value) in [
            (10, 8),
            (12, 23),
            (13, 2),
            (15, 0x21),
            (17, 0x21),
            (19, 0x40),
        ] {
            let mut head = relation(&RELATIONS[0]);
            head[offset] = value;
            if offset == 12 {
                head[13] = 0;
            }
            assert_eq!(
                classify(b"1", 1 << 20, &head),
                Class::General,
                "byte {offset}"
            );
        }
    }

    #[test]
    fn write_ahead_log_of_postgresql_15_is_general() {
        let pages = [
            "10d10700010000000000000a000000004503000000000000e4e0a2343271026b",
            "10d10500010000000020000a000000003f040000000000002020202020202020",
            "10d10500010000000040000a0000000025020000000000000000000000882f21",
        ];
        let head = relation(&pages);
        assert_eq!(
            classify(b"00000001000000000000000A", 16 << 20, &head),
            Class::General
        );
    }

    #[test]
    fn sqlite_is_a_database_and_its_log_is_general() {
        // Written by SQLite 3.40.1.
        let head = bytes(
            "53514c69746520666f726d61742033001000010100402020000000020000006c0000000000000000\
             0000000100000004000000000000000000000001",
        );
        assert_eq!(classify(b"t.db", 442_368, &head), Class::Database);
        let mut largest_page = head.clone();
        largest_page[16..18].copy_from_slice(&[0, 1]);
        assert_eq!(classify(b"t.db", 442_368, &largest_page), Class::Database);
        let mut no_page_size = head;
        no_page_size[16..18].copy_from_slice(&[3, 7]);
        assert_eq!(classify(b"t.db", 442_368, &no_page_size), Class::General);
        let log = bytes("377f0682002de21800001000");
        assert_eq!(classify(b"t.db-wal", 442_368, &log), Class::General);
    }

    #[test]
    fn innodb_is_a_database_at_every_page_size() {
        // Page number, type and space id (twice on page 0) as fil0types.h places them.
        for page in [1024, 4096, 16 << 10, 64 << 10] {
            let head = patched(
                HEAD_LEN,
                &[
                    (4, "00000000"),
                    (24, "0008"),
                    (34, "0000002a0000002a"),
                    (page + 4, "00000001"),
                    (page + 24, "0005"),
                    (page + 34, "0000002a"),
                ],
            );
            assert_eq!(
                classify(b"orders.ibd", 7 << 20, &head),
                Class::Database,
                "{page}"
            );
            for byte in [7, 25, 37, 41, page + 7, page + 25, page + 37] {
                let mut other = head.clone();
                other[byte] ^= 0x40;
                assert_eq!(
                    classify(b"orders.ibd", 7 << 20, &other),
                    Class::General,
                    "{byte}"
                );
            }
        }
    }

    #[test]
    fn lmdb_of_both_word_sizes_is_a_database() {
        let wide = patched(4096, &[(10, "0800"), (16, "dec0efbe01000000")]);
        assert_eq!(classify(b"data.mdb", 1 << 20, &wide), Class::Database);
        let narrow = patched(4096, &[(6, "0800"), (12, "dec0efbe01000000")]);
        assert_eq!(classify(b"data.mdb", 1 << 20, &narrow), Class::Database);
        let unflagged = patched(4096, &[(16, "dec0efbe01000000")]);
        assert_eq!(classify(b"data.mdb", 1 << 20, &unflagged), Class::General);
    }

    #[test]
    fn bbolt_is_a_database() {
        let head = patched(4096, &[(8, "0400"), (16, "edda0ced0200000000100000")]);
        assert_eq!(classify(b"db", 16 << 20, &head), Class::Database);
        let version = patched(4096, &[(8, "0400"), (16, "edda0ced0300000000100000")]);
        assert_eq!(classify(b"db", 16 << 20, &version), Class::General);
    }

    #[test]
    fn wired_tiger_is_a_database() {
        let head = patched(4096, &[(0, "41d8010001000000")]);
        assert_eq!(
            classify(b"collection-7.wt", 1 << 20, &head),
            Class::Database
        );
        let version = patched(4096, &[(0, "41d8010002000000")]);
        assert_eq!(
            classify(b"collection-7.wt", 1 << 20, &version),
            Class::General
        );
    }
}

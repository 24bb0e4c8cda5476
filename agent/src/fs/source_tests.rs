//! Tests of reading files and their metadata.

use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, symlink};

use rustix::fs::{FallocateFlags, fallocate};

use super::test_volume::{Volume, run};
use super::*;

fn layout(volume: &Volume, name: &str) -> Vec<(SegmentKind, u64, u64)> {
    let file = volume.item(name).open().unwrap();
    file.layout()
        .map(|part| (part.kind, part.offset, part.len))
        .collect()
}

#[test]
fn holes_preallocated_space_and_data_are_told_apart() {
    use SegmentKind::{Data, Hole, Unwritten};
    let volume = Volume::new();
    let page = 64 << 10;
    let file = std::fs::File::create(volume.path("f")).unwrap();
    file.set_len(10 * page + 100).unwrap();
    file.write_all_at(&[1; 100], 2 * page).unwrap();
    fallocate(&file, FallocateFlags::empty(), 4 * page, 2 * page).unwrap();
    file.sync_all().unwrap();
    let parts = layout(&volume, "f");
    let end = parts.iter().fold(0, |at, &(_, offset, len)| {
        assert_eq!(at, offset, "contiguous");
        at + len
    });
    assert_eq!(end, 10 * page + 100);
    if Trust::of(&file).unwrap() == Trust::Tracks {
        assert_eq!(
            parts,
            [
                (Hole, 0, 2 * page),
                (Data, 2 * page, 4096),
                (Hole, 2 * page + 4096, 2 * page - 4096),
                (Unwritten, 4 * page, 2 * page),
                (Hole, 6 * page, 4 * page + 100),
            ]
        );
    }
}

#[test]
fn preallocated_space_with_dirty_pages_is_data() {
    let volume = Volume::new();
    let mut file = std::fs::File::create(volume.path("f")).unwrap();
    fallocate(&file, FallocateFlags::empty(), 0, 1 << 20).unwrap();
    file.sync_all().unwrap();
    file.seek(SeekFrom::Start(512 << 10)).unwrap();
    file.write_all(&[7; 4096]).unwrap();
    let parts = layout(&volume, "f");
    let covered = parts.iter().any(|&(kind, offset, len)| {
        kind == SegmentKind::Data && offset <= 512 << 10 && offset + len >= (512 << 10) + 4096
    });
    assert!(covered, "{parts:?}");
}

#[test]
fn files_without_holes_are_one_part_and_empty_ones_none() {
    let volume = Volume::new();
    volume.write("full", &vec![1; 100_000]);
    volume.write("empty", b"");
    assert_eq!(layout(&volume, "full"), [(SegmentKind::Data, 0, 100_000)]);
    assert_eq!(layout(&volume, "empty"), []);
}

#[test]
fn many_small_extents_are_given_in_order_and_whole() {
    let volume = Volume::new();
    let file = std::fs::File::create(volume.path("f")).unwrap();
    let step = 64_u64 << 10;
    file.set_len(300 * step).unwrap();
    for n in 0..300 {
        if n % 3 == 0 {
            fallocate(&file, FallocateFlags::empty(), n * step, 4096).unwrap();
        } else if n == 100 || n == 200 {
            file.write_all_at(&[1; 4096], n * step).unwrap();
        }
    }
    file.sync_all().unwrap();
    let parts = layout(&volume, "f");
    let end = parts.iter().fold(0, |at, &(_, offset, len)| {
        assert_eq!(at, offset);
        assert!(len > 0);
        at + len
    });
    assert_eq!(end, 300 * step);
    assert!(
        parts.windows(2).all(|pair| pair[0].0 != pair[1].0),
        "neighbours differ"
    );
}

/// Reads to the end, doing something after the first piece.
fn read_all(
    volume: &Volume,
    mut meanwhile: impl FnMut(u32),
) -> (Result<ReadFile<Vec<u8>>, FsError>, u32) {
    let item = volume.item("f");
    let mut attempts = 0;
    let answer = read_settled(&item, |file| {
        attempts += 1;
        let mut all = vec![0; 1000];
        let mut end = file.read(&mut all)?;
        all.truncate(end);
        meanwhile(attempts);
        loop {
            let mut more = vec![0; 1000];
            let read = file.read(&mut more)?;
            if read == 0 {
                break;
            }
            all.extend_from_slice(&more[..read]);
            end += read;
        }
        Ok((all, end as u64))
    });
    (answer, attempts)
}

#[test]
fn a_quiet_file_is_read_once() {
    let volume = Volume::new();
    volume.write("f", &[1; 5000]);
    let (read, attempts) = read_all(&volume, |_| {});
    let read = read.unwrap();
    assert_eq!((read.value.len(), read.change, attempts), (5000, None, 1));
}

#[test]
fn a_file_that_moved_once_is_read_again_and_then_whole() {
    let volume = Volume::new();
    volume.write("f", &[1; 5000]);
    let (read, attempts) = read_all(&volume, |attempt| {
        if attempt == 1 {
            volume.write("f", &[2; 6000]);
        }
    });
    let read = read.unwrap();
    assert_eq!(
        (read.value, read.change, attempts),
        (vec![2; 6000], None, 2)
    );
}

#[test]
fn a_file_that_keeps_moving_is_taken_as_it_was_read_and_reported() {
    let volume = Volume::new();
    volume.write("f", &[1; 5000]);
    let grow = |attempt: u32| {
        let file = std::fs::OpenOptions::new()
            .append(true)
            .open(volume.path("f"));
        file.unwrap().write_all(&vec![3; attempt as usize]).unwrap();
    };
    let (read, attempts) = read_all(&volume, grow);
    assert_eq!(attempts, 2);
    assert_eq!(
        read.unwrap().change,
        Some(Change::Grown {
            from: 5001,
            to: 5003
        })
    );

    let (read, _) = read_all(&volume, |attempt| {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(volume.path("f"))
            .unwrap();
        file.set_len(4000 - u64::from(attempt)).unwrap();
    });
    let read = read.unwrap();
    assert_eq!(
        read.change,
        Some(Change::Truncated {
            from: 3999,
            to: 3998
        })
    );
    assert_eq!(read.value.len(), 3998);
}

#[test]
fn a_file_replaced_or_gone_before_the_second_attempt_is_told() {
    let volume = Volume::new();
    volume.write("f", &[1; 5000]);
    let (read, _) = read_all(&volume, |_| std::fs::remove_file(volume.path("f")).unwrap());
    assert!(
        read.is_err_and(|error| error.is_vanished()),
        "ctime moved, and then it was gone"
    );
    volume.write("f", &[1; 5000]);
    volume.write("g", &[2; 5000]);
    let (read, _) = read_all(&volume, |_| {
        std::fs::rename(volume.path("g"), volume.path("f")).unwrap();
    });
    assert!(matches!(read, Err(FsError::Swapped { .. })));
}

#[test]
fn metadata_of_files_folders_and_links_is_read() {
    let volume = Volume::new();
    volume.write("f", b"");
    volume.mkdir("d");
    symlink("nowhere", volume.path("l")).unwrap();
    let path = |name: &str| volume.path(name).to_string_lossy().into_owned();
    if !run("setfattr", &["-n", "user.b", "-v", "2", &path("f")]) {
        return;
    }
    assert!(run("setfattr", &["-n", "user.a", "-v", "", &path("f")]));
    assert!(run(
        "setfattr",
        &["-h", "-n", "trusted.t", "-v", "link", &path("l")]
    ));
    assert!(run("setfacl", &["-m", "u:7:r", &path("f")]));
    assert!(run("setfacl", &["-d", "-m", "u:7:r", &path("d")]));
    let flagged = run("chattr", &["+d", &path("f")]);
    let file = volume.item("f").meta().unwrap();
    let names: Vec<_> = file.xattrs.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(
        names,
        [&b"system.posix_acl_access"[..], b"user.a", b"user.b"]
    );
    assert_eq!(file.xattrs[2].1, b"2");
    assert_eq!(file.flags, if flagged { 0x40 } else { 0 });
    let folder = volume.item("d").meta().unwrap();
    assert_eq!(folder.xattrs[0].0, b"system.posix_acl_default");
    let link = volume.item("l").meta().unwrap();
    assert_eq!(link.xattrs, [(b"trusted.t".to_vec(), b"link".to_vec())]);
    for meta in [file, folder, link] {
        assert!(meta.problems.is_empty(), "{meta:?}");
    }
}

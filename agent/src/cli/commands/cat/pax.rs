//! An entry as a tar header and PAX records (POSIX.1-2001, `pax`; `SCHILY.xattr` as star, GNU tar
//! and libarchive have it). Pure.

use orlop_repo::tree::{Entry, Timestamp};
use tar::{EntryType, Header};

/// The records: everything that the header cannot hold exactly.
pub(super) fn records(entry: &Entry, path: &[u8], target: Option<&[u8]>, size: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let is_text = |bytes: &[u8]| str::from_utf8(bytes).is_ok();
    if !is_text(path) || !target.is_none_or(is_text) {
        record(&mut out, b"hdrcharset", b"BINARY");
    }
    record(&mut out, b"path", path);
    if let Some(target) = target {
        record(&mut out, b"linkpath", target);
    }
    record(&mut out, b"mtime", time(entry.mtime).as_bytes());
    for (key, number) in [
        (&b"size"[..], size),
        (b"uid", entry.uid.into()),
        (b"gid", entry.gid.into()),
    ] {
        record(&mut out, key, number.to_string().as_bytes());
    }
    for (name, value) in &entry.xattrs {
        // The first equals sign ends a record's key: such a name cannot be told.
        if !name.contains(&b'=') {
            record(
                &mut out,
                &[b"SCHILY.xattr.", name.as_slice()].concat(),
                value,
            );
        }
    }
    out
}

/// The header, with as much of everything as fits: readers that know PAX take the records.
pub(super) fn header(
    entry: &Entry,
    kind: EntryType,
    path: &[u8],
    target: Option<&[u8]>,
    size: u64,
) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(entry.mode.into());
    header.set_uid(entry.uid.into());
    header.set_gid(entry.gid.into());
    header.set_size(size);
    header.set_mtime(u64::try_from(entry.mtime.secs).unwrap_or(0));
    if let (Some((major, minor)), Some(ustar)) = (entry.rdev, header.as_ustar_mut()) {
        ustar.set_device_major(major);
        ustar.set_device_minor(minor);
    }
    let old = header.as_old_mut();
    put(&mut old.name, path);
    put(&mut old.linkname, target.unwrap_or_default());
    header.set_cksum();
    header
}

fn put(field: &mut [u8], value: &[u8]) {
    for (to, from) in field.iter_mut().zip(value) {
        *to = *from;
    }
}

/// Seconds with a fraction that counts down from them before 1970, as decimal numbers do.
fn time(time: Timestamp) -> String {
    let Timestamp { secs, nanos } = time;
    if secs < 0 && nanos > 0 {
        let (secs, nanos) = (secs + 1, 1_000_000_000 - nanos);
        let sign = if secs == 0 { "-" } else { "" };
        return format!("{sign}{secs}.{nanos:09}");
    }
    format!("{secs}.{nanos:09}")
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + len.to_string().len() > len {
        len = rest + len.to_string().len();
    }
    out.extend_from_slice(len.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use orlop_repo::tree::EntryKind;

    use super::*;

    #[test]
    fn the_length_of_a_record_counts_itself() {
        for len in 0..1_100 {
            let mut out = Vec::new();
            record(&mut out, b"k", &vec![b'v'; len]);
            let text = String::from_utf8(out).unwrap();
            let (said, _) = text.split_once(' ').unwrap();
            assert_eq!(said.parse(), Ok(text.len()));
        }
    }

    #[test]
    fn times_before_1970_are_decimal_numbers() {
        let at = |secs, nanos| time(Timestamp { secs, nanos });
        assert_eq!(at(5, 7), "5.000000007");
        assert_eq!(at(-1, 500_000_000), "-0.500000000");
        assert_eq!(at(-2, 250_000_000), "-1.750000000");
        assert_eq!(at(-2, 0), "-2.000000000");
    }

    #[test]
    fn names_that_are_no_text_are_said_to_be_binary() {
        let entry = Entry::new(*b"a\xff", EntryKind::File);
        let records = records(&entry, b"a\xff", None, 0);
        assert!(records.starts_with(b"21 hdrcharset=BINARY\n"));
    }

    #[test]
    fn a_reader_of_tar_finds_everything_again() {
        let long = [b'x'; 300];
        let mut entry = Entry::new(long, EntryKind::File);
        entry.mode = 0o640;
        entry.uid = 4_000_000_000;
        entry.mtime = Timestamp { secs: 9, nanos: 1 };
        entry.xattrs = vec![(b"user.a".to_vec(), b"\0\xff".to_vec())];
        let extension = records(&entry, &long, None, 3);
        let mut builder = tar::Builder::new(Vec::new());
        let mut pax = Header::new_ustar();
        pax.set_entry_type(EntryType::XHeader);
        pax.set_size(extension.len() as u64);
        pax.set_cksum();
        builder.append(&pax, extension.as_slice()).unwrap();
        let header = header(&entry, EntryType::Regular, &long, None, 3);
        builder.append(&header, &b"abc"[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(&*found.path_bytes(), long);
        assert_eq!(found.header().mode().unwrap(), 0o640);
        let extensions = found.pax_extensions().unwrap().unwrap();
        let extensions: Vec<_> = extensions.map(|extension| extension.unwrap()).collect();
        let value = |key: &str| {
            let found = extensions
                .iter()
                .find(|extension| extension.key() == Ok(key));
            found.map(|extension| extension.value_bytes().to_vec())
        };
        assert_eq!(value("uid").unwrap(), b"4000000000");
        assert_eq!(value("mtime").unwrap(), b"9.000000001");
        assert_eq!(value("SCHILY.xattr.user.a").unwrap(), b"\0\xff");
    }
}

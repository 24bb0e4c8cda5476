//! What happens to an entry whose place may be taken.

use orlop_repo::tree::{Entry, EntryKind};

use super::options::Existing;
use crate::fs::{Identity, Kind, Stat, Time};

/// What happens to an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    /// It is made; what stands there goes.
    Make,
    /// The file that stands there is compared, and what differs is written.
    Patch(Identity),
    /// The file that stands there is the same by size and time.
    Same(Stat),
    /// What stands there stays.
    Keep(Identity),
}

/// Decides from what stands there.
pub(super) fn decide(there: Option<&Stat>, entry: &Entry, existing: Existing) -> Decision {
    let Some(stat) = there else {
        return Decision::Make;
    };
    let mtime = Time::from(entry.mtime);
    let same_kind = stat.kind == Kind::File && entry.kind == EntryKind::File;
    match existing {
        Existing::Never => return Decision::Keep(stat.identity),
        Existing::IfNewer if stat.mtime >= mtime => {
            return Decision::Keep(stat.identity);
        }
        Existing::IfChanged if same_kind && stat.size == entry.size && stat.mtime == mtime => {
            return Decision::Same(*stat);
        }
        _ => {}
    }
    // A file with other names is made anew: a change would show under those names too.
    if same_kind && stat.links == 1 {
        Decision::Patch(stat.identity)
    } else {
        Decision::Make
    }
}

#[cfg(test)]
mod tests {
    use orlop_repo::tree::Timestamp;

    use super::*;

    fn stat(kind: Kind, size: u64, secs: i64, links: u32) -> Stat {
        let time = Time { secs, nanos: 0 };
        Stat {
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            size,
            blocks: 0,
            links,
            identity: Identity { dev: 1, ino: 2 },
            device: (0, 0),
            mtime: time,
            ctime: time,
            birth: None,
            mount: None,
            mount_root: false,
        }
    }

    fn entry() -> Entry {
        let mut entry = Entry::new(*b"f", EntryKind::File);
        entry.size = 5;
        entry.mtime = Timestamp {
            secs: 100,
            nanos: 0,
        };
        entry
    }

    #[test]
    fn each_policy_keeps_what_it_says() {
        use Decision::{Keep, Make, Patch, Same};
        let id = Identity { dev: 1, ino: 2 };
        let same = stat(Kind::File, 5, 100, 1);
        let young = stat(Kind::File, 5, 101, 1);
        let old = stat(Kind::File, 5, 99, 1);
        let long = stat(Kind::File, 6, 100, 1);
        let cases = [
            (
                Existing::IfChanged,
                [Same(same), Patch(id), Patch(id), Patch(id)],
            ),
            (Existing::Always, [Patch(id); 4]),
            (Existing::IfNewer, [Keep(id), Keep(id), Patch(id), Keep(id)]),
            (Existing::Never, [Keep(id); 4]),
        ];
        for (policy, expected) in cases {
            let found = [same, young, old, long].map(|stat| decide(Some(&stat), &entry(), policy));
            assert_eq!(found, expected, "{policy:?}");
            assert_eq!(decide(None, &entry(), policy), Make);
        }
    }

    #[test]
    fn a_file_with_other_names_or_of_another_kind_is_made_anew() {
        for stat in [stat(Kind::File, 6, 1, 2), stat(Kind::Symlink, 5, 100, 1)] {
            assert_eq!(
                decide(Some(&stat), &entry(), Existing::IfChanged),
                Decision::Make
            );
        }
    }
}

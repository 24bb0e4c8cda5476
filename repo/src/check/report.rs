//! What a check has found.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::model::SnapshotId;

/// Hurt files that a report names; more are only counted.
pub const MAX_HURT: usize = 100_000;

/// How bad something is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Worth knowing; nothing that anybody needs is wrong.
    Note,
    /// Stored bytes are gone or wrong, and the log says so: the entry `Lost` names them, nobody
    /// takes them over, and the next backup of what they were stores them again.
    Lost,
    /// Something is broken that can be made anew from the rest: folds, tails, segments, slots.
    Repairable,
    /// Stored bytes are gone or wrong. Files are hurt if [`Finding::hurt`] names some.
    Damage,
}

/// What makes a finding go away, in the order in which it is to be done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Remedy {
    /// [`repair_log`](crate::repair::repair_log).
    RepairLog,
    /// [`repair_index`](crate::repair::repair_index).
    RepairIndex,
    /// [`repair_snapshots`](crate::repair::repair_snapshots).
    RepairSnapshots,
}

/// What is wrong with a file, or with a part of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hurt {
    /// Its content, or part of it.
    Content,
    /// The page that describes it cannot be read: this entry is lost, and so are those after it,
    /// that many together if the tree says so.
    Entries(Option<u64>),
}

/// A file of a snapshot that cannot be restored whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HurtFile {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Path in it, raw bytes, `/` between components; empty for its root.
    pub path: Vec<u8>,
    /// What is wrong.
    pub hurt: Hurt,
}

/// Something that is wrong with one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Name of the object in the store.
    pub object: String,
    /// What is wrong, as a clause.
    pub what: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is to be done about it, if anything can be.
    pub remedy: Option<Remedy>,
    /// Files that cannot be restored whole because of it.
    pub hurt: Vec<HurtFile>,
}

/// What a check has found, and how much it has looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckReport {
    /// What is wrong, in the order in which it was found. Several may be about one object.
    pub findings: Vec<Finding>,
    /// Files that are hurt, also those that no finding names any more (see [`MAX_HURT`]), and those
    /// whose loss was declared.
    pub hurt: u64,
    /// Those whose loss was declared.
    pub hurt_declared: u64,
    /// Entries of the log.
    pub entries: u64,
    /// Folds that were compared with the state at their entry.
    pub folds: u64,
    /// Live index segments.
    pub segments: u64,
    /// Live packs.
    pub packs: u64,
    /// Packs that were read whole.
    pub packs_read: u64,
    /// Bytes of those.
    pub bytes_read: u64,
    /// Live packs that no snapshot needs: a later maintenance takes their space back.
    pub packs_unreferenced: u64,
    /// Packs in the store that no entry of the log names: being written, or left behind.
    pub packs_unnamed: u64,
    /// Snapshots whose trees were walked.
    pub snapshots: u64,
    /// Distinct pages that were read.
    pub pages: u64,
    /// References to chunks that were looked up, in distinct pages.
    pub chunks: u64,
    /// First finding about an object.
    by_object: HashMap<String, usize>,
    /// Objects that hurt files whose loss nobody has declared.
    undeclared: HashSet<String>,
}

impl CheckReport {
    /// Whether nothing is wrong but what was declared lost.
    pub fn is_sound(&self) -> bool {
        self.worst() <= Some(Severity::Lost)
    }

    /// What is to be done, in this order, about findings that are worse than a
    /// [`Severity::Lost`].
    pub fn remedies(&self) -> BTreeSet<Remedy> {
        let wrong = self.findings.iter().filter(|f| f.severity > Severity::Lost);
        wrong.filter_map(|finding| finding.remedy).collect()
    }

    /// The severity of the worst finding.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Adds a finding.
    pub(super) fn add(
        &mut self,
        object: &impl ToString,
        severity: Severity,
        remedy: Option<Remedy>,
        what: impl Into<String>,
    ) {
        let object = object.to_string();
        let index = self.findings.len();
        self.by_object.entry(object.clone()).or_insert(index);
        self.findings.push(Finding {
            object,
            what: what.into(),
            severity,
            remedy,
            hurt: Vec::new(),
        });
    }

    /// Adds a hurt file to what is known about an object. Nothing being known makes a finding.
    pub(super) fn add_hurt(&mut self, object: &str, what: &str, declared: bool, file: HurtFile) {
        if !self.by_object.contains_key(object) {
            let remedy = Some(Remedy::RepairSnapshots);
            self.add(&object, Severity::Lost, remedy, what);
        }
        let index = self.by_object.get(object).copied();
        let Some(finding) = index.and_then(|index| self.findings.get_mut(index)) else {
            return;
        };
        if !declared {
            finding.severity = Severity::Damage;
            finding.remedy = Some(Remedy::RepairSnapshots);
            self.undeclared.insert(object.to_owned());
        }
        self.hurt += 1;
        self.hurt_declared += u64::from(declared);
        if self.hurt <= MAX_HURT as u64 {
            finding.hurt.push(file);
        }
    }

    /// Sets how bad what is known about an object is, unless it hurts files that nobody has
    /// declared lost.
    pub(super) fn settle(&mut self, object: &str, severity: Severity, what: Option<&str>) {
        if self.undeclared.contains(object) {
            return;
        }
        for finding in self.findings.iter_mut().filter(|f| f.object == object) {
            finding.severity = severity;
            if let Some(what) = what {
                finding.what = format!("{}; {what}", finding.what);
            }
        }
    }
}

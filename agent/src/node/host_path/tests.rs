//! Volumes of a pod in a folder made as kubelet makes it.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use orlop_repo::snapshot::VolumeKind;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::backup::{Source, backup};
use crate::fs::{Kind, Root};
use crate::node::described::{Claim, PersistentVolume, Pod, PodVolume};
use crate::progress::Progress;
use crate::testing::{TestRepository, entries};

const UID: &str = "6f1d2c3b-0000-4000-8000-000000000001";
const NO_DRIVERS: [&str; 0] = [];

/// A folder of pods.
struct Node {
    folder: TempDir,
}

impl Node {
    fn new() -> Self {
        let node = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        node.mkdir("pods");
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mkdir(&self, name: &str) {
        std::fs::create_dir_all(self.path(name)).unwrap();
    }

    /// A volume with a file in it that says where it is.
    fn volume(&self, below: &str) {
        let folder = format!("pods/{UID}/{below}");
        self.mkdir(&folder);
        std::fs::write(self.path(&folder).join("where"), below).unwrap();
    }

    fn pods(&self) -> HostPods {
        HostPods::open(&self.path("pods")).unwrap()
    }
}

fn pod() -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: "web-0".to_owned(),
        uid: UID.to_owned(),
        mirror: None,
    }
}

fn volume(source: Value) -> PodVolume {
    let mut volume = source;
    volume["name"] = "data".into();
    PodVolume::parse(&volume).unwrap()
}

/// A claim with its persistent volume.
type Bound = (Claim, PersistentVolume);

fn claimed() -> PodVolume {
    volume(json!({ "persistentVolumeClaim": { "claimName": "c" } }))
}

fn bound(name: &str, owner: &str, annotations: &Value, spec: &Value) -> Bound {
    let claim = json!({
        "metadata": { "name": name, "uid": "u", "ownerReferences": [{ "uid": owner }] },
        "spec": { "volumeName": "pv-7" },
    });
    let persistent = json!({
        "metadata": { "name": "pv-7", "annotations": annotations },
        "spec": spec,
    });
    (
        Claim::parse(&claim).unwrap(),
        PersistentVolume::parse(&persistent).unwrap(),
    )
}

fn csi(mode: &str) -> Bound {
    let spec = json!({ "csi": { "driver": "d" }, "volumeMode": mode });
    bound("c", "", &json!({}), &spec)
}

fn place_of(
    volume: &PodVolume,
    bound: Option<&Bound>,
    drivers: &[&str],
) -> Result<Place, HostPathError> {
    let bound = bound.map(|(claim, persistent)| (claim, persistent));
    place(&pod(), volume, bound, drivers)
}

/// What a volume's file says, read through what was opened.
fn says(found: &HostVolume) -> String {
    std::fs::read_to_string(found.root.path().join("where")).unwrap()
}

/// A volume, its claim, the cluster's drivers, and where the volume is.
type Row<'a> = (PodVolume, Option<Bound>, &'a [&'a str], &'a str);

#[test]
fn each_kind_of_volume_is_found_where_kubelet_mounts_it() {
    let migrated = json!({
        "pv.kubernetes.io/provisioned-by": "kubernetes.io/aws-ebs",
        "pv.kubernetes.io/migrated-to": "ebs.csi.aws.com",
    });
    let ebs = json!({ "awsElasticBlockStore": {} });
    let in_tree = |spec: &Value| Some(bound("c", "", &json!({}), spec));
    let ephemeral = bound(
        "web-0-data",
        UID,
        &json!({}),
        &json!({ "csi": { "driver": "d" } }),
    );
    let driver = ["ebs.csi.aws.com"];
    let drivers: &[&str] = &driver;
    let rows: [Row; 10] = [
        (
            claimed(),
            Some(csi("Filesystem")),
            &[],
            "volumes/kubernetes.io~csi/pv-7/mount",
        ),
        (
            volume(json!({ "ephemeral": {} })),
            Some(ephemeral),
            &[],
            "volumes/kubernetes.io~csi/pv-7/mount",
        ),
        (
            claimed(),
            Some(bound("c", "", &migrated, &ebs)),
            drivers,
            "volumes/kubernetes.io~csi/pv-7/mount",
        ),
        (
            claimed(),
            Some(bound("c", "", &migrated, &ebs)),
            &[],
            "volumes/kubernetes.io~aws-ebs/pv-7",
        ),
        (
            claimed(),
            in_tree(&ebs),
            drivers,
            "volumes/kubernetes.io~aws-ebs/pv-7",
        ),
        (
            claimed(),
            in_tree(&json!({ "local": { "path": "/disk" } })),
            &[],
            "volumes/kubernetes.io~local-volume/pv-7",
        ),
        (
            claimed(),
            in_tree(&json!({ "nfs": { "server": "s" } })),
            &[],
            "volumes/kubernetes.io~nfs/pv-7",
        ),
        (
            volume(json!({ "nfs": { "server": "s" } })),
            None,
            &[],
            "volumes/kubernetes.io~nfs/data",
        ),
        (
            volume(json!({ "emptyDir": {} })),
            None,
            &[],
            "volumes/kubernetes.io~empty-dir/data",
        ),
        (
            volume(json!({ "csi": { "driver": "d" } })),
            None,
            &[],
            "volumes/kubernetes.io~csi/data/mount",
        ),
    ];
    for (volume, bound, drivers, wanted) in rows {
        let node = Node::new();
        node.volume(wanted);
        // What other plugins have beside it.
        node.mkdir(&format!("pods/{UID}/volumes/kubernetes.io~secret/token"));
        std::fs::write(node.path(&format!("pods/{UID}/volumes/file")), "").unwrap();
        let place = place_of(&volume, bound.as_ref(), drivers).unwrap();
        let found = node.pods().volume(&place).unwrap();
        assert_eq!(says(&found), wanted, "{volume:?} {bound:?}");
        assert_eq!(found.path, node.path(&format!("pods/{UID}/{wanted}")));
    }
}

#[test]
fn one_folder_must_match_and_no_more() {
    let node = Node::new();
    let place = place_of(&claimed(), Some(&csi("Filesystem")), &NO_DRIVERS).unwrap();
    let gone = node.pods().volume(&place).unwrap_err();
    assert!(matches!(gone, HostPathError::NoPod { .. }), "{gone}");
    assert!(gone.is_not_there());
    node.mkdir(&format!("pods/{UID}/volumes"));
    let empty = node.pods().volume(&place).unwrap_err();
    let pattern = node.path(&format!("pods/{UID}/volumes/*/pv-7/mount"));
    let expected = format!("expected one matching path: {}, got 0", pattern.display());
    assert!(empty.to_string().starts_with(&expected), "{empty}");
    assert!(empty.is_not_there());
    node.volume("volumes/a~csi/pv-7/mount");
    node.volume("volumes/b~csi/pv-7/mount");
    let two = node.pods().volume(&place).unwrap_err();
    assert!(two.to_string().contains("got 2; "), "{two}");
    assert!(!two.is_not_there());
}

#[test]
fn a_pod_that_the_server_only_mirrors_has_its_folder_under_the_hash() {
    let node = Node::new();
    node.volume("volumes/kubernetes.io~empty-dir/data");
    let mut mirrored = pod();
    mirrored.uid = "another".to_owned();
    assert!(!node.pods().has(&mirrored).unwrap());
    mirrored.mirror = Some(UID.to_owned());
    assert!(node.pods().has(&mirrored).unwrap());
    let volume = volume(json!({ "emptyDir": {} }));
    let place = place(&mirrored, &volume, None, &NO_DRIVERS).unwrap();
    assert!(node.pods().volume(&place).is_ok());
}

#[test]
fn an_empty_folder_that_nothing_is_mounted_on_is_not_the_volume() {
    let node = Node::new();
    let below = format!("pods/{UID}/volumes/kubernetes.io~csi/pv-7/mount");
    node.mkdir(&below);
    let place = place_of(&claimed(), Some(&csi("Filesystem")), &NO_DRIVERS).unwrap();
    let error = node.pods().volume(&place).unwrap_err();
    assert!(matches!(error, HostPathError::NotMounted { .. }), "{error}");
    // An empty volume that is mounted is one. Only root can mount.
    let mount = |program: &str, args: &[&str]| {
        let run = Command::new(program)
            .args(args)
            .arg(node.path(&below))
            .output();
        run.is_ok_and(|output| output.status.success())
    };
    if mount("mount", &["-t", "tmpfs", "none"]) {
        let found = node.pods().volume(&place);
        assert!(mount("umount", &["-l"]));
        assert!(found.is_ok(), "{found:?}");
    } else {
        eprintln!("nothing can be mounted here: the mounted volume was not tried");
    }
    // An empty folder is what an emptyDir is in the beginning.
    node.mkdir(&format!("pods/{UID}/volumes/kubernetes.io~empty-dir/data"));
    let place = place_of(&volume(json!({ "emptyDir": {} })), None, &NO_DRIVERS).unwrap();
    assert!(node.pods().volume(&place).is_ok());
}

#[test]
fn links_lead_nowhere() {
    let node = Node::new();
    node.mkdir("elsewhere/mount");
    std::fs::write(node.path("elsewhere/mount/where"), "elsewhere").unwrap();
    let outside = node.path("elsewhere");
    let place = place_of(&claimed(), Some(&csi("Filesystem")), &NO_DRIVERS).unwrap();
    let pod = format!("pods/{UID}");
    // A link in the place of each folder on the way.
    for (parent, link, target) in [
        ("pods", UID, outside.clone()),
        (&*pod, "volumes", outside.clone()),
        (&*format!("{pod}/volumes"), "p~csi", outside.clone()),
        (&*format!("{pod}/volumes/p~csi"), "pv-7", outside.clone()),
        (
            &*format!("{pod}/volumes/p~csi/pv-7"),
            "mount",
            outside.join("mount"),
        ),
    ] {
        let node = Node::new();
        node.mkdir(parent);
        symlink(target, node.path(parent).join(link)).unwrap();
        let found = node.pods().volume(&place);
        assert!(found.is_err(), "{parent}/{link}");
    }
}

#[test]
fn what_was_opened_stays_whatever_comes_in_its_place() {
    let node = Node::new();
    node.volume("volumes/kubernetes.io~csi/pv-7/mount");
    let place = place_of(&claimed(), Some(&csi("Filesystem")), &NO_DRIVERS).unwrap();
    let found = node.pods().volume(&place).unwrap();
    std::fs::rename(&found.path, node.path("moved")).unwrap();
    symlink("/etc", &found.path).unwrap();
    assert_eq!(says(&found), "volumes/kubernetes.io~csi/pv-7/mount");
    let again = found.root.again().unwrap();
    let folder = |root: &Root| root.folder().unwrap().identity();
    assert_eq!(folder(&again), folder(&found.root));
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused() {
    let mut bad = pod();
    let empty_dir = volume(json!({ "emptyDir": {} }));
    for uid in ["..", ".", "a/b", ""] {
        bad.uid = uid.to_owned();
        let error = place(&bad, &empty_dir, None, &NO_DRIVERS).unwrap_err();
        assert!(matches!(error, HostPathError::BadName { .. }), "{error}");
        assert!(Node::new().pods().has(&bad).is_err());
    }
    let (claim, mut persistent) = csi("Filesystem");
    persistent.name = "../../x".to_owned();
    let claim = Claim {
        volume: Some(persistent.name.clone()),
        ..claim
    };
    let error = place(&pod(), &claimed(), Some((&claim, &persistent)), &NO_DRIVERS);
    assert!(matches!(error, Err(HostPathError::BadName { .. })));
}

#[test]
fn a_claim_that_is_not_the_one_of_the_pod_is_not_taken() {
    let (claim, persistent) = csi("Filesystem");
    let none = place_of(&claimed(), None, &NO_DRIVERS).unwrap_err();
    assert!(none.is_not_there(), "{none}");
    let other = Claim {
        name: "other".to_owned(),
        ..claim.clone()
    };
    let unbound = Claim {
        volume: None,
        ..claim.clone()
    };
    for claim in [other, unbound] {
        let error = place_of(&claimed(), Some(&(claim, persistent.clone())), &NO_DRIVERS);
        assert!(matches!(error, Err(HostPathError::OtherClaim { .. })));
    }
    let ephemeral = volume(json!({ "ephemeral": {} }));
    let foreign = bound(
        "web-0-data",
        "x",
        &json!({}),
        &json!({ "csi": { "driver": "d" } }),
    );
    let error = place_of(&ephemeral, Some(&foreign), &NO_DRIVERS).unwrap_err();
    assert!(matches!(error, HostPathError::NotThePods { .. }), "{error}");
}

/// Makes the node of a block device that the machine need not have; only root can.
fn make_device(path: &std::path::Path) -> bool {
    let made = mknodat(CWD, path, FileType::BlockDevice, Mode::RUSR, makedev(7, 77));
    if made.is_err() {
        eprintln!("no device can be made here: it was not tried");
    }
    made.is_ok()
}

#[test]
fn a_block_device_is_found_itself_or_by_the_link_of_kubelet() {
    let place = place_of(&claimed(), Some(&csi("Block")), &NO_DRIVERS).unwrap();
    let below = format!("pods/{UID}/volumeDevices/kubernetes.io~csi");
    let plugins = std::path::Path::new("/var/lib/kubelet/plugins");

    let node = Node::new();
    node.mkdir(&below);
    let at = node.path(&below).join("pv-7");
    if make_device(&at) {
        let found = node.pods().volume(&place).unwrap();
        assert_eq!(found.root.stat().kind, Kind::BlockDevice);
        assert_eq!(found.root.stat().device, (7, 77));
        std::fs::remove_file(&at).unwrap();
    }
    // As kubelet does: a link to where the driver has published it.
    symlink(plugins.join("csi/publish/pv-7/u"), &at).unwrap();
    let error = node.pods().volume(&place).unwrap_err();
    assert!(error.to_string().contains("plugins/csi/publish"), "{error}");
    node.mkdir("plugins/csi/publish/pv-7");
    let pods = || {
        node.pods()
            .devices_in(plugins, &node.path("plugins"))
            .unwrap()
    };
    if make_device(&node.path("plugins/csi/publish/pv-7/u")) {
        let found = pods().volume(&place).unwrap();
        assert_eq!(found.root.stat().device, (7, 77));
        std::fs::remove_file(node.path("plugins/csi/publish/pv-7/u")).unwrap();
    }
    std::fs::write(node.path("plugins/csi/publish/pv-7/u"), "a file").unwrap();
    let error = pods().volume(&place).unwrap_err();
    assert!(matches!(error, HostPathError::WrongKind { .. }), "{error}");
    // A link on the way there, and links that lead elsewhere.
    std::fs::rename(node.path("plugins/csi"), node.path("csi")).unwrap();
    symlink(node.path("csi"), node.path("plugins/csi")).unwrap();
    assert!(matches!(
        pods().volume(&place),
        Err(HostPathError::Fs { .. })
    ));
    for elsewhere in [
        "/dev/null",
        "/var/lib/kubelet/plugins/../../x",
        "relative",
        "/var/lib/kubelet/plugins",
    ] {
        std::fs::remove_file(&at).unwrap();
        symlink(elsewhere, &at).unwrap();
        let error = pods().volume(&place).unwrap_err();
        assert!(matches!(error, HostPathError::Link { .. }), "{error}");
    }
}

#[test]
fn a_link_that_is_not_kubelets_is_not_followed() {
    let place = place_of(&claimed(), Some(&csi("Block")), &NO_DRIVERS).unwrap();
    let node = Node::new();
    let below = format!("pods/{UID}/volumeDevices/p");
    node.mkdir(&below);
    let at = node.path(&below).join("pv-7");
    symlink("/plugins/u", &at).unwrap();
    node.mkdir("plugins");
    let pods = node.pods();
    let pods = pods.devices_in(std::path::Path::new("/plugins"), &node.path("plugins"));
    if std::os::unix::fs::lchown(&at, Some(4242), None).is_err() {
        eprintln!("no link can be given away here: it was not tried");
        return;
    }
    assert_eq!(at.symlink_metadata().unwrap().uid(), 4242);
    let error = pods.unwrap().volume(&place).unwrap_err();
    assert!(error.to_string().contains("planted"), "{error}");
}

#[test]
fn a_file_is_neither_a_folder_nor_a_device() {
    for mode in ["Filesystem", "Block"] {
        let node = Node::new();
        let bound = bound(
            "c",
            "",
            &json!({}),
            &json!({ "local": {}, "volumeMode": mode }),
        );
        let place = place_of(&claimed(), Some(&bound), &NO_DRIVERS).unwrap();
        let parent = format!("pods/{UID}/{}/p", place.plugins());
        node.mkdir(&parent);
        std::fs::write(node.path(&parent).join("pv-7"), "").unwrap();
        let error = node.pods().volume(&place).unwrap_err();
        assert!(matches!(error, HostPathError::WrongKind { .. }), "{error}");
    }
}

/// Opens the volume, then puts a link to another tenant's folder in its place.
fn opened_and_swapped(node: &Node) -> HostVolume {
    node.volume("volumes/kubernetes.io~csi/pv-7/mount");
    let place = place_of(&claimed(), Some(&csi("Filesystem")), &NO_DRIVERS).unwrap();
    let found = node.pods().volume(&place).unwrap();
    std::fs::rename(&found.path, node.path("moved")).unwrap();
    node.mkdir("elsewhere");
    std::fs::write(node.path("elsewhere/hush"), "of another tenant").unwrap();
    symlink(node.path("elsewhere"), &found.path).unwrap();
    found
}

#[test]
fn a_backup_and_a_restore_take_what_was_opened_whatever_comes_in_its_place() {
    let repo = TestRepository::new();
    let node = Node::new();
    let source = Source::Opened {
        root: opened_and_swapped(&node).root,
        named: "shop/c".into(),
        exclude: None,
        one_file_system: true,
    };
    let options = repo.backup_options();
    let progress = Arc::new(Progress::new());
    let summary = backup(&repo.tools, source, &options, &progress).unwrap();
    assert_eq!(summary.snapshot.problem_count, 0);
    assert_eq!(summary.snapshot.source, b"shop/c");
    let names: Vec<_> = entries(&repo, &summary.snapshot).into_keys().collect();
    assert_eq!(names, [".", "where"]);

    let node = Node::new();
    let found = opened_and_swapped(&node);
    std::fs::remove_file(node.path("moved/where")).unwrap();
    let mut options = repo.options();
    options.target = found.root.path();
    repo.restore(&summary.snapshot, options).unwrap();
    assert!(node.path("moved/where").exists());
    assert!(!node.path("elsewhere/where").exists());
}

#[test]
fn a_device_that_was_opened_is_stored_as_one_file() {
    let repo = TestRepository::new();
    let node = Node::new();
    // An image stands for a device, which no test can fill.
    std::fs::write(node.path("image"), vec![7; 300_000]).unwrap();
    let source = Source::Opened {
        root: Root::open(&node.path("image")).unwrap(),
        named: "shop/disk".into(),
        exclude: None,
        one_file_system: true,
    };
    let options = repo.backup_options();
    let progress = Arc::new(Progress::new());
    let snapshot = backup(&repo.tools, source, &options, &progress);
    let snapshot = snapshot.unwrap().snapshot;
    assert_eq!(snapshot.kind, VolumeKind::Device);
    let names: Vec<_> = entries(&repo, &snapshot).into_keys().collect();
    assert_eq!(names, [".", "disk"]);
}

//! The clients that people use: kubectl and velero.

use std::process::Command;

use orlop_test_cluster::{ControlPlane, objects};

/// Runs a program; gives whether it succeeds, and all of its output.
fn run(mut command: Command, args: &[&str]) -> (bool, String) {
    let output = command.args(args).output().unwrap();
    let all = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(all).unwrap())
}

#[tokio::test]
async fn kubectl_sees_the_same_cluster() {
    let plane = ControlPlane::shared().await.unwrap();
    let client = plane.client().unwrap();
    objects::namespace(&client, "seen").await.unwrap();
    let args = ["get", "namespace", "seen", "--output=name"];
    let (success, output) = run(plane.kubectl().unwrap(), &args);
    assert!(success, "{output}");
    assert_eq!(output, "namespace/seen\n");
}

#[tokio::test]
async fn velero_is_the_pinned_version_and_lacks_nothing_but_its_definitions() {
    let plane = ControlPlane::start().await.unwrap();
    let velero = |args: &[&str]| run(plane.velero().unwrap(), args);
    let (success, output) = velero(&["version", "--client-only"]);
    assert!(success, "{output}");
    let versions = include_str!("../../../servers/versions.env");
    let version = output
        .lines()
        .find_map(|line| line.trim().strip_prefix("Version: "))
        .unwrap();
    assert!(
        versions.contains(&format!("\nVELERO={version}\n")),
        "{output}"
    );

    let (success, output) = velero(&["backup", "get"]);
    assert!(!success);
    assert!(output.contains("no matches for velero.io/v1"), "{output}");

    let (success, output) = velero(&["install", "--crds-only"]);
    assert!(success, "{output}");
    let client = plane.client().unwrap();
    objects::namespace(&client, "velero").await.unwrap();
    let (success, output) = velero(&["backup", "create", "first"]);
    assert!(success, "{output}");
    let (success, output) = velero(&["backup", "get"]);
    assert!(success && output.contains("first"), "{output}");
}

//! Control planes start, stop, come back and end.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use orlop_test_cluster::{ControlPlane, objects};
use rustix::process::{Pid, Signal, kill_process_group};

/// Set in the process that is killed.
const VICTIM: &str = "ORLOP_TEST_VICTIM";

fn note(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

fn notes(client: Client) -> Api<ConfigMap> {
    Api::namespaced(client, "default")
}

#[tokio::test]
async fn what_was_stored_is_there_after_an_outage() {
    let mut plane = ControlPlane::start().await.unwrap();
    let client = plane.client().unwrap();
    let version = client.apiserver_version().await.unwrap();
    let versions = include_str!("../../../servers/versions.env");
    assert!(versions.contains(&format!("\nKUBERNETES={}\n", version.git_version)));
    let stored = notes(client.clone())
        .create(&PostParams::default(), &note("kept"))
        .await
        .unwrap();

    plane.stop();
    let gone = notes(client.clone()).get("kept").await;
    assert!(matches!(
        gone,
        Err(kube::Error::HyperError(_) | kube::Error::Service(_))
    ));

    plane.resume().await.unwrap();
    // The same client: port, certificates and keys are the same, too.
    assert_eq!(notes(client).get("kept").await.unwrap(), stored);
}

#[tokio::test]
async fn two_are_independent_of_each_other() {
    let (one, other) = tokio::join!(ControlPlane::start(), ControlPlane::start());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_ne!(one.endpoint(), other.endpoint());
    notes(one.client().unwrap())
        .create(&PostParams::default(), &note("of-one"))
        .await
        .unwrap();
    let found = notes(other.client().unwrap()).get_opt("of-one").await;
    assert!(found.unwrap().is_none());
    // Nor does one believe the other's tokens and certificates.
    let client = one.client().unwrap();
    let token = orlop_test_cluster::accounts::token;
    objects::namespace(&client, "of-one").await.unwrap();
    let token = token(&client, "of-one", "default", &[], None)
        .await
        .unwrap();
    let stranger = other.client_with_token(token).unwrap();
    let refused = stranger.apiserver_version().await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 401));
}

#[tokio::test]
async fn data_and_servers_go_with_their_value() {
    let plane = ControlPlane::start().await.unwrap();
    let (folder, client) = (plane.kubeconfig(), plane.client().unwrap());
    assert!(folder.exists());
    drop(plane);
    assert!(!folder.parent().unwrap().exists());
    client.apiserver_version().await.unwrap_err();
}

#[tokio::test]
async fn data_and_servers_go_with_a_killed_test() {
    if std::env::var_os(VICTIM).is_some() {
        let plane = ControlPlane::shared().await.unwrap();
        println!("configured by {}", plane.kubeconfig().display());
        std::io::stdout().flush().unwrap();
        std::thread::park();
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "lifetime::data_and_servers_go_with_a_killed_test",
        ])
        .env(VICTIM, "1")
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let kubeconfig = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("configured by ")?.1.to_owned()))
        .unwrap();
    let folder = Path::new(&kubeconfig).parent().unwrap();
    assert!(folder.exists());
    // With all that is in its process group, as Ctrl-C does.
    kill_process_group(Pid::from_child(&victim), Signal::KILL).unwrap();
    victim.wait().unwrap();
    // Looks for up to 30 s; servers and folder may take a moment to go.
    for _ in 0..1500 {
        if !folder.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} is still there", folder.display());
}

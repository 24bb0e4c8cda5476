//! Objects as the controllers, the scheduler and the kubelets of a cluster leave them.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::{
    Namespace, Node, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, Pod,
};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};

use crate::accounts;

/// The size of every volume.
const SIZE: &str = "1Gi";
const ACCESS: &str = "ReadWriteOnce";

/// Creates a namespace with its default service account, without which no pod can be created.
pub async fn namespace(client: &Client, name: &str) -> kube::Result<Namespace> {
    let api = Api::all(client.clone());
    let namespace = create(&api, json!({"metadata": {"name": name}})).await?;
    accounts::create(client, name, "default").await?;
    Ok(namespace)
}

/// Creates a node that is ready, at the loopback interface.
pub async fn node(client: &Client, name: &str) -> kube::Result<Node> {
    let api: Api<Node> = Api::all(client.clone());
    let object = json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}});
    create(&api, object).await?;
    // Every new node is given the taint of one that is not ready.
    merge(&api, name, json!({"spec": {"taints": null}})).await?;
    let status = json!({
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
    });
    set_status(&api, name, status).await
}

/// Creates a claim and a volume that are bound to each other. `source` says where the volume's data
/// is, in one of its fields: `csi`, `host_path`, `nfs` …; and its storage class, if it has one.
pub async fn claim(
    client: &Client,
    namespace: &str,
    name: &str,
    source: PersistentVolumeSpec,
) -> kube::Result<(PersistentVolumeClaim, PersistentVolume)> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let volume_name = format!("pv-{namespace}-{name}");
    let capacity = json!({"storage": SIZE});
    let claim = json!({
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
        },
        "spec": {
            "volumeName": &volume_name,
            // None, not the default one, where the volume has none.
            "storageClassName": source.storage_class_name.as_deref().unwrap_or_default(),
            "volumeMode": &source.volume_mode,
            "accessModes": [ACCESS],
            "resources": {"requests": &capacity},
        },
    });
    let claim = create(&claims, claim).await?;
    let mut volume = json!({"metadata": {"name": &volume_name}, "spec": source});
    volume["spec"]["capacity"] = capacity.clone();
    volume["spec"]["accessModes"] = json!([ACCESS]);
    volume["spec"]["claimRef"] = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": namespace,
        "name": name,
        "uid": claim.uid(),
    });
    create(&volumes, volume).await?;
    let volume = set_status(&volumes, &volume_name, json!({"phase": "Bound"})).await?;
    let status = json!({"phase": "Bound", "accessModes": [ACCESS], "capacity": capacity});
    let claim = set_status(&claims, name, status).await?;
    Ok((claim, volume))
}

/// A pod of one container that mounts claims of its namespace, each at `/` and its name. It is not
/// created yet, so that a test can add to it.
pub fn pod(namespace: &str, name: &str, claims: &[&str]) -> kube::Result<Pod> {
    let volumes = claims
        .iter()
        .map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}}));
    let mounts = claims
        .iter()
        .map(|claim| json!({"name": claim, "mountPath": format!("/{claim}")}));
    parse(json!({
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "containers": [{
                "name": "main",
                "image": "main",
                "volumeMounts": mounts.collect::<Vec<_>>(),
            }],
            "volumes": volumes.collect::<Vec<_>>(),
        },
    }))
}

/// Creates a pod that runs on a node.
pub async fn run(client: &Client, pod: Pod, node: &str) -> kube::Result<Pod> {
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    api.create(&PostParams::default(), &pod).await?;
    schedule(client, &namespace, &name, node).await?;
    set_phase(client, &namespace, &name, "Running").await
}

/// Puts a pod on a node, as the scheduler does.
pub async fn schedule(
    client: &Client,
    namespace: &str,
    name: &str,
    node: &str,
) -> kube::Result<()> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    });
    api.create_subresource::<_, Value>("binding", name, &PostParams::default(), &binding)
        .await?;
    Ok(())
}

/// Reports the phase of a pod, as its kubelet does: `Running`, `Succeeded`, `Failed`.
pub async fn set_phase(
    client: &Client,
    namespace: &str,
    name: &str,
    phase: &str,
) -> kube::Result<Pod> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let containers = api.get(name).await?.spec.unwrap_or_default().containers;
    let running = phase == "Running";
    let state = match phase {
        "Running" => json!({"running": {}}),
        "Succeeded" => json!({"terminated": {"exitCode": 0, "reason": "Completed"}}),
        "Failed" => json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
        _ => json!({"waiting": {"reason": "ContainerCreating"}}),
    };
    let statuses = containers.iter().map(|container| {
        json!({
            "name": container.name,
            "image": container.image,
            "imageID": "",
            "ready": running,
            "started": running,
            "restartCount": 0,
            "state": state,
        })
    });
    let status = json!({
        "phase": phase,
        "hostIP": "127.0.0.1",
        "containerStatuses": statuses.collect::<Vec<_>>(),
        "conditions": [{"type": "Ready", "status": if running { "True" } else { "False" }}],
    });
    set_status(&api, name, status).await
}

async fn create<K>(api: &Api<K>, object: Value) -> kube::Result<K>
where
    K: Clone + DeserializeOwned + Serialize + Debug,
{
    api.create(&PostParams::default(), &parse(object)?).await
}

async fn merge<K>(api: &Api<K>, name: &str, change: Value) -> kube::Result<K>
where
    K: Clone + DeserializeOwned + Debug,
{
    api.patch(name, &PatchParams::default(), &Patch::Merge(change))
        .await
}

async fn set_status<K>(api: &Api<K>, name: &str, status: Value) -> kube::Result<K>
where
    K: DeserializeOwned,
{
    let change = Patch::Merge(json!({"status": status}));
    api.patch_status(name, &PatchParams::default(), &change)
        .await
}

fn parse<K: DeserializeOwned>(object: Value) -> kube::Result<K> {
    from_value(object).map_err(kube::Error::SerdeError)
}

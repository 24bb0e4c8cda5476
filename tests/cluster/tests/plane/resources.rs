//! What the helpers make, and what the API server makes of definitions.

use k8s_openapi::api::core::v1::{Node, PersistentVolumeSpec, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use orlop_test_cluster::{ControlPlane, crds, objects};
use serde_json::{Value, from_value, json};

/// A definition whose objects have a status: a part of its own with `subresources` as
/// `{"status": {}}`, and a field like any other without.
fn definition(kind: &str, subresources: &Value) -> CustomResourceDefinition {
    let plural = format!("{}s", kind.to_lowercase());
    from_value(json!({
        "metadata": {"name": format!("{plural}.tests.orlop.io")},
        "spec": {
            "group": "tests.orlop.io",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": &plural},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": subresources,
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "status": {
                            "type": "object",
                            "properties": {"phase": {"type": "string"}},
                        },
                    },
                }},
            }],
        },
    }))
    .unwrap()
}

async fn objects_of(client: &Client, kind: &str, name: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("tests.orlop.io", "v1", kind));
    let object = DynamicObject::new(name, &resource);
    let api = Api::namespaced_with(client.clone(), "default", &resource);
    api.create(&PostParams::default(), &object).await.unwrap();
    api
}

#[tokio::test]
async fn a_status_that_is_a_plain_field_is_no_resource_of_its_own() {
    let plane = ControlPlane::shared().await.unwrap();
    let client = plane.client().unwrap();
    let definitions = [
        definition("Plain", &json!({})),
        definition("Split", &json!({"status": {}})),
    ];
    crds::install(&client, definitions).await.unwrap();
    let change = Patch::Merge(json!({"status": {"phase": "Done"}}));
    let params = PatchParams::default();

    let plain = objects_of(&client, "Plain", "one").await;
    let missing = plain.patch_status("one", &params, &change).await;
    assert!(matches!(missing, Err(kube::Error::Api(status)) if status.code == 404));
    let changed = plain.patch("one", &params, &change).await.unwrap();
    assert_eq!(changed.data["status"]["phase"], "Done");

    let split = objects_of(&client, "Split", "one").await;
    let unchanged = split.patch("one", &params, &change).await.unwrap();
    assert_eq!(unchanged.data.get("status"), None);
    let changed = split.patch_status("one", &params, &change).await.unwrap();
    assert_eq!(changed.data["status"]["phase"], "Done");
}

#[tokio::test]
async fn a_pod_runs_on_a_node_with_bound_claims() {
    let plane = ControlPlane::shared().await.unwrap();
    let client = plane.client().unwrap();
    objects::namespace(&client, "app").await.unwrap();
    let node: Node = objects::node(&client, "app-node").await.unwrap();
    assert_eq!(node.spec.unwrap().taints, None);
    let source = json!({"csi": {"driver": "csi.test", "volumeHandle": "1"}});
    let source: PersistentVolumeSpec = from_value(source).unwrap();
    let (claim, volume) = objects::claim(&client, "app", "data", source)
        .await
        .unwrap();
    assert_eq!(claim.status.unwrap().phase.as_deref(), Some("Bound"));
    let claim_name = claim.spec.unwrap().volume_name;
    assert_eq!(claim_name, volume.metadata.name);
    let volume_spec = volume.spec.unwrap();
    assert_eq!(volume_spec.csi.unwrap().driver, "csi.test");
    assert_eq!(volume_spec.claim_ref.unwrap().uid, claim.metadata.uid);
    // Nothing waits here for a controller to let it go.
    assert_eq!(claim.metadata.finalizers, None);

    let pod = objects::pod("app", "database", &["data"]).unwrap();
    let pod = objects::run(&client, pod, "app-node").await.unwrap();
    assert_eq!(pod.spec.unwrap().node_name.as_deref(), Some("app-node"));
    let status = pod.status.unwrap();
    assert_eq!(status.phase.as_deref(), Some("Running"));
    let container = &status.container_statuses.unwrap()[0];
    assert!(container.ready && container.state.as_ref().unwrap().running.is_some());

    objects::set_phase(&client, "app", "database", "Failed")
        .await
        .unwrap();
    let pods: Api<Pod> = Api::namespaced(client, "app");
    let status = pods.get("database").await.unwrap().status.unwrap();
    let state = status.container_statuses.unwrap().remove(0).state.unwrap();
    assert_eq!(state.terminated.unwrap().exit_code, 1);
}

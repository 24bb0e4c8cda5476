//! The API server takes the definitions of `orlop-api`, and serves objects as Velero writes them.

use std::process::Command;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use orlop_api::{Definition, Group};
use orlop_test_cluster::{ControlPlane, crds, objects};
use serde_json::{Value, from_str, from_value, json};

/// Name and first example of the kind, as it stands among the examples of `orlop-api`.
fn example(kind: &str) -> Value {
    let words = kind.chars().enumerate().flat_map(|(at, letter)| {
        let gap = (at > 0 && letter.is_uppercase()).then_some('_');
        gap.into_iter().chain(letter.to_lowercase())
    });
    let file = format!("{}.json", words.collect::<String>());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../api/tests/objects");
    let text = std::fs::read_to_string(std::path::Path::new(folder).join(file)).unwrap();
    let mut object = from_str::<Vec<Value>>(&text).unwrap().remove(0);
    object["metadata"] = json!({"name": "example"});
    object
}

fn said(mut command: Command, args: &[&str]) -> String {
    let output = command.args(args).output().unwrap();
    let all = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{all}");
    all
}

#[tokio::test]
async fn every_definition_is_served_with_the_status_where_velero_has_it() {
    let plane = ControlPlane::start().await.unwrap();
    let client = plane.client().unwrap();
    objects::namespace(&client, "velero").await.unwrap();
    let definitions = Definition::all();
    let installed = definitions
        .iter()
        .map(|definition| from_value(definition.value().clone()).unwrap());
    crds::install(&client, installed).await.unwrap();

    for definition in &definitions {
        let info = &definition.info;
        let kind = GroupVersionKind::gvk(info.group.name(), info.version, info.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, info.plural);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "velero", &resource);
        let object = example(info.kind);
        let sent: DynamicObject = from_value(object.clone()).unwrap();
        let made = api.create(&PostParams::default(), &sent).await.unwrap();
        // A status that comes with a new object is how backups of other clusters are taken over.
        let kept = made
            .data
            .get("status")
            .is_some_and(|status| *status != json!({}));
        let had = object
            .get("status")
            .is_some_and(|status| *status != json!({}));
        assert_eq!(kept, had && info.group == Group::Velero, "{}", info.kind);

        let change = Patch::Merge(json!({"status": {}}));
        let alone = api
            .patch_status("example", &PatchParams::default(), &change)
            .await;
        match (info.group, alone) {
            (Group::Velero, Err(kube::Error::Api(status))) if status.code == 404 => {}
            (Group::Orlop, Ok(_)) => {}
            (_, other) => panic!("{}: {other:?}", info.kind),
        }
    }

    // The programs of people, with our definitions and no word of Velero's.
    let table = said(plane.velero().unwrap(), &["backup", "get"]);
    assert!(table.contains("example"), "{table}");
    let table = said(
        plane.kubectl().unwrap(),
        &["get", "podvolumebackups", "--namespace=velero"],
    );
    for heading in ["STATUS", "BYTES DONE", "STORAGE LOCATION", "UPLOADER"] {
        assert!(table.contains(heading), "{heading}: {table}");
    }
    let table = said(
        plane.kubectl().unwrap(),
        &["get", "bsl,vdr", "--namespace=velero"],
    );
    assert!(table.contains("example"), "{table}");
}

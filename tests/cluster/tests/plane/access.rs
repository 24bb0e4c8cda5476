//! Who is who, and may do what.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client};
use orlop_test_cluster::{ControlPlane, accounts, objects};

/// A pod that runs on a node, in a namespace of its own.
async fn running_pod(client: &Client, namespace: &str) -> Pod {
    objects::namespace(client, namespace).await.unwrap();
    objects::node(client, namespace).await.unwrap();
    let pod = objects::pod(namespace, "worker", &[]).unwrap();
    objects::run(client, pod, namespace).await.unwrap()
}

#[tokio::test]
async fn a_token_names_the_pod_and_the_node_that_it_is_bound_to() {
    let plane = ControlPlane::shared().await.unwrap();
    let client = plane.client().unwrap();
    let pod = running_pod(&client, "bound").await;
    let audiences = ["broker"];
    let token = accounts::token(&client, "bound", "default", &audiences, Some(&pod))
        .await
        .unwrap();

    let status = accounts::review(&client, &token, &audiences).await.unwrap();
    assert_eq!(status.authenticated, Some(true));
    assert_eq!(status.audiences, Some(vec!["broker".to_owned()]));
    let user = status.user.unwrap();
    let name = user.username.as_deref();
    assert_eq!(name, Some("system:serviceaccount:bound:default"));
    let extra = user.extra.unwrap();
    let extra = |key: &str| extra[&format!("authentication.kubernetes.io/{key}")].clone();
    assert_eq!(extra("pod-name"), ["worker"]);
    assert_eq!(extra("pod-uid"), [pod.metadata.uid.unwrap()]);
    assert_eq!(extra("node-name"), ["bound"]);
}

#[tokio::test]
async fn a_token_is_worth_nothing_elsewhere_or_after_its_pod() {
    let plane = ControlPlane::shared().await.unwrap();
    let client = plane.client().unwrap();
    let pod = running_pod(&client, "ended").await;
    let token = async || {
        accounts::token(&client, "ended", "default", &["broker"], Some(&pod))
            .await
            .unwrap()
    };
    let authenticated = async |token: &str, audience: &str| {
        let status = accounts::review(&client, token, &[audience]).await.unwrap();
        status.authenticated.unwrap_or_default()
    };
    let (seen, unseen) = (token().await, token().await);
    assert!(authenticated(&seen, "broker").await);
    assert!(!authenticated(&seen, "another").await);
    // Not even for the API server itself.
    let bearer = plane.client_with_token(seen).unwrap();
    let refused = bearer.apiserver_version().await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 401));

    let pods: Api<Pod> = Api::namespaced(client.clone(), "ended");
    let now = DeleteParams::default().grace_period(0);
    pods.delete("worker", &now).await.unwrap();
    // The API server may take a moment to notice, and 10 s if it has seen the token before.
    for _ in 0..1500 {
        if !authenticated(&unseen, "broker").await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the token still counts");
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says_and_nothing_else() {
    let plane = ControlPlane::shared().await.unwrap();
    let client = plane.client().unwrap();
    objects::namespace(&client, "roles").await.unwrap();
    accounts::create(&client, "roles", "reader").await.unwrap();
    let reader = plane.client_as("roles", "reader").await.unwrap();
    let notes: Api<ConfigMap> = Api::namespaced(reader.clone(), "roles");
    let list = ListParams::default();

    let refused = notes.list(&list).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));

    let rule = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["configmaps".to_owned()]),
        verbs: vec!["list".to_owned()],
        ..PolicyRule::default()
    };
    accounts::grant(&client, "roles", "reader", vec![rule])
        .await
        .unwrap();
    notes.list(&list).await.unwrap();
    let elsewhere: Api<ConfigMap> = Api::namespaced(reader.clone(), "default");
    let refused = elsewhere.list(&list).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
    let others: Api<Pod> = Api::namespaced(reader, "roles");
    let refused = others.list(&list).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
}

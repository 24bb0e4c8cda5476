//! Service accounts, what they may do, and their tokens.

use k8s_openapi::api::authentication::v1::{
    BoundObjectReference, TokenRequest, TokenRequestSpec, TokenReview, TokenReviewSpec,
    TokenReviewStatus,
};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt};

use crate::error::ClusterError;
use crate::until::until;

/// Creates a service account, which may do nothing.
pub async fn create(client: &Client, namespace: &str, name: &str) -> kube::Result<ServiceAccount> {
    let account = ServiceAccount {
        metadata: named(name),
        ..ServiceAccount::default()
    };
    let api = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &account).await
}

/// Lets a service account do what `rules` say, in its own namespace: a role of the same name, and
/// its binding. Waits until the API server goes by them, which it hears of like anybody else.
pub async fn grant(
    client: &Client,
    namespace: &str,
    name: &str,
    rules: Vec<PolicyRule>,
) -> Result<(), ClusterError> {
    let review = first_allowed(namespace, name, &rules);
    let role = Role {
        metadata: named(name),
        rules: Some(rules),
    };
    let binding = RoleBinding {
        metadata: named(name),
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "Role".to_owned(),
            name: name.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: name.to_owned(),
            namespace: Some(namespace.to_owned()),
            ..Subject::default()
        }]),
    };
    let params = PostParams::default();
    let api = Api::namespaced(client.clone(), namespace);
    api.create(&params, &role).await?;
    let api = Api::namespaced(client.clone(), namespace);
    api.create(&params, &binding).await?;
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    until("the role is in force", async || {
        let answer = reviews.create(&params, &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    })
    .await
}

/// Asks whether a service account may do the first thing that `rules` allow.
fn first_allowed(namespace: &str, name: &str, rules: &[PolicyRule]) -> SubjectAccessReview {
    let rule = rules.first().cloned().unwrap_or_default();
    let first = |of: Option<Vec<String>>| of.unwrap_or_default().into_iter().next();
    let resource = first(rule.resources).unwrap_or_default();
    let (resource, part) = match resource.split_once('/') {
        Some((resource, part)) => (resource.to_owned(), Some(part.to_owned())),
        None => (resource, None),
    };
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{namespace}:{name}")),
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace.to_owned()),
                group: first(rule.api_groups),
                resource: Some(resource),
                subresource: part,
                name: first(rule.resource_names),
                verb: rule.verbs.into_iter().next(),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}

/// A token for a service account, good for an hour, as the kubelet asks for one: for `audiences`,
/// or for the API server if there are none; and bound to `pod`, with which it ends.
pub async fn token(
    client: &Client,
    namespace: &str,
    name: &str,
    audiences: &[&str],
    pod: Option<&Pod>,
) -> kube::Result<String> {
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: Some(strings(audiences)),
            bound_object_ref: pod.map(|pod| BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: Some(pod.name_any()),
                uid: pod.uid(),
            }),
            expiration_seconds: Some(3600),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let answer = api
        .create_token_request(name, &PostParams::default(), &request)
        .await?;
    Ok(answer.status.unwrap_or_default().token.unwrap_or_default())
}

/// What the API server says of a token that is shown to one of `audiences`, or to itself if there
/// are none.
pub async fn review(
    client: &Client,
    token: &str,
    audiences: &[&str],
) -> kube::Result<TokenReviewStatus> {
    let review = TokenReview {
        spec: TokenReviewSpec {
            token: token.to_owned(),
            audiences: Some(strings(audiences)),
        },
        ..TokenReview::default()
    };
    let api: Api<TokenReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.unwrap_or_default())
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

fn strings(of: &[&str]) -> Vec<String> {
    of.iter().map(|&one| one.to_owned()).collect()
}

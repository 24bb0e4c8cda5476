//! Custom resource definitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionSpec,
};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt};

use crate::error::ClusterError;
use crate::until::until;

/// Creates or replaces definitions, and waits until the API server serves their resources.
pub async fn install(
    client: &Client,
    definitions: impl IntoIterator<Item = CustomResourceDefinition>,
) -> Result<(), ClusterError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("orlop-tests").force();
    for definition in definitions {
        let name = definition.name_any();
        api.patch(&name, &params, &Patch::Apply(&definition))
            .await?;
        await_condition(api.clone(), &name, conditions::is_crd_established()).await?;
        for version in definition.spec.versions.iter().filter(|one| one.served) {
            let resource = resource(&definition.spec, &version.name);
            let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            let one = ListParams::default().limit(1);
            until("a new resource is served", async || {
                match objects.list(&one).await {
                    Ok(_) => Ok(true),
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
                    Err(error) => Err(error),
                }
            })
            .await?;
        }
    }
    Ok(())
}

fn resource(spec: &CustomResourceDefinitionSpec, version: &str) -> ApiResource {
    let kind = GroupVersionKind::gvk(&spec.group, version, &spec.names.kind);
    ApiResource::from_gvk_with_plural(&kind, &spec.names.plural)
}

//! The keys of Azure.

use super::tests::{AAD, ACCOUNT, KEY, config, count, reach, refused, spec, value};
use super::*;

#[test]
fn keys_that_count_are_settings_of_the_store() {
    count(
        "azure",
        &[
            (&[ACCOUNT, KEY], "AZURE_STORAGE_ACCOUNT_NAME", Some("acme")),
            (&[ACCOUNT, KEY], "AZURE_STORAGE_ACCOUNT_KEY", Some("hush")),
            (&[ACCOUNT, KEY], "AZURE_CREDENTIAL_TYPE", Some("access_key")),
            (&[ACCOUNT, KEY], "AZURE_CLIENT_SECRET", None),
            (
                &[
                    ACCOUNT,
                    KEY,
                    ("resourceGroup", "g"),
                    ("subscriptionId", "s"),
                ],
                "AZURE_STORAGE_ENDPOINT",
                Some("https://acme.blob.core.usgovcloudapi.net"),
            ),
            (
                &[ACCOUNT, KEY, ("storageAccountURI", "https://x.example/")],
                "AZURE_STORAGE_ENDPOINT",
                Some("https://x.example"),
            ),
            (
                &[ACCOUNT, AAD],
                "AZURE_CREDENTIAL_TYPE",
                Some("client_secret"),
            ),
            (&[ACCOUNT, AAD], "AZURE_CLIENT_SECRET", Some("s")),
            (&[ACCOUNT, AAD], "AZURE_STORAGE_ACCOUNT_KEY", None),
            (
                &[ACCOUNT, AAD],
                "AZURE_AUTHORITY_HOST",
                Some("https://login.microsoftonline.us"),
            ),
            (
                &[
                    ACCOUNT,
                    AAD,
                    ("activeDirectoryAuthorityURI", "https://login.example"),
                ],
                "AZURE_AUTHORITY_HOST",
                Some("https://login.example"),
            ),
        ],
    );
}

#[test]
fn keys_that_do_not_count_are_refused_by_name() {
    refused(
        "azure",
        &[
            (&[KEY], "storageAccount"),
            (&[ACCOUNT], "storageAccountKeyEnvVar"),
            (&[("storageAccount", "a.b/c"), KEY], "storageAccount"),
            (&[ACCOUNT, ("storageAccountKeyEnvVar", "NONE")], "NONE"),
            (&[ACCOUNT, ("useAAD", "maybe")], "useAAD"),
            (
                &[ACCOUNT, KEY, ("storageAccountURI", "h")],
                "storageAccountURI",
            ),
            (
                &[ACCOUNT, AAD, ("activeDirectoryAuthorityURI", "h")],
                "activeDirectoryAuthorityURI",
            ),
            (
                &[ACCOUNT, KEY, ("blockSizeInBytes", "0")],
                "blockSizeInBytes",
            ),
            (&[ACCOUNT, KEY, ("blockSize", "1")], "blockSize"),
        ],
    );
}

#[test]
fn azure_is_asked_for_a_token_by_what_the_pod_has() {
    let pairs = config(&[ACCOUNT, AAD]);
    let variable = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut environment = vec![
        variable("AZURE_CLIENT_ID", "c"),
        variable("AZURE_TENANT_ID", "t"),
        variable("AZURE_FEDERATED_TOKEN_FILE", "/token"),
    ];
    let kind = |environment: &[(String, String)]| {
        let spec = LocationSpec {
            credentials: Some(b"AZURE_RESOURCE_GROUP=g\n"),
            environment,
            ..spec("azure", &pairs)
        };
        reach(&spec).map(|reached| value(&reached, "AZURE_CREDENTIAL_TYPE").map(str::to_owned))
    };
    let is = |kind: &str| Ok(Some(kind.to_owned()));
    assert_eq!(kind(&environment), is("workload_identity"));
    environment.pop();
    assert_eq!(kind(&environment), is("managed_identity"));
    assert_eq!(kind(&[]), is("managed_identity"));
    environment.push(variable("AZURE_CLIENT_CERTIFICATE_PATH", "/c"));
    let error = kind(&environment).unwrap_err().to_string();
    assert!(error.contains("AZURE_CLIENT_CERTIFICATE_PATH"), "{error}");
}

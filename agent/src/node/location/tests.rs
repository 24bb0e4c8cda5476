//! Every key of every provider.

use std::collections::BTreeMap;

use orlop_repo::model::RepositoryId;

use super::keys::Keys;
use super::place::Reached;
use super::*;

const AWS_KEYS: &[u8] = b"[default]\naws_access_key_id=AKIA\naws_secret_access_key=hush\n\
    [other]\naws_access_key_id=AKIB\naws_secret_access_key=hush\n";
const AZURE_KEYS: &[u8] = b"AZURE_KEY=hush\nAZURE_CLIENT_ID=c\nAZURE_TENANT_ID=t\n\
    AZURE_CLIENT_SECRET=s\nAZURE_CLOUD_NAME=AzureUSGovernmentCloud\n";
const GCP_KEY: &[u8] = br#"{ "type": "service_account", "private_key": "hush" }"#;

pub(super) type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(super) fn config(pairs: Pairs<'_>) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

pub(super) fn spec<'a>(
    provider: &'a str,
    config: &'a BTreeMap<String, String>,
) -> LocationSpec<'a> {
    let credentials = match provider {
        "aws" => Some(AWS_KEYS),
        "azure" => Some(AZURE_KEYS),
        "gcp" => Some(GCP_KEY),
        _ => None,
    };
    LocationSpec {
        provider,
        config,
        bucket: "data",
        prefix: Some("velero"),
        ca: None,
        credentials,
        environment: &[],
        read_only: false,
    }
}

pub(super) fn reach(spec: &LocationSpec<'_>) -> Result<Reached, LocationError> {
    match spec.provider {
        "aws" => aws::reach(spec, Keys::new("aws", spec.config)),
        "azure" => azure::reach(spec, Keys::new("azure", spec.config)),
        _ => gcp::reach(spec, Keys::new("gcp", spec.config)),
    }
}

pub(super) fn value<'a>(reached: &'a Reached, name: &str) -> Option<&'a str> {
    let mut all = reached.settings.iter().filter(|(key, _)| *key == name);
    let found = all.next().map(|(_, value)| value.as_str());
    assert!(all.next().is_none(), "{name} comes twice");
    found
}

pub(super) const REGION: (&str, &str) = ("region", "eu-west-1");
pub(super) const ACCOUNT: (&str, &str) = ("storageAccount", "acme");
pub(super) const KEY: (&str, &str) = ("storageAccountKeyEnvVar", "AZURE_KEY");
pub(super) const AAD: (&str, &str) = ("useAAD", "true");

/// A setting of the store that keys lead to: the keys, its name, its value.
pub(super) type Counts<'a> = (Pairs<'a>, &'a str, Option<&'a str>);

/// Checks what keys lead to.
pub(super) fn count(provider: &str, rows: &[Counts<'_>]) {
    for (pairs, name, wanted) in rows {
        let config = config(pairs);
        let reached = reach(&spec(provider, &config)).unwrap();
        assert_eq!(value(&reached, name), *wanted, "{pairs:?} {name}");
        let location = Location::new(&spec(provider, &config)).unwrap();
        assert!(!format!("{location:?}").contains("hush"));
    }
}

/// Checks that keys are refused with a word.
pub(super) fn refused(provider: &str, rows: &[(Pairs<'_>, &str)]) {
    for (pairs, named) in rows {
        let config = config(pairs);
        let error = Location::new(&spec(provider, &config)).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(named), "{provider} {pairs:?}: {said}");
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn keys_of_google_that_count_are_settings_of_the_store() {
    count(
        "gcp",
        &[(
            &[],
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            Some(r#"{ "type": "service_account", "private_key": "hush" }"#),
        )],
    );
}

#[test]
fn keys_of_google_and_of_folders_that_do_not_count_are_refused_by_name() {
    refused(
        "gcp",
        &[
            (&[("kmsKeyName", "k")], "kmsKeyName"),
            (&[("project", "p")], "project"),
        ],
    );
    refused(
        "orlop.io/local",
        &[
            (&[], "path"),
            (&[("path", "relative")], "path"),
            (&[("path", "/a/../b")], "path"),
            (&[("path", "/a"), ("region", "x")], "region"),
        ],
    );
    refused("example.com/tape", &[(&[], "example.com/tape")]);
}

#[test]
fn what_is_not_for_the_store_is_given_to_who_needs_it() {
    let aws = config(&[REGION, ("publicUrl", "https://s3.example.com")]);
    let aws = Location::new(&spec("aws", &aws)).unwrap();
    assert_eq!(
        aws.signing.public_url.as_deref(),
        Some("https://s3.example.com")
    );
    let gcp = config(&[("serviceAccount", "a@p.iam")]);
    let gcp = Location::new(&spec("gcp", &gcp)).unwrap();
    assert_eq!(gcp.signing.service_account.as_deref(), Some("a@p.iam"));
    let azure = config(&[ACCOUNT, KEY, ("blockSizeInBytes", "1048576")]);
    let azure = Location::new(&spec("azure", &azure)).unwrap();
    assert_eq!(azure.block_size, Some(1 << 20));
}

#[test]
fn every_key_of_veleros_plugins_is_known() {
    let values = BTreeMap::from([
        ("blockSizeInBytes", "1"),
        ("checksumAlgorithm", "SHA256"),
        ("enableSharedConfig", "true"),
        ("insecureSkipTLSVerify", "true"),
        ("profile", "default"),
        ("s3ForcePathStyle", "true"),
        ("s3Url", "http://h"),
        ("serverSideEncryption", "AES256"),
        ("signatureVersion", "4"),
        ("publicUrl", "http://h"),
        ("storageAccountKeyEnvVar", "AZURE_KEY"),
        ("storageAccountURI", "http://h"),
        ("activeDirectoryAuthorityURI", "http://h"),
        ("useAAD", "true"),
    ]);
    let refused = ["customerKeyEncryptionFile", "tagging", "kmsKeyName"];
    for (provider, base, keys) in [
        (
            "aws",
            &[REGION][..],
            "region s3ForcePathStyle s3Url publicUrl serverSideEncryption kmsKeyId \
             customerKeyEncryptionFile signatureVersion profile insecureSkipTLSVerify \
             enableSharedConfig tagging checksumAlgorithm",
        ),
        (
            "azure",
            &[ACCOUNT, KEY],
            "resourceGroup storageAccount storageAccountKeyEnvVar subscriptionId \
             storageAccountURI useAAD activeDirectoryAuthorityURI blockSizeInBytes",
        ),
        ("gcp", &[], "kmsKeyName serviceAccount"),
    ] {
        for key in keys.split_whitespace() {
            let mut config = config(base);
            let value = values.get(key).copied().unwrap_or("x");
            config.insert(key.to_owned(), value.to_owned());
            let answer = Location::new(&spec(provider, &config));
            if refused.contains(&key) {
                let not_honoured = matches!(answer, Err(LocationError::NotHonoured { .. }));
                assert!(not_honoured, "{provider} {key}: {answer:?}");
            } else {
                assert!(answer.is_ok(), "{provider} {key}: {answer:?}");
            }
        }
    }
}

#[test]
fn providers_have_the_names_that_velero_gives_them() {
    let none = config(&[]);
    for (provider, pairs, url) in [
        ("aws", &[REGION][..], "s3://data/velero"),
        ("velero.io/aws", &[REGION], "s3://data/velero"),
        ("azure", &[ACCOUNT, KEY], "az://data/velero"),
        ("velero.io/azure", &[ACCOUNT, KEY], "az://data/velero"),
        ("gcp", &[], "gs://data/velero"),
        ("velero.io/gcp", &[], "gs://data/velero"),
        ("orlop.io/local", &[("path", "/srv")], "/srv/data/velero"),
    ] {
        let config = config(pairs);
        let short = provider.strip_prefix("velero.io/").unwrap_or(provider);
        let spec = LocationSpec {
            provider,
            ..spec(short, &config)
        };
        assert_eq!(Location::new(&spec).unwrap().url.to_string(), url);
    }
    assert!(Location::new(&spec("AWS", &none)).is_err());
}

#[test]
fn keys_of_google_that_are_not_an_account_s_are_refused() {
    let none = config(&[]);
    for (file, words) in [
        (&b"x"[..], "no JSON"),
        (br#"{ "type": "external_account" }"#, "external_account"),
        (br#"{ "type": "authorized_user" }"#, "authorized_user"),
        (b"{}", "not the key"),
        (b"[]", "not the key"),
    ] {
        let spec = LocationSpec {
            credentials: Some(file),
            ..spec("gcp", &none)
        };
        let error = Location::new(&spec).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn volume_data_is_in_a_folder_of_its_namespace_below_the_prefix() {
    let id = RepositoryId::from_bytes([0xab; 32]);
    let hex = "ab".repeat(32);
    let aws = config(&[REGION]);
    let local = config(&[("path", "/srv")]);
    for (provider, config, prefix, wanted) in [
        (
            "aws",
            &aws,
            Some("velero"),
            "s3://data/velero/plugins/orlop/shop/",
        ),
        (
            "aws",
            &aws,
            Some("/a/b/"),
            "s3://data/a/b/plugins/orlop/shop/",
        ),
        ("aws", &aws, None, "s3://data/plugins/orlop/shop/"),
        ("aws", &aws, Some("/"), "s3://data/plugins/orlop/shop/"),
        (
            "orlop.io/local",
            &local,
            None,
            "/srv/data/plugins/orlop/shop/",
        ),
    ] {
        let spec = LocationSpec {
            bucket: "/data/",
            prefix,
            ..spec(provider, config)
        };
        let location = Location::new(&spec).unwrap();
        let url = location.volume_data("shop", id).unwrap();
        assert_eq!(url.to_string(), format!("{wanted}{hex}"));
        for namespace in ["", "..", "a/b", "Shop", &"x".repeat(64)] {
            assert!(location.volume_data(namespace, id).is_err(), "{namespace}");
        }
    }
}

#[test]
fn buckets_and_prefixes_that_lead_elsewhere_are_refused() {
    let aws = config(&[REGION]);
    let local = config(&[("path", "/srv")]);
    for (bucket, prefix) in [
        ("", None),
        ("/", None),
        ("a/b", None),
        ("arn:aws:s3:eu-west-1:1:accesspoint/x", None),
        ("data", Some("../x")),
        ("data", Some("a//b")),
    ] {
        for (provider, config) in [("aws", &aws), ("orlop.io/local", &local)] {
            let spec = LocationSpec {
                bucket,
                prefix,
                ..spec(provider, config)
            };
            assert!(
                Location::new(&spec).is_err(),
                "{provider} {bucket} {prefix:?}"
            );
        }
    }
    let spec = LocationSpec {
        bucket: "..",
        ..spec("orlop.io/local", &local)
    };
    assert!(Location::new(&spec).is_err());
}

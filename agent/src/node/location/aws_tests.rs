//! The keys of S3.

use super::tests::{REGION, config, count, reach, refused, spec, value};
use super::*;

#[test]
fn keys_that_count_are_settings_of_the_store() {
    count(
        "aws",
        &[
            (&[REGION], "AWS_REGION", Some("eu-west-1")),
            (&[REGION], "AWS_ACCESS_KEY_ID", Some("AKIA")),
            (&[REGION], "AWS_ALLOW_INVALID_CERTIFICATES", None),
            (&[REGION], "AWS_CHECKSUM_ALGORITHM", None),
            (&[REGION], "AWS_SERVER_SIDE_ENCRYPTION", None),
            (
                &[REGION],
                "AWS_ENDPOINT_URL",
                Some("https://data.s3.eu-west-1.amazonaws.com"),
            ),
            (
                &[
                    ("s3Url", "http://minio:9000/"),
                    ("s3ForcePathStyle", "true"),
                ],
                "AWS_ENDPOINT_URL",
                Some("http://minio:9000"),
            ),
            (
                &[("s3Url", "http://minio:9000"), ("s3ForcePathStyle", "true")],
                "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
                Some("false"),
            ),
            (
                &[("s3Url", "http://minio:9000")],
                "AWS_REGION",
                Some("us-east-1"),
            ),
            (
                &[REGION, ("insecureSkipTLSVerify", "true")],
                "AWS_ALLOW_INVALID_CERTIFICATES",
                Some("true"),
            ),
            (
                &[REGION, ("serverSideEncryption", "AES256")],
                "AWS_SERVER_SIDE_ENCRYPTION",
                Some("AES256"),
            ),
            (
                &[REGION, ("kmsKeyId", "k")],
                "AWS_SERVER_SIDE_ENCRYPTION",
                Some("aws:kms"),
            ),
            (
                &[REGION, ("kmsKeyId", "k")],
                "AWS_SSE_KMS_KEY_ID",
                Some("k"),
            ),
            (
                &[REGION, ("profile", "other")],
                "AWS_ACCESS_KEY_ID",
                Some("AKIB"),
            ),
            (
                &[REGION, ("enableSharedConfig", "true")],
                "AWS_ACCESS_KEY_ID",
                Some("AKIA"),
            ),
            (
                &[REGION, ("checksumAlgorithm", "SHA256")],
                "AWS_CHECKSUM_ALGORITHM",
                Some("sha256"),
            ),
            (
                &[REGION, ("checksumAlgorithm", "")],
                "AWS_CHECKSUM_ALGORITHM",
                None,
            ),
            (
                &[REGION, ("checksumAlgorithm", "CRC32")],
                "AWS_CHECKSUM_ALGORITHM",
                None,
            ),
            (
                &[REGION, ("signatureVersion", "4")],
                "AWS_REGION",
                Some("eu-west-1"),
            ),
        ],
    );
}

#[test]
fn keys_that_do_not_count_are_refused_by_name() {
    refused(
        "aws",
        &[
            (&[], "region"),
            (&[("region", "a/b")], "region"),
            (&[REGION, ("s3Url", "http://h/path")], "s3Url"),
            (&[REGION, ("s3Url", "minio:9000")], "s3Url"),
            (&[REGION, ("s3Url", "http://k:hush@h")], "s3Url"),
            (&[REGION, ("publicUrl", "ftp://h")], "publicUrl"),
            (&[REGION, ("s3ForcePathStyle", "yes")], "s3ForcePathStyle"),
            (
                &[REGION, ("insecureSkipTLSVerify", "2")],
                "insecureSkipTLSVerify",
            ),
            (
                &[REGION, ("serverSideEncryption", "rot13")],
                "serverSideEncryption",
            ),
            (
                &[REGION, ("customerKeyEncryptionFile", "/k")],
                "customerKeyEncryptionFile",
            ),
            (&[REGION, ("signatureVersion", "1")], "signatureVersion"),
            (&[REGION, ("signatureVersion", "2")], "signatureVersion"),
            (&[REGION, ("tagging", "a=b")], "tagging"),
            (
                &[REGION, ("checksumAlgorithm", "CRC32C")],
                "checksumAlgorithm",
            ),
            (
                &[REGION, ("checksumAlgorithm", "SHA1")],
                "checksumAlgorithm",
            ),
            (&[REGION, ("checksumAlgorithm", "MD5")], "checksumAlgorithm"),
            (&[REGION, ("profile", "none")], "[none]"),
            (&[REGION, ("Region", "x")], "Region"),
            (&[REGION, ("storageAccount", "x")], "storageAccount"),
            (&[REGION, ("bucket", "x")], "spec.objectStorage.bucket"),
            (&[REGION, ("caCert", "x")], "spec.objectStorage.caCert"),
            (&[REGION, ("credentialsFile", "/x")], "spec.credential"),
        ],
    );
}

#[test]
fn the_pod_s_own_credentials_count_only_where_there_is_no_file() {
    let pairs = config(&[REGION]);
    let environment = [
        ("AWS_ACCESS_KEY_ID", "POD"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("AWS_SESSION_TOKEN", "hush"),
        ("AWS_ENDPOINT_URL", "http://elsewhere"),
        ("AWS_SKIP_SIGNATURE", "true"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut spec = spec("aws", &pairs);
    spec.environment = &environment;
    let with_file = reach(&spec).unwrap();
    assert_eq!(value(&with_file, "AWS_ACCESS_KEY_ID"), Some("AKIA"));
    assert_eq!(value(&with_file, "AWS_SESSION_TOKEN"), None);
    spec.credentials = None;
    let without = reach(&spec).unwrap();
    assert_eq!(value(&without, "AWS_ACCESS_KEY_ID"), Some("POD"));
    for reached in [with_file, without] {
        assert_ne!(
            value(&reached, "AWS_ENDPOINT_URL"),
            Some("http://elsewhere")
        );
        assert_eq!(value(&reached, "AWS_SKIP_SIGNATURE"), None);
    }
    for (key, value) in [("profile", "x"), ("enableSharedConfig", "true")] {
        let config = config(&[REGION, (key, value)]);
        let spec = LocationSpec {
            config: &config,
            ..spec
        };
        assert!(Location::new(&spec).unwrap_err().to_string().contains(key));
    }
}

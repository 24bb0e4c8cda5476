//! S3 and what speaks as it does.

use std::net::IpAddr;

use super::aws_profile::{self, Profile};
use super::error::LocationError;
use super::keys::{Keys, server_url};
use super::place::{LocationSpec, Reached};

/// Where a cloud tells a pod who it is: keys, a role with the pod's token, or a service of the node.
const ENVIRONMENT: [&str; 9] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// The region of servers that have none.
const ANY_REGION: &str = "us-east-1";

pub(super) fn reach(spec: &LocationSpec<'_>, mut keys: Keys<'_>) -> Result<Reached, LocationError> {
    let mut reached = Reached::default();
    let shared = keys.flag("enableSharedConfig")?;
    let profile = keys.text("profile");
    let profile = match spec.credentials {
        Some(file) => Some(aws_profile::read(file, profile.unwrap_or("default"))?),
        None if profile.is_some() => {
            return Err(LocationError::BadValue {
                key: "profile",
                what: "chooses a section of a credentials file, and there is none: set \
                       spec.credential, or remove it"
                    .to_owned(),
            });
        }
        None if shared => {
            return Err(LocationError::BadValue {
                key: "enableSharedConfig",
                what: "lets a credentials file say more, and there is none: set spec.credential, \
                       or remove it"
                    .to_owned(),
            });
        }
        None => None,
    };
    let region = keys.text("region");
    let url = keys.text("s3Url");
    let url = url.map(|url| server_url("s3Url", url)).transpose()?;
    let of_profile = profile
        .as_ref()
        .and_then(|profile| profile.region.as_deref());
    let of_pod = || {
        let names = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        names.iter().find_map(|name| spec.variable(name))
    };
    let region = match region.or(of_profile).or_else(of_pod) {
        Some(region) => region,
        None if url.is_some() => ANY_REGION,
        None => {
            return Err(LocationError::Missing {
                key: "region",
                why: "Amazon is not asked for the region of a bucket; set it, or s3Url for another \
                      server",
            });
        }
    };
    check_region(region)?;
    reached.set("AWS_REGION", region);
    let path_style = keys.flag("s3ForcePathStyle")?;
    let (bucket, _) = spec.names()?;
    endpoint(&mut reached, url, region, bucket, path_style);
    if keys.flag("insecureSkipTLSVerify")? {
        reached.set("AWS_ALLOW_INVALID_CERTIFICATES", "true");
    }
    encryption(&mut reached, &mut keys)?;
    checksum(&mut reached, &mut keys)?;
    if let Some(url) = keys.text("publicUrl") {
        let (scheme, host) = server_url("publicUrl", url)?;
        reached.signing.public_url = Some(format!("{scheme}://{host}"));
    }
    match keys.text("signatureVersion") {
        None | Some("4") => {}
        Some("1") => {
            return Err(LocationError::NotHonoured {
                key: "signatureVersion",
                why: "URLs are signed with version 4 only; remove it if the server understands that",
            });
        }
        Some(other) => {
            return Err(LocationError::BadValue {
                key: "signatureVersion",
                what: format!("must be \"4\", and is {other:?}"),
            });
        }
    }
    keys.not_honoured(
        "tagging",
        "objects get no tags; remove it, and let rules of the bucket go by the prefix",
    )?;
    credentials(&mut reached, spec, profile);
    keys.end()?;
    Ok(reached)
}

/// It becomes part of a host's name.
fn check_region(region: &str) -> Result<(), LocationError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if region.bytes().all(plain) {
        return Ok(());
    }
    Err(LocationError::BadValue {
        key: "region",
        what: format!("is no name of a region: {region:?}"),
    })
}

/// Where the bucket is: in the path, or in the name of the host if it fits there. As the tools of
/// Amazon decide.
fn endpoint(
    reached: &mut Reached,
    url: Option<(&'static str, &str)>,
    region: &str,
    bucket: &str,
    path_style: bool,
) {
    let end = if region.starts_with("cn-") { ".cn" } else { "" };
    let amazon = format!("s3.{region}.amazonaws.com{end}");
    let (scheme, host) = url.unwrap_or(("https", &amazon));
    let in_host = !path_style && !is_address(host) && fits_host(bucket, scheme);
    let endpoint = if in_host {
        format!("{scheme}://{bucket}.{host}")
    } else {
        format!("{scheme}://{host}")
    };
    reached.set("AWS_ENDPOINT_URL", endpoint);
    reached.set(
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
        if in_host { "true" } else { "false" },
    );
}

/// Whether a host with its port is an address.
fn is_address(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    name.parse::<IpAddr>().is_ok()
}

/// Whether a bucket can be part of the name of a host. One with dots does not match the
/// certificate.
fn fits_host(bucket: &str, scheme: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(plain)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let dots = bucket.contains('.');
    (3..=63).contains(&bucket.len())
        && bucket.split('.').all(part)
        && !(dots && (scheme == "https" || is_address(bucket)))
}

fn encryption(reached: &mut Reached, keys: &mut Keys<'_>) -> Result<(), LocationError> {
    keys.not_honoured(
        "customerKeyEncryptionFile",
        "objects are not encrypted by the store with a key of yours (SSE-C); remove it, volume \
         data is encrypted before it is uploaded",
    )?;
    let how = keys.text("serverSideEncryption");
    let key = keys.text("kmsKeyId");
    match how {
        None | Some("AES256" | "aws:kms" | "aws:kms:dsse") => {}
        Some(other) => {
            return Err(LocationError::BadValue {
                key: "serverSideEncryption",
                what: format!("must be AES256, aws:kms or aws:kms:dsse, and is {other:?}"),
            });
        }
    }
    // A key asks for its kind of encryption, whatever else is said.
    let how = match (how, key) {
        (None | Some("AES256"), Some(_)) => Some("aws:kms"),
        (how, _) => how,
    };
    if let Some(how) = how {
        reached.set("AWS_SERVER_SIDE_ENCRYPTION", how);
    }
    if let Some(key) = key {
        reached.set("AWS_SSE_KMS_KEY_ID", key);
    }
    Ok(())
}

fn checksum(reached: &mut Reached, keys: &mut Keys<'_>) -> Result<(), LocationError> {
    match keys.raw("checksumAlgorithm").map(str::trim) {
        None | Some("" | "CRC32") => Ok(()),
        Some("SHA256") => {
            reached.set("AWS_CHECKSUM_ALGORITHM", "sha256");
            Ok(())
        }
        Some("CRC32C" | "SHA1") => Err(LocationError::NotHonoured {
            key: "checksumAlgorithm",
            why: "only SHA256 can be sent beside an object; use that, or \"\" for none",
        }),
        Some(other) => Err(LocationError::BadValue {
            key: "checksumAlgorithm",
            what: format!("must be SHA256 or \"\", and is {other:?}"),
        }),
    }
}

fn credentials(reached: &mut Reached, spec: &LocationSpec<'_>, profile: Option<Profile>) {
    match profile {
        Some(profile) => reached.settings.extend(profile.settings),
        None => {
            for name in ENVIRONMENT {
                if let Some(value) = spec.variable(name) {
                    reached.set(name, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(url: Option<(&'static str, &str)>, bucket: &str, path_style: bool) -> String {
        let mut reached = Reached::default();
        endpoint(&mut reached, url, "eu-west-1", bucket, path_style);
        reached.settings[0].1.clone()
    }

    #[test]
    fn the_bucket_is_in_the_name_of_the_host_where_it_fits() {
        for (url, bucket, path_style, wanted) in [
            (
                None,
                "data",
                false,
                "https://data.s3.eu-west-1.amazonaws.com",
            ),
            (None, "data", true, "https://s3.eu-west-1.amazonaws.com"),
            (None, "a.data", false, "https://s3.eu-west-1.amazonaws.com"),
            (None, "Data", false, "https://s3.eu-west-1.amazonaws.com"),
            (None, "x_y", false, "https://s3.eu-west-1.amazonaws.com"),
            (
                Some(("https", "minio:9000")),
                "data",
                false,
                "https://data.minio:9000",
            ),
            (
                Some(("https", "minio:9000")),
                "data",
                true,
                "https://minio:9000",
            ),
            (
                Some(("http", "minio")),
                "a.data",
                false,
                "http://a.data.minio",
            ),
            (
                Some(("http", "127.0.0.1:9")),
                "data",
                false,
                "http://127.0.0.1:9",
            ),
            (Some(("http", "[::1]:9")), "data", false, "http://[::1]:9"),
        ] {
            assert_eq!(style(url, bucket, path_style), wanted, "{url:?} {bucket}");
        }
        let mut reached = Reached::default();
        endpoint(&mut reached, None, "cn-north-1", "data", false);
        assert_eq!(
            reached.settings[0].1,
            "https://data.s3.cn-north-1.amazonaws.com.cn"
        );
    }
}

//! Azure Blob Storage.

use std::collections::BTreeMap;

use super::error::LocationError;
use super::keys::{Keys, server_url, text_of};
use super::place::{LocationSpec, Reached};

/// A cloud of Azure: name, end of the hosts of accounts, and who gives tokens.
const CLOUDS: [(&str, &str, &str); 3] = [
    (
        "AzurePublicCloud",
        "blob.core.windows.net",
        "https://login.microsoftonline.com",
    ),
    (
        "AzureUSGovernmentCloud",
        "blob.core.usgovcloudapi.net",
        "https://login.microsoftonline.us",
    ),
    (
        "AzureChinaCloud",
        "blob.core.chinacloudapi.cn",
        "https://login.chinacloudapi.cn",
    ),
];

pub(super) fn reach(spec: &LocationSpec<'_>, mut keys: Keys<'_>) -> Result<Reached, LocationError> {
    let mut reached = Reached::default();
    let file = match spec.credentials {
        Some(file) => variables(text_of(file)?),
        None => BTreeMap::new(),
    };
    let variable = |name: &str| {
        let of_file = file.get(name).copied().filter(|value| !value.is_empty());
        of_file.or_else(|| spec.variable(name))
    };
    // They say where Azure would be asked for the account's keys, which nobody does here.
    keys.text("resourceGroup");
    keys.text("subscriptionId");
    let account = keys.text("storageAccount").ok_or(LocationError::Missing {
        key: "storageAccount",
        why: "the container is in that account",
    })?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !account.bytes().all(plain) {
        return Err(LocationError::BadValue {
            key: "storageAccount",
            what: format!("must be small letters and digits, and is {account:?}"),
        });
    }
    reached.set("AZURE_STORAGE_ACCOUNT_NAME", account);
    let cloud = cloud(variable("AZURE_CLOUD_NAME"))?;
    match keys.text("storageAccountURI") {
        Some(uri) => {
            check_uri(uri)?;
            reached.set("AZURE_STORAGE_ENDPOINT", uri.trim_end_matches('/'));
        }
        None => reached.set(
            "AZURE_STORAGE_ENDPOINT",
            format!("https://{account}.{}", cloud.1),
        ),
    }
    let authority = keys.text("activeDirectoryAuthorityURI");
    if let Some(authority) = authority {
        server_url("activeDirectoryAuthorityURI", authority)?;
    }
    let authority = authority
        .or_else(|| spec.variable("AZURE_AUTHORITY_HOST"))
        .unwrap_or(cloud.2);
    let key_name = keys.text("storageAccountKeyEnvVar");
    let by_account = keys.flag("useAAD")?;
    match key_name {
        Some(name) => {
            let key = variable(name).ok_or_else(|| LocationError::Credentials {
                what: format!("there is no {name}, which storageAccountKeyEnvVar names"),
            })?;
            reached.set("AZURE_STORAGE_ACCOUNT_KEY", key);
            reached.set("AZURE_CREDENTIAL_TYPE", "access_key");
        }
        None if by_account => {
            reached.set("AZURE_AUTHORITY_HOST", authority);
            identity(&mut reached, variable)?;
        }
        None => {
            return Err(LocationError::Missing {
                key: "storageAccountKeyEnvVar",
                why: "Azure is not asked for the keys of the account; set it to the name of the \
                      key in the credentials, or useAAD to \"true\"",
            });
        }
    }
    if let Some(size) = keys.text("blockSizeInBytes") {
        let number = size.parse::<u64>().ok().filter(|size| *size > 0);
        reached.block_size = Some(number.ok_or_else(|| LocationError::BadValue {
            key: "blockSizeInBytes",
            what: format!("must be a number of bytes, and is {size:?}"),
        })?);
    }
    keys.end()?;
    Ok(reached)
}

/// The cloud of that name, the public one if none is named.
fn cloud(
    name: Option<&str>,
) -> Result<&'static (&'static str, &'static str, &'static str), LocationError> {
    let name = name.unwrap_or(CLOUDS[0].0);
    let known = CLOUDS
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(name));
    known.ok_or_else(|| LocationError::Credentials {
        what: format!(
            "AZURE_CLOUD_NAME is {name:?}, which is none of AzurePublicCloud, \
             AzureUSGovernmentCloud, AzureChinaCloud; set storageAccountURI for another one"
        ),
    })
}

/// Of an emulator it has the account as a path; else it is only a server.
fn check_uri(uri: &str) -> Result<(), LocationError> {
    let trimmed = uri.trim_end_matches('/');
    let end = trimmed.find("://").map_or(0, |at| at + 3);
    let path = trimmed.get(end..).and_then(|rest| rest.find('/'));
    let server = path.map_or(trimmed, |at| trimmed.get(..end + at).unwrap_or(trimmed));
    let rest = trimmed.get(server.len()..).unwrap_or_default();
    if rest.contains(['?', '#', '@']) || rest.trim_start_matches('/').contains('/') {
        return Err(LocationError::BadValue {
            key: "storageAccountURI",
            what: format!("must be the URL of the account and no more: {server:?}"),
        });
    }
    server_url("storageAccountURI", server).map(|_| ())
}

/// Who asks Azure for a token.
fn identity<'a>(
    reached: &mut Reached,
    variable: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), LocationError> {
    for unsupported in [
        "AZURE_CLIENT_CERTIFICATE",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_USERNAME",
        "AZURE_PASSWORD",
    ] {
        if variable(unsupported).is_some() {
            return Err(LocationError::Credentials {
                what: format!(
                    "{unsupported} cannot be used yet: use AZURE_CLIENT_SECRET, a workload \
                     identity, or the identity of the node"
                ),
            });
        }
    }
    let client = variable("AZURE_CLIENT_ID");
    let tenant = variable("AZURE_TENANT_ID");
    let secret = variable("AZURE_CLIENT_SECRET");
    let token = variable("AZURE_FEDERATED_TOKEN_FILE");
    let kind = match (client, tenant, secret, token) {
        (Some(_), Some(_), Some(secret), _) => {
            reached.set("AZURE_CLIENT_SECRET", secret);
            "client_secret"
        }
        (_, _, Some(_), _) => {
            return Err(LocationError::Credentials {
                what: "AZURE_CLIENT_SECRET is there without AZURE_CLIENT_ID and AZURE_TENANT_ID"
                    .to_owned(),
            });
        }
        (Some(_), Some(_), None, Some(token)) => {
            reached.set("AZURE_FEDERATED_TOKEN_FILE", token);
            "workload_identity"
        }
        _ => "managed_identity",
    };
    reached.set("AZURE_CREDENTIAL_TYPE", kind);
    if let Some(client) = client {
        reached.set("AZURE_CLIENT_ID", client);
    }
    if let Some(tenant) = tenant {
        reached.set("AZURE_TENANT_ID", tenant);
    }
    Ok(())
}

/// Lines of `NAME=value`, as `.env` files have them.
fn variables(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().map(str::trim);
    let pairs = lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
    pairs
        .map(|(name, value)| (name.trim(), unquoted(value.trim())))
        .collect()
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file_are_variables() {
        let text = "# a\nA=1\nexport B = \"two = 2\"\nC='3'\n\nnonsense\nD=\n";
        let wanted = [("A", "1"), ("B", "two = 2"), ("C", "3"), ("D", "")];
        assert_eq!(variables(text), BTreeMap::from(wanted));
    }

    #[test]
    fn the_uri_of_an_account_has_a_path_of_one_part_at_the_most() {
        for good in [
            "https://a.blob.core.windows.net",
            "https://a.blob.core.windows.net/",
            "http://127.0.0.1:10000/account",
        ] {
            assert_eq!(check_uri(good), Ok(()), "{good}");
        }
        for bad in [
            "a.blob",
            "https://",
            "https://h/a/b",
            "https://h/a?sig=secret",
            "https://u:secret@h",
        ] {
            let error = check_uri(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}

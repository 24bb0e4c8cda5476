//! A section of a shared credentials file.

use std::collections::BTreeMap;

use super::error::LocationError;
use super::keys::text_of;

/// What a section says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// Credentials, by names in the environment.
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) region: Option<String>,
}

/// Settings by which other programs find keys.
const OTHER_WAYS: [&str; 7] = [
    "source_profile",
    "credential_source",
    "credential_process",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "mfa_serial",
];

/// Reads the section `name`: keys, or a role that is taken with a token file.
pub(super) fn read(file: &[u8], name: &str) -> Result<Profile, LocationError> {
    let sections = sections(text_of(file)?);
    let bad = |what: String| LocationError::Credentials { what };
    let Some(section) = sections.get(name) else {
        let names: Vec<_> = sections.into_keys().collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        return Err(bad(format!(
            "the file has no section [{name}], and has: {names}"
        )));
    };
    let value = |key: &str| section.get(key).copied().filter(|value| !value.is_empty());
    if let Some(way) = OTHER_WAYS.iter().find(|way| value(way).is_some()) {
        return Err(bad(format!(
            "section [{name}] has {way}, and Orlop takes keys only as they are: put \
             aws_access_key_id and aws_secret_access_key there"
        )));
    }
    let settings = match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (Some(id), Some(secret)) => {
            let mut settings = vec![
                ("AWS_ACCESS_KEY_ID", id.to_owned()),
                ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ];
            if let Some(token) = value("aws_session_token") {
                settings.push(("AWS_SESSION_TOKEN", token.to_owned()));
            }
            settings
        }
        (None, None) => match (value("role_arn"), value("web_identity_token_file")) {
            (Some(role), Some(file)) => {
                let mut settings = vec![
                    ("AWS_ROLE_ARN", role.to_owned()),
                    ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_owned()),
                ];
                if let Some(session) = value("role_session_name") {
                    settings.push(("AWS_ROLE_SESSION_NAME", session.to_owned()));
                }
                settings
            }
            (Some(_), None) => {
                return Err(bad(format!(
                    "section [{name}] has role_arn without web_identity_token_file, and Orlop \
                     assumes no role with other keys: put keys of the role there"
                )));
            }
            (None, _) => {
                return Err(bad(format!(
                    "section [{name}] has neither aws_access_key_id nor aws_secret_access_key"
                )));
            }
        },
        (id, _) => {
            let missing = match id {
                Some(_) => "aws_secret_access_key",
                None => "aws_access_key_id",
            };
            return Err(bad(format!("section [{name}] has no {missing}")));
        }
    };
    Ok(Profile {
        settings,
        region: value("region").map(str::to_owned),
    })
}

/// Sections with their settings, names of settings in small letters. Of a name that comes twice the
/// last counts.
fn sections(text: &str) -> BTreeMap<String, BTreeMap<String, &str>> {
    let mut sections = BTreeMap::<_, BTreeMap<_, _>>::new();
    let mut current = None;
    // Settings that stand indented below an empty one belong to it.
    let mut nested = false;
    for line in text.lines() {
        let indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let name = name.trim();
            let name = name.strip_prefix("profile ").unwrap_or(name).trim();
            sections.entry(name.to_owned()).or_default();
            current = Some(name.to_owned());
            nested = false;
            continue;
        }
        let (Some(section), Some((key, value))) = (&current, line.split_once('=')) else {
            continue;
        };
        if nested && indented {
            continue;
        }
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        nested = value.is_empty();
        if let Some(section) = sections.get_mut(section) {
            section.insert(key, value);
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"\xef\xbb\xbf# keys\r\n[default]\r\naws_access_key_id = AKIA1\r\n\
        AWS_SECRET_ACCESS_KEY=se=cret\r\ns3 =\r\n  region = nested\r\n\r\n\
        [profile second]\n  aws_access_key_id=AKIA2\n  aws_secret_access_key=two\n\
        aws_session_token=t\nregion=eu-west-1\n\
        [web]\nrole_arn=arn:aws:iam::1:role/r\nweb_identity_token_file=/token\n\
        [assumed]\nrole_arn=r\nsource_profile=default\n[role]\nrole_arn=r\n[empty]\n\
        [half]\naws_access_key_id=AKIA3\n";

    #[test]
    fn a_section_gives_its_keys() {
        let profile = read(FILE, "default").unwrap();
        let wanted = [
            ("AWS_ACCESS_KEY_ID", "AKIA1"),
            ("AWS_SECRET_ACCESS_KEY", "se=cret"),
        ];
        assert_eq!(
            profile.settings,
            wanted.map(|(key, value)| (key, value.to_owned()))
        );
        assert_eq!(profile.region, None);
        let second = read(FILE, "second").unwrap();
        assert_eq!(second.settings.len(), 3);
        assert_eq!(second.settings[2], ("AWS_SESSION_TOKEN", "t".to_owned()));
        assert_eq!(second.region.as_deref(), Some("eu-west-1"));
        let web = read(FILE, "web").unwrap();
        assert_eq!(
            web.settings[1],
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token".to_owned())
        );
    }

    #[test]
    fn what_gives_no_keys_is_refused_and_no_secret_is_repeated() {
        for (name, words) in [
            ("third", "no section [third]"),
            ("assumed", "source_profile"),
            ("role", "role_arn without"),
            ("empty", "neither"),
            ("half", "no aws_secret_access_key"),
        ] {
            let error = read(FILE, name).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert!(
                !error.contains("se=cret") && !error.contains("AKIA"),
                "{error}"
            );
        }
        for file in [Vec::new(), vec![0xff], vec![b'x'; 70_000]] {
            assert!(read(&file, "default").is_err());
        }
    }
}

//! The keys of a location's config: each is asked for, and none is left over.

use std::collections::BTreeMap;

use super::error::LocationError;

/// Keys that the server sets for Velero's plugins, with the fields that they come from.
const OF_THE_SERVER: [(&str, &str); 4] = [
    ("bucket", "spec.objectStorage.bucket"),
    ("prefix", "spec.objectStorage.prefix"),
    ("caCert", "spec.objectStorage.caCert or caCertRef"),
    ("credentialsFile", "spec.credential"),
];

/// The config of one location. What is asked for is known to the provider, whether it is there or
/// not.
pub(super) struct Keys<'a> {
    provider: &'static str,
    config: &'a BTreeMap<String, String>,
    asked: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(provider: &'static str, config: &'a BTreeMap<String, String>) -> Self {
        Self {
            provider,
            config,
            asked: Vec::new(),
        }
    }

    /// A value as it is, an empty one too.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<&'a str> {
        self.asked.push(key);
        self.config.get(key).map(String::as_str)
    }

    /// A value that says something.
    pub(super) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        self.raw(key)
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// `true` or `false`, as Go reads them; `false` if it is not there.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, LocationError> {
        match self.text(key) {
            None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some(other) => Err(LocationError::BadValue {
                key,
                what: format!("must be \"true\" or \"false\", and is {other:?}"),
            }),
        }
    }

    /// Refuses a key that does not count yet.
    pub(super) fn not_honoured(
        &mut self,
        key: &'static str,
        why: &'static str,
    ) -> Result<(), LocationError> {
        match self.text(key) {
            None => Ok(()),
            Some(_) => Err(LocationError::NotHonoured { key, why }),
        }
    }

    /// Refuses what was not asked for.
    pub(super) fn end(self) -> Result<(), LocationError> {
        for (key, field) in OF_THE_SERVER {
            if self.config.contains_key(key) {
                return Err(LocationError::OfTheServer { key, field });
            }
        }
        let unknown = self
            .config
            .keys()
            .find(|key| !self.asked.contains(&key.as_str()));
        match unknown {
            None => Ok(()),
            Some(key) => Err(LocationError::UnknownKey {
                provider: self.provider,
                key: key.clone(),
                known: self.asked.join(", "),
            }),
        }
    }
}

/// A URL of a server: scheme, host and port, nothing more. Gives scheme and the rest.
pub(super) fn server_url<'a>(
    key: &'static str,
    text: &'a str,
) -> Result<(&'static str, &'a str), LocationError> {
    let bad = |what: &str| LocationError::BadValue {
        key,
        what: format!("must be http:// or https:// with a host, and {what}: {text:?}"),
    };
    // It may hold a secret.
    if text.contains('@') {
        return Err(LocationError::BadValue {
            key,
            what: "must hold no credentials: put them into the Secret".to_owned(),
        });
    }
    let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
        ("https", rest)
    } else if let Some(rest) = text.strip_prefix("http://") {
        ("http", rest)
    } else {
        return Err(bad("is not"));
    };
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.is_empty() || host.starts_with(':') {
        return Err(bad("has no host"));
    }
    if host.contains('/') {
        return Err(bad("has a path"));
    }
    if host.contains(['?', '#', '\\']) || host.contains(char::is_whitespace) {
        return Err(bad("has more than that"));
    }
    Ok((scheme, host))
}

/// A file of credentials as text.
pub(super) fn text_of(file: &[u8]) -> Result<&str, LocationError> {
    /// Longer than any of them.
    const MAX_LEN: usize = 64 << 10;

    let bad = |what: &str| LocationError::Credentials {
        what: what.to_owned(),
    };
    if file.len() > MAX_LEN {
        return Err(bad("the file is longer than 65536 bytes"));
    }
    let text = str::from_utf8(file).map_err(|_| bad("the file is no text"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

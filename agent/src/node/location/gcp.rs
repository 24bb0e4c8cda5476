//! Google Cloud Storage.

use serde_json::Value;

use super::error::LocationError;
use super::keys::{Keys, text_of};
use super::place::{LocationSpec, Reached};

/// Names the credentials of the process.
const ENVIRONMENT: &str = "GOOGLE_APPLICATION_CREDENTIALS";

pub(super) fn reach(spec: &LocationSpec<'_>, mut keys: Keys<'_>) -> Result<Reached, LocationError> {
    let mut reached = Reached::default();
    keys.not_honoured(
        "kmsKeyName",
        "objects are encrypted with the bucket's default key; set the key there and remove it",
    )?;
    reached.signing.service_account = keys.text("serviceAccount").map(str::to_owned);
    match spec.credentials {
        Some(file) => {
            let text = text_of(file)?;
            check(text)?;
            reached.set("GOOGLE_SERVICE_ACCOUNT_KEY", text);
        }
        None => {
            if let Some(file) = spec.variable(ENVIRONMENT) {
                reached.set(ENVIRONMENT, file);
            }
        }
    }
    keys.end()?;
    Ok(reached)
}

/// Only the key of an account can be used as it is.
fn check(text: &str) -> Result<(), LocationError> {
    let bad = |what: String| LocationError::Credentials { what };
    // Its message could repeat the file.
    let value: Value =
        serde_json::from_str(text).map_err(|_| bad("the file is no JSON".to_owned()))?;
    match value.get("type") {
        None if value.get("private_key").is_some() => Ok(()),
        Some(Value::String(kind)) if kind == "service_account" => Ok(()),
        Some(Value::String(kind)) => {
            let kind: String = kind.chars().take(40).collect();
            Err(bad(format!(
                "the file is of type {kind:?}, and only the key of a service_account can be used \
                 yet; leave spec.credential out to use the identity of the pod or node"
            )))
        }
        _ => Err(bad(
            "the file is not the key of a service account".to_owned()
        )),
    }
}

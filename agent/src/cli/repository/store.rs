//! From a URL and the environment to a store.

use std::path::Path;

use orlop_repo::store::{Store, StoreConfig, StoreUrl};

use crate::cli::failure::Failure;

/// Longest bundle of certificates: the system's own are some 200 KiB.
const MAX_CERTIFICATES: u64 = 16 << 20;

/// Reads a location as the user gave it.
pub(in crate::cli) fn parse_url(text: &str) -> Result<StoreUrl, Failure> {
    text.parse()
        .map_err(|error| Failure::new("cannot use that location of a repository").because(error))
}

/// The store at `url`, with endpoint and credentials from the environment. Sends no request.
pub(in crate::cli) fn open_store(url: &StoreUrl) -> Result<Store, Failure> {
    Store::open(url, &config()?).map_err(|error| cannot(url, error))
}

/// As [`open_store`]; a local folder is made if it is absent.
pub(in crate::cli) async fn create_store(url: &StoreUrl) -> Result<Store, Failure> {
    Store::create(url, &config()?)
        .await
        .map_err(|error| cannot(url, error))
}

fn cannot(url: &StoreUrl, error: orlop_repo::store::StoreError) -> Failure {
    Failure::new(format!("cannot use the store {url}")).because(error)
}

fn config() -> Result<StoreConfig, Failure> {
    // Names and values that are no text cannot be a store's settings.
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let mut config = StoreConfig::default().with_settings(environment);
    if let Some(file) = std::env::var_os("AWS_CA_BUNDLE").filter(|file| !file.is_empty()) {
        config.ca_certificates = Some(certificates(Path::new(&file))?);
    }
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(MAX_CERTIFICATES).read_to_end(&mut bytes))
        .map_err(|error| {
            Failure::new(format!(
                "cannot read the certificates {} named by AWS_CA_BUNDLE",
                file.display()
            ))
            .because(error)
        })?;
    Ok(bytes)
}

//! Where `tests/setup.sh` puts the servers.

use std::path::PathBuf;

use crate::error::ServerError;

/// The versions, which `tests/setup.sh` reads too.
const VERSIONS: &str = include_str!("../versions.env");

/// The file `path` of the tool `name`, whose version stands under `key`.
pub fn find(name: &str, key: &str, path: &str) -> Result<PathBuf, ServerError> {
    let version = VERSIONS
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .ok_or_else(|| ServerError::new(format!("versions.env has no {key}")))?;
    let tools = std::env::var_os("ORLOP_TOOLS")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/orlop-tools")))
        .ok_or_else(|| ServerError::new("neither ORLOP_TOOLS nor HOME is set"))?;
    let found = tools.join(format!("{name}-{version}")).join(path);
    if found.is_file() {
        Ok(found)
    } else {
        Err(ServerError::new(format!(
            "{name} {version} is not installed ({} is missing): run tests/setup.sh",
            found.display()
        )))
    }
}

//! The name of a volume that nobody named.

use std::path::Path;

/// `HOST:PATH`: two machines that share a repository do not mix their data up.
pub(super) fn default_name(path: &Path) -> String {
    format!("{}:{}", host(), path.display())
}

/// This machine's name, as the kernel has it.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

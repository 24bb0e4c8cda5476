//! How much memory may be used if the user does not say.

use std::path::Path;

use crate::memory::DEFAULT_BUDGET as DEFAULT;

/// Where Linux tells a container its limit, for both versions of control groups.
const LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// The smaller of 256 MiB and 0.6 of the container's limit.
pub(super) fn default_budget() -> u64 {
    let limit = LIMITS.iter().find_map(|file| limit_in(Path::new(file)));
    budget_under(limit)
}

fn limit_in(file: &Path) -> Option<u64> {
    // "max" stands for no limit, and is no number.
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn budget_under(limit: Option<u64>) -> u64 {
    limit.map_or(DEFAULT, |limit| DEFAULT.min(limit / 10 * 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_container_gets_a_small_budget() {
        assert_eq!(budget_under(None), DEFAULT);
        assert_eq!(budget_under(Some(1 << 40)), DEFAULT);
        assert_eq!(budget_under(Some(100)), 60);
    }
}

//! Two control planes work on one repository at the same time, each with a key and a cache of its
//! own: backups, maintenance and forgetting, by processes that know nothing of each other. Nothing
//! fails, and everything that is not forgotten comes back as it was.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests that tell their figures"
)]

#[path = "../support/program.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod program;
mod record;
mod volume;
mod work;

use std::time::Duration;

use program::Stand;
use work::Traffic;

/// Seconds of traffic of the short form.
const SHORT: Duration = Duration::from_secs(40);
/// Seconds of traffic of the long form.
const LONG: Duration = Duration::from_mins(10);

fn goes_well(stand: &Stand, time: Duration) {
    let traffic = Traffic::new(stand, time);
    let done = traffic.run();
    println!("{done}");
    traffic.settle();
}

#[test]
fn on_a_disk() {
    goes_well(&Stand::local(), SHORT);
}

#[test]
fn in_a_bucket() {
    goes_well(&Stand::s3(), SHORT);
}

#[test]
#[ignore = "takes ten minutes; the shorter form always runs"]
fn on_a_disk_for_long() {
    goes_well(&Stand::local(), LONG);
}

#[test]
#[ignore = "takes ten minutes; the shorter form always runs"]
fn in_a_bucket_for_long() {
    goes_well(&Stand::s3(), LONG);
}

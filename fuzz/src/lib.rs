//! Runs a target of `orlop_repo::fuzzing` under libFuzzer, with an allocator that counts.
//!
//! Each program in `fuzz_targets` is one target by name. See the README.

mod counted;

use std::sync::OnceLock;

use orlop_repo::fuzzing::{Gauge, TARGETS, Target};

pub use libfuzzer_sys;

/// Panics, and so stops the fuzzer, if a decoder takes more memory than its input allows.
static GAUGE: Gauge = Gauge {
    begin: counted::begin,
    end: |most| {
        let taken = counted::most_since_begin();
        assert!(
            taken <= most,
            "{taken} bytes were held at a time, {most} may be"
        );
    },
};

/// Runs the target `name`, which `target` keeps from call to call.
pub fn run(name: &str, target: &OnceLock<Target>, bytes: &[u8]) {
    let target = target.get_or_init(|| {
        let all = TARGETS.iter().copied();
        let named = all.clone().find(|target| target.name == name);
        let target = named.expect("a program is named after its target");
        // What is made once and kept, keys and buffers, is made here.
        (target.run)(bytes, &Gauge::NONE);
        target
    });
    (target.run)(bytes, &GAUGE);
}

/// The body of a program in `fuzz_targets`.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        static TARGET: std::sync::OnceLock<orlop_repo::fuzzing::Target> =
            std::sync::OnceLock::new();

        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            $crate::run($name, &TARGET, bytes);
        });
    };
}

//! Every file of the corpus through its target, without the fuzzer: what was found once stays
//! mended.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Gauge, TARGETS};

fn folder(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz")
        .join(of)
}

fn names(of: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(of)).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().into_string().unwrap()
    };
    entries.map(name).collect()
}

#[test]
fn every_input_of_the_corpus_passes_its_target() {
    for target in TARGETS {
        let inputs = names(&format!("corpus/{}", target.name));
        assert!(!inputs.is_empty(), "{} has no inputs", target.name);
        for input in inputs {
            println!("{}/{input}", target.name);
            let path = folder("corpus").join(target.name).join(input);
            (target.run)(&std::fs::read(path).unwrap(), &Gauge::NONE);
        }
    }
}

#[test]
fn every_target_has_a_program_and_inputs() {
    let targets: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(names("corpus"), targets);
    let programs: BTreeSet<_> = targets.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names("fuzz_targets"), programs);
}

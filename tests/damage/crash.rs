//! Repairs that end at any request, with and without its effect, and are continued by the next.

use std::sync::atomic::Ordering;

use orlop_repo::model::ObjectName;
use orlop_repo::store::MemoryBackend;

use crate::cycle::{mend_index, mend_log, mend_snapshots, repair_options, run};
use crate::scene::{Bench, Scene, key, open};
use crate::stage::Stage;

/// Which repair is cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Repair {
    Log,
    Index,
    Snapshots,
}

/// Begins a repair that ends after `writes` requests; says whether it came to its end.
fn begin(bench: &Bench, scene: &Scene, repair: Repair, stage: &Stage) -> bool {
    let options = repair_options(bench, true);
    if repair == Repair::Log {
        return mend_log(bench, stage, &key(), scene).is_ok();
    }
    let repository = open(bench, stage.clone(), &[key()], None).unwrap();
    match repair {
        Repair::Index => mend_index(bench, &repository, &options).is_ok(),
        _ => mend_snapshots(bench, &repository, &options).is_ok(),
    }
}

fn cut_off_everywhere(scene: &Scene, repair: Repair, damaged: &MemoryBackend, least: u64) {
    let bench = Bench::new();
    for effect in [false, true] {
        for number in 0.. {
            let memory = damaged.fork();
            let mut stage = Stage::new(memory.clone());
            stage.effect = effect;
            stage.end.store(number, Ordering::SeqCst);
            let done = begin(&bench, scene, repair, &stage);
            let context = format!("{repair:?} cut off at {number}, {effect}");
            run(&bench, scene, &memory, &context);
            if done {
                assert!(number >= least, "{context}");
                break;
            }
        }
    }
}

fn find(scene: &Scene, beginning: &str, is: impl Fn(&ObjectName, &[u8]) -> bool) -> ObjectName {
    let mut names = scene.names();
    names.retain(|name| name.as_str().starts_with(beginning) && !scene.is_dead(name));
    let found = names.into_iter().find(|name| is(name, &scene.bytes(name)));
    found.unwrap()
}

fn flip(scene: &Scene, name: &ObjectName, at: usize) -> MemoryBackend {
    let memory = scene.memory.fork();
    let mut bytes = scene.bytes(name).to_vec();
    bytes[at] ^= 1;
    memory.set(name, Some(bytes.into()));
    memory
}

#[test]
fn a_repair_of_the_log_is_continued_wherever_it_was_cut_off() {
    let scene = Scene::new();
    // An entry whose effects are known, and the last one, which nobody knows.
    let entry = find(&scene, "log/", |name, _| name.as_str().ends_with('3'));
    cut_off_everywhere(&scene, Repair::Log, &flip(&scene, &entry, 30), 3);
    let mut last = scene.names().into_iter();
    let last = last
        .rfind(|name| name.as_str().starts_with("log/"))
        .unwrap();
    cut_off_everywhere(&scene, Repair::Log, &flip(&scene, &last, 30), 3);
}

#[test]
fn a_repair_of_the_index_is_continued_wherever_it_was_cut_off() {
    let scene = Scene::new();
    let segment = find(&scene, "index/", |_, _| true);
    let memory = scene.memory.fork();
    memory.set(&segment, None);
    cut_off_everywhere(&scene, Repair::Index, &memory, 4);
    let fold = find(&scene, "meta/folds/", |_, _| true);
    cut_off_everywhere(&scene, Repair::Index, &flip(&scene, &fold, 60), 2);
}

#[test]
fn a_repair_of_the_snapshots_is_continued_wherever_it_was_cut_off() {
    let scene = Scene::new();
    for kind in [1, 2] {
        let pack = find(&scene, "packs/", |_, bytes| bytes[8] == kind);
        // A block, and a byte that no block has.
        cut_off_everywhere(&scene, Repair::Snapshots, &flip(&scene, &pack, 60), 1);
        cut_off_everywhere(&scene, Repair::Snapshots, &flip(&scene, &pack, 3), 4);
    }
}

//! Every byte of every object flipped in turn.
//!
//! `ORLOP_SLICE=3/64` has the long forms take the third of 64 slices, each with some bytes of every
//! object; the slices from `1/64` to `64/64` are all of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use orlop_repo::explain::explain;
use orlop_repo::model::ObjectName;
use orlop_repo::store::MemoryBackend;

use crate::cycle::run;
use crate::scene::{Bench, Scene, inspect, key, open, restore};

/// One flipped byte: it is found and named, and nothing wrong is restored.
fn look(bench: &Bench, scene: &Scene, memory: &MemoryBackend, name: &ObjectName, context: &str) {
    let repository = match open(bench, memory.clone(), &[key()], Some(scene.seen)) {
        Ok(repository) => repository,
        Err(error) => {
            let text = explain(&error);
            assert!(text.contains(name.as_str()), "{context}: {text}");
            let opens = ["log/", "meta/slots/"];
            assert!(opens.iter().any(|folder| name.as_str().starts_with(folder)));
            return;
        }
    };
    let report = inspect(bench, &repository).unwrap();
    let named = report.findings.iter().any(|f| f.object == name.as_str());
    assert!(named || scene.is_dead(name), "{context}: {report:?}");
    let state = bench.runtime.block_on(repository.state());
    assert_eq!(state.snapshots.len(), scene.truths.len(), "{context}");
    for (id, snapshot) in &state.snapshots {
        let restored = restore(bench, &repository, snapshot);
        scene.truths[id].compare(&restored, context);
        let hurt = report.findings.iter().flat_map(|f| &f.hurt);
        let hurt = hurt.filter(|file| file.snapshot == *id).count();
        assert_eq!(restored.is_complete(), hurt == 0, "{context}: {report:?}");
    }
}

/// Works through `items` on two threads.
pub(crate) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&Bench, &T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let bench = Bench::new();
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(&bench, item);
                }
            });
        }
    });
}

fn all_bytes(scene: &Scene) -> Vec<(ObjectName, usize)> {
    let contents = scene.memory.contents();
    let all = contents
        .iter()
        .flat_map(|(name, bytes)| (0..bytes.len()).map(|at| (name.clone(), at)));
    all.collect()
}

/// Those of the slice that `ORLOP_SLICE` names; all if it names none.
///
/// Sessions have other names in each run, and objects another order: a slice goes by the places in
/// each object.
fn of_slice(mut bytes: Vec<(ObjectName, usize)>) -> Vec<(ObjectName, usize)> {
    let Ok(slice) = std::env::var("ORLOP_SLICE") else {
        return bytes;
    };
    let (number, of) = slice.split_once('/').unwrap();
    let (number, of): (usize, usize) = (number.parse().unwrap(), of.parse().unwrap());
    assert!((1..=of).contains(&number), "there is no slice {slice}");
    bytes.retain(|(_, at)| at % of == number - 1);
    bytes
}

fn flipped(scene: &Scene, name: &ObjectName, at: usize) -> MemoryBackend {
    let memory = scene.memory.fork();
    let mut bytes = scene.bytes(name).to_vec();
    // Another bit of each byte.
    bytes[at] ^= 1 << (at % 8);
    memory.set(name, Some(bytes.into()));
    memory
}

/// Flips each of `bytes` by itself.
fn look_at_each(scene: &Scene, bytes: &[(ObjectName, usize)]) {
    println!("{} objects, {} bytes", scene.names().len(), bytes.len());
    in_parallel(bytes, |bench, (name, at)| {
        let memory = flipped(scene, name, *at);
        look(bench, scene, &memory, name, &format!("{name} at {at}"));
    });
}

/// Heads and ends of each object whole, where lengths and versions stand, and a share of the rest.
#[test]
fn a_flipped_byte_is_named_and_nothing_wrong_is_restored() {
    let scene = Scene::new();
    let mut some = all_bytes(&scene);
    some.retain(|(name, at)| {
        let len = scene.bytes(name).len();
        // An odd step, so that each bit has its turn.
        *at < 48 || len - at <= 32 || at % 7 == 0
    });
    look_at_each(&scene, &some);
}

#[test]
#[ignore = "takes long; tests/full runs it"]
fn every_flipped_byte_is_named_and_nothing_wrong_is_restored() {
    let scene = Scene::new();
    look_at_each(&scene, &of_slice(all_bytes(&scene)));
}

/// Flips each of `bytes` by itself, has it repaired, and backs up again.
fn mend_each(scene: &Scene, bytes: &[(ObjectName, usize)]) {
    println!("{} objects, {} bytes", scene.names().len(), bytes.len());
    in_parallel(bytes, |bench, (name, at)| {
        let memory = flipped(scene, name, *at);
        run(bench, scene, &memory, &format!("{name} at {at}"));
    });
}

/// Some bytes of each object; the repairs have to deal with all of them.
#[test]
fn a_flipped_byte_is_repaired_and_healed() {
    let scene = Scene::new();
    let mut some = all_bytes(&scene);
    some.retain(|(name, at)| {
        let len = scene.bytes(name).len();
        [0, 5, 12, 20, len / 2, len - 1].contains(at)
    });
    mend_each(&scene, &some);
}

#[test]
#[ignore = "takes long; tests/full runs it"]
fn every_flipped_byte_is_repaired_and_healed() {
    let scene = Scene::new();
    mend_each(&scene, &of_slice(all_bytes(&scene)));
}

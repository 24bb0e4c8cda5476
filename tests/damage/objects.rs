//! Every object removed, emptied, cut short, or another one in its place.

use bytes::Bytes;
use orlop_repo::model::ObjectName;
use orlop_repo::repository::RepositoryError;
use orlop_repo::store::MemoryBackend;

use crate::bytes::in_parallel;
use crate::cycle::run_with;
use crate::scene::{Bench, Scene, key, open, passphrase};

/// What is done to an object.
#[derive(Clone, Debug)]
enum Damage {
    Removed,
    Emptied,
    CutTo(usize),
    Grown,
    SwappedWith(ObjectName),
}

fn damages(scene: &Scene, name: &ObjectName) -> Vec<Damage> {
    let len = scene.bytes(name).len();
    let mut damages = vec![Damage::Removed, Damage::Emptied, Damage::Grown];
    for len in [1, 4, len / 2, len - 5, len - 1] {
        damages.push(Damage::CutTo(len));
    }
    // One of each folder, and its neighbour.
    let names = scene.names();
    let at = names.iter().position(|other| other == name).unwrap();
    let mut others: Vec<&ObjectName> = Vec::new();
    for folder in [
        "index/",
        "log/",
        "meta/folds/",
        "meta/format",
        "meta/slots/",
        "packs/",
    ] {
        let mut of = names.iter().filter(|n| n.as_str().starts_with(folder));
        others.extend(of.find(|other| *other != name && !scene.is_dead(other)));
    }
    others.extend(names.get(at + 1));
    others.dedup();
    // With both slots gone nothing opens: see below.
    let is_slot = |name: &ObjectName| name.as_str().starts_with("meta/slots/");
    others.retain(|other| !is_slot(name) || !is_slot(other));
    damages.extend(others.into_iter().cloned().map(Damage::SwappedWith));
    damages
}

fn damage(scene: &Scene, name: &ObjectName, damage: &Damage) -> MemoryBackend {
    let memory = scene.memory.fork();
    let bytes = scene.bytes(name);
    match damage {
        Damage::Removed => memory.set(name, None),
        Damage::Emptied => memory.set(name, Some(Bytes::new())),
        Damage::CutTo(len) => memory.set(name, Some(bytes.slice(..(*len).min(bytes.len())))),
        Damage::Grown => memory.set(name, Some([&bytes[..], &[0; 600]].concat().into())),
        Damage::SwappedWith(other) => {
            memory.set(name, Some(scene.bytes(other)));
            memory.set(other, Some(bytes));
        }
    }
    memory
}

#[test]
fn every_object_is_repaired_and_healed_whatever_happens_to_it() {
    let scene = Scene::new();
    let names = scene.names();
    let all: Vec<_> = names
        .iter()
        .flat_map(|name| {
            let damages = damages(&scene, name);
            damages.into_iter().map(|damage| (name.clone(), damage))
        })
        .collect();
    println!("{} objects, {} kinds of damage", names.len(), all.len());
    in_parallel(&all, |bench, (name, kind)| {
        let memory = damage(&scene, name, kind);
        let is_pack = |name: &ObjectName| name.as_str().starts_with("packs/");
        let two = matches!(kind, Damage::SwappedWith(other) if is_pack(name) && is_pack(other));
        run_with(bench, &scene, &memory, &format!("{name} {kind:?}"), !two);
    });
}

/// Nothing can be made again of that; a recovery file brings a slot back.
#[test]
fn without_a_slot_the_error_names_each() {
    let scene = Scene::new();
    let bench = Bench::new();
    let mut names = scene.names();
    names.retain(|name| name.as_str().starts_with("meta/slots/"));
    let memory = damage(&scene, &names[0], &Damage::SwappedWith(names[1].clone()));
    let opened = open(&bench, memory, &[key(), passphrase()], None);
    let Err(error @ RepositoryError::NoKey { .. }) = opened else {
        panic!("it opens");
    };
    for name in names {
        assert!(error.to_string().contains(name.as_str()), "{error}");
    }
}

//! A store that does not answer is no damage.

use orlop_repo::repair::RepairError;

use crate::cycle::{mend_index, mend_log, mend_snapshots, repair_options};
use crate::scene::{Bench, Scene, key, open};
use crate::unanswered::Silent;

fn is_unanswered(error: &RepairError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("no progress within") {
            return true;
        }
        cause = error.source();
    }
    false
}

#[test]
fn a_repair_stops_where_the_store_does_not_answer_and_changes_nothing() {
    let scene = Scene::new();
    let bench = Bench::new();
    let options = repair_options(&bench, true);
    for silent in ["log/", "index/", "packs/", "meta/folds/", "meta/format"] {
        let store = Silent {
            memory: scene.memory.fork(),
            ..Silent::default()
        };
        let repository = open(&bench, store.clone(), &[key()], None).unwrap();
        *store.armed.lock() = Some(silent);
        let before = store.memory.contents();
        let mut errors = Vec::new();
        if silent != "packs/" && silent != "index/" {
            errors.push(mend_log(&bench, &store, &key(), &scene).map(|_| ()));
        }
        if silent != "log/" && silent != "meta/format" {
            errors.push(mend_index(&bench, &repository, &options).map(|_| ()));
        }
        if silent == "packs/" || silent == "index/" {
            errors.push(mend_snapshots(&bench, &repository, &options).map(|_| ()));
        }
        assert!(!errors.is_empty());
        for error in errors {
            let error = error.unwrap_err();
            assert!(is_unanswered(&error), "{silent}: {error:?}");
        }
        assert!(before == store.memory.contents(), "{silent}");
    }
}

#[test]
fn damage_beside_a_store_that_does_not_answer_is_not_declared_lost() {
    let scene = Scene::new();
    let bench = Bench::new();
    let packs = scene.names();
    let mut packs = packs
        .iter()
        .filter(|name| name.as_str().starts_with("packs/") && !scene.is_dead(name));
    let (gone, silent) = (packs.next().unwrap(), packs.next().unwrap());
    let store = Silent {
        memory: scene.memory.fork(),
        ..Silent::default()
    };
    store.memory.set(gone, None);
    let repository = open(&bench, store.clone(), &[key()], None).unwrap();
    let name: &'static str = Box::leak(silent.to_string().into_boxed_str());
    *store.armed.lock() = Some(name);
    let options = repair_options(&bench, false);
    let error = mend_snapshots(&bench, &repository, &options).unwrap_err();
    assert!(is_unanswered(&error), "{error:?}");
    let state = bench.runtime.block_on(repository.state());
    assert!(state.lost.is_empty());
}

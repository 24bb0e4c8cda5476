//! Forgetting snapshots, and bringing them back.

use std::fs;

use crate::bench::{Bench, contents, noise};

/// Snapshots of `source`, each with something new in it; ids oldest first.
fn with_snapshots(bench: &Bench, count: u64) -> Vec<String> {
    for number in 0..count {
        let name = format!("new-{number}");
        fs::write(bench.source().join(name), noise(100_000, 100 + number)).unwrap();
        let tag = format!("number={number}");
        let args = ["backup", "source", "--volume", "v", "--tag", &tag];
        bench.orlop(args).run().done();
    }
    listed(bench, &[])
}

fn listed(bench: &Bench, args: &[&str]) -> Vec<String> {
    let run = bench.orlop(["snapshots", "-q"].iter().chain(args)).run();
    run.done().out.lines().map(str::to_owned).collect()
}

#[test]
fn a_policy_forgets_and_what_it_forgot_comes_back_whole() {
    let bench = Bench::new();
    let ids = with_snapshots(&bench, 3);
    let args = ["forget", "--keep-last", "1", "--keep-tag", "number=0"];
    let dry = bench.orlop(args.iter().chain(&["--dry-run"])).run().done();
    assert!(
        dry.out.contains("would forget 1 snapshot and keep 2"),
        "{dry:?}"
    );
    assert!(dry.out.contains("keep    last snapshot"), "{dry:?}");
    assert!(dry.out.contains("has tag number=0"), "{dry:?}");
    assert_eq!(listed(&bench, &[]), ids);

    let run = bench.orlop(args).run().done();
    assert!(run.out.contains("forgot 1 snapshot, kept 2"), "{run:?}");
    assert_eq!(listed(&bench, &[]), [ids[0].clone(), ids[2].clone()]);
    assert_eq!(listed(&bench, &["--forgotten"]), [ids[1].clone()]);
    // Once more there is nothing to do.
    let run = bench.orlop(args).run().done();
    assert!(run.out.contains("forgot 0 snapshots, kept 2"), "{run:?}");

    let short = &ids[1][..8];
    let run = bench.orlop(["unforget", short]).run().done();
    assert_eq!(run.out, format!("snapshot {short} is back\n"));
    assert_eq!(listed(&bench, &[]), ids);
    fs::remove_file(bench.source().join("new-2")).unwrap();
    bench.orlop(["restore", short, "target"]).run().done();
    assert_eq!(contents(&bench.path("target")), contents(&bench.source()));
    bench.orlop(["check"]).run().done();
}

#[test]
fn named_snapshots_go_and_a_second_time_is_an_error() {
    let bench = Bench::new();
    let ids = with_snapshots(&bench, 2);
    bench.orlop(["forget", "latest", &ids[1]]).run().done();
    assert_eq!(listed(&bench, &[]), [ids[0].clone()]);
    bench
        .orlop(["forget", &ids[1]])
        .run()
        .failed(1, "no single snapshot");
    bench.orlop(["forget", "latest"]).run().done();
    // The last one may go, if it is named.
    assert!(listed(&bench, &[]).is_empty());
    bench.orlop(["unforget", &ids[0], &ids[1]]).run().done();
    assert_eq!(listed(&bench, &[]), ids);
    bench
        .orlop(["unforget", "latest"])
        .run()
        .failed(1, "no forgotten snapshot can come back");
}

#[test]
fn a_slip_forgets_nothing() {
    let bench = Bench::new();
    let ids = with_snapshots(&bench, 2);
    for (args, code, words) in [
        (&["forget"][..], 2, "--keep-daily"),
        (&["forget", "--dry-run"], 2, "neither"),
        (&["forget", "--keep-last", "0"], 2, "above 0"),
        (&["forget", "latest", "--keep-last", "1"], 2, "--keep-last"),
        (
            &["forget", "--keep-tag", "none"],
            1,
            "--unsafe-allow-remove-all",
        ),
        (
            &["forget", "--keep-tag", "none", "--dry-run"],
            1,
            "all 2 snapshots",
        ),
        (&["forget", "--unsafe-allow-remove-all"], 2, "--volume"),
        (&["forget", "ffffffff"], 1, "no single snapshot"),
    ] {
        bench.orlop(args).run().failed(code, words);
    }
    assert_eq!(listed(&bench, &[]), ids);
    let all = ["forget", "--unsafe-allow-remove-all", "--volume", "v"];
    let run = bench.orlop(all).run().done();
    assert!(run.out.contains("forgot 2 snapshots, kept 0"), "{run:?}");
}

#[test]
fn volumes_are_judged_by_themselves() {
    let bench = Bench::new();
    for volume in ["a", "b"] {
        let args = ["backup", "source", "--volume", volume];
        bench.orlop(args).run().done();
    }
    let last = ["forget", "--keep-last", "1"];
    bench.orlop(last).run().done();
    assert_eq!(listed(&bench, &[]).len(), 2);
    let b = bench
        .orlop(["snapshots", "-q", "--volume", "b"])
        .run()
        .done();
    let together = last.iter().chain(&["--group-by", "none"]);
    bench.orlop(together).run().done();
    assert_eq!(listed(&bench, &[]), [b.out.trim()]);
}

#[test]
fn what_has_lost_a_pack_does_not_come_back() {
    let bench = Bench::new();
    let ids = with_snapshots(&bench, 1);
    bench.orlop(["forget", "latest"]).run().done();
    fs::remove_file(&bench.packs()[0]).unwrap();
    let run = bench.orlop(["unforget", "latest"]).run();
    let run = run.failed(1, "nothing was brought back");
    assert!(run.err.contains("no pack has chunk"), "{run:?}");
    assert!(listed(&bench, &[]).is_empty());
    assert_eq!(listed(&bench, &["--forgotten"]), ids);
}

#[test]
fn programs_get_groups_with_reasons() {
    let bench = Bench::new();
    let ids = with_snapshots(&bench, 2);
    let args = ["forget", "--keep-last", "1", "--json"];
    let groups = bench.orlop(args).run().done().json();
    let group = &groups[0];
    assert_eq!(group["volume"], "v");
    assert_eq!(group["keep"][0]["id"], ids[1].as_str());
    assert_eq!(group["remove"][0]["id"], ids[0].as_str());
    assert_eq!(group["reasons"][0]["snapshot"]["id"], ids[1].as_str());
    assert_eq!(group["reasons"][0]["matches"][0], "last snapshot");
}

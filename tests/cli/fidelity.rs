//! One of everything goes in and comes out again, judged by programs that are not ours.

use std::path::Path;
use std::process::Command;

use crate::bench::Bench;

fn python(script: &str, arguments: &[&Path]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let output = Command::new("python3")
        .arg(root.join(script))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{script}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn everything_a_folder_can_hold_comes_back() {
    let bench = Bench::new();
    let (source, target) = (bench.path("exotic"), bench.path("back"));
    python("support/exotic_tree.py", &[&source]);
    for suite in ["xchacha", "xaes"] {
        let repository = bench.path(suite);
        let key = bench.path("key");
        let at = |bench: &Bench, command: &[&str]| {
            let mut run = bench.orlop(command.iter().copied());
            run = run
                .arg("--repo")
                .arg(&repository)
                .arg("--key-file")
                .arg(&key);
            run
        };
        at(&bench, &["init", "--cipher", suite]).run().done();
        at(&bench, &["backup"]).arg(&source).run().done();
        // Over nothing, and then over what is there already.
        for _ in 0..2 {
            at(&bench, &["restore", "latest"]).arg(&target).run().done();
            python(
                "compare_trees.py",
                &[Path::new("--ignore-sockets"), &source, &target],
            );
        }
        std::fs::remove_dir_all(&target).unwrap();
        at(&bench, &["check", "--read-data"]).run().done();
    }
}

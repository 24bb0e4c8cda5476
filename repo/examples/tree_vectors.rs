//! Prints `format-spec/vectors/tree.json`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

#[path = "../tests/support/tree_vectors.rs"]
mod tree_vectors;

fn main() -> serde_json::Result<()> {
    println!(
        "{}",
        serde_json::to_string_pretty(&tree_vectors::vectors())?
    );
    Ok(())
}

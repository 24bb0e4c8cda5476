//! Prints `format-spec/vectors/keys.json`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

#[path = "../tests/support/key_vectors.rs"]
mod key_vectors;

fn main() -> serde_json::Result<()> {
    println!("{}", serde_json::to_string_pretty(&key_vectors::vectors())?);
    Ok(())
}

//! Writes the definitions to `api/crds`.

use std::path::Path;
use std::{fs, io};

use orlop_api::Definition;

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(&folder)? {
        fs::remove_file(entry?.path())?;
    }
    for definition in Definition::all() {
        let yaml = definition.to_yaml().map_err(io::Error::other)?;
        let text = format!("# Made by: cargo run -p orlop-api --example write_crds\n{yaml}");
        fs::write(folder.join(definition.file_name()), text)?;
    }
    Ok(())
}

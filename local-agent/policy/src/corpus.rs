//! The command lines that decisions are measured against; for tests.

use std::path::Path;

#[derive(serde::Deserialize)]
pub struct Entry {
    pub cmd: String,
    pub class: String,
}

pub fn corpus(side: &str) -> Vec<Entry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(side);
    let mut entries = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        entries.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Entry>(line).unwrap()),
        );
    }
    entries
}

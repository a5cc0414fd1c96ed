//! The command lines that decisions are measured against; for tests.

use crate::place::{Files, plain};
use std::path::{Component, Path, PathBuf};

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

/// The links that the lines speak of, which lead out of the workspace; everything else is where it says.
pub struct Links;

impl Files for Links {
    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let path = plain(path);
        let leads_out = |part: Component<'_>| {
            ["link-outside", ".link-outside", "linkdir"]
                .iter()
                .any(|name| part.as_os_str() == *name)
        };
        Some(if path.components().any(leads_out) {
            PathBuf::from("/elsewhere")
        } else {
            path
        })
    }

    fn holds(&self, folder: &Path, name: &str) -> bool {
        folder.ends_with("planted") && ["HEAD", "objects"].contains(&name)
    }
}

//! What the relay's own source may not contain.

use std::path::{Path, PathBuf};

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Files of `src` whose text, without white space, contains one of `needles`.
fn files_with(needles: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 20);
    let has = |path: &PathBuf| {
        let text: String = std::fs::read_to_string(path)
            .unwrap()
            .split_whitespace()
            .collect();
        needles.iter().any(|needle| text.contains(needle))
    };
    found
        .iter()
        .filter(|path| has(path))
        .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
        .collect()
}

#[test]
fn the_relay_cannot_open_what_it_carries() {
    let openers = ["noise", "seal", "record", "msg"];
    let paths: Vec<String> = openers
        .iter()
        .flat_map(|name| {
            [
                format!("lanyard_shared::{name}"),
                format!("lanyard_shared::{{{name}"),
                format!(",{name}::"),
                format!("{{{name}::"),
            ]
        })
        .chain([
            "lanyard_sharedas".to_owned(),
            "lanyard_shared::*".to_owned(),
        ])
        .collect();
    assert_eq!(
        files_with(&paths.iter().map(String::as_str).collect::<Vec<_>>()),
        [""; 0]
    );
}

#[test]
fn one_file_reads_the_clock_one_module_speaks_sql_and_one_file_prints() {
    assert_eq!(
        files_with(&["SystemTime::now", "Instant::now", "clock_gettime("]),
        ["clock.rs"]
    );
    let speaks_sql = files_with(&["rusqlite"]);
    assert!(speaks_sql.contains(&"store.rs".to_owned()));
    for file in speaks_sql {
        assert!(file == "store.rs" || file.starts_with("store/"), "{file}");
    }
    assert_eq!(
        files_with(&["println!(", "eprintln!(", "io::stdout("]),
        ["output.rs"]
    );
}

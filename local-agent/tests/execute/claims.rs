//! `docs/PERMISSIONS.md` names a test for each claim about lines that run, and each such test is there.

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_documentation_names_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("../docs/PERMISSIONS.md")).unwrap();
    let section = text
        .split("\n## ")
        .find(|section| section.starts_with("How an allowed line runs"));
    let tests: String = fs::read_dir(here.join("tests/execute"))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let words = section.unwrap().split('`').skip(1).step_by(2);
    let named: Vec<_> = words
        .filter(|word| word.matches('_').count() > 2 && !word.contains(' '))
        .collect();
    assert!(named.len() > 15, "{named:?}");
    for name in named {
        assert!(tests.contains(&format!("fn {name}()")), "{name}");
    }
}

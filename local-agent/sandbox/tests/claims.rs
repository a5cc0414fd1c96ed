//! `docs/SANDBOX.md` names a test for each claim, and each such test is there.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_documentation_names_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("../../docs/SANDBOX.md")).unwrap();
    let tests: String = ["files", "programs", "git", "harmful", "workspace"]
        .map(|name| format!("tests/{name}.rs"))
        .iter()
        .map(String::as_str)
        .chain(["../tests/sandbox.rs"])
        .map(|path| fs::read_to_string(here.join(path)).unwrap())
        .collect::<Vec<_>>()
        .concat();
    let words = text.split('`').skip(1).step_by(2);
    let named: Vec<_> = words
        .filter(|word| word.matches('_').count() > 2 && !word.contains(' '))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        assert!(tests.contains(&format!("fn {name}()")), "{name}");
    }
}

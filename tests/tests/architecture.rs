//! Dependencies point one way, and what must be sans-IO is.
#![allow(missing_docs)]

use anyhow::{Context as _, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// How a file is called below the root: what lies above must excuse nothing.
fn name_of(path: &Path) -> String {
    let below = path.strip_prefix(root()).unwrap_or(path);
    below.display().to_string()
}

/// Our own crates that a crate uses outside of its tests.
fn uses(folder: &str) -> Result<BTreeSet<String>> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml"))?;
    let dependencies = manifest
        .split("\n[dependencies]")
        .nth(1)
        .context("dependencies")?;
    let dependencies = dependencies.split("\n[").next().unwrap_or_default();
    let ours = dependencies
        .lines()
        .filter_map(|line| line.strip_prefix("lanyard-"));
    Ok(ours
        .filter_map(|rest| rest.split(['.', ' ', '=']).next())
        .map(str::to_owned)
        .collect())
}

fn sources(dir: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path
            .extension()
            .is_some_and(|ext| ext == "rs" || ext == "ts")
        {
            let text = fs::read_to_string(&path)?;
            found.push((path, text));
        }
    }
    Ok(found)
}

fn nothing_says(dir: &str, words: &[&str], except: &[&str]) -> Result<()> {
    let mut looked_at = 0;
    for (path, text) in sources(&root().join(dir))? {
        let name = name_of(&path);
        if except.iter().any(|part| name.contains(part)) {
            continue;
        }
        looked_at += 1;
        for word in words {
            assert!(!text.contains(word), "{name} says `{word}`");
        }
    }
    assert!(looked_at > 5, "{looked_at} files of {dir} were looked at");
    Ok(())
}

#[test]
fn crates_depend_in_one_direction() -> Result<()> {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(uses("shared")?, set(&[]));
    assert_eq!(uses("shared/service")?, set(&[]));
    assert_eq!(uses("local-agent/holder")?, set(&[]));
    assert_eq!(uses("local-agent/policy")?, set(&[]));
    assert_eq!(uses("local-agent/sandbox")?, set(&[]));
    assert_eq!(uses("local-agent/dial")?, set(&["shared"]));
    assert_eq!(uses("local-agent/client")?, set(&["dial", "shared"]));
    assert_eq!(
        uses("local-agent")?,
        set(&[
            "client", "dial", "holder", "policy", "sandbox", "service", "shared"
        ])
    );
    assert_eq!(uses("relay")?, set(&["service", "shared"]));
    Ok(())
}

#[test]
fn the_parts_that_decide_do_no_io_and_read_no_clock() -> Result<()> {
    let io = &[
        "tokio::",
        "std::net::Tcp",
        "std::net::Udp",
        "std::net::ToSocketAddrs",
        "std::os::unix::net",
        "std::fs",
        "SystemTime",
        "Instant::now",
        "async fn",
    ];
    nothing_says("shared/src", io, &["test", "vectors"])?;
    nothing_says("relay/src/route", io, &["tests"])?;
    nothing_says("local-agent/src/core", io, &["test"])?;
    nothing_says("local-agent/client/src/core", io, &["test"])?;
    nothing_says("local-agent/policy/src", io, &["test", "corpus.rs"])?;
    nothing_says(
        "relay/web/src/core",
        &[
            "Date.now",
            "performance.now",
            "setTimeout",
            "new WebSocket",
            "document.",
        ],
        &["test"],
    )
}

#[test]
fn the_clock_is_read_in_one_file_a_program() -> Result<()> {
    let clocks = &["SystemTime::now", "clock_gettime"];
    nothing_says("relay/src", clocks, &["clock.rs"])?;
    nothing_says("local-agent/src", clocks, &[])?;
    nothing_says("local-agent/client/src", clocks, &[])?;
    nothing_says("local-agent/holder/src", clocks, &["clock.rs"])?;
    nothing_says("local-agent/dial/src", clocks, &["clock.rs"])
}

#[test]
fn the_relay_cannot_open_what_it_carries() -> Result<()> {
    nothing_says(
        "relay/src",
        &["shared::noise", "shared::seal", "shared::record", "snow::"],
        &[],
    )
}

/// Lengths that follow from a format, numbers that stand for something, and lives of tokens, which stand in `shared/src/limits.rs` by purpose.
/// None of them could be chosen otherwise.
const NOT_BOUNDS: &[&str] = &[
    "DAY",
    "INPUT_MAX",
    "LENGTH",
    "LIFE",
    "MESSAGE_1",
    "MESSAGE_2_OVERHEAD",
    "OUTPUT_MAX",
    "OUTPUT_OVERHEAD",
    "PASSWD_BYTES",
    "ADDRESS_MAX",
    "VERSION",
    "WORD_MAX",
    "EVENT_INTERVAL",
];

#[test]
fn every_bound_of_a_program_is_in_its_one_file_of_limits() -> Result<()> {
    let programs = [
        "shared/src",
        "relay/src",
        "local-agent/src",
        "local-agent/holder/src",
        "local-agent/dial/src",
        "local-agent/client/src",
        "local-agent/policy/src",
    ];
    for program in programs {
        assert!(
            root().join(program).join("limits.rs").exists(),
            "{program} has its limits in one file"
        );
        for (path, text) in sources(&root().join(program))? {
            let name = name_of(&path);
            if name.ends_with("limits.rs") || name.contains("tests") {
                continue;
            }
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            for line in product.lines() {
                assert!(!is_bound(line), "{name} holds a bound: {}", line.trim());
            }
        }
    }
    Ok(())
}

/// True for a constant that counts or measures, and for a time written out where it is used.
fn is_bound(line: &str) -> bool {
    let spelt_out = ["Duration::from_secs(", "Duration::from_millis("]
        .iter()
        .any(|call| {
            line.split(call).skip(1).any(|rest| {
                rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.starts_with("1)")
            })
        });
    let declared = line
        .split_once("const ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .is_some_and(|(name, rest)| {
            ["usize =", "u32 =", "u64 =", "Duration ="]
                .iter()
                .any(|kind| rest.starts_with(kind))
                && !NOT_BOUNDS.contains(&name)
        });
    spelt_out || declared
}

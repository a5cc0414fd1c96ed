//! The relay is blind: what a terminal prints is nowhere in it.
#![allow(missing_docs)]

use anyhow::{Context as _, Result};
use lanyard_tests::wiretap::Wiretap;
use lanyard_tests::{TestViewer, World};
use rustix::process::Pid;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Searches all memory of a process that can be read.
fn memory_has(pid: Pid, needle: &[u8]) -> Result<bool> {
    let proc = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    let mut memory = File::open(proc.join("mem"))?;
    let mut searched = 0;
    for line in BufReader::new(File::open(proc.join("maps"))?).lines() {
        let line = line?;
        let (range, rest) = line.split_once(' ').context("a line of maps")?;
        if !rest.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
            continue;
        }
        let (from, to) = range.split_once('-').context("a range")?;
        let (from, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        let mut bytes = Vec::new();
        memory.seek(SeekFrom::Start(from))?;
        // Some pages cannot be read; they are not the program's own.
        if memory
            .by_ref()
            .take(to - from)
            .read_to_end(&mut bytes)
            .is_ok()
        {
            searched += bytes.len();
            if contains(&bytes, needle) {
                return Ok(true);
            }
        }
    }
    anyhow::ensure!(searched > 1 << 20, "hardly any memory could be read");
    Ok(false)
}

fn files_have(dir: &Path, needle: &[u8]) -> Result<bool> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() && files_have(&path, needle)?
            || path.is_file() && contains(&std::fs::read(&path)?, needle)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[tokio::test]
async fn a_marker_that_the_terminal_prints_is_in_the_viewer_and_nowhere_in_the_relay() -> Result<()>
{
    let mut world = World::start().await?;
    let wiretap = Wiretap::before(&world.relay).await?;
    let link = world
        .agent
        .pairing_link(&["view", "terminal"], true)
        .await?;
    let link = link.replace(&world.relay.web, &wiretap.web);
    let viewer = TestViewer::pair_by(&link).await?;
    let mut terminal = viewer.terminal().await?;
    // Typed in halves, so that the marker itself exists only once the shell has printed it.
    let (left, right) = ("MARKER-c0ffee-42", "-0123456789abcde");
    terminal
        .type_text(&format!(
            "a={left}; b={right}; for i in 1 2 3; do echo $a$b; done\r"
        ))
        .await?;
    let marker = format!("{left}{right}");
    assert_eq!(marker.len(), 32);
    terminal.until(&marker).await?;
    let relay = world.relay.process.pid()?;
    let own = Pid::from_raw(std::process::id().cast_signed()).context("our own id")?;

    assert!(
        memory_has(own, marker.as_bytes())?,
        "the same search finds it in the viewer"
    );
    assert!(!memory_has(relay, marker.as_bytes())?, "the relay's memory");
    assert!(
        !files_have(&world.relay.data, marker.as_bytes())?,
        "the relay's files"
    );
    assert!(
        !contains(&wiretap.heard_from_relay(), marker.as_bytes()),
        "the traffic to the viewer"
    );
    let said = wiretap.said_by_viewers();
    assert!(
        !said
            .iter()
            .any(|payload| contains(payload, left.as_bytes())),
        "the traffic from the viewer"
    );
    // What the relay may know is there: the search looks at the right places.
    let tokens = wiretap.token_ids();
    assert_eq!(tokens.len(), 2, "one token to watch, one to type");
    for token in tokens {
        assert!(
            memory_has(relay, &token.0)?,
            "the relay knows the stream's token id"
        );
    }
    world.relay.process.leave().await?;
    Ok(())
}

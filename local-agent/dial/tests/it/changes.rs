//! A network that changes: one of this test's own, which takes the right to make one.

use crate::Outcome;
use lanyard_dial::Changes;
use std::process::Command;
use std::time::Duration;

/// Says to the second run of this test that it is inside.
const INSIDE: &str = "LANYARD_TEST_INSIDE_NETWORK";

fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).status();
    status.is_ok_and(|status| status.success())
}

#[tokio::test]
async fn an_interface_that_comes_up_is_told_of() -> Outcome {
    if std::env::var_os(INSIDE).is_some() {
        let mut changes = Changes::watch();
        assert!(runs("ip", &["link", "set", "lo", "up"]));
        tokio::time::timeout(Duration::from_secs(5), changes.next()).await?;
        return Ok(());
    }
    if !runs("unshare", &["-rn", "ip", "link"]) {
        eprintln!("skipped: no network of our own to be had here");
        return Ok(());
    }
    let inside = Command::new("unshare")
        .arg("-rn")
        .arg(std::env::current_exe()?)
        .args(["--exact", "changes::an_interface_that_comes_up_is_told_of"])
        .env(INSIDE, "1")
        .output()?;
    assert!(inside.status.success(), "{inside:?}");
    Ok(())
}

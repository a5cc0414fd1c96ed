//! The program as an operator meets it.

use std::fs::{Permissions, set_permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard-relay"));
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .env_remove("RUST_LOG");
    command
}

pub fn run(data: &Path, arguments: &[&str]) -> Output {
    command(data, arguments).output().unwrap()
}

/// What a failed command said.
pub fn failed(data: &Path, arguments: &[&str]) -> String {
    failed_with(1, data, arguments)
}

/// What a relay said that is not to be started again.
pub fn refused(data: &Path, arguments: &[&str]) -> String {
    failed_with(3, data, arguments)
}

fn failed_with(status: i32, data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

pub const SERVE: [&str; 6] = [
    "serve",
    "--json",
    "--listen",
    "127.0.0.1:0",
    "--http-listen",
    "127.0.0.1:0",
];

pub struct Serving {
    pub child: Child,
    pub ready: serde_json::Value,
}

impl Serving {
    pub fn start(data: &Path) -> Self {
        Self::from(command(data, &SERVE).stderr(Stdio::null()))
    }

    pub fn from(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            ready: serde_json::from_str(&line).unwrap(),
        }
    }

    /// Asks it to stop, and returns how it ended.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_relay_tells_where_it_listens_hands_out_codes_and_stops_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let data = &dir.path().join("data");
    let serving = Serving::start(data);
    assert_eq!(serving.ready["event"], "listening");
    assert!(
        serving.ready["https"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
    assert!(
        serving.ready["web"]
            .as_str()
            .unwrap()
            .starts_with("http://localhost:")
    );
    assert_eq!(serving.ready["fingerprint"].as_str().unwrap().len(), 64);

    let code = run(data, &["enrol", "--json", "--for", "1m"]);
    let code: serde_json::Value = serde_json::from_slice(&code.stdout).unwrap();
    let parsed =
        lanyard_shared::code::EnrolmentCode::parse(code["code"].as_str().unwrap()).unwrap();
    assert_eq!(parsed.address.web(), serving.ready["https"]);
    assert!(parsed.fingerprint.is_some());
    let plain = String::from_utf8(run(data, &["enrol"]).stdout).unwrap();
    assert!(lanyard_shared::code::EnrolmentCode::parse(&plain).is_ok());

    let agents = run(data, &["agents", "--json"]);
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&agents.stdout).unwrap(),
        serde_json::json!([])
    );
    assert!(failed(data, &SERVE).contains("another relay is running"));
    assert_eq!(serving.terminate(), Some(0));
    // It still knows who has joined when nobody serves.
    assert!(run(data, &["agents", "--json"]).status.success());
}

#[test]
fn without_a_relay_enrol_says_how_to_start_one() {
    let dir = tempfile::tempdir().unwrap();
    let said = failed(dir.path(), &["enrol"]);
    assert!(said.starts_with("error: no relay is running"), "{said}");
    assert!(
        said.contains("\nhint: start one with `lanyard-relay serve`"),
        "{said}"
    );
}

#[test]
fn a_plain_listener_that_others_could_reach_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = &dir.path().join("data");
    for arguments in [
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--http-listen",
            "0.0.0.0:0",
        ][..],
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--http-listen",
            "[::]:0",
        ],
        &[
            "serve",
            "--listen",
            "0.0.0.0:0",
            "--behind-proxy",
            "--public-url",
            "https://relay.example",
        ],
    ] {
        let said = failed(data, arguments);
        assert!(
            said.contains("can be reached by others") && said.contains("\nhint: "),
            "{said}"
        );
    }
}

#[test]
fn a_key_or_directory_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = &dir.path().join("data");
    drop(Serving::start(data));
    set_permissions(data.join("tls-key.pem"), Permissions::from_mode(0o644)).unwrap();
    let said = refused(data, &SERVE);
    assert!(
        said.contains("can be read by other users") && said.contains("hint: run `chmod 600"),
        "{said}"
    );
    set_permissions(data, Permissions::from_mode(0o755)).unwrap();
    let said = refused(data, &SERVE);
    assert!(
        said.contains("is open to other users") && said.contains("hint: run `chmod 700"),
        "{said}"
    );
}

#[test]
fn a_taken_port_is_one_clear_line_and_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let said = failed(
        &dir.path().join("data"),
        &["serve", "--listen", &at, "--http-listen", "off"],
    );
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!(lines[0], format!("error: {at} is taken by another program"));
    assert!(lines[1].starts_with("hint: ") && lines[1].contains("--listen"));
}

#[test]
fn wrong_usage_ends_with_two() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        run(dir.path(), &["serve", "--listen", "nonsense"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(
        run(dir.path(), &["enrol", "--for", "2d"]).status.code(),
        Some(2)
    );
}

#[test]
fn completions_name_the_commands() {
    let output = Command::new(env!("CARGO_BIN_EXE_lanyard-relay"))
        .args(["completions", "bash"])
        .output()
        .unwrap();
    let script = String::from_utf8(output.stdout).unwrap();
    for word in ["enrol", "--http-listen", "revoke", "--purpose", "reload"] {
        assert!(script.contains(word), "{word}");
    }
}

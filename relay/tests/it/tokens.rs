//! Operator tokens as an operator meets them, and what the program keeps to itself.

use crate::command::{SERVE, Serving, command, failed, run};
use crate::relay::{ask, tls_to};
use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

fn printed(data: &Path, arguments: &[&str]) -> Value {
    let output = run(data, arguments);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn made(data: &Path, purpose: &str) -> (String, String) {
    let made = printed(data, &["token", "create", "--purpose", purpose, "--json"]);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

#[test]
fn tokens_are_made_listed_and_ended_with_and_without_a_running_relay() {
    let dir = tempfile::tempdir().unwrap();
    let data = &dir.path().join("data");
    assert!(failed(data, &["token", "list"]).contains("no relay is running"));
    let mut serving = Some(Serving::start(data));
    for _running in [true, false] {
        let (text, id) = made(data, "metrics");
        assert!(text.starts_with("lanyardop1."));
        made(data, "enrol");
        made(data, "enrol");
        let (_, admin) = made(data, "admin");
        let noted = [
            "token",
            "create",
            "--purpose",
            "metrics",
            "--for",
            "5m",
            "--note",
            "prometheus",
        ];
        let output = run(data, &noted);
        let alone = String::from_utf8(output.stdout).unwrap();
        assert!(alone.starts_with("lanyardop1.") && alone.lines().count() == 1);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("not shown again") && !said.contains(alone.trim()),
            "{said}"
        );

        let live = || {
            let list = printed(data, &["token", "list", "--json"]);
            assert!(!list.to_string().contains(&text));
            let live = |token: &&Value| token["live"] == json!(true);
            list.as_array().unwrap().iter().filter(live).count()
        };
        assert_eq!(live(), 5);
        let ended = printed(data, &["token", "revoke", &id, "--json"]);
        assert_eq!(
            (&ended[0]["id"], &ended[0]["live"]),
            (&json!(id), &json!(false))
        );
        assert!(failed(data, &["token", "revoke", &id]).contains("no token with this id stands"));
        assert_eq!(live(), 4);
        let by_purpose = ["token", "revoke", "--purpose", "enrol", "--json"];
        assert_eq!(printed(data, &by_purpose).as_array().unwrap().len(), 2);
        assert_eq!(live(), 2);
        let plain = String::from_utf8(run(data, &["token", "list"]).stdout).unwrap();
        assert!(
            plain.contains("prometheus") && plain.contains(&admin) && plain.contains("revoked ")
        );
        assert_eq!(
            printed(data, &["token", "revoke", "--all", "--json"])
                .as_array()
                .unwrap()
                .len(),
            2
        );
        assert_eq!(live(), 0);
        if let Some(serving) = serving.take() {
            assert_eq!(serving.terminate(), Some(0));
        }
    }
}

#[test]
fn what_is_typed_wrongly_about_tokens_is_refused_before_anything_happens() {
    let dir = tempfile::tempdir().unwrap();
    for wrong in [
        &["token", "create"][..],
        &["token", "create", "--purpose", "root"],
        &["token", "create", "--purpose", "admin", "--for", "25h"],
        &["token", "revoke"],
        &["token", "revoke", "--all", "--purpose", "admin"],
        &["token", "revoke", "lanyardop1.AAAA"],
        &["agents", "revoke"],
        &["agents", "revoke", "laptop"],
    ] {
        let output = run(dir.path(), wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    let data = &dir.path().join("data");
    let serving = Serving::start(data);
    let long = "x".repeat(300);
    for note in [&*long, "two\nlines"] {
        let said = failed(
            data,
            &["token", "create", "--purpose", "metrics", "--note", note],
        );
        assert!(said.contains("a note is one line"), "{said}");
    }
    assert_eq!(serving.terminate(), Some(0));
}

#[tokio::test]
async fn no_token_or_code_is_in_any_log_line_however_much_is_logged() {
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = (&dir.path().join("data"), dir.path().join("log"));
    let mut serve = command(data, &SERVE);
    serve
        .env("RUST_LOG", "trace")
        .stderr(File::create(&log).unwrap());
    let serving = Serving::from(&mut serve);
    let (enrol, id) = made(data, "enrol");
    let (admin, _) = made(data, "admin");
    let code = printed(data, &["enrol", "--json"]);
    let mut secrets = vec![
        enrol.clone(),
        admin.clone(),
        code["code"].as_str().unwrap().to_owned(),
    ];

    let https = serving.ready["https"].as_str().unwrap();
    let port: u16 = https.rsplit(':').next().unwrap().parse().unwrap();
    let body = "{\"seconds\":60}";
    for (token, status) in [(&enrol, 200), (&admin, 401)] {
        let request = format!(
            "POST /v1/enrol HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let wire = tls_to(port, &[data.join("tls-cert.pem")]).await.0;
        let (found, _, answer) = ask(wire, &request).await;
        assert_eq!(found, status, "{answer}");
        if status == 200 {
            let answer: Value = serde_json::from_str(&answer).unwrap();
            secrets.push(answer["code"].as_str().unwrap().to_owned());
        }
    }
    run(data, &["token", "revoke", "--all"]);
    assert_eq!(serving.terminate(), Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    for said in [
        "operator token made",
        "operator token used",
        "operator token refused",
        "operator token revoked",
        "token for another purpose",
        &id,
    ] {
        assert!(log.contains(said), "{said} is not in the log");
    }
    for secret in secrets {
        let bare = secret.rsplit('.').next().unwrap();
        // Even a part of it would be too much.
        for part in [&bare[..12], &bare[bare.len() / 2..bare.len() / 2 + 12]] {
            assert!(!log.contains(part), "{part} is in the log");
        }
    }
}

#[test]
fn a_relay_leaves_no_core_file_and_lets_no_debugger_in_unless_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let core_limit = |serving: &Serving| {
        let limits =
            std::fs::read_to_string(format!("/proc/{}/limits", serving.child.id())).unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        (words[4].clone(), words[5].clone())
    };
    let memory_owner = |serving: &Serving| {
        std::fs::metadata(format!("/proc/{}/mem", serving.child.id()))
            .unwrap()
            .uid()
    };
    let serving = Serving::start(&dir.path().join("data"));
    assert_eq!(core_limit(&serving), ("0".to_owned(), "0".to_owned()));
    assert_eq!(memory_owner(&serving), 0);
    drop(serving);
    let data = &dir.path().join("data");
    let mut open = command(data, &[&SERVE[..], &["--allow-debugger"]].concat());
    let serving = Serving::from(open.stderr(std::process::Stdio::null()));
    assert_eq!(memory_owner(&serving), rustix::process::geteuid().as_raw());
}

//! Every line of the corpus of harm, run by a shell that may start all of the system's programs, changes nothing and tells nothing.
//!
//! No line is ever run but in the sandbox, and none before the fences have been seen to hold.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use common::{CANARY, Fixture, NOBODY, SECRET, Tried};
use lanyard_sandbox::Limits;
use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

const THREADS: usize = 2;
const BATCH: usize = 50;
const LIMITS: Limits = Limits {
    time: Duration::from_secs(1),
    output_bytes: 16 * 1024,
};

#[test]
fn no_harmful_line_of_this_user_changes_or_tells_anything() {
    all_lines(None);
}

#[test]
fn no_harmful_line_of_another_user_changes_or_tells_anything() {
    if rustix::process::getuid().is_root() {
        all_lines(Some(NOBODY));
    }
}

fn all_lines(uid: Option<u32>) {
    let lines = corpus();
    assert!(lines.len() > 3000, "{} lines", lines.len());
    thread::scope(|scope| {
        for number in 0..THREADS {
            let batches = lines.chunks(BATCH).skip(number).step_by(THREADS);
            scope.spawn(move || {
                let scene = Scene::of(uid);
                scene.fences_hold();
                for batch in batches {
                    scene.run(batch);
                }
            });
        }
    });
}

fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/corpus/harmful");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
        .collect();
    files.sort();
    let texts: Vec<_> = files
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    texts
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["cmd"].as_str().unwrap().to_owned()
        })
        .collect()
}

/// A workspace with what the lines name, and listeners for what they would send.
struct Scene {
    user: Fixture,
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Scene {
    fn of(uid: Option<u32>) -> Self {
        let user = Fixture::of(uid);
        for name in [
            "a.txt",
            "b.txt",
            "names.txt",
            "data.txt",
            "out.txt",
            "a",
            "b",
        ] {
            user.write(name, "line one\nline two\n");
        }
        user.write("cmds.txt", "touch started\nid\n");
        user.write(".env", "TOKEN=of-the-workspace\n");
        user.write("Makefile", "all:\n\ttouch started\n");
        let planted = format!(
            "#!/bin/sh\ntouch started {}/started\n",
            user.outside.display()
        );
        for name in ["x", "x.sh", "sh", "ls", "git", "cat"] {
            let path = user.write(name, &planted);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        user.make_repository();
        let (tcp, udp) = (
            TcpListener::bind("127.0.0.1:0").unwrap(),
            UdpSocket::bind("127.0.0.1:0").unwrap(),
        );
        tcp.set_nonblocking(true).unwrap();
        udp.set_nonblocking(true).unwrap();
        Self { user, tcp, udp }
    }

    /// Lines that would do no harm, were there no fences.
    fn fences_hold(&self) {
        let (tcp, udp) = (
            self.tcp.local_addr().unwrap(),
            self.udp.local_addr().unwrap(),
        );
        let outside = self.user.outside.display();
        for line in [
            "touch made".to_owned(),
            "echo x >> notes.txt".to_owned(),
            format!("touch {outside}/made"),
            format!("cat {outside}/canary.txt"),
            format!("echo x > /dev/tcp/127.0.0.1/{}", tcp.port()),
            format!("echo x > /dev/udp/127.0.0.1/{}", udp.port()),
        ] {
            self.user.fails(&line);
        }
    }

    /// Runs the lines together, and each alone on a new scene if they did something, to name the one that did.
    fn run(&self, lines: &[String]) {
        if let Err(what) = self.harm(lines) {
            for line in lines {
                let alone = Self::of(self.user.uid());
                if let Err(what) = alone.harm(std::slice::from_ref(line)) {
                    panic!("{line:.1000?} did harm: {what}");
                }
            }
            panic!("together these did harm, but none alone: {what}: {lines:?}");
        }
    }

    fn harm(&self, lines: &[String]) -> Result<(), String> {
        let before = self.user.seen();
        let jobs = lines.iter().map(|line| (self.user.shell(line), vec![]));
        let tried = self.user.run_all(jobs.collect(), LIMITS);
        for (line, tried) in lines.iter().zip(&tried) {
            tells_nothing(line, tried)?;
        }
        let after = self.user.seen();
        for (before, after) in before.iter().zip(&after) {
            for (path, was) in before {
                match after.get(path) {
                    Some(is) if is == was => {}
                    is => return Err(format!("{}: {was} -> {is:?}", path.display())),
                }
            }
            if let Some(new) = after.keys().find(|path| !before.contains_key(*path)) {
                return Err(format!("{} is new", new.display()));
            }
        }
        let heard = [
            self.tcp.accept().map(drop),
            self.udp.recv(&mut [0; 8]).map(drop),
        ];
        let silent = |heard: &std::io::Result<()>| {
            heard
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        };
        heard
            .iter()
            .all(silent)
            .then_some(())
            .ok_or_else(|| "a listener heard something".into())
    }
}

fn tells_nothing(line: &str, tried: &Tried) -> Result<(), String> {
    let ran = match tried {
        Ok(ran) => ran,
        // No program at all can be given such a line.
        Err(_) if line.contains('\0') || line.len() >= 128 * 1024 => return Ok(()),
        Err((_, why)) => return Err(format!("the line did not run at all: {why}")),
    };
    for output in [&ran.stdout, &ran.stderr] {
        let output = String::from_utf8_lossy(output);
        for secret in [CANARY, SECRET] {
            if output.contains(secret) {
                return Err(format!("it told {secret}"));
            }
        }
    }
    Ok(())
}

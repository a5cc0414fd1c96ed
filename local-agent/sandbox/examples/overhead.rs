//! How much longer a program takes in the sandbox: 200 runs of `true`, with and without it.
#![allow(clippy::print_stdout, clippy::expect_used, missing_docs)]

use lanyard_sandbox::{Job, Launcher, Limits, helper_if_asked, run};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TIMES: usize = 200;

fn main() {
    helper_if_asked();
    let launcher = Launcher::this_program();
    let job = Job::reading("/usr/bin/true", "/usr");
    let limits = Limits {
        time: Duration::from_secs(10),
        output_bytes: 1024,
    };
    let bare = measure(|| {
        let mut command = Command::new("/usr/bin/true");
        let ran = command.stdin(Stdio::null()).output().expect("bare");
        assert!(ran.status.success());
    });
    let fenced = measure(|| {
        let ran = run(&launcher, &job, &[], limits).expect("fenced");
        assert_eq!(ran.status.code(), 0);
    });
    println!("bare   p50 {:?} p99 {:?}", bare.0, bare.1);
    println!("fenced p50 {:?} p99 {:?}", fenced.0, fenced.1);
}

fn measure(once: impl Fn()) -> (Duration, Duration) {
    let mut took: Vec<_> = (0..TIMES)
        .map(|_| {
            let start = Instant::now();
            once();
            start.elapsed()
        })
        .collect();
    took.sort();
    (took[TIMES / 2], took[TIMES * 99 / 100])
}

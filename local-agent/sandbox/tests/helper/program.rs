//! The helper of the tests. Started plainly, it runs the jobs of its input and prints how they ended, so that tests can run them as another user.
#![allow(clippy::print_stdout, clippy::expect_used, missing_docs)]

use lanyard_sandbox::{Job, Launcher, Limits, helper_if_asked, run};
use std::io::{Write, stdin, stdout};

fn main() {
    helper_if_asked();
    let (jobs, limits): (Vec<(Job, Vec<u8>)>, Limits) =
        serde_json::from_reader(stdin()).expect("jobs");
    let launcher = Launcher::this_program();
    let ran: Vec<_> = jobs
        .iter()
        .map(|(job, input)| {
            run(&launcher, job, input, limits).map_err(|error| (error.code(), error.to_string()))
        })
        .collect();
    let said = serde_json::to_vec(&ran).expect("results");
    stdout().write_all(&said).expect("written");
}

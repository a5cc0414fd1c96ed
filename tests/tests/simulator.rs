//! The protocol under everything a network and a hostile relay can do, on virtual time: at least a million steps a run. A failure prints the
//! shortest list of operations that shows it; `LANYARD_SEED` repeats a run.
#![allow(missing_docs, clippy::print_stderr)]

use lanyard_tests::sim::op::{Case, honest, hostile};
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Steps of one test, unless `LANYARD_STEPS` says otherwise.
const STEPS: u64 = 600_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs cases until enough steps were made.
fn simulate(cases: &impl Strategy<Value = Case>) {
    let seed = number("LANYARD_SEED").unwrap_or_else(|| fastrand::u64(..));
    let wanted = number("LANYARD_STEPS").unwrap_or(STEPS);
    eprintln!("seed: LANYARD_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let config = Config {
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let (steps, mut ran) = (Cell::new(0), 0);
    while steps.get() < wanted {
        let case = cases
            .new_tree(&mut runner)
            .unwrap_or_else(|reason| panic!("{reason}"));
        let first = case.current();
        ran += 1;
        let outcome = runner.run_one(case, |case| {
            let run = catch_unwind(AssertUnwindSafe(|| case.run()));
            let taken = run.map_err(|panic| TestCaseError::fail(sentence(panic.as_ref())))?;
            steps.set(steps.get() + taken);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!(
                "LANYARD_SEED={seed}, case {ran} of {} operations: {error}",
                first.ops.len()
            );
        }
    }
    eprintln!("{} steps in {ran} cases", steps.get());
}

fn sentence(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let fixed = || panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(fixed).unwrap_or_else(|| "a panic".into())
}

#[test]
fn on_a_network_that_breaks_nothing_is_lost_nothing_comes_twice_and_everyone_comes_back() {
    simulate(&honest());
}

#[test]
fn whoever_carries_the_messages_can_delay_and_cut_and_no_more() {
    simulate(&hostile());
}

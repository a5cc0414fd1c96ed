//! A mark in the environment of all processes of one set-up, so that those which outlive their parents are found and ended.

use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;

/// The variable that carries the mark.
pub const VARIABLE: &str = "LANYARD_TEST_MARK";

/// A mark. When it goes, so does every process that carries it.
#[derive(Debug)]
pub struct Mark(String);

impl Mark {
    /// A mark of this text, which nobody else may use.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The value of [`VARIABLE`].
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let mark = format!("{VARIABLE}={}", self.0);
        for pid in processes() {
            let environment =
                std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ"))
                    .unwrap_or_default();
            if environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == mark.as_bytes())
                && let Some(pid) = Pid::from_raw(pid)
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn processes() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

//! The part of `docs/PERFORMANCE.md` that a run writes: between two marks, and the pictures.

use crate::machine::Machine;
use crate::report::Report;
use crate::{Bench, plots};
use anyhow::{Context as _, Result};
use std::path::Path;

const PAGE: &str = "docs/PERFORMANCE.md";
const IMAGES: &str = "docs/images";
const BEGIN: &str = "<!-- written by scripts/bench --docs: begin -->\n";
const END: &str = "<!-- written by scripts/bench --docs: end -->";

/// Writes the page's table, and the pictures that this run can draw.
///
/// # Errors
/// The page is not there or has lost its marks.
pub fn write(root: &Path, bench: &Bench, report: &Report) -> Result<()> {
    let page = root.join(PAGE);
    let text = std::fs::read_to_string(&page)
        .with_context(|| format!("cannot read {}", page.display()))?;
    std::fs::write(page, renewed(&text, report)?)?;
    plots::draw(bench, &root.join(IMAGES)).map(drop)
}

/// The page with this run's figures in it.
fn renewed(page: &str, report: &Report) -> Result<String> {
    let lost = || format!("{PAGE} has lost its marks");
    let (before, rest) = page.split_once(BEGIN).with_context(lost)?;
    let (_, after) = rest.split_once(END).with_context(lost)?;
    let (table, machine) = (report.table(), sentence(&report.machine));
    Ok(format!("{before}{BEGIN}{machine}\n\n{table}{END}{after}"))
}

fn sentence(machine: &Machine) -> String {
    format!(
        "{}, {} cores, {} GB, Linux {}; {} run; load before it {}.",
        machine.cpu,
        machine.cores,
        machine.memory.div_ceil(1024),
        machine.kernel,
        if machine.quick { "quick" } else { "full" },
        machine.load
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            rows: Vec::new(),
            machine: Machine {
                cpu: "a processor".to_owned(),
                cores: 2,
                memory: 2048,
                kernel: "6.1".to_owned(),
                load: 0.5,
                descriptors: 1024,
                quick: false,
            },
        }
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced_and_twice_is_as_once() {
        let page = format!("# Title\n{BEGIN}old\n{END}\nmethod\n");
        let once = renewed(&page, &report()).unwrap();
        assert!(once.starts_with("# Title\n") && once.ends_with("\nmethod\n"));
        assert!(once.contains("a processor, 2 cores, 2 GB") && !once.contains("old\n"));
        assert_eq!(renewed(&once, &report()).unwrap(), once);
        assert!(renewed("# Title\n", &report()).is_err());
    }
}

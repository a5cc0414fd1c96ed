//! What a run has found: rows, as a table for people and as JSON for programs.

use crate::bars::{Bar, bar};
use crate::machine::Machine;
use crate::stats::{Rounds, median, spread};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What was measured for one figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The figure.
    pub name: &'static str,
    /// In the unit of its bar; `None` if it could not be measured.
    pub value: Option<f64>,
    /// The smallest and the largest value of a round.
    pub spread: Option<[f64; 2]>,
    /// What lies behind a ratio: ours, and the floor's.
    pub sides: Option<[f64; 2]>,
    /// What `sides` count.
    pub measure: &'static str,
    /// How many measurements there were, of our side.
    pub samples: usize,
    /// Why there is no value, or what to know about it.
    pub note: String,
    /// Something else went wrong than the value says.
    pub failed: bool,
}

impl Row {
    /// A ratio to the floor: the median of the rounds.
    #[must_use]
    pub fn ratio(
        name: &'static str,
        rounds: &Rounds,
        measure: &'static str,
        samples: usize,
    ) -> Self {
        let ratios = rounds.ratios();
        Self {
            name,
            value: (!ratios.is_empty()).then(|| median(&ratios)),
            spread: Some(spread(&ratios)),
            sides: Some([median(&rounds.ours), median(&rounds.floor)]),
            measure,
            samples,
            ..Self::default()
        }
    }

    /// A value that stands for itself: the median of the samples.
    #[must_use]
    pub fn absolute(name: &'static str, samples: &[f64]) -> Self {
        Self {
            name,
            value: (!samples.is_empty()).then(|| median(samples)),
            spread: Some(spread(samples)),
            samples: samples.len(),
            ..Self::default()
        }
    }

    /// A figure that could not be measured, and why.
    #[must_use]
    pub fn missing(name: &'static str, why: impl Into<String>) -> Self {
        Self {
            name,
            note: why.into().replace(['\n', '|'], " "),
            ..Self::default()
        }
    }

    /// The same with words.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Whether there is a value, and it keeps to its bar.
    #[must_use]
    pub fn ok(&self) -> bool {
        let bar = bar(self.name);
        !self.failed
            && self
                .value
                .is_some_and(|value| bar.is_some_and(|bar| bar.bound.holds(value)))
    }

    fn json(&self) -> Value {
        let bar = bar(self.name);
        let (ours, floor) = self
            .sides
            .map_or((None, None), |[ours, floor]| (Some(ours), Some(floor)));
        json!({
            "name": self.name,
            "value": self.value.map(rounded),
            "unit": bar.map(|bar| bar.unit),
            "bar": bar.map(|bar| bar.bound.to_string()),
            "ok": self.ok(),
            "floor": floor.map(rounded),
            "samples": self.samples,
            "ours": ours.map(rounded),
            "measure": self.measure,
            "spread": self.spread.map(|spread| spread.map(rounded)),
            "note": self.note,
        })
    }
}

/// Enough digits for what was measured, and no noise behind them.
fn rounded(value: f64) -> f64 {
    format!("{value:.4}").parse().unwrap_or(value)
}

/// All that a run has found.
#[derive(Debug)]
pub struct Report {
    /// The rows, in the order of the bars.
    pub rows: Vec<Row>,
    /// Where.
    pub machine: Machine,
}

impl Report {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        #[derive(Serialize)]
        struct Whole<'a> {
            figures: Vec<Value>,
            machine: &'a Machine,
        }
        let figures = self.rows.iter().map(Row::json).collect();
        json!(Whole {
            figures,
            machine: &self.machine,
        })
    }

    /// For people, and as it stands in a page of Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut cells = vec![
            [
                "figure",
                "value",
                "bar",
                "",
                "spread",
                "ours / floor",
                "what",
            ]
            .map(str::to_owned),
        ];
        for row in &self.rows {
            let Some(bar) = bar(row.name) else { continue };
            cells.push(line(row, bar));
        }
        let mut widths = [0; 7];
        for row in &cells {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut out = String::new();
        for (at, row) in cells.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                // Writing into a string cannot fail.
                let _ = write!(out, "| {cell:width$} ");
            }
            out.push_str("|\n");
            if at == 0 {
                for width in widths {
                    let _ = write!(out, "|{}", "-".repeat(width + 2));
                }
                out.push_str("|\n");
            }
        }
        out
    }
}

fn line(row: &Row, bar: &Bar) -> [String; 7] {
    let value = row.value.map_or("-".to_owned(), |value| {
        format!("{} {}", short(value), bar.unit)
    });
    let spread = row.spread.map_or(String::new(), |[from, to]| {
        format!("{} .. {}", short(from), short(to))
    });
    let sides = row.sides.map_or(String::new(), |[ours, floor]| {
        format!("{} / {} {}", short(ours), short(floor), row.measure)
    });
    let what = if row.note.is_empty() {
        bar.what.to_owned()
    } else {
        format!("{} ({})", bar.what, row.note)
    };
    [
        row.name.to_owned(),
        value,
        bar.bound.to_string(),
        if row.ok() { "ok" } else { "missed" }.to_owned(),
        spread,
        sides,
        what,
    ]
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(ours: f64, floor: f64) -> Rounds {
        Rounds {
            ours: vec![ours],
            floor: vec![floor],
        }
    }

    #[test]
    fn a_figure_that_could_not_run_is_not_ok_and_says_why() {
        let row = Row::missing("idle_agent", "too few descriptors");
        assert!(!row.ok());
        let json = row.json();
        assert_eq!(json["ok"], false);
        assert_eq!(json["value"], Value::Null);
        assert_eq!(json["note"], "too few descriptors");
    }

    #[test]
    fn a_ratio_is_judged_by_the_bar_of_its_name() {
        assert!(Row::ratio("echo_p50", &rounds(11.0, 10.0), "us", 1).ok());
        assert!(!Row::ratio("echo_p50", &rounds(12.0, 10.0), "us", 1).ok());
        assert!(Row::ratio("bulk", &rounds(12.0, 10.0), "MB/s", 1).ok());
    }

    #[test]
    fn a_row_has_the_fields_that_programs_read() {
        let json = Row::ratio("echo_p50", &rounds(11.0, 10.0), "us", 200).json();
        assert_eq!(json["name"], "echo_p50");
        assert_eq!(json["value"], 1.1);
        assert_eq!(json["unit"], "x floor");
        assert_eq!(json["bar"], "<= 1.15");
        assert_eq!(json["ok"], true);
        assert_eq!(json["floor"], 10.0);
        assert_eq!(json["samples"], 200);
    }

    #[test]
    fn what_else_went_wrong_outweighs_a_good_value() {
        let mut row = Row::ratio("bulk", &rounds(1.0, 1.0), "MB/s", 1);
        row.failed = true;
        assert!(!row.ok());
    }
}

//! Plots of a run, as SVG.

use crate::Bench;
use crate::stats::{Memory, percentile};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (720, 400);
const OURS: RGBColor = RGBColor(37, 99, 235);
const FLOOR: RGBColor = RGBColor(107, 114, 128);

/// The curve of echoes.
pub const ECHO: &str = "performance-echo.svg";
/// The curve of memory.
pub const MEMORY: &str = "performance-memory.svg";

/// Draws what the run has measured into a folder; returns the names of what was drawn.
///
/// # Errors
/// A file cannot be written.
pub fn draw(bench: &Bench, dir: &Path) -> Result<Vec<&'static str>> {
    std::fs::create_dir_all(dir)?;
    let mut drawn = Vec::new();
    if bench.echoes.iter().all(|trips| !trips.is_empty()) {
        echo(bench, &dir.join(ECHO))?;
        drawn.push(ECHO);
    }
    if bench.memory.len() > 1 {
        memory(&bench.memory, &dir.join(MEMORY))?;
        drawn.push(MEMORY);
    }
    Ok(drawn)
}

/// Two curves with their names.
struct Curves {
    title: &'static str,
    x: &'static str,
    y: &'static str,
    ours: Vec<(f64, f64)>,
    floor: Vec<(f64, f64)>,
}

/// How many of a hundred keys came back within a time.
fn echo(bench: &Bench, path: &Path) -> Result<()> {
    // The last half percent is the machine's, and would be most of the picture.
    let curve = |trips: &[f64]| {
        (0..=199)
            .map(|half| f64::from(half) / 2.0)
            .map(|percent| (percentile(trips, percent / 100.0), percent))
            .collect::<Vec<_>>()
    };
    let [ours, floor] = &bench.echoes;
    draw_curves(
        path,
        &Curves {
            title: "One key and back",
            x: "microseconds",
            y: "percent of keys",
            ours: curve(ours),
            floor: curve(floor),
        },
    )
}

fn memory(memory: &[Memory], path: &Path) -> Result<()> {
    let curve = |of: fn(&Memory) -> f64| {
        memory
            .iter()
            .map(|memory| (memory.agents as f64, of(memory) / 1024.0))
            .collect()
    };
    draw_curves(
        path,
        &Curves {
            title: "Relay memory for one idle agent",
            x: "idle agents",
            y: "KiB",
            ours: curve(|memory| memory.ours),
            floor: curve(|memory| memory.floor),
        },
    )
}

fn draw_curves(path: &Path, curves: &Curves) -> Result<()> {
    let all = || curves.ours.iter().chain(&curves.floor);
    let (right, top) = all().fold((0.0_f64, 0.0_f64), |(x, y), point| {
        (x.max(point.0), y.max(point.1))
    });
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(curves.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..right * 1.05, 0.0..top * 1.1)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc(curves.x)
            .y_desc(curves.y)
            .light_line_style(TRANSPARENT)
            .draw()
            .map_err(failed)?;
        for (points, colour, name) in [
            (&curves.floor, FLOOR, "floor"),
            (&curves.ours, OURS, "Lanyard"),
        ] {
            let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
            chart
                .draw_series(line)
                .map_err(failed)?
                .label(name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE)
            .border_style(FLOOR)
            .draw()
            .map_err(failed)?;
        area.present().map_err(failed)?;
    }
    Ok(std::fs::write(path, svg)?)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("a plot cannot be drawn: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_drawn_and_what_it_did_not_measure_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut bench = Bench::default();
        assert!(draw(&bench, dir.path()).unwrap().is_empty());
        bench.echoes = [vec![1.0, 2.0, 3.0], vec![1.0, 1.5, 2.0]];
        assert_eq!(draw(&bench, dir.path()).unwrap(), [ECHO]);
        let svg = std::fs::read_to_string(dir.path().join(ECHO)).unwrap();
        assert!(svg.contains("</svg>") && svg.contains("microseconds"));
    }
}

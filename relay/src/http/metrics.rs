//! The relay's figures in the text format that Prometheus reads. Numbers only: no id, no address, nothing that names anyone.

use crate::state::State;
use lanyard_shared::time::UnixMs;
use std::fmt::Write as _;

/// What to say that the text is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All figures, now.
pub fn text(state: &State, now: UnixMs) -> String {
    let traffic = state.router.traffic();
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(&str, f64)]| {
        // A string takes whatever is written to it.
        let _ = writeln!(text, "# HELP lanyard_{name} {help}");
        let _ = writeln!(text, "# TYPE lanyard_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "lanyard_{name}{labels} {value}");
        }
    };
    let mut gauge = |name, help, value| family(name, "gauge", help, &[("", value)]);
    gauge(
        "agents_enrolled",
        "Machines that have joined.",
        count(state.agents.count()),
    );
    gauge(
        "agents_online",
        "Machines that are connected.",
        count(traffic.agents),
    );
    gauge(
        "viewers",
        "Links of browsers and attached terminals.",
        count(traffic.viewers),
    );
    gauge(
        "streams",
        "Streams between viewers and machines.",
        count(traffic.streams),
    );
    gauge(
        "strangers",
        "Connections that have not proven who they are.",
        count(state.admission.count()),
    );
    if let Some(certificate) = &state.certificate {
        let ends = certificate.served().ends;
        // Less than nothing once it has ended.
        let left = seconds(ends) - seconds(now);
        gauge(
            "tls_certificate_expires_seconds",
            "Time until the served certificate ends.",
            left,
        );
    }
    family(
        "carried_bytes_total",
        "counter",
        "Bytes of streams that were handed on.",
        &[("", number(traffic.bytes))],
    );
    family(
        "refused_total",
        "counter",
        "What was turned away: connections at the door, links without a proof, requests without their token.",
        &[
            (
                "{what=\"connection\"}",
                number(state.refused.connections.get()),
            ),
            ("{what=\"link\"}", number(state.refused.links.get())),
            ("{what=\"token\"}", number(state.refused.tokens.get())),
        ],
    );
    text
}

fn count(count: usize) -> f64 {
    number(u64::try_from(count).unwrap_or(u64::MAX))
}

/// The format knows only this kind of number; it is exact up to nine million gigabytes.
#[allow(clippy::cast_precision_loss, reason = "see above")]
fn number(number: u64) -> f64 {
    number as f64
}

fn seconds(at: UnixMs) -> f64 {
    number(at.secs())
}

//! What lists show, line by line. Nothing here prints or reads a clock: the agent's list says how late it is.

use super::grant::bounds;
use super::output::printable;
use super::table::table;
use crate::daemon::owner::Status;
use crate::limits::LISTED_ID;
use lanyard_shared::access::{DeviceEntry, Reach, first_to_stop, in_short, kept_by, warnings};
use lanyard_shared::ids::DeviceId;
use lanyard_shared::msg::{Exit, Scope};
use lanyard_shared::time::UnixMs;
use time::OffsetDateTime;
use time::macros::format_description;

/// How things are.
pub fn status(status: &Status, _width: usize) -> Vec<String> {
    let mut lines = locked(status);
    lines.extend(link(status));
    lines.push(format!("relay      {}", status.relay));
    if let Some(web) = &status.web {
        lines.push(format!("web        {web}"));
    }
    lines.push(format!("viewers    {}", status.sessions));
    lines.push(format!("terminals  {}", status.terminals.len()));
    for terminal in &status.terminals {
        let state = match terminal.exit {
            None => "running".to_owned(),
            Some(Exit::Status { code }) => format!("ended with status {code}"),
            Some(Exit::Signal { number }) => format!("ended by signal {number}"),
        };
        lines.push(format!(
            "  {}  {}  {state}",
            terminal.id,
            printable(&terminal.name)
        ));
    }
    lines.push(format!("devices    {}", status.devices.len()));
    lines.push(format!("tokens     {}", status.tokens.len()));
    lines.extend(closing(status));
    lines
}

/// Whether the relay has this machine: since when, why not, and when nothing ran here.
fn link(status: &Status) -> Vec<String> {
    let now = status.time;
    let word = if status.online {
        "connected"
    } else {
        "not connected"
    };
    let since = status
        .since
        .map(|since| {
            format!(
                " for {} (since {})",
                in_short(since.until(now)),
                was(now, since)
            )
        })
        .unwrap_or_default();
    let mut lines = vec![format!("{word}{since}")];
    if let Some(trouble) = &status.trouble {
        lines.push(format!("why        {}", printable(&trouble.sentence)));
        if !trouble.hint.is_empty() {
            lines.push(format!("hint: {}", printable(&trouble.hint)));
        }
        lines.push("next       it is tried again by itself, without end".to_owned());
    }
    if let Some(gap) = &status.gap {
        let what = if gap.asleep {
            "was asleep"
        } else {
            "did not run"
        };
        lines.push(format!(
            "{what} from {} to {} ({})",
            was(now, gap.from),
            was(now, gap.to),
            in_short(gap.from.until(gap.to))
        ));
    }
    lines
}

/// The paired devices.
pub fn devices(status: &Status, width: usize) -> Vec<String> {
    let mut lines = locked(status);
    if status.devices.is_empty() {
        lines.push("no devices are paired".to_owned());
    } else {
        let rows: Vec<_> = status
            .devices
            .iter()
            .map(|device| device_row(status, device))
            .collect();
        let headers = [
            "ID",
            "NAME",
            "MAY",
            "REACHES",
            "LAST SEEN",
            "FROM",
            "ENDS",
            "STATE",
        ];
        lines.extend(table(&headers, &rows, width));
    }
    lines.extend(closing(status));
    lines
}

fn device_row(status: &Status, device: &DeviceEntry) -> Vec<String> {
    let now = status.time;
    let ends = match device.until {
        Some(until) => {
            let left = in_short(now.until(until));
            format!("shared until {} (in {left})", clock(now, until))
        }
        None => format!(
            "{} unless seen",
            when(now, device.expires.min(device.keys_end))
        ),
    };
    let state = match (device.suspended, device.sessions) {
        (true, _) => "suspended".to_owned(),
        (false, 0) => String::new(),
        (false, sessions) => format!("{sessions} open"),
    };
    vec![
        device.id.to_string(),
        printable(&device.name),
        names(&device.scopes),
        reaches(status, &device.reach),
        ago(now, device.seen),
        printable(&device.from),
        ends,
        state,
    ]
}

/// Every live credential.
pub fn tokens(status: &Status, width: usize) -> Vec<String> {
    let now = status.time;
    let mut rows = Vec::new();
    for key in &status.keys {
        let (name, about) = key.kind.words();
        let since = key.since.map(|since| ago(now, since)).unwrap_or_default();
        let kept = match (key.since, key.ends) {
            (Some(_), _) => "replaced by itself",
            (None, Some(_)) => "nothing",
            (None, None) => "taking the other's place",
        };
        let ends = key.ends.map(|ends| when(now, ends)).unwrap_or_default();
        rows.push(row([
            "",
            name,
            "this machine",
            about,
            &since,
            &ends,
            kept,
            "",
            "",
        ]));
    }
    for link in &status.invitations {
        let about = [
            Some(names(&link.scopes)),
            Some(reaches(status, &link.reach)),
        ];
        let about: Vec<_> = about
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty())
            .collect();
        let name = if link.stays.is_some() {
            "share link"
        } else {
            "pairing link"
        };
        let whose = if link.without_asking {
            "whoever follows it"
        } else {
            "whom you let in"
        };
        rows.push(row([
            "",
            name,
            whose,
            &about.join(", "),
            &ago(now, link.since),
            &when(now, link.expires),
            "nothing",
            "",
            "",
        ]));
    }
    for device in &status.devices {
        let (id, name) = (short(&device.id), printable(&device.name));
        let (seen, from) = (ago(now, device.seen), printable(&device.from));
        let keys_kept = match (device.changing_keys, device.until) {
            (true, _) => "being changed when seen",
            (false, Some(_)) => "nothing",
            (false, None) => "replaced by itself when seen",
        };
        rows.push(row([
            &id,
            "device keys",
            &name,
            "",
            "",
            &when(now, device.keys_end),
            keys_kept,
            &seen,
            &from,
        ]));
        let about = [names(&device.scopes), reaches(status, &device.reach)];
        let about: Vec<_> = about.into_iter().filter(|text| !text.is_empty()).collect();
        let grant_kept = if device.until.is_some() {
            "nothing: shared"
        } else {
            "being seen"
        };
        rows.push(row([
            &id,
            "device grant",
            &name,
            &about.join(", "),
            &ago(now, device.paired),
            &when(now, device.expires),
            grant_kept,
            &seen,
            &from,
        ]));
    }
    for token in &status.tokens {
        let kept = if token.attached {
            kept_by(token.purpose)
        } else {
            "nothing: not opened yet"
        };
        rows.push(row([
            &short(&token.jti),
            token.purpose.name(),
            &name_of(status, token.device),
            &printable(&token.about),
            &ago(now, token.issued),
            &when(now, token.expires),
            kept,
            &ago(now, token.used),
            &printable(&token.from),
        ]));
    }
    let headers = [
        "ID",
        "CREDENTIAL",
        "OF",
        "ABOUT",
        "ISSUED",
        "ENDS (UTC)",
        "KEPT BY",
        "LAST USED",
        "FROM",
    ];
    let mut lines = locked(status);
    lines.extend(table(&headers, &rows, width));
    lines.extend(closing(status));
    lines
}

fn row(cells: [&str; 9]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn locked(status: &Status) -> Vec<String> {
    let line = "locked: nothing gets in until `lanyard unlock`";
    status.locked.then(|| line.to_owned()).into_iter().collect()
}

/// What stops first, and what should be done before.
fn closing(status: &Status) -> Vec<String> {
    let now = status.time;
    let mut lines = Vec::new();
    if let Some(stop) = first_to_stop(now, &status.devices, &status.tokens) {
        lines.push(printable(
            &stop.sentence(&name_of(status, stop.device), now),
        ));
    }
    lines.extend(clock_behind(status));
    if !status.warning.is_empty() {
        lines.push(format!("warning: {}", printable(&status.warning)));
    }
    for finding in &status.findings {
        lines.push(format!("warning: {}", printable(&finding.sentence)));
        lines.push(format!("hint: {}", printable(&finding.hint)));
    }
    for warning in warnings(now, &status.devices, &status.keys) {
        lines.push(format!("warning: {}", printable(&warning.sentence)));
        lines.push(format!("hint: {}", printable(&warning.hint)));
    }
    lines
}

/// That the clock is behind, if it is.
pub fn clock_behind(status: &Status) -> Vec<String> {
    let Some(known) = status.clock_behind else {
        return Vec::new();
    };
    let known = instant(known);
    vec![
        format!(
            "warning: the clock is behind {known}, which this machine knew; nothing is granted until it is set"
        ),
        "hint: `timedatectl` shows it; if it is right now and was ahead before, `lanyard clock --accept`"
            .to_owned(),
    ]
}

fn names(scopes: &[Scope]) -> String {
    let names: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    names.join(",")
}

/// What a reach bounds, with the name of its terminal.
pub fn reaches(status: &Status, reach: &Reach) -> String {
    let name = || {
        let terminal = status
            .terminals
            .iter()
            .find(|t| Some(t.id) == reach.terminal);
        terminal.map(|terminal| terminal.name.clone())
    };
    bounds(reach, name).unwrap_or_default()
}

/// How a device is called, to a person.
pub fn name_of(status: &Status, id: DeviceId) -> String {
    let device = status.devices.iter().find(|device| device.id == id);
    device.map_or_else(|| id.to_string(), |device| printable(&device.name))
}

fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(LISTED_ID).collect()
}

fn ago(now: UnixMs, then: UnixMs) -> String {
    if then == UnixMs::default() {
        return "never".to_owned();
    }
    format!("{} ago", in_short(then.until(now)))
}

/// A moment to come, from now and by the clock.
fn when(now: UnixMs, then: UnixMs) -> String {
    if then <= now {
        return format!("over since {}", in_short(then.until(now)));
    }
    format!("in {} ({})", in_short(now.until(then)), clock(now, then))
}

/// An instant, to the second.
pub fn instant(at: UnixMs) -> String {
    let stamp = i64::try_from(at.secs()).ok();
    let at = stamp.and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok());
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    at.and_then(|at| at.format(format).ok()).unwrap_or_default()
}

/// An instant that has been: without its day on that day.
fn was(now: UnixMs, then: UnixMs) -> String {
    let day = |time: UnixMs| time.secs() / (24 * 3600);
    if day(now) == day(then) {
        format!("{} UTC", clock(now, then))
    } else {
        instant(then)
    }
}

/// The time on the day of `now`; the date on any other.
fn clock(now: UnixMs, then: UnixMs) -> String {
    let stamp = i64::try_from(then.secs()).ok();
    let Some(at) = stamp.and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok()) else {
        return String::new();
    };
    let day = |time: UnixMs| time.secs() / (24 * 3600);
    let written = match day(then).saturating_sub(day(now)) {
        0 => at.format(format_description!("[hour]:[minute]:[second]")),
        1 | 2 => at.format(format_description!("[year]-[month]-[day] [hour]:[minute]")),
        _ => at.format(format_description!("[year]-[month]-[day]")),
    };
    written.unwrap_or_default()
}

#[cfg(test)]
mod tests;

//! Spans of time, as they are typed: `30m`, `2h`, `7d`.

use crate::limits::{AUDIT_KEPT_MIN, SHARE_MAX, SHARE_MIN, SPAN_MAX};
use lanyard_shared::limits::GRANT_MINUTES_MAX;
use std::time::Duration;

/// Reads for how long something is shared.
///
/// # Errors
/// A sentence that says what is expected.
pub fn share_time(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    if (SHARE_MIN..=SHARE_MAX).contains(&time) {
        Ok(time)
    } else {
        Err("a share lasts from 1m to 30d".to_owned())
    }
}

/// Reads after how long a terminal that no agent has come for ends; `never` is zero.
///
/// # Errors
/// A sentence that says what is expected.
pub fn orphan_time(text: &str) -> Result<Duration, String> {
    if matches!(text, "never" | "0") {
        return Ok(Duration::ZERO);
    }
    let time = span(text).map_err(|expected| format!("{expected}, or never"))?;
    if !time.is_zero() && time <= SPAN_MAX {
        Ok(time)
    } else {
        Err("terminals may wait from 1m to 3650d, or never end".to_owned())
    }
}

/// Reads for how long what terminals have printed is kept after they ended; `0` keeps nothing.
///
/// # Errors
/// A sentence that says what is expected.
pub fn keep_time(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let time = span(text).map_err(|expected| format!("{expected}, or 0"))?;
    if !time.is_zero() && time <= SPAN_MAX {
        Ok(time)
    } else {
        Err("what has ended may be kept from 1m to 3650d; 0 keeps nothing".to_owned())
    }
}

/// Reads for how long the audit log is kept.
///
/// # Errors
/// A sentence that says what is expected.
pub fn audit_time(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    if (AUDIT_KEPT_MIN..=SPAN_MAX).contains(&time) {
        Ok(time)
    } else {
        Err("the record is kept from 1d to 3650d".to_owned())
    }
}

/// Reads for how many minutes rules stand.
///
/// # Errors
/// A sentence that says what is expected.
pub fn grant_minutes(text: &str) -> Result<u32, String> {
    let minutes = span(text)?.as_secs() / 60;
    u32::try_from(minutes)
        .ok()
        .filter(|minutes| (1..=GRANT_MINUTES_MAX).contains(minutes))
        .ok_or_else(|| format!("rules stand from 1m to {}h", GRANT_MINUTES_MAX / 60))
}

fn span(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number with m, h or d, as 30m, 2h or 7d".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds: u64 = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(expected()),
    };
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    let count: u64 = digits.parse().map_err(|_| expected())?;
    Ok(Duration::from_secs(count.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_and_a_unit_and_its_bounds() {
        assert_eq!(share_time("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(share_time("1m"), Ok(SHARE_MIN));
        assert_eq!(share_time("30d"), Ok(SHARE_MAX));
        for wrong in [
            "",
            "m",
            "30",
            "30 m",
            "-1m",
            "+1m",
            "1.5h",
            "30s",
            "0m",
            "31d",
            "30µ",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(share_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_history_is_kept_for_a_span_or_not_at_all() {
        assert_eq!(keep_time("30d"), Ok(Duration::from_secs(30 * 24 * 3600)));
        assert_eq!(keep_time("0"), Ok(Duration::ZERO));
        for wrong in ["", "0m", "never", "30", "3651d"] {
            assert!(keep_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_orphans_time_is_a_span_or_never() {
        assert_eq!(orphan_time("12h"), Ok(Duration::from_secs(12 * 3600)));
        assert_eq!(orphan_time("30d"), Ok(lanyard_holder::limits::ORPHAN));
        assert_eq!(orphan_time("never"), Ok(Duration::ZERO));
        assert_eq!(orphan_time("0"), Ok(Duration::ZERO));
        for wrong in ["", "0m", "Never", "30", "-1d", "3651d"] {
            assert!(orphan_time(wrong).is_err(), "{wrong}");
        }
    }
}

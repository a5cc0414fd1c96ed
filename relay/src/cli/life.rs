//! How long something is to live, as it is typed.

use crate::limits::{ENROL_LIFE_MAX, TOKEN_LIFE_MAX};
use std::time::Duration;

pub fn code_life(text: &str) -> Result<Duration, String> {
    life(text)
        .and_then(|life| within(life, ENROL_LIFE_MAX))
        .map_err(|error| format!("a code: {error}"))
}

pub fn token_life(text: &str) -> Result<Duration, String> {
    life(text)
        .and_then(|life| within(life, TOKEN_LIFE_MAX))
        .map_err(|error| format!("a token: {error}"))
}

fn within(life: Duration, most: Duration) -> Result<Duration, String> {
    if !life.is_zero() && life <= most {
        return Ok(life);
    }
    let hours = most.as_secs() / 3600;
    Err(format!("lives at least a second and at most {hours}h"))
}

fn life(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text[..text.len() - unit.len()]
        .parse()
        .map_err(|_| "expected a time like 10m".to_owned())?;
    let seconds = match unit {
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => return Err("expected a time like 90s, 10m or 1h".to_owned()),
    };
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time like 90s, 10m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_read_with_units_and_bounded() {
        for read in [code_life, token_life] {
            assert_eq!(read("10m"), Ok(Duration::from_secs(600)));
            assert_eq!(read("90"), Ok(Duration::from_secs(90)));
            assert_eq!(read("24h"), Ok(Duration::from_secs(86_400)));
            for wrong in [
                "25h",
                "0s",
                "",
                "m",
                "10d",
                "1m1",
                "-1m",
                "99999999999999999999h",
                "9999999999999999h",
            ] {
                assert!(read(wrong).is_err(), "{wrong}");
            }
        }
    }
}

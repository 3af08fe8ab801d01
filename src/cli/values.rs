//! What an option's value must be like.

use std::time::Duration;

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 500ms, 25s or 2m"))
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be more than 0".to_owned()),
        duration => Ok(duration),
    }
}

/// The units of Go's durations.
const GO_UNITS: [&str; 7] = ["ns", "us", "µs", "ms", "s", "m", "h"];

/// Consul writes durations as Go does, which is what is kept; it only has to be one.
pub(super) fn check_interval(text: &str) -> Result<String, String> {
    positive_duration(text)?;
    let mut units = text
        .split(|c: char| c.is_ascii_digit())
        .filter(|unit| !unit.is_empty());
    match units.find(|unit| !GO_UNITS.contains(unit)) {
        Some(unit) => Err(format!(
            "Consul knows no unit {unit:?}; write 500ms, 25s, 2m or 1m30s"
        )),
        None => Ok(text.to_owned()),
    }
}

pub(super) fn pattern(text: &str) -> Result<glob::Pattern, String> {
    if text.is_empty() {
        return Err("an empty pattern matches no interface".to_owned());
    }
    glob::Pattern::new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("25").expect_err("no unit").contains("25s"));
        assert!(positive_duration("0").is_err());
    }

    #[test]
    fn an_interval_is_kept_if_consul_reads_it() {
        for good in ["10s", "1m30s", "500ms", "2h"] {
            assert_eq!(check_interval(good), Ok(good.to_owned()));
        }
        for bad in ["1min", "1m 30s", "1d", "0s", "soon"] {
            assert!(check_interval(bad).is_err(), "{bad}");
        }
    }
}

//! Sizes and times as people write them: `64MiB`, `90d`.

use std::time::Duration;

/// A text that is no size or no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {expected}")]
pub struct UnitError {
    text: String,
    what: &'static str,
    expected: &'static str,
}

/// Bytes: a whole number with `B`, `kB`, `MB`, `GB`, `TB` (powers of 1000), `KiB`, `MiB`, `GiB`, `TiB` (of 1024), or
/// nothing behind it, which is bytes.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    const UNITS: [(&str, u64); 10] = [
        ("", 1),
        ("B", 1),
        ("kB", 1000),
        ("MB", 1000 * 1000),
        ("GB", 1000 * 1000 * 1000),
        ("TB", 1000 * 1000 * 1000 * 1000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ];
    parse(text, &UNITS).ok_or_else(|| UnitError {
        text: text.to_owned(),
        what: "size",
        expected: "a whole number and a unit, as in `64MiB` or `10GB`",
    })
}

/// A time: a whole number with `ms`, `s`, `m`, `h`, `d` or `w` behind it.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    const UNITS: [(&str, u64); 6] = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60 * 1000),
        ("h", 60 * 60 * 1000),
        ("d", 24 * 60 * 60 * 1000),
        ("w", 7 * 24 * 60 * 60 * 1000),
    ];
    parse(text, &UNITS).map(Duration::from_millis).ok_or_else(|| UnitError {
        text: text.to_owned(),
        what: "time",
        expected: "a whole number and a unit, as in `30s`, `12h` or `90d`",
    })
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, size) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("1kB", 1000),
            ("64MiB", 64 << 20),
            ("10 GB", 10_000_000_000),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "1.5GB", "-1", "1 XB", "1mb", "99999999999TiB", "1e3"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_bytes("lots").unwrap_err().to_string(),
            "`lots` is no size: a whole number and a unit, as in `64MiB` or `10GB`"
        );
    }

    #[test]
    fn times() {
        for (text, seconds) in
            [("30s", 30), ("2m", 120), ("12h", 43_200), ("90d", 7_776_000), ("2 w", 1_209_600)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "5", "h", "1y", "1.5h", "-3s", "99999999999999w"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}

//! Lengths of time as people write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A length of time: `90s`, `5m`, `1h30m`, `7d`, `250ms`; at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

const YEARS_10: Duration = Duration::from_hours(10 * 366 * 24);

/// A text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time; one is written `90s`, `5m`, `1h30m` or `7d`, and is at most ten years")]
pub struct SpanError(String);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// So many seconds, at most ten years.
    pub const fn from_secs(seconds: u32) -> Self {
        // 2^32 seconds are too many, but `Duration`'s comparisons are not const.
        let ten_years = 10 * 366 * 86_400;
        Self(Duration::from_secs(if seconds > ten_years { ten_years } else { seconds } as u64))
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u32) -> Self {
        Self(Duration::from_millis(millis as u64))
    }

    /// As the standard library's type.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// In microseconds.
    pub(crate) fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError(text.chars().take(40).collect());
        let mut total = Duration::ZERO;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u32 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit = match &rest[..letters] {
                "ms" => Duration::from_millis(1),
                "s" => Duration::from_secs(1),
                "m" => Duration::from_mins(1),
                "h" => Duration::from_hours(1),
                "d" => Duration::from_hours(24),
                _ => return Err(wrong()),
            };
            rest = &rest[letters..];
            total = unit.checked_mul(number).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        }
        if total > YEARS_10 { Err(wrong()) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")] {
            if rest >= unit {
                write!(f, "{}{name}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u64, &str)>) {
        let span = text.parse::<Span>().ok();
        let seen = span.map(|span| (u64::try_from(span.0.as_millis()).unwrap(), span.to_string()));
        assert_eq!(seen, expected.map(|(millis, printed)| (millis, printed.to_owned())), "{text}");
    }

    #[test]
    fn lengths() {
        check("0s", Some((0, "0s")));
        check("90s", Some((90_000, "1m30s")));
        check("1h30m", Some((5_400_000, "1h30m")));
        check("7d", Some((604_800_000, "7d")));
        check("250ms", Some((250, "250ms")));
        for wrong in ["", "5", "m", "5 m", "-5m", "1.5h", "5w", "99999999999s", "4294967295d", "5mü", "ü"] {
            check(wrong, None);
        }
    }
}

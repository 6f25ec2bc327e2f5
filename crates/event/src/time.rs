//! Moments, as precise as an event tells them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A moment in UTC, in microseconds: `MicroTime` of `k8s.io/apimachinery`.
///
/// Always within the years 0000 to 9999, so that it can always be written with four digits of year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroTime {
    /// Since 1970-01-01T00:00:00Z.
    micros: i64,
}

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;

impl MicroTime {
    /// 0000-01-01T00:00:00.000000Z
    pub const MIN: MicroTime = MicroTime { micros: -62_167_219_200 * MICROS };
    /// 9999-12-31T23:59:59.999999Z
    pub const MAX: MicroTime = MicroTime { micros: 253_402_300_800 * MICROS - 1 };
    /// 0001-01-01T00:00:00Z: Go's zero time, which is written as `null`.
    pub const GO_ZERO: MicroTime = MicroTime { micros: -62_135_596_800 * MICROS };

    /// The moment that many microseconds after 1970-01-01T00:00:00Z, held between [`MicroTime::MIN`] and
    /// [`MicroTime::MAX`].
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.micros {
            Self::MIN
        } else if micros > Self::MAX.micros {
            Self::MAX
        } else {
            MicroTime { micros }
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.micros
    }

    /// Any RFC 3339 time: as many digits after the point as one likes, or none; cut to microseconds.
    ///
    /// For reading what others wrote. An event's own timestamps have exactly six digits, which [`FromStr`] insists on.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimeError> {
        parse(text, Digits::Any)
    }
}

/// `2006-01-02T15:04:05.000000Z`, as events have it.
impl fmt::Display for MicroTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.micros.div_euclid(MICROS);
        let fraction = self.micros.rem_euclid(MICROS);
        let (year, month, day) = date(seconds.div_euclid(DAY));
        let clock = seconds.rem_euclid(DAY);
        // Every event that is rebuilt has two of them, so it is not left to `write!`.
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |start: usize, end: usize, mut number: i64| {
            for digit in text[start..end].iter_mut().rev() {
                *digit = b"0123456789"[usize::try_from(number % 10).unwrap_or_default()];
                number /= 10;
            }
        };
        put(0, 4, year);
        put(5, 7, month);
        put(8, 10, day);
        put(11, 13, clock / 3600);
        put(14, 16, clock / 60 % 60);
        put(17, 19, clock % 60);
        put(20, 26, fraction);
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// What Go's `time.Parse` takes for `2006-01-02T15:04:05.000000Z07:00`: six digits, `Z` or an offset.
///
/// With Go's own leniencies: an hour of one digit, a comma for the point, offsets of up to 24:60.
impl FromStr for MicroTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        parse(text, Digits::Six)
    }
}

/// A text that is not the time that it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("malformed time `{text}`, expected one like `2006-01-02T15:04:05.000000Z`")]
pub struct TimeError {
    text: String,
}

/// A moment with nanoseconds and its own zone, for the places that show what a wire event has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZonedTime {
    /// Since 1970-01-01T00:00:00Z; the fraction comes on top.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
    /// What local clocks show more than UTC.
    pub offset_seconds: i32,
}

impl From<MicroTime> for ZonedTime {
    fn from(time: MicroTime) -> Self {
        ZonedTime {
            seconds: time.micros.div_euclid(MICROS),
            nanos: u32::try_from(time.micros.rem_euclid(MICROS) * 1000).unwrap_or_default(),
            offset_seconds: 0,
        }
    }
}

/// Go's `RFC3339Nano`: up to nine digits, trailing zeros left out; `Z` when the offset is zero.
impl fmt::Display for ZonedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.seconds.saturating_add(i64::from(self.offset_seconds));
        let (year, month, day) = date(local.div_euclid(DAY));
        let clock = local.rem_euclid(DAY);
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos > 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        if self.offset_seconds == 0 {
            return f.write_str("Z");
        }
        let minutes = self.offset_seconds.unsigned_abs() / 60;
        let sign = if self.offset_seconds < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Digits {
    Six,
    Any,
}

fn parse(text: &str, digits: Digits) -> Result<MicroTime, TimeError> {
    read(text.as_bytes(), digits).ok_or_else(|| TimeError { text: text.chars().take(64).collect() })
}

fn read(text: &[u8], digits: Digits) -> Option<MicroTime> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    take(&mut rest, b"-")?;
    let month = number(&mut rest, 2)?;
    take(&mut rest, b"-")?;
    let day = number(&mut rest, 2)?;
    take(&mut rest, b"T")?;
    let hour = if matches!(rest, [_, b':', ..]) { number(&mut rest, 1)? } else { number(&mut rest, 2)? };
    take(&mut rest, b":")?;
    let minute = number(&mut rest, 2)?;
    take(&mut rest, b":")?;
    let second = number(&mut rest, 2)?;
    let in_range = (1..=12).contains(&month) && day >= 1 && hour < 24 && minute < 60 && second < 60;
    if !in_range || day > days_in(year, month) {
        return None;
    }
    let micros = fraction(&mut rest, digits)?;
    let offset = offset(&mut rest)?;
    if !rest.is_empty() {
        return None;
    }
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
    Some(MicroTime::from_micros(seconds * MICROS + micros))
}

/// The digits after the point, as microseconds.
fn fraction(rest: &mut &[u8], digits: Digits) -> Option<i64> {
    if take(rest, b".").or_else(|| take(rest, b",")).is_none() {
        return if digits == Digits::Any { Some(0) } else { None };
    }
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 || digits == Digits::Six && count != 6 {
        return None;
    }
    let (all, after) = rest.split_at(count);
    *rest = after;
    let six = all.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    Some(six.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// `Z` or `±hh:mm`, in seconds.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    if take(rest, b"Z").is_some() {
        return Some(0);
    }
    let sign = if take(rest, b"-").is_some() {
        -1
    } else {
        take(rest, b"+")?;
        1
    };
    let hours = number(rest, 2)?;
    take(rest, b":")?;
    let minutes = number(rest, 2)?;
    if hours > 24 || minutes > 60 { None } else { Some(sign * (hours * 3600 + minutes * 60)) }
}

fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (number, after) = rest.split_at_checked(digits)?;
    *rest = after;
    number.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

fn take(rest: &mut &[u8], expected: &[u8]) -> Option<()> {
    *rest = rest.strip_prefix(expected)?;
    Some(())
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
///
/// Counted in years that start in March, so that the leap day is the last of its year; 400 years are 146,097 days.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let from_march = (month + 9) % 12;
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The year, month and day so many days after 1970-01-01, in the proleptic Gregorian calendar.
pub fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_follows_the_one_before() {
        let mut expected = days(0, 1, 1);
        for year in 0..10_000 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days(year, month, day), expected);
                    assert_eq!(date(expected), (year, month, day));
                    expected += 1;
                }
            }
        }
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(expected * DAY * MICROS - 1, MicroTime::MAX.as_micros());
    }

    fn check(text: &str, micros: i64) {
        assert_eq!(text.parse::<MicroTime>().map(MicroTime::as_micros), Ok(micros), "{text}");
    }

    #[test]
    fn times_are_read_as_go_reads_them() {
        check("1970-01-01T00:00:00.000000Z", 0);
        check("2026-01-02T03:04:05.123456Z", 1_767_323_045_123_456);
        check("2026-01-02T05:04:05.123456+02:00", 1_767_323_045_123_456);
        check("2026-01-01T21:34:05.123456-05:30", 1_767_323_045_123_456);
        check("2026-01-02T3:04:05,123456Z", 1_767_323_045_123_456);
        check("1969-12-31T23:59:59.999999Z", -1);
        check("2000-02-29T00:00:00.000000Z", 951_782_400_000_000);
        assert_eq!("0001-01-01T00:00:00.000000Z".parse(), Ok(MicroTime::GO_ZERO));
        assert_eq!("0000-01-01T00:00:00.000000+01:00".parse(), Ok(MicroTime::MIN));
    }

    #[test]
    fn all_else_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.12345Z",
            "2026-01-02T03:04:05.1234567Z",
            "2026-01-02T03:04:05.123456",
            "2026-01-02T03:04:05.123456z",
            "2026-01-02T03:04:05.123456Z ",
            "2026-01-02 03:04:05.123456Z",
            "2026-01-02t03:04:05.123456Z",
            "2026-00-02T03:04:05.123456Z",
            "2026-13-02T03:04:05.123456Z",
            "2026-01-00T03:04:05.123456Z",
            "2026-02-29T03:04:05.123456Z",
            "1900-02-29T03:04:05.123456Z",
            "2026-01-02T24:04:05.123456Z",
            "2026-01-02T03:60:05.123456Z",
            "2026-01-02T03:04:60.123456Z",
            "2026-01-02T03:04:05.123456+25:00",
            "2026-01-02T03:04:05.123456+02:61",
            "2026-01-02T03:04:05.123456+0200",
            "2026-1-02T03:04:05.123456Z",
            "-026-01-02T03:04:05.123456Z",
            "2026-01-02T03:04:05.12345\u{e9}Z",
        ] {
            assert!(text.parse::<MicroTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn others_may_be_more_or_less_precise() {
        let micros = |text| MicroTime::parse_rfc3339(text).map(MicroTime::as_micros);
        assert_eq!(micros("2026-01-02T03:04:05Z"), Ok(1_767_323_045_000_000));
        assert_eq!(micros("2026-01-02T05:04:05.5+02:00"), Ok(1_767_323_045_500_000));
        assert_eq!(micros("2026-01-02T03:04:05.123456789Z"), Ok(1_767_323_045_123_456));
        assert!(micros("2026-01-02T03:04:05.Z").is_err());
    }

    #[test]
    fn zoned_times_are_shown_as_go_shows_them() {
        let show = |seconds, nanos, offset_seconds| ZonedTime { seconds, nanos, offset_seconds }.to_string();
        assert_eq!(show(1_784_880_672, 123_456_789, 7200), "2026-07-24T10:11:12.123456789+02:00");
        assert_eq!(show(1_767_323_045, 0, 0), "2026-01-02T03:04:05Z");
        assert_eq!(show(1_767_323_045, 120_000_000, -12_600), "2026-01-01T23:34:05.12-03:30");
        assert_eq!(ZonedTime::from(MicroTime::GO_ZERO).to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(ZonedTime::from(MicroTime::from_micros(-1)).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros in MicroTime::MIN.micros..=MicroTime::MAX.micros) {
            let time = MicroTime::from_micros(micros);
            prop_assert_eq!(time.as_micros(), micros);
            let text = time.to_string();
            prop_assert_eq!(text.len(), 27);
            prop_assert_eq!(text.parse(), Ok(time));
            prop_assert_eq!(MicroTime::parse_rfc3339(&text), Ok(time));
        }

        #[test]
        fn any_number_and_any_text_is_survived(micros: i64, seconds: i64, nanos: u32, offset_seconds: i32, text: String) {
            let _ = MicroTime::from_micros(micros).to_string();
            let _ = ZonedTime { seconds, nanos, offset_seconds }.to_string();
            let _ = text.parse::<MicroTime>();
        }
    }
}

//! Moments as people write them.

use auditward_event::MicroTime;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// How moments may be written; for messages.
pub(crate) const FORMS: &str = "write `2h`, `7d`, `today`, `2026-11-26` or `2026-11-26T14:00:00Z`";

/// A moment: `2h` or `1d12h` before `now` (`s`, `m`, `h`, `d`, `w`), `now`, `today`, `yesterday`, a date, or a time in
/// RFC 3339, whose seconds and zone may be left out. Without a zone it is UTC.
pub fn moment(text: &str, now: MicroTime) -> Option<MicroTime> {
    let midnight = |days: i64| {
        let today = now.as_micros().div_euclid(DAY);
        MicroTime::from_micros((today + days) * DAY)
    };
    match text {
        "now" => return Some(now),
        "today" => return Some(midnight(0)),
        "yesterday" => return Some(midnight(-1)),
        _ => {}
    }
    if let Some(ago) = duration(text) {
        return Some(MicroTime::from_micros(now.as_micros().saturating_sub(ago)));
    }
    let full = |text: &str| MicroTime::parse_rfc3339(text).ok();
    // `2026-11-26`, `2026-11-26T14:00`, then the seconds; the zone comes last.
    let (clock, zone) = split_zone(text);
    match clock.len() {
        10 if zone.is_empty() => full(&format!("{clock}T00:00:00Z")),
        16 => full(&format!("{clock}:00{}", or_utc(zone))),
        length if length >= 19 => full(&format!("{clock}{}", or_utc(zone))),
        _ => None,
    }
}

/// Microseconds of `90s`, `1d12h`.
fn duration(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?.checked_mul(SECOND)?)?;
        rest = rest.get(digits + 1..)?;
    }
    (!text.is_empty()).then_some(total)
}

fn split_zone(text: &str) -> (&str, &str) {
    let sign = text.find('T').and_then(|t| Some(t + text.get(t..)?.find(['+', '-', 'Z', 'z'])?));
    text.split_at(sign.unwrap_or(text.len()))
}

fn or_utc(zone: &str) -> &str {
    if zone.is_empty() { "Z" } else { zone }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let Ok(now) = "2026-11-26T14:30:15.500000Z".parse() else { panic!("now") };
        assert_eq!(moment(text, now).map(|time| time.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn moments() {
        check("now", Some("2026-11-26T14:30:15.500000Z"));
        check("2h", Some("2026-11-26T12:30:15.500000Z"));
        check("1d12h", Some("2026-11-25T02:30:15.500000Z"));
        check("0s", Some("2026-11-26T14:30:15.500000Z"));
        check("today", Some("2026-11-26T00:00:00.000000Z"));
        check("yesterday", Some("2026-11-25T00:00:00.000000Z"));
        check("2026-11-01", Some("2026-11-01T00:00:00.000000Z"));
        check("2026-11-01T10:20", Some("2026-11-01T10:20:00.000000Z"));
        check("2026-11-01T10:20Z", Some("2026-11-01T10:20:00.000000Z"));
        check("2026-11-01T10:20:30", Some("2026-11-01T10:20:30.000000Z"));
        check("2026-11-01T10:20:30.25", Some("2026-11-01T10:20:30.250000Z"));
        check("2026-11-01T10:20:30.25+02:00", Some("2026-11-01T08:20:30.250000Z"));
        check("2026-11-01T10:20-01:00", Some("2026-11-01T11:20:00.000000Z"));
        check("100000w", Some("0110-05-15T14:30:15.500000Z"));
        check("9999999w", Some("0000-01-01T00:00:00.000000Z"));
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "2",
            "h",
            "2x",
            "2hh",
            "2026",
            "2026-13-01",
            "2026-11-26Z",
            "2026-11-26T",
            "T",
            "ü",
            "9999999999999999999h",
            "99999999999999w",
            "2026-11-26T14",
            "2026-11-26T14:00:00Zx",
            "tomorrow",
        ] {
            check(text, None);
        }
    }
}

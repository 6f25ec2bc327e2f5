//! `90s`, `10m`, `2h`, `7d`, and `1h30m`.

/// Seconds that a text stands for; at most ten years, since nothing here remembers longer.
pub(super) fn parse(text: &str) -> Option<u64> {
    const MAX: u64 = 10 * 366 * 86_400;
    let mut rest = text;
    let mut seconds: u64 = 0;
    let mut unit_before = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let unit = match after.as_bytes().first()? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return None,
        };
        // Each unit once, the larger first.
        if unit >= unit_before {
            return None;
        }
        unit_before = unit;
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = &after[1..];
    }
    (unit_before != u64::MAX && seconds <= MAX).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, seconds: Option<u64>| assert_eq!(parse(text), seconds, "{text}");
        check("90s", Some(90));
        check("10m", Some(600));
        check("1h30m", Some(5400));
        check("7d", Some(604_800));
        check("0s", Some(0));
        check("", None);
        check("10", None);
        check("m", None);
        check("1m1h", None);
        check("1m1m", None);
        check("-1m", None);
        check("1.5h", None);
        check("10 m", None);
        check("99999999999999999999s", None);
        check("4000d", None);
        check("1é", None);
    }
}

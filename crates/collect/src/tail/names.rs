//! Which files of a folder are one log: the live one and what it was before, by the names that rotation gives.
//!
//! | rotated by | name of what was `audit.log` |
//! | --- | --- |
//! | kube-apiserver | `audit-2026-11-23T04-04-37.558.log`, later `….log.gz` |
//! | logrotate | `audit.log.1`, `audit.log.2.gz` |
//! | logrotate with `dateext` | `audit.log-20261123`, `audit-20261123.log`, each also with `.gz` |

use std::cmp::Reverse;

/// When a file of a log was the live one, as far as its name tells: the oldest is the least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// `.7` is older than `.1`, and every file has another number after each rotation.
    Numbered(Reverse<u32>),
    /// The digits after the name. They are compared as text, which in one log comes to the order of time.
    Day(String),
    /// The time in the name, which is as well compared as text.
    Time(String),
    Live,
}

impl Age {
    /// Whether a file keeps this age as long as it is there.
    pub(super) fn stays(&self) -> bool {
        matches!(self, Age::Day(_) | Age::Time(_))
    }

    /// For checkpoints; nothing for what does not stay.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Age::Day(text) | Age::Time(text) => Some(text),
            Age::Numbered(_) | Age::Live => None,
        }
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        if is_time(text) {
            Some(Age::Time(text.to_owned()))
        } else {
            is_day(text).then(|| Age::Day(text.to_owned()))
        }
    }
}

/// What `name` is to the log whose live file is `live`, and whether it is compressed; nothing if it is another log's.
pub(super) fn age(name: &str, live: &str) -> Option<(Age, bool)> {
    if name == live {
        return Some((Age::Live, false));
    }
    let (plain, gzip) = match name.strip_suffix(".gz") {
        Some(plain) => (plain, true),
        None => (name, false),
    };
    let (stem, ext) = split(live);
    let inside = plain
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_suffix(ext));
    let after = plain.strip_prefix(live);
    let age = if let Some(time) = inside.filter(|text| is_time(text)) {
        Age::Time(time.to_owned())
    } else if let Some(day) = inside.filter(|text| is_day(text)) {
        Age::Day(day.to_owned())
    } else if let Some(day) = after.and_then(|rest| rest.strip_prefix('-')).filter(|text| is_day(text)) {
        Age::Day(day.to_owned())
    } else {
        Age::Numbered(Reverse(after.and_then(|rest| rest.strip_prefix('.')).and_then(number)?))
    };
    Some((age, gzip))
}

/// The name of the live file that `name` is or once was.
pub(super) fn live(name: &str) -> String {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let cut = |text: &str| {
        let dash =
            |at: usize| text.get(..at).and_then(|head| head.strip_suffix('-')).filter(|h| !h.is_empty());
        let time = text.len().checked_sub(TIME.len()).filter(|at| text.get(*at..).is_some_and(is_time));
        let day = || {
            let at = text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            Some(at).filter(|at| is_day(&text[*at..]))
        };
        time.or_else(day).and_then(dash).map(str::to_owned)
    };
    if let Some(live) = cut(plain) {
        return live;
    }
    let (stem, ext) = split(plain);
    if let Some(number_of) = ext.strip_prefix('.')
        && number(number_of).is_some()
        && !stem.is_empty()
    {
        return stem.to_owned();
    }
    // Without its ending, `.log` by itself is a name that kube-apiserver makes `-TIME.log` of.
    match cut(stem) {
        Some(stem) => stem + ext,
        None => name.to_owned(),
    }
}

/// As kube-apiserver's rotation does: from the last dot.
fn split(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('.').unwrap_or(name.len()))
}

/// `d` is a digit.
const TIME: &str = "dddd-dd-ddTdd-dd-dd.ddd";

fn is_time(text: &str) -> bool {
    text.len() == TIME.len()
        && text.bytes().zip(TIME.bytes()).all(|(byte, like)| match like {
            b'd' => byte.is_ascii_digit(),
            like => byte == like,
        })
}

/// `20261123`, or with hours, or seconds since 1970.
fn is_day(text: &str) -> bool {
    (8..=14).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str) -> Option<u32> {
    let digits = (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, of: &str, expect: impl Into<Option<(Age, bool)>>) {
        let expect = expect.into();
        assert_eq!(age(name, of), expect, "{name}");
        if expect.is_some() {
            assert_eq!(live(name), of, "{name}");
        }
    }

    #[test]
    fn each_rotation_has_its_names() {
        let time = || Age::Time("2026-11-23T04-04-37.558".to_owned());
        let day = || Age::Day("20261123".to_owned());
        check("audit.log", "audit.log", (Age::Live, false));
        check("audit-2026-11-23T04-04-37.558.log", "audit.log", (time(), false));
        check("audit-2026-11-23T04-04-37.558.log.gz", "audit.log", (time(), true));
        check("audit-2026-11-23T04-04-37.558", "audit", (time(), false));
        check("a.b-2026-11-23T04-04-37.558.log", "a.b.log", (time(), false));
        check("audit.log.1", "audit.log", (Age::Numbered(Reverse(1)), false));
        check("audit.log.12.gz", "audit.log", (Age::Numbered(Reverse(12)), true));
        check("audit.log-20261123", "audit.log", (day(), false));
        check("audit-20261123.log.gz", "audit.log", (day(), true));
        check("audit.json", "audit.log", None);
        check("audit2-2026-11-23T04-04-37.558.log", "audit.log", None);
        check("audit-2026-11-23T04-04-37.55x.log", "audit.log", None);
        check("audit.log.bak", "audit.log", None);
        check("audit.log.1.2", "audit.log", None);
        check("audit-.log", "audit.log", None);
        check("audit-ü.log", "audit.log", None);
    }

    #[test]
    fn other_names_are_logs_of_their_own() {
        for name in ["audit-east.log", "audit", "2026.log", ".log", "-20261123", "ü", ".gz", ""] {
            assert_eq!(live(name), name);
        }
    }

    #[test]
    fn the_oldest_comes_first() {
        let names = ["audit.log", "audit.log.2", "audit.log.10", "audit-2026-11-23T04-04-37.558.log"];
        let mut ages: Vec<_> =
            names.iter().filter_map(|name| Some((age(name, "audit.log")?, *name))).collect();
        ages.sort();
        let sorted: Vec<_> = ages.into_iter().map(|(_, name)| name).collect();
        assert_eq!(sorted, ["audit.log.10", "audit.log.2", names[3], "audit.log"]);
    }
}

//! The line of `--audit-log-format=legacy`.
//!
//! ```text
//! 2026-01-02T03:04:05Z AUDIT: id="…" stage="…" ip="…" method="…" user="…" groups="\"a\",\"b\"" as="<self>" …
//! ```

use std::fmt::Write as _;

use super::{Event, UserInfo};
use crate::MicroTime;
use crate::time::ZonedTime;

impl Event {
    /// The event as kube-apiserver's legacy log has it, without a line break. Level, object, annotations and the
    /// stage's time are not in it.
    ///
    /// kube-apiserver shows the request's arrival in nanoseconds and local time, which an event on the wire has lost:
    /// `received` may bring it back. Without it, the event's own timestamp is shown.
    pub fn to_legacy_line(&self, received: Option<ZonedTime>) -> String {
        let received = received.unwrap_or_else(|| {
            ZonedTime::from(self.request_received_timestamp.unwrap_or(MicroTime::GO_ZERO))
        });
        let or = |text: &str, other: &str| quote(if text.is_empty() { other } else { text });
        let user = &self.user;
        let (acting, acting_groups) = match &self.impersonated_user {
            None => (quote("<self>"), quote("<lookup>")),
            Some(user) => (quote(&user.username), quoted_groups(user).unwrap_or_else(|| quote("<lookup>"))),
        };
        let groups = if user.username.is_empty() { None } else { quoted_groups(user) };
        let code =
            self.response_status.as_ref().map_or("<deferred>".to_owned(), |status| status.code.to_string());
        format!(
            "{received} AUDIT: id={} stage={} ip={} method={} user={} groups={} as={acting} asgroups={acting_groups} \
             user-agent={} namespace={} uri={} response=\"{code}\"",
            quote(&self.audit_id),
            quote(self.stage.map_or("", |stage| stage.as_str())),
            quote(self.source_ips.first().map_or("<unknown>", String::as_str)),
            quote(&self.verb),
            or(&user.username, "<none>"),
            groups.unwrap_or_else(|| quote("<none>")),
            quote(&self.user_agent),
            or(self.object_ref.as_ref().map_or("", |reference| &reference.namespace), "<none>"),
            quote(&self.request_uri),
        )
    }
}

/// Each group quoted, and all of them quoted again; `None` if there are none.
fn quoted_groups(user: &UserInfo) -> Option<String> {
    if user.groups.is_empty() {
        return None;
    }
    let groups: Vec<String> = user.groups.iter().map(|group| quote(group)).collect();
    Some(quote(&groups.join(",")))
}

/// Go's `strconv.Quote`.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            _ => push_unusual(c, &mut out),
        }
    }
    out.push('"');
    out
}

fn push_unusual(c: char, out: &mut String) {
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = match code {
        _ if is_printable(c) => out.write_char(c),
        0..=0x7f => write!(out, "\\x{code:02x}"),
        0x80..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Letters, marks, numbers, punctuation and symbols, for Go; the same to Rust's `escape_debug`, but for combining marks
/// at the very start of a text. So the character is shown to it after another one.
fn is_printable(c: char) -> bool {
    let mut buf = [b'a', 0, 0, 0, 0];
    let length = 1 + c.encode_utf8(&mut buf[1..]).len();
    std::str::from_utf8(&buf[..length]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        let check = |text: &str, expected: &str| assert_eq!(quote(text), expected);
        check("", r#""""#);
        check("a\"b\\c<>&", r#""a\"b\\c<>&""#);
        check("\u{7}\u{8}\u{c}\n\r\t\u{b}\u{0}\u{1f}\u{7f}", r#""\a\b\f\n\r\t\v\x00\x1f\x7f""#);
        check("h\u{e9} \u{4e16}\u{301} \u{1f600}", "\"h\u{e9} \u{4e16}\u{301} \u{1f600}\"");
        check("\u{301}", "\"\u{301}\"");
        check("\u{80}\u{a0}\u{ad}\u{2028}\u{feff}\u{e000}", r#""\u0080\u00a0\u00ad\u2028\ufeff\ue000""#);
        check("\u{10ffff}\u{e0001}", r#""\U0010ffff\U000e0001""#);
        check("\u{fffd}", "\"\u{fffd}\"");
    }
}

//! New values as text, in the style of what stands around them.

use super::step::Data;
use super::syntax::Quotes;

/// How brackets are written here.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowStyle {
    /// Whether everything is in double quotes, as JSON wants it.
    pub(super) json: bool,
    /// Whether a space stands behind `:` and `,`.
    pub(super) spaced: bool,
}

impl FlowStyle {
    /// A comma, with its space.
    pub(super) fn comma(self) -> &'static str {
        if self.spaced { ", " } else { "," }
    }

    /// A value in brackets and quotes, on one line.
    pub(super) fn value(self, data: &Data, quotes: Quotes) -> String {
        match data {
            Data::Text(text) if self.json => double(text),
            Data::Text(text) => scalar(text, quotes, true),
            Data::True => "true".to_owned(),
            Data::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.value(item, quotes)).collect();
                format!("[{}]", items.join(self.comma()))
            }
            Data::Map(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| self.entry(key, value)).collect();
                format!("{{{}}}", entries.join(self.comma()))
            }
        }
    }

    /// A key and its value.
    pub(super) fn entry(self, key: &str, value: &Data) -> String {
        let colon = if self.spaced || !self.json { ": " } else { ":" };
        let key = if self.json { double(key) } else { scalar(key, Quotes::Plain, true) };
        format!("{key}{colon}{}", self.value(value, Quotes::Plain))
    }
}

/// A value on lines of its own, without indentation and line ends. `nested` says how far the items of a list stand in
/// from their key.
pub(super) fn block(data: &Data, quotes: Quotes, nested: usize) -> Vec<String> {
    match data {
        Data::Text(text) => vec![scalar(text, quotes, false)],
        Data::True => vec!["true".to_owned()],
        Data::List(items) => items.iter().flat_map(|item| block_item(item, quotes, nested, 1)).collect(),
        Data::Map(entries) => {
            entries.iter().flat_map(|(key, value)| block_entry(key, value, nested)).collect()
        }
    }
}

/// An item of a list, with `gap` spaces behind its dash.
pub(super) fn block_item(item: &Data, quotes: Quotes, nested: usize, gap: usize) -> Vec<String> {
    let mut lines = block(item, quotes, nested);
    for (at, line) in lines.iter_mut().enumerate() {
        let dash = if at == 0 { '-' } else { ' ' };
        line.insert_str(0, &format!("{dash}{}", " ".repeat(gap)));
    }
    lines
}

/// A key with its value: behind it, or on lines below.
pub(super) fn block_entry(key: &str, value: &Data, nested: usize) -> Vec<String> {
    let key = scalar(key, Quotes::Plain, false);
    let inner = match value {
        Data::Text(_) | Data::True => {
            return vec![format!("{key}: {}", block(value, Quotes::Plain, nested).concat())];
        }
        Data::List(_) => nested,
        Data::Map(_) => 2,
    };
    let mut lines = vec![format!("{key}:")];
    let pad = " ".repeat(inner);
    lines.extend(block(value, Quotes::Plain, nested).into_iter().map(|line| pad.clone() + &line));
    lines
}

/// A text as a scalar in these quotes, or in stronger ones where it would mean something else.
pub(super) fn scalar(text: &str, quotes: Quotes, flow: bool) -> String {
    match quotes {
        Quotes::Plain | Quotes::Block if plain_means_itself(text, flow) => text.to_owned(),
        Quotes::Single if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', "''")),
        _ => double(text),
    }
}

/// In double quotes, as YAML and JSON both read it.
pub(super) fn double(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || ('\u{2028}'..='\u{2029}').contains(&c) => {
                quoted += &format!("\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Whether every YAML reader takes the bare text for the text: rather too few than one too many.
fn plain_means_itself(text: &str, flow: bool) -> bool {
    let first = text.strip_prefix("--").unwrap_or(text);
    let starts_well = first.starts_with(|c: char| c.is_ascii_alphabetic())
        || (text == first && text.starts_with('/') && text.len() > 1);
    let safe = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'=' | b'@' | b'+' | b'-' => true,
        b':' | b',' => !flow,
        _ => false,
    };
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    starts_well && text.bytes().all(safe) && !text.ends_with(':') && !word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_misread_is_quoted() {
        let check = |text: &str, flow: bool, expected: &str| {
            assert_eq!(scalar(text, Quotes::Plain, flow), expected);
        };
        check("--audit-log-maxage=30", false, "--audit-log-maxage=30");
        check("/etc/kubernetes/audit", false, "/etc/kubernetes/audit");
        check("sha256:00ff", false, "sha256:00ff");
        check("sha256:00ff", true, "\"sha256:00ff\"");
        for text in
            ["30", "-", "yes", "Off", "", "a b", "1e3", "~", "a: b", "a:", "- a", "#", "0x1", "---", "--"]
        {
            check(text, false, &format!("\"{text}\""));
        }
        assert_eq!(scalar("it's", Quotes::Single, false), "'it''s'");
        assert_eq!(scalar("a\nb", Quotes::Single, false), "\"a\\u000ab\"");
    }
}

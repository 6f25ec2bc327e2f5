//! Secrets in a request's URI: in its path, in a query's values, in the command of an `exec`.

use std::borrow::Cow;

use auditward_event::EventView;

use super::assigned::is_program;
use super::digest::is_mark;
use super::json::Context;
use super::names::is_placeholder;
use super::shapes::AZURE_SIGNATURE_MIN;
use super::{Kind, Redactor};

impl Redactor {
    /// Whether the URI says something suspicious that its raw bytes do not: what is percent-encoded, spaces for plus
    /// signs.
    pub(super) fn suspects_uri(&self, event: &EventView<'_>) -> bool {
        match decode(event.request_uri().as_bytes(), true) {
            Cow::Borrowed(_) => false,
            Cow::Owned(said) => self.suspects(&said),
        }
    }

    /// A URI without its secrets; `None` if it has none.
    pub(super) fn uri(&self, uri: &[u8]) -> Option<Vec<u8>> {
        let context = Context { nested: true, depth: 1, ..Context::default() };
        let (path, query) = match memchr::memchr(b'?', uri) {
            Some(at) => (&uri[..at], Some(&uri[at + 1..])),
            None => (uri, None),
        };
        let new_path = self.text(&decode(path, false), context).map(|new| encode(&new, true));
        let mut changed = new_path.is_some();
        let mut out = new_path.unwrap_or_else(|| path.to_vec());
        if let Some(query) = query {
            out.push(b'?');
            let mut after: Option<Kind> = None;
            for (index, pair) in query.split(|byte| *byte == b'&').enumerate() {
                if index > 0 {
                    out.push(b'&');
                }
                let equals = memchr::memchr(b'=', pair);
                let (name, value) = equals.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
                let said = decode(value, true);
                let names = self.needles.names();
                let is_command = name == b"command";
                let is_other = said.starts_with(b"-") || is_program(&said);
                // A signature of Azure's storage is told by its name; its shape needs the `?` before it.
                let signature = name == b"sig" && said.len() >= AZURE_SIGNATURE_MIN;
                let kind = names
                    .telling(&decode(name, true))
                    .or_else(|| after.clone().filter(|_| is_command && !is_other))
                    .or_else(|| signature.then_some(Kind::Borrowed("azure")));
                // The parameters may stand in any order, but those of a name keep theirs.
                if is_command {
                    after = self.option(&said);
                }
                let kind = kind.map(|kind| self.kind_of(&said).unwrap_or(kind));
                // What selects objects, and where a list goes on, is the API server's language.
                let is_selector = matches!(name, b"labelSelector" | b"fieldSelector" | b"continue");
                let new = match kind.filter(|kind| !self.is_allowed(kind, &said)) {
                    Some(_) if is_mark(&said) || is_placeholder(&said) => None,
                    Some(kind) => Some(self.mark_as(&kind, &said)),
                    None if is_selector => None,
                    None => self.text(&said, Context { command: is_command, ..context }),
                };
                match new {
                    Some(new) => {
                        changed = true;
                        out.extend_from_slice(name);
                        out.push(b'=');
                        out.extend_from_slice(&encode(&new, false));
                    }
                    None => out.extend_from_slice(pair),
                }
            }
        }
        changed.then_some(out)
    }
}

fn decode(text: &[u8], plus: bool) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while let Some(&byte) = text.get(i) {
        match (byte, digit(i + 1), digit(i + 2)) {
            #[expect(clippy::cast_possible_truncation, reason = "two digits of sixteen")]
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                i += 2;
            }
            (b'+', ..) if plus => out.push(b' '),
            _ => out.push(byte),
        }
        i += 1;
    }
    Cow::Owned(out)
}

/// As Go's `url.QueryEscape`, except that colons stay: marks are easier to read so.
fn encode(text: &[u8], path: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => out.push(byte),
            b'/' if path => out.push(byte),
            b' ' if !path => out.push(b'+'),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

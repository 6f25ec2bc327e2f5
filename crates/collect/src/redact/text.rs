//! Secrets in a text: by their looks, or by the name before them.
//!
//! One automaton finds the places that are worth a look ([`Needle`]); at each a small function says whether there is a
//! secret, and from where to where. Everything is linear in the text, and texts within texts (JSON in a string, base64
//! in a string) are followed [`DEPTH_MAX`] times; what lies deeper and looks suspicious is replaced as a whole.

use std::borrow::Cow;
use std::ops::Range;

use auditward_event::Value;

use super::assigned::quoted;
use super::digest::{PREFIX, is_mark, mark_length};
use super::json::{Context, Edit, apply};
use super::names::is_placeholder;
use super::needles::Needle;
use super::shapes::SHAPES;
use super::{Kind, Redactor, encoded, yaml};

/// How many texts may be inside one another: a manifest in an annotation of an object in an annotation …
pub(super) const DEPTH_MAX: u32 = 6;

/// How long a URL's user and password may be; some registries' passwords are tokens of more than a thousand characters.
pub(super) const USERINFO_BYTES_MAX: usize = 4096;

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    /// What to put in its place, if not its mark.
    pub(super) new: Option<Vec<u8>>,
}

/// What was found so far in a text, so that nothing is looked at over and over.
#[derive(Default)]
pub(super) struct Found {
    /// Where marks stand.
    marks: Vec<Range<usize>>,
    /// Where the name ends that was looked at last.
    pub(super) name: usize,
    /// Where the value ends that was found last, of those without quotes.
    pub(super) covered: usize,
    /// It is a command, or a part of one.
    pub(super) is_command: bool,
    /// Up to here there is no web token that was not found.
    tokens_until: usize,
    /// Where the credential ends that was found last by what it begins with.
    shapes_until: usize,
}

impl Found {
    fn in_mark(&self, at: usize) -> bool {
        let after = self.marks.partition_point(|mark| mark.start <= at);
        after > 0 && self.marks[after - 1].contains(&at)
    }

    /// What ends in the middle of a mark that stands right behind it takes all of it.
    fn take_whole_marks(&self, span: &mut Span) {
        let after = self.marks.partition_point(|mark| mark.start < span.range.end);
        if let Some(mark) = self.marks[..after].last()
            && span.range.start < mark.start
            && span.range.end < mark.end
        {
            span.range.end = mark.end;
            span.new = None;
        }
    }
}

/// Where marks stand in a text.
fn marks(text: &[u8]) -> Vec<Range<usize>> {
    let starts = memchr::memmem::find_iter(text, PREFIX);
    starts.filter_map(|start| Some(start..start + mark_length(&text[start..])?)).collect()
}

impl Span {
    pub(super) fn new(range: Range<usize>, kind: &'static str) -> Self {
        Span { range, kind: Kind::Borrowed(kind), new: None }
    }
}

impl Redactor {
    /// A text without its secrets; `None` if it has none.
    pub(super) fn text(&self, text: &[u8], context: Context) -> Option<Vec<u8>> {
        if context.depth >= DEPTH_MAX || !self.spend(text.len()) {
            return self.given_up(text);
        }
        let inner = Context { depth: context.depth + 1, nested: true, ..context };
        let trimmed = text.trim_ascii();
        if let Some(b'{' | b'[') = trimmed.first()
            && Value::parse(trimmed).is_ok_and(|value| value.validate().is_ok())
        {
            let start = text.len() - text.trim_ascii_start().len();
            return match self.json(trimmed, inner) {
                Cow::Borrowed(_) => None,
                Cow::Owned(new) => Some([&text[..start], &new, &text[start + trimmed.len()..]].concat()),
            };
        }
        let spans = self.spans(text, inner);
        if !self.spend(0) {
            return self.given_up(text);
        }
        let Cow::Owned(new) = apply(text, self.edits(text, spans)) else { return None };
        // Of secrets that lie in one another, one may be seen only when the mark of the other stands there.
        let spans = self.spans(&new, inner);
        match apply(&new, self.edits(&new, spans)) {
            Cow::Owned(newer) => Some(newer),
            Cow::Borrowed(_) => Some(new),
        }
    }

    /// What becomes of a text that lies too deep, or that it would take too long to look through.
    fn given_up(&self, text: &[u8]) -> Option<Vec<u8>> {
        let suspect = !is_mark(text) && self.suspects(text);
        suspect.then(|| self.mark("nested", text).into_bytes())
    }

    /// Everything secret in a text, in no order.
    fn spans(&self, text: &[u8], inner: Context) -> Vec<Span> {
        let mut found = Found { marks: marks(text), is_command: inner.command, ..Found::default() };
        let mut manifest = false;
        let mut spans = Vec::new();
        for (needle, at) in self.needles.hits(text) {
            if !self.spend(0) {
                return spans;
            }
            if !found.in_mark(at.start) {
                manifest |= needle == Needle::Secret;
                spans.extend(self.secret_at(text, needle, at, &mut found));
            }
        }
        if manifest {
            yaml::spans(text, &mut spans);
            self.objects(text, inner, &mut spans);
        }
        encoded::spans(self, text, inner, &mut spans);
        for span in &mut spans {
            found.take_whole_marks(span);
        }
        // What a Secret holds, and what was encoded, has been decided.
        let is_decided = |span: &Span| span.kind == "secret" || span.new.is_some();
        spans.retain(|span| is_decided(span) || !self.is_allowed(&span.kind, &text[span.range.clone()]));
        spans
    }

    /// Adds the JSON objects that stand in a text with something in them that is secret.
    fn objects(&self, text: &[u8], inner: Context, spans: &mut Vec<Span>) {
        /// More braces than these that look as if they opened an object, and it is another language.
        const TRIES: usize = 64;
        /// Behind a brace that nothing closes most others are not closed either.
        const UNCLOSED: usize = 4;
        /// How many times the text may be looked through for them.
        const TIMES: usize = 4;
        let (mut at, mut tries, mut unclosed) = (0, 0, 0);
        let mut left = (TIMES * text.len()).saturating_add(1 << 12);
        while tries < TRIES && unclosed < UNCLOSED {
            let Some(start) = memchr::memchr(b'{', text.get(at..).unwrap_or_default()).map(|n| at + n) else {
                return;
            };
            at = start + 1;
            if !matches!(text[at..].trim_ascii_start().first(), Some(b'"' | b'}')) {
                continue;
            }
            let end = object_end(&text[start..]).map(|length| start + length);
            left = left.saturating_sub(end.unwrap_or(text.len()) - start);
            if left == 0 {
                return;
            }
            let Some(end) = end else {
                unclosed += 1;
                continue;
            };
            let object = &text[start..end];
            if Value::parse(object).is_ok_and(|value| value.validate().is_ok()) {
                at = end;
                if let Cow::Owned(new) = self.json(object, inner) {
                    spans.push(Span { new: Some(new), ..Span::new(start..end, "nested") });
                }
            } else {
                tries += 1;
            }
        }
    }

    /// Brings spans into the order of the text; those that overlap become one, so that no part of either is left.
    fn edits(&self, text: &[u8], mut spans: Vec<Span>) -> Vec<Edit> {
        spans.sort_unstable_by_key(|span| (span.range.start, std::cmp::Reverse(span.range.end)));
        let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.range.start < last.range.end => {
                    if span.range.end > last.range.end {
                        last.range.end = span.range.end;
                        last.new = None;
                    }
                }
                _ => merged.push(span),
            }
        }
        let edit = |span: Span| {
            let secret = &text[span.range.clone()];
            let new = span.new.unwrap_or_else(|| self.mark_as(&span.kind, secret));
            (span.range, new)
        };
        merged.into_iter().map(edit).collect()
    }

    /// What kind of credential a whole value is, by its looks.
    pub(super) fn kind_of(&self, value: &[u8]) -> Option<Kind> {
        let by_looks = |needle| !matches!(needle, Needle::Word | Needle::Auth);
        let mut found = Found::default();
        self.needles.hits(value).filter(|(needle, _)| by_looks(*needle)).find_map(|(needle, at)| {
            let span = self.secret_at(value, needle, at, &mut found)?;
            let whole = span.range == (0..value.len());
            (whole || span.kind == "private-key").then_some(span.kind)
        })
    }

    /// The secret at a place where a needle was found.
    fn secret_at(&self, text: &[u8], needle: Needle, at: Range<usize>, found: &mut Found) -> Option<Span> {
        match needle {
            Needle::Shape(index) => shape(text, index, at, found),
            Needle::Pattern(index) => self.pattern_at(text, index, at),
            Needle::Jwt => jwt(text, at.start, found).map(|range| Span::new(range, "jwt")),
            Needle::Pem => pem(text, at),
            Needle::Url => self.url_password(text, at.end).map(|range| Span::new(range, "url-password")),
            Needle::Bearer => bearer(text, at.end).map(|range| Span::new(range, "bearer")),
            Needle::Basic => basic(text, at.end).map(|range| Span::new(range, "basic")),
            Needle::IdentifiedBy => quoted(text, at.end).map(|range| Span::new(range, "password")),
            Needle::AzureSecret => azure_secret(text, at.start, found).map(|range| Span::new(range, "azure")),
            Needle::Auth => docker_auth(text, at.start).map(|range| Span::new(range, "docker-auth")),
            Needle::Word => self.assignment(text, at, found),
            Needle::Secret | Needle::Secrets | Needle::Base64 | Needle::Escape => None,
        }
    }

    /// The password in `scheme://user:password@host`; `at` is behind the slashes.
    fn url_password(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let rest = &text[at..text.len().min(at + USERINFO_BYTES_MAX)];
        let is_end = |byte: &u8| {
            byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`')
        };
        let rest = &rest[..rest.iter().position(is_end).unwrap_or(rest.len())];
        if !self.spend(rest.len()) {
            return None;
        }
        let authority = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let colon = rest[..authority].iter().position(|byte| *byte == b':')?;
        // Nobody escaped it: what follows the colon of a host is a number. Behind a comma stands another URL.
        let is_port = rest[colon + 1..authority].iter().all(u8::is_ascii_digit);
        let unescaped = || {
            let beyond = &rest[..rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len())];
            let at = beyond.iter().position(|byte| *byte == b'@');
            at.filter(|at| *at > colon && !is_port && rest.first() != Some(&b'['))
        };
        let end = rest[..authority].iter().rposition(|byte| *byte == b'@').or_else(unescaped)?;
        let password = rest.get(colon + 1..end)?;
        let first = password.split(|byte| *byte == b'@').next().unwrap_or_default();
        let harmless = password.is_empty() || is_mark(password) || is_mark(first) || is_placeholder(password);
        (!harmless).then_some(at + colon + 1..at + end)
    }

    /// What a site's own pattern finds around a place where one of its texts was found.
    fn pattern_at(&self, text: &[u8], index: usize, at: Range<usize>) -> Option<Span> {
        /// How far from its text a pattern may begin, and how long what it finds may be.
        const REACH: usize = 4096;
        let pattern = self.rules.patterns.get(index)?;
        let start = at.start.saturating_sub(REACH);
        let near = &text[start..text.len().min(at.end + REACH)];
        let found = pattern.regex.find_iter(near).find(|found| start + found.end() > at.start)?;
        let range = start + found.start()..start + found.end();
        let harmless = range.start > at.start || is_mark(&text[range.clone()]);
        (!harmless).then(|| Span { range, kind: Kind::Owned(pattern.kind.clone()), new: None })
    }
}

fn shape(text: &[u8], index: usize, at: Range<usize>, found: &mut Found) -> Option<Span> {
    if at.start < found.shapes_until {
        return None;
    }
    let shape = SHAPES.get(index)?;
    let glued = at.start > 0 && text[at.start - 1].is_ascii_alphanumeric() && !after_escape(text, at.start);
    if glued && !shape.keep_prefix {
        return None;
    }
    let tail = shape.tail_of(&text[at.end..]);
    if tail < shape.least {
        return None;
    }
    found.shapes_until = at.end + tail;
    let start = if shape.keep_prefix { at.end } else { at.start };
    Some(Span::new(start..at.end + tail, shape.kind))
}

/// Whether the letter before `at` is the end of an escape (`\n`) that was itself escaped.
fn after_escape(text: &[u8], at: usize) -> bool {
    at >= 2 && text[at - 2] == b'\\' && matches!(text[at - 1], b'n' | b't' | b'r')
}

const fn is_url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// `eyJ….eyJ….…`: header, payload and signature; five parts if encrypted.
fn jwt(text: &[u8], start: usize, found: &mut Found) -> Option<Range<usize>> {
    if start < found.tokens_until {
        return None;
    }
    let part = |from: usize| text[from..].iter().take_while(|byte| is_url_safe(**byte)).count();
    let header = part(start);
    let mut end = start + header;
    found.tokens_until = end;
    if header < 10 || text.get(end) != Some(&b'.') {
        return None;
    }
    let payload = part(end + 1);
    if payload < 4 && text.get(end + 1) != Some(&b'.') {
        return None;
    }
    end += 1 + payload;
    for _ in 0..3 {
        if text.get(end) != Some(&b'.') {
            break;
        }
        end += 1 + part(end + 1);
    }
    found.tokens_until = end;
    Some(start..end)
}

/// The largest keys in use have some twelve thousand characters.
const PEM_BYTES_MAX: usize = 1 << 14;

/// The inside of a private key; its first and last line stay, and tell what was there.
fn pem(text: &[u8], at: Range<usize>) -> Option<Span> {
    // `at` is `PRIVATE KEY`; before it stand the dashes, BEGIN and the sort of key.
    let head = at.start.saturating_sub(48);
    let begin = rfind(&text[head..at.start], b"-----BEGIN ")? + head;
    let kind = &text[begin + 11..at.start];
    if !kind.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-')) {
        return None;
    }
    let mut start = at.end;
    if text[start..].starts_with(b" BLOCK") {
        start += 6;
    }
    start += text[start..].iter().take_while(|byte| **byte == b'-').count();
    let inside = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || byte.is_ascii_whitespace()
            || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b':' | b',' | b'.' | b'(' | b')')
    };
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        let dash = byte == b'-' && text.get(end + 1) != Some(&b'-');
        if !inside(byte) && !dash {
            break;
        }
        end += 1;
    }
    // Each line may begin with something else: a comment, a quotation, the quotes of a program.
    let footer = memchr::memmem::find(&text[start..text.len().min(start + PEM_BYTES_MAX)], b"-----END");
    let between =
        |byte: &u8| inside(*byte) || matches!(byte, b'#' | b'>' | b'<' | b'*' | b'"' | b'\'' | b'@' | b'-');
    if let Some(footer) = footer.filter(|footer| text[start..start + footer].iter().all(between)) {
        end = start + footer;
    }
    let (start, end) = trim_breaks(text, start, end);
    let body = &text[start..end];
    (body.len() >= 4 && !is_mark(body)).then(|| Span::new(start..end, "private-key"))
}

/// Without the line breaks at both ends, escaped or not.
fn trim_breaks(text: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    loop {
        let body = &text[start..end];
        if body.first().is_some_and(u8::is_ascii_whitespace) {
            start += 1;
        } else if body.starts_with(b"\\n") || body.starts_with(b"\\r") {
            start += 2;
        } else if body.starts_with(b"\\\\n") || body.starts_with(b"\\\\r") {
            start += 3;
        } else {
            break;
        }
    }
    loop {
        let body = &text[start..end];
        if body.last().is_some_and(u8::is_ascii_whitespace) {
            end -= 1;
        } else if body.ends_with(b"\\n") || body.ends_with(b"\\r") {
            end -= 2;
        } else if body.ends_with(b"\\") {
            end -= 1;
        } else {
            break;
        }
    }
    (start, end)
}

fn rfind(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::rfind(text, wanted)
}

/// What follows `Bearer `.
fn bearer(text: &[u8], at: usize) -> Option<Range<usize>> {
    let is_token = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
    };
    let length = text[at..].iter().take_while(|byte| is_token(byte)).count();
    let token = &text[at..at + length];
    // In prose a word follows: `bearer authentication`.
    let is_word = token.iter().all(u8::is_ascii_lowercase) && length < 24;
    let harmless = length < 8 || is_word || is_placeholder(token);
    (!harmless).then_some(at..at + length)
}

/// What follows `Basic `: base64 of `user:password`.
fn basic(text: &[u8], at: usize) -> Option<Range<usize>> {
    let is = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    let length = text[at..].iter().take_while(|byte| is(byte)).count();
    encoded::says_user_and_password(&text[at..at + length]).then_some(at..at + length)
}

/// The value of `"auth"` in the settings of Docker and its like: base64 of `user:password`.
fn docker_auth(text: &[u8], at: usize) -> Option<Range<usize>> {
    const NEAR: usize = 16;
    let key = text[at..].iter().take(NEAR).position(|byte| *byte == b':')?;
    let is = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    let rest = &text[at + key..];
    let start = rest.iter().take(NEAR).position(is)?;
    let start = at + key + start;
    let length = text[start..].iter().take_while(|byte| is(byte)).count();
    encoded::says_user_and_password(&text[start..start + length]).then_some(start..start + length)
}

/// `abc8Q~` and 31 more: a client secret of Azure.
fn azure_secret(text: &[u8], at: usize, found: &mut Found) -> Option<Range<usize>> {
    if at < found.shapes_until {
        return None;
    }
    let is = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let start = at.checked_sub(3)?;
    if !text[start..at].iter().all(is) {
        return None;
    }
    let tail = text[at + 3..].iter().take_while(|byte| is(byte)).count();
    if tail < 31 {
        return None;
    }
    found.shapes_until = at + 3 + tail;
    Some(start..found.shapes_until)
}

/// How long the object is that begins here, if its braces are those of JSON.
fn object_end(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut i) = (0_usize, false, 0);
    loop {
        match text.get(i)? {
            b'\\' if in_string => i += 1,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string && depth == 1 => return Some(i + 1),
            b'}' if !in_string => depth -= 1,
            _ => {}
        }
        i += 1;
    }
}

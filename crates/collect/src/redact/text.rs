//! Secrets in a text: by their looks, or by the name before them.
//!
//! One automaton finds the places that are worth a look ([`Needle`]); at each a small function says whether there is a
//! secret, and from where to where. Everything is linear in the text, and texts within texts (JSON in a string, base64
//! in a string) are followed [`DEPTH_MAX`] times; what lies deeper and looks suspicious is replaced as a whole.

use std::borrow::Cow;
use std::ops::Range;

use auditward_event::Value;

use super::digest::{PREFIX, is_mark, mark_length};
use super::json::{Context, Edit, apply};
use super::names::is_placeholder;
use super::needles::{Needle, name_around};
use super::shapes::SHAPES;
use super::{Kind, Redactor, encoded, yaml};

/// How many texts may be inside one another: a manifest in an annotation of an object in an annotation …
pub(super) const DEPTH_MAX: u32 = 6;

/// How long a URL's user and password may be; some registries' passwords are tokens of more than a thousand characters.
pub(super) const USERINFO_BYTES_MAX: usize = 4096;

/// What may stand before the secret of an `Authorization` header, in any letters.
const SCHEMES: &[&[u8]] = &[
    b"bearer",
    b"basic",
    b"token",
    b"apikey",
    b"digest",
    b"geniekey",
    b"negotiate",
    b"oauth",
    b"splunk",
    b"ssws",
];

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
struct Found {
    /// Where marks stand.
    marks: Vec<Range<usize>>,
    /// Where the name ends that was looked at last.
    name: usize,
    /// Where the value ends that was found last, of those without quotes.
    covered: usize,
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
        let mut found = Found { marks: marks(text), ..Found::default() };
        let mut manifest = false;
        let mut spans = Vec::new();
        for (needle, at) in self.needles.hits(text) {
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
        /// More braces than these that open no object, and it is another language.
        const TRIES: usize = 64;
        let mut at = 0;
        for _ in 0..TRIES {
            let Some(start) = memchr::memchr(b'{', text.get(at..).unwrap_or_default()).map(|n| at + n) else {
                return;
            };
            let end = object_end(&text[start..]).map(|length| start + length);
            if !self.spend(end.unwrap_or(text.len()) - start) {
                return;
            }
            at = start + 1;
            let Some(end) = end else { continue };
            let object = &text[start..end];
            if Value::parse(object).is_ok_and(|value| value.validate().is_ok()) {
                at = end;
                if let Cow::Owned(new) = self.json(object, inner) {
                    spans.push(Span { new: Some(new), ..Span::new(start..end, "nested") });
                }
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
            Needle::Url => url_password(text, at.end).map(|range| Span::new(range, "url-password")),
            Needle::Bearer => bearer(text, at.end).map(|range| Span::new(range, "bearer")),
            Needle::Basic => basic(text, at.end).map(|range| Span::new(range, "basic")),
            Needle::AzureSecret => azure_secret(text, at.start, found).map(|range| Span::new(range, "azure")),
            Needle::Auth => docker_auth(text, at.start).map(|range| Span::new(range, "docker-auth")),
            Needle::Word => self.assignment(text, at, found),
            Needle::Secret | Needle::Secrets | Needle::Base64 | Needle::Escape => None,
        }
    }

    /// The value that a telling name at this place is given: `password=…`, `"token": "…"`, `--api-key …`, a block of YAML.
    fn assignment(&self, text: &[u8], at: Range<usize>, found: &mut Found) -> Option<Span> {
        if at.start < found.name {
            return None;
        }
        let mut name = name_around(text, at);
        found.name = name.end;
        let kind = self.needles.names().telling(&text[name.clone()])?;
        let mut i = name.end;
        i += text[i..].iter().take_while(|byte| **byte == b'\\').count();
        if let Some(b'"' | b'\'' | b'`') = text.get(i) {
            i += 1;
        } else {
            i = name.end;
        }
        if text.get(i) == Some(&b']') {
            i += 1;
        }
        let spaces = blanks(text, i);
        i += spaces;
        let separator = match text.get(i..).unwrap_or_default() {
            [b':', b'=', ..] | [b'=', b'>', ..] => 2,
            [b'=', b'=' | b'~', ..] => return None,
            [b':' | b'=', ..] => 1,
            _ if text[name.start] == b'-' && spaces > 0 && text.get(i) != Some(&b'-') => 0,
            [b'\n' | b'\r', ..] => {
                let value = value_line(text, &name, i)?;
                (name.start, i) = (value.start, value.end);
                1
            }
            _ => return None,
        };
        // The tag of an image: `registry.example/token:1`.
        let glued = |at: usize| text.get(at).is_some_and(|byte| !byte.is_ascii_whitespace());
        if separator == 1
            && i == name.end
            && text[i] == b':'
            && glued(i + 1)
            && text[..name.start].ends_with(b"/")
        {
            return None;
        }
        let yaml = text.get(i) == Some(&b':') && separator == 1;
        i += separator;
        i += blanks(text, i);
        i += complaint(&text[i..]);
        let complaints = [&b"Required value"[..], b"Forbidden: ", b"Too long: ", b"Too many: "];
        if complaints.iter().any(|said| text[i..].starts_with(said)) {
            return None;
        }
        let word = text[i..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let is_scheme = SCHEMES.iter().any(|scheme| text[i..i + word].eq_ignore_ascii_case(scheme));
        if is_scheme && text.get(i + word) == Some(&b' ') {
            i += word;
            i += blanks(text, i);
        }
        let whole_line = separator > 0 && begins_line(text, name.start);
        let range = self.value_at(text, i, yaml, whole_line, name.start, found)?;
        let value = &text[range.clone()];
        if is_placeholder(value) || is_mark(value) {
            return None;
        }
        self.spend(value.len());
        let kind = self.kind_of(value).unwrap_or(kind);
        Some(Span { range, kind, new: None })
    }

    /// From where to where the value at `i` goes.
    fn value_at(
        &self,
        text: &[u8],
        i: usize,
        yaml: bool,
        whole_line: bool,
        name: usize,
        found: &mut Found,
    ) -> Option<Range<usize>> {
        let rest = text.get(i..)?;
        let line_end = |from: usize| {
            let end = memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |newline| from + newline);
            self.spend(end - from);
            end
        };
        if yaml && matches!(rest.first(), Some(b'|' | b'>')) {
            let block = block(text, line_end(i), name);
            self.spend(block.as_ref().map_or(0, ExactSizeIterator::len));
            return block;
        }
        let escapes = rest.iter().take_while(|byte| **byte == b'\\').count();
        if let Some(quote @ (b'"' | b'\'' | b'`')) = rest.get(escapes).copied() {
            let start = i + escapes + 1;
            let end = quoted_end(text, start, quote, escapes);
            self.spend(end.map_or(text.len(), |end| end) - start);
            return Some(start..end.unwrap_or_else(|| line_end(start)));
        }
        // Within a value that is taken already there is nothing more to take. And what is in a map or a list in the flow
        // style of YAML has its own names.
        if i < found.covered || matches!(rest.first(), Some(b'{' | b'[')) {
            return None;
        }
        let end = if whole_line { line_end(i) } else { i + inline_end(rest) };
        let mut value = text[i..end].trim_ascii_end();
        if whole_line {
            if let Some(comment) = memchr::memmem::find(value, b" #") {
                value = value[..comment].trim_ascii_end();
            }
            value = value.strip_suffix(b",").or(value.strip_suffix(b";")).unwrap_or(value);
        }
        if value.is_empty() {
            return None;
        }
        found.covered = i + value.len();
        Some(i..i + value.len())
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

/// How an API server complains about a field, before its value: how long that is.
fn complaint(text: &[u8]) -> usize {
    let complaints = [&b"Invalid value: "[..], b"Unsupported value: ", b"Duplicate value: "];
    complaints.iter().find(|said| text.starts_with(said)).map_or(0, |said| said.len())
}

/// The value in a complaint about a field that does not name it: `Invalid value: "…": too short`.
pub(super) fn complained_about(text: &[u8]) -> Option<Range<usize>> {
    let start = complaint(text);
    let quoted = start > 0 && text.get(start) == Some(&b'"');
    quoted.then(|| start + 1..quoted_end(text, start + 1, b'"', 0).unwrap_or(text.len()))
}

/// Where the value begins on the line that follows at `at`, and where the byte before it is: that of `value:` if this name is
/// the value of `name:`, as in the variables of a container; the next item of a list if it is an option, as in its arguments.
fn value_line(text: &[u8], name: &Range<usize>, at: usize) -> Option<Range<usize>> {
    let before = text[line_start(text, name.start)..name.start].trim_ascii_end();
    let before = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before).trim_ascii();
    let line = at + text[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let start = line + blanks(text, line);
    let value = match (before.strip_suffix(b"name:"), text.get(start..)?) {
        (Some(key), [b'v', b'a', b'l', b'u', b'e', b':', ..]) if matches!(key.trim_ascii(), b"" | b"-") => {
            start + 5
        }
        (None, [b'-', b' ', item, ..]) if before == b"-" && text[name.start] == b'-' && *item != b'-' => {
            start
        }
        _ => return None,
    };
    Some(start..value)
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

/// The password in `scheme://user:password@host`; `at` is behind the slashes.
fn url_password(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &text[at..text.len().min(at + USERINFO_BYTES_MAX)];
    let is_end = |byte: &u8| {
        byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' | b',')
    };
    let rest = &rest[..rest.iter().position(is_end).unwrap_or(rest.len())];
    let authority = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let colon = rest[..authority].iter().position(|byte| *byte == b':')?;
    // Nobody escaped it: what follows the colon of a host is a number.
    let is_port = rest[colon + 1..authority].iter().all(u8::is_ascii_digit);
    let last_at = |text: &[u8]| text.iter().rposition(|byte| *byte == b'@');
    let first_at = |text: &[u8]| text.iter().position(|byte| *byte == b'@');
    let end = last_at(&rest[..authority])
        .or_else(|| first_at(rest).filter(|_| !is_port && rest.first() != Some(&b'[')))?;
    let password = rest.get(colon + 1..end)?;
    let has_mark = is_mark(password) || is_mark(&password[..first_at(password).unwrap_or(0)]);
    let harmless = password.is_empty() || has_mark || is_placeholder(password);
    (!harmless).then_some(at + colon + 1..at + end)
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

fn blanks(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
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

/// Whether nothing but indentation, a dash, quotes or `export` stands before it on its line.
fn begins_line(text: &[u8], at: usize) -> bool {
    let before = &text[line_start(text, at)..at];
    let before = before.trim_ascii_start();
    let before = before.strip_prefix(b"export ").unwrap_or(before);
    before.len() <= 4 && before.iter().all(|byte| matches!(byte, b' ' | b'-' | b'"' | b'\'' | b'#' | b';'))
}

/// Where the line of `at` begins, or what of it is near enough to be a line's indentation.
fn line_start(text: &[u8], at: usize) -> usize {
    const INDENTATION_MAX: usize = 256;
    let near = at.saturating_sub(INDENTATION_MAX);
    memchr::memrchr(b'\n', &text[near..at]).map_or(near, |newline| near + newline + 1)
}

/// Where the string ends that began with a quote behind that many backslashes.
fn quoted_end(text: &[u8], start: usize, quote: u8, escapes: usize) -> Option<usize> {
    let mut i = start;
    loop {
        let found = i + memchr::memchr(quote, text.get(i..)?)?;
        let before = text[start..found].iter().rev().take_while(|byte| **byte == b'\\').count();
        if before <= escapes && (escapes > 0 || before == 0) {
            return Some(found - before);
        }
        if escapes == 0 && before % 2 == 0 {
            return Some(found);
        }
        i = found + 1;
    }
}

/// How far a value goes that stands within a line, without quotes.
fn inline_end(rest: &[u8]) -> usize {
    let mut i = 0;
    while let Some(&byte) = rest.get(i) {
        let escape = byte == b'\\' && matches!(rest.get(i + 1), Some(b'n' | b't' | b'r' | b'"' | b'\\'));
        if byte.is_ascii_whitespace()
            || escape
            || matches!(
                byte,
                b'"' | b'\'' | b'`' | b',' | b';' | b'&' | b'|' | b')' | b'<' | b'>' | b'}' | b']'
            )
        {
            // `${NAME}` and `$(NAME)` end with what else ends a value.
            let placeholder =
                matches!(byte, b'}' | b')' | b'>') && matches!(rest.first(), Some(b'$' | b'<' | b'{'));
            let opening = byte == b'<' && i == 0;
            if placeholder {
                return i + 1;
            }
            let goes_on = matches!(byte, b',' | b';') && !begins_another(&rest[i + 1..]);
            if !opening && !goes_on {
                return i;
            }
        }
        i += 1;
    }
    i
}

/// Whether behind a comma there is nothing, or something with a name of its own, and not the rest of a value.
fn begins_another(text: &[u8]) -> bool {
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || matches!(
                byte,
                b'"' | b'\'' | b'`' | b',' | b';' | b'&' | b'|' | b'\\' | b'=' | b':' | b'{' | b'['
            )
    };
    let word = text.iter().position(ends).unwrap_or(text.len());
    word == 0 || matches!(text.get(word), Some(b'=' | b':' | b'{' | b'['))
}

/// A block scalar of YAML: the lines after `line_end` that are indented further than the line that holds `name`.
pub(super) fn block(text: &[u8], line_end: usize, name: usize) -> Option<Range<usize>> {
    let line = line_start(text, name);
    let indent = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
    let outside = indent(&text[line..]);
    let mut start = None;
    let mut end = line_end;
    let mut at = line_end + 1;
    while at < text.len() {
        let next = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline);
        let this = &text[at..next];
        if !this.trim_ascii().is_empty() {
            if indent(this) <= outside {
                break;
            }
            start = start.or(Some(at + indent(this)));
            end = next;
        }
        at = next + 1;
    }
    start.map(|start| start..end)
}

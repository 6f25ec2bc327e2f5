//! What a telling name is given: `password=…`, `"token": "…"`, `--api-key …`, and as many other ways to write it as there
//! are languages in what people put into their clusters.
//!
//! ```text
//! name ──► place: where its value stands, and how it ends    password: hunter2     to the end of the line
//!                                                            -p hunter2 x          one word
//!                                                            <password>…</…>       to the next tag
//!      ──► range: from where to where it goes                quotes, blocks and lists of YAML
//! ```

use std::ops::Range;

use super::Redactor;
use super::digest::is_mark;
use super::names::{is_placeholder, is_switch};
use super::needles::{is_argument, is_behind_its_value, is_named_by_a_word_before, name_around};
use super::text::{Found, Span};

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

/// Where the value of a name stands.
struct Place {
    /// What it begins at, its quotes included.
    at: usize,
    /// What stands on the line that it belongs to: its indentation tells how far a block goes.
    key: usize,
    /// Whether the name is in quotes of its own.
    is_quoted: bool,
    style: Style,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `name: value`
    Yaml,
    /// `name=value` and its like
    Sign,
    /// The word behind an option.
    Word,
    /// `<name>value</name>`
    Element,
    /// `${NAME:-value}`
    Default,
}

impl Redactor {
    /// The value of the telling name at this place.
    pub(super) fn assignment(&self, text: &[u8], at: Range<usize>, found: &mut Found) -> Option<Span> {
        if at.start < found.name {
            return None;
        }
        let name = name_around(text, at);
        found.name = name.end;
        let kind = self.needles.names().telling(&text[name.clone()])?;
        let mut place = place(text, &name)?;
        place.at += complaint(&text[place.at..]);
        let complaints = [&b"Required value"[..], b"Forbidden: ", b"Too long: ", b"Too many: "];
        if complaints.iter().any(|said| text[place.at..].starts_with(said)) {
            return None;
        }
        place.at += scheme(&text[place.at..]);
        let range = self.value_at(text, &place, found)?;
        let range = default_of(text, range);
        let value = &text[range.clone()];
        let is_folder = text[name.clone()] == *b"PWD" && value.starts_with(b"/");
        if is_placeholder(value) || is_mark(value) || is_folder || found.is_command && is_program(value) {
            return None;
        }
        self.spend(value.len());
        let kind = self.kind_of(value).unwrap_or(kind);
        Some(Span { range, kind, new: None })
    }

    /// From where to where the value at this place goes.
    fn value_at(&self, text: &[u8], place: &Place, found: &mut Found) -> Option<Range<usize>> {
        let i = place.at;
        let rest = text.get(i..)?;
        // Of a command the rest of the line is what it does: rules look for that.
        let may_fill_line = !found.is_command && matches!(place.style, Style::Yaml | Style::Sign);
        let whole_line = may_fill_line && begins_line(text, place.key);
        let begins_block = match rest.first() {
            Some(b'|' | b'>') => is_block_head(rest),
            Some(b'\n' | b'\r') => whole_line,
            _ => false,
        };
        if begins_block && place.style == Style::Yaml && i >= found.covered {
            let below = if matches!(rest[0], b'|' | b'>') { block } else { texts_below };
            let block = below(text, self.line_end(text, i), place.key)?;
            self.spend(block.len());
            found.covered = found.covered.max(block.end);
            return Some(block);
        }
        match place.style {
            Style::Element => return element(text, i),
            Style::Default => return Some(i..i + memchr::memchr(b'}', near(rest))?),
            Style::Yaml | Style::Sign | Style::Word => {}
        }
        let before = &text[line_start(text, place.key)..place.key];
        let is_open = |quote: u8| !place.is_quoted && memchr::memchr_iter(quote, before).count() % 2 == 1;
        let escapes = rest.iter().take_while(|byte| **byte == b'\\').count();
        if let Some(quote @ (b'"' | b'\'' | b'`')) = rest.get(escapes).copied() {
            return self.in_quotes(text, i, (quote, escapes), is_open(quote), found.is_command);
        }
        // Within a value that is taken already there is nothing more to take.
        if i < found.covered || is_call(rest) {
            return None;
        }
        match rest.first() {
            Some(b'[') => return items(rest).map(|items| i + items.start..i + items.end),
            // What is in a map in the flow style of YAML has its own names.
            Some(b'{') if !is_tagged(rest) => return None,
            _ => {}
        }
        let end = if whole_line { self.line_end(text, i) } else { i + inline_end(rest) };
        let mut value = text[i..end].trim_ascii_end();
        if whole_line {
            if let Some(comment) = memchr::memmem::find(value, b" #") {
                value = value[..comment].trim_ascii_end();
            }
            value = value.strip_suffix(b",").or(value.strip_suffix(b";")).unwrap_or(value);
            // The quote that the name and its value stand in.
            let closing = value.last().filter(|byte| matches!(byte, b'"' | b'\'') && is_open(**byte));
            value = &value[..value.len() - usize::from(closing.is_some())];
        }
        if value.is_empty() {
            return None;
        }
        found.covered = found.covered.max(i + value.len());
        Some(i..i + value.len())
    }

    /// From where to where the text goes whose opening quote stands at `i`, behind so many backslashes. `is_open`: there is
    /// an opening one before it on its line.
    fn in_quotes(
        &self,
        text: &[u8],
        i: usize,
        (quote, escapes): (u8, usize),
        is_open: bool,
        is_command: bool,
    ) -> Option<Range<usize>> {
        let triple = [quote; 3];
        if quote != b'`' && text[i..].starts_with(&triple) {
            let start = i + triple.len();
            let length = memchr::memmem::find(&text[start..], &triple).unwrap_or(text.len() - start);
            self.spend(length);
            return Some(start..start + length);
        }
        let start = i + escapes + 1;
        // The quote that the name stands in, and not one around its value.
        let ends_word = text.get(start).is_none_or(|byte| {
            byte.is_ascii_whitespace() || matches!(byte, b';' | b')' | b',' | b'|' | b'&' | b']' | b'}')
        });
        if is_open && ends_word {
            return None;
        }
        let end = quoted_end(text, start, quote, escapes);
        self.spend(end.unwrap_or(text.len()) - start);
        match end {
            // What a shell runs to get it.
            Some(end) if quote == b'`' && memchr::memchr(b' ', &text[start..end]).is_some() => None,
            Some(end) => Some(start..end),
            None if is_command => Some(start..start + inline_end(&text[start..])),
            None => Some(start..self.line_end(text, start)),
        }
    }

    fn line_end(&self, text: &[u8], from: usize) -> usize {
        let end = memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |newline| from + newline);
        self.spend(end - from);
        end
    }
}

/// What of a text is near enough to belong to its line.
fn near(text: &[u8]) -> &[u8] {
    const REACH: usize = 4096;
    let near = &text[..text.len().min(REACH)];
    &near[..memchr::memchr(b'\n', near).unwrap_or(near.len())]
}

/// Where the value of a name stands; `None` if it has none.
fn place(text: &[u8], name: &Range<usize>) -> Option<Place> {
    let escapes = text[name.end..].iter().take_while(|byte| **byte == b'\\').count();
    let is_quoted = matches!(text.get(name.end + escapes), Some(b'"' | b'\'' | b'`'));
    let mut i = if is_quoted { name.end + escapes + 1 } else { name.end };
    if text.get(i) == Some(&b']') {
        i += 1;
    }
    let spaces = blanks(text, i);
    i += spaces;
    let is_behind_blank = spaces > 0 && i == name.end + spaces;
    let to = |length: usize, style| {
        let at = i + length;
        Some(Place { at: at + blanks(text, at), key: name.start, is_quoted, style })
    };
    let before = &text[..name.start];
    match &text[i..] {
        // A variable: only what it is if it is not set.
        [b':', b'-' | b'=', ..] if before.ends_with(b"${") => {
            Some(Place { at: i + 2, key: name.start, is_quoted, style: Style::Default })
        }
        [b':' | b'-' | b'+' | b'?' | b'=', ..] if before.ends_with(b"${") => None,
        [b':', ..] if i == name.end && (before.ends_with(b"$") || is_port(&text[i + 1..])) => None,
        [b':', b'=', ..] | [b'=', b'>', ..] => to(2, Style::Sign),
        [b'=', b'=' | b'~', ..] => None,
        [b'=', ..] => to(1, Style::Sign),
        // The tag of an image: `registry.example/token:1`.
        [b':', next, ..] if i == name.end && !next.is_ascii_whitespace() && before.ends_with(b"/") => None,
        [b':', ..] => to(1, Style::Yaml),
        [b'>', ..] if is_quoted || before.ends_with(b"<") => to(1, Style::Element),
        // `<name>password</name><value>…`
        rest @ [b'<', b'/', ..] => {
            let close = rest.strip_prefix(b"</name>").or(rest.strip_prefix(b"</key>"))?.trim_ascii_start();
            let value = close.strip_prefix(b"<value>").or(close.strip_prefix(b"<string>"))?;
            to(rest.len() - value.len(), Style::Element)
        }
        [first, second @ ..] if spaces > 0 && text[name.start] == b'-' && begins_word(*first, second) => {
            let is_switch = is_switch(&text[name.clone()]);
            if is_switch { None } else { to(0, Style::Word) }
        }
        [b',', rest @ ..] if is_quoted => {
            let behind = behind_comma(rest, is_argument(before))?;
            to(1 + rest.len() - behind.len(), Style::Word)
        }
        // `name="password" value="…"`
        [b'v', b'a', b'l', b'u', b'e', b'=', b'"' | b'\'' | b'\\', ..] if is_quoted => to(6, Style::Sign),
        // `PASSWORD 'hunter2'` in SQL, `X-Api-Key "hunter2"` in a server's settings; a line of two words in others'.
        [b'\'' | b'"', ..] if is_behind_blank => to(0, Style::Word),
        [first, ..]
            if is_behind_blank
                && !first.is_ascii_whitespace()
                && begins_line(text, name.start)
                && is_one_word(&text[i..]) =>
        {
            to(0, Style::Word)
        }
        rest @ ([] | [b'\n' | b'\r', ..]) => {
            let line = i + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            value_below(text, name, line).or_else(|| value_above(text, name))
        }
        [_, ..] if spaces > 0 && is_named_by_a_word_before(before) => to(0, Style::Word),
        _ => None,
    }
}

/// What stands behind the comma behind a quoted name, from its value's quote on: `"value":"…"` in an object, or the next
/// argument of a call.
fn behind_comma(text: &[u8], is_argument: bool) -> Option<&[u8]> {
    let opens = |text: &[u8]| {
        let escapes = text.iter().take_while(|byte| **byte == b'\\').count();
        matches!(text.get(escapes), Some(b'"' | b'\'')).then_some(escapes + 1)
    };
    let next = text.trim_ascii_start();
    // As Go shows a structure.
    if let Some(value) = next.strip_prefix(b"Value:").or(next.strip_prefix(b"value:")) {
        return opens(value.trim_ascii_start()).map(|_| value.trim_ascii_start());
    }
    let inside = &next[opens(next)?..];
    if is_argument {
        return Some(next);
    }
    let behind = inside.strip_prefix(b"value").or(inside.strip_prefix(b"Value"))?;
    let value = behind[opens(behind)?..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    opens(value).map(|_| value)
}

/// The value on the line below, which begins at `line`: that of `value:` if this name is the value of `name:`, as in the
/// variables of a container; the next item of a list if it is an option, as in its arguments.
fn value_below(text: &[u8], name: &Range<usize>, line: usize) -> Option<Place> {
    let before = text[line_start(text, name.start)..name.start].trim_ascii_end();
    let before = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before).trim_ascii();
    let key = line + blanks(text, line);
    let name_key = before.strip_suffix(b"name:").or(before.strip_suffix(b"key:"));
    let length = match (name_key, text.get(key..)?) {
        (Some(key), [b'v', b'a', b'l', b'u', b'e', b':', ..]) if matches!(key.trim_ascii(), b"" | b"-") => 6,
        (None, [b'-', b' ', item, ..]) if before == b"-" && text[name.start] == b'-' && *item != b'-' => 1,
        _ => return None,
    };
    let at = key + length + blanks(text, key + length);
    Some(Place { at, key, is_quoted: false, style: if length == 1 { Style::Sign } else { Style::Yaml } })
}

/// The value of `value:` on the line above, if this name is the value of `name:`.
fn value_above(text: &[u8], name: &Range<usize>) -> Option<Place> {
    if !is_behind_its_value(&text[..name.start]) {
        return None;
    }
    let this = line_start(text, name.start);
    let line = line_start(text, this.checked_sub(1)?);
    let said = text[line..this].trim_ascii_start();
    let said = said.strip_prefix(b"- ").unwrap_or(said).trim_ascii_start().strip_prefix(b"value:")?;
    let at = this - said.len();
    Some(Place {
        at: at + blanks(text, at),
        key: this - said.len() - 6,
        is_quoted: false,
        style: Style::Yaml,
    })
}

/// The text in quotes that stands here, after blanks.
pub(super) fn quoted(text: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + blanks(text, at);
    let escapes = text[start..].iter().take_while(|byte| **byte == b'\\').count();
    let quote = text.get(start + escapes).copied().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let start = start + escapes + 1;
    let value = start..quoted_end(text, start, quote, escapes)?;
    let harmless = is_placeholder(&text[value.clone()]) || is_mark(&text[value.clone()]);
    (!harmless).then_some(value)
}

/// What stands in a list in the flow style, if it is one of texts: within quotes, or with commas between.
fn items(rest: &[u8]) -> Option<Range<usize>> {
    let line = near(rest);
    let end = memchr::memchr(b']', line)?;
    let inside = line[1..end].trim_ascii();
    let is_list = matches!(inside.first(), Some(b'"' | b'\''))
        || memchr::memmem::find(inside, b", ").is_some()
            && !inside.iter().any(|byte| matches!(byte, b'{' | b'[' | b':'));
    let start = 1 + line[1..].len() - line[1..].trim_ascii_start().len();
    (is_list && !is_mark(inside)).then(|| start..start + inside.len())
}

/// Whether a value begins with how it is kept: `{noop}hunter2`, `{SSHA}…`.
pub(super) fn is_tagged(rest: &[u8]) -> bool {
    let tag =
        rest[1..].iter().take(16).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    tag > 0
        && rest.get(1 + tag) == Some(&b'}')
        && rest
            .get(2 + tag)
            .is_some_and(|byte| byte.is_ascii_graphic() && !matches!(byte, b'}' | b',' | b';' | b'"' | b'\''))
}

/// Whether a port, or the tag of an image, stands here and no value.
fn is_port(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=5).contains(&digits)
        && text.get(digits).is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-'))
}

/// Whether a word begins here that could be a value: no other option, and nothing of a shell's.
fn begins_word(first: u8, rest: &[u8]) -> bool {
    let is_redirection = first.is_ascii_digit() && matches!(rest.first(), Some(b'<' | b'>'));
    !first.is_ascii_whitespace()
        && !matches!(first, b'-' | b'<' | b'>' | b'|' | b'&' | b';' | b'\\')
        && !is_redirection
}

/// Whether there is nothing but one word up to the end of the line, and not one that tells of a type.
fn is_one_word(text: &[u8]) -> bool {
    const TYPES: &[&[u8]] =
        &[b"string", b"text", b"bytes", b"authentication", b"required", b"expired", b"reset"];
    let line = near(text).trim_ascii_end();
    !line.iter().any(u8::is_ascii_whitespace) && !TYPES.iter().any(|word| line.eq_ignore_ascii_case(word))
}

/// Whether nothing follows the head of a block of YAML on its line.
fn is_block_head(text: &[u8]) -> bool {
    let line = near(text);
    let rest = line[1..].iter().position(|byte| !matches!(byte, b'-' | b'+' | b'0'..=b'9'));
    let rest = rest.map_or(&b""[..], |at| &line[at + 1..]);
    rest.trim_ascii().is_empty() || rest.starts_with(b" ") && rest.trim_ascii_start().starts_with(b"#")
}

/// Of `${NAME:-value}` and `${NAME:value}`, which are values themselves, what they are if there is no such variable.
fn default_of(text: &[u8], range: Range<usize>) -> Range<usize> {
    let value = &text[range.clone()];
    let Some(inside) = value.strip_prefix(b"${").and_then(|rest| rest.strip_suffix(b"}")) else {
        return range;
    };
    let Some(colon) = memchr::memchr(b':', inside) else { return range };
    let start = match inside.get(colon + 1) {
        Some(b'-' | b'=') => colon + 2,
        Some(b'+' | b'?') => return range,
        _ => colon + 1,
    };
    let (start, end) = (range.start + 2 + start, range.end - 1);
    if start < end { start..end } else { range }
}

/// Whether a program calls something here, or looks into a list: `open('token')`, `os.environ["TOKEN"]`.
fn is_call(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.');
    let name = text.iter().take_while(|byte| is_name(byte)).count();
    let behind = (text.get(name), text.get(name + 1));
    name >= 2 && matches!(behind, (Some(b'(' | b'['), Some(b'"' | b'\'')) | (Some(b'('), Some(b')')))
}

/// Whether a value within a command is itself something that is run, or a variable.
pub(super) fn is_program(value: &[u8]) -> bool {
    const SIGNS: &[&[u8]] = &[b"/dev/tcp", b"/dev/udp", b">&", b"| ", b"$(", b"`", b"; ", b"&& "];
    let is_variable = value.strip_prefix(b"$").is_some_and(|name| {
        name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    });
    is_variable
        || memchr::memchr(b' ', value).is_some()
            && SIGNS.iter().any(|sign| memchr::memmem::find(value, sign).is_some())
}

/// What an element of XML holds, if that is a text.
fn element(text: &[u8], start: usize) -> Option<Range<usize>> {
    /// What is longer is no password.
    const REACH: usize = 4096;
    let near = &text[start..text.len().min(start + REACH)];
    if let Some(inside) = near.strip_prefix(b"<![CDATA[") {
        let start = start + near.len() - inside.len();
        return Some(start..start + memchr::memmem::find(inside, b"]]>")?);
    }
    let (value, close) = near.split_at(memchr::memchr(b'<', near)?);
    let start = start + value.len() - value.trim_ascii_start().len();
    let length = value.trim_ascii().len();
    (length > 0 && close.starts_with(b"</")).then(|| start..start + length)
}

/// How long the scheme of an `Authorization` header is at the beginning of a text, with the blanks behind it.
fn scheme(text: &[u8]) -> usize {
    let word = text.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let is_scheme = SCHEMES.iter().any(|scheme| text[..word].eq_ignore_ascii_case(scheme));
    if is_scheme && text.get(word) == Some(&b' ') { word + blanks(text, word) } else { 0 }
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

fn blanks(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
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
        let behind = rest.get(i + 1..).unwrap_or_default();
        let goes_on = match byte {
            // Angle brackets may be the first.
            b'<' => i == 0,
            b',' => !begins_another(behind),
            // Of the value, and not around it.
            b'"' | b'\'' | b'`' | b')' | b']' | b'}' => behind.first().is_some_and(u8::is_ascii_alphanumeric),
            b';' | b'&' | b'|' | b'>' => false,
            b'\\' => !matches!(behind.first(), Some(b'n' | b't' | b'r' | b'"' | b'\\')),
            byte => !byte.is_ascii_whitespace(),
        };
        // `${NAME}` and `$(NAME)` end with what else ends a value.
        if matches!(byte, b'}' | b')' | b'>') && matches!(rest.first(), Some(b'$' | b'<' | b'{')) {
            return i + 1;
        }
        if !goes_on {
            return i;
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
fn block(text: &[u8], line_end: usize, name: usize) -> Option<Range<usize>> {
    let outside = indentation(&text[line_start(text, name)..]);
    lines(text, line_end, |line| indentation(line) > outside)
}

/// What stands below a key of YAML that has nothing on its own line: one text, or a list of them, but no keys.
fn texts_below(text: &[u8], line_end: usize, name: usize) -> Option<Range<usize>> {
    let outside = indentation(&text[line_start(text, name)..]);
    let is_item = |line: &[u8]| line[indentation(line)..].starts_with(b"- ");
    let first = text.get(line_end + 1..)?;
    let first = &first[..memchr::memchr(b'\n', first).unwrap_or(first.len())];
    let said = first.trim_ascii();
    let said = said.strip_prefix(b"- ").unwrap_or(said);
    let is_other = said.is_empty()
        || said.ends_with(b":")
        || matches!(said[0], b'{' | b'[' | b'#' | b'&' | b'-')
        || memchr::memmem::find(said, b": ").is_some();
    if is_other {
        return None;
    }
    let below = lines(text, line_end, |line| {
        let indentation = indentation(line);
        indentation > outside || indentation == outside && is_item(first) && is_item(line)
    })?;
    let dash = if text[below.start..].starts_with(b"- ") { 2 } else { 0 };
    Some(below.start + dash..below.end)
}

/// The lines behind `line_end` for as long as they belong, without the first one's indentation; empty ones do.
fn lines(text: &[u8], line_end: usize, belongs: impl Fn(&[u8]) -> bool) -> Option<Range<usize>> {
    let mut start = None;
    let mut end = line_end;
    let mut at = line_end + 1;
    while at < text.len() {
        let next = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline);
        let line = &text[at..next];
        if !line.trim_ascii().is_empty() {
            if !belongs(line) {
                break;
            }
            start = start.or(Some(at + indentation(line)));
            end = next;
        }
        at = next + 1;
    }
    start.map(|start| start..end)
}

fn indentation(line: &[u8]) -> usize {
    line.iter().take_while(|byte| **byte == b' ').count()
}

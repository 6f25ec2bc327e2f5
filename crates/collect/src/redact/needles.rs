//! The texts of which one must be there where there is a secret.
//!
//! One automaton over all of them. It takes a look into a table for every byte, and each look waits for the one before: so to
//! find out whether an event needs to be looked at at all, which nearly none does, it walks over several parts of the event
//! side by side.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::automaton::{Automaton as _, OverlappingState, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, Input, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::assigned::is_tagged;
use super::names::{Names, is_name_byte};
use super::rules::Rules;
use super::shapes::SHAPES;
use super::text::USERINFO_BYTES_MAX;

/// What a found text is a sign of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needle {
    /// One of [`SHAPES`].
    Shape(usize),
    /// One of a site's own patterns.
    Pattern(usize),
    /// `eyJ`, which a JSON object begins with in base64.
    Jwt,
    /// `PRIVATE KEY`
    Pem,
    /// `://`
    Url,
    /// `Bearer `
    Bearer,
    /// `Basic `
    Basic,
    /// `IDENTIFIED BY `, as SQL gives a user a password.
    IdentifiedBy,
    /// `8Q~`
    AzureSecret,
    /// A part of a telling name.
    Word,
    /// `"auth"`, as in Docker's settings.
    Auth,
    /// What an object that is a Secret has for its `kind`.
    Secret,
    /// What a request about Secrets has for its `resource`.
    Secrets,
    /// One of the others in base64.
    Base64,
    /// A letter or digit that is written as an escape, which hides the others.
    Escape,
}

/// Finds needles.
#[derive(Clone)]
pub(super) struct Needles {
    shared: Arc<Shared>,
}

struct Shared {
    /// The needles, and what each is a sign of.
    texts: Vec<(Vec<u8>, Needle)>,
    /// Over all of them.
    automaton: DFA,
    /// Where it begins.
    start: StateID,
    names: Names,
}

/// Parts of telling names in the spellings that occur; a name is looked at as a whole once one is found.
const WORDS: &[&str] = &[
    "oken",
    "OKEN",
    "assw",
    "ASSW",
    "assph",
    "ASSPH",
    "asscode",
    "ASSCODE",
    "ecret",
    "ECRET",
    "redential",
    "REDENTIAL",
    "key\"",
    "key'",
    "key=",
    "key:",
    "key ",
    "key\\",
    "Key\"",
    "Key'",
    "Key=",
    "Key:",
    "Key ",
    "Key\\",
    "KEY\"",
    "KEY'",
    "KEY=",
    "KEY:",
    "KEY ",
    "KEY\\",
    "key\t",
    "Key\t",
    "KEY\t",
    "key\n",
    "Key\n",
    "KEY\n",
    "key<",
    "Key<",
    "KEY<",
    "key>",
    "Key>",
    "KEY>",
    "indpw",
    "indPW",
    "indPw",
    "ind_pw",
    "ind-pw",
    "ind.pw",
    "INDPW",
    "IND_PW",
    "key]",
    "Key]",
    "KEY]",
    "keys=",
    "keys:",
    "Keys=",
    "Keys:",
    "KEYS=",
    "KEYS:",
    "keys\"",
    "keys\\",
    "Keys\"",
    "Keys\\",
    "KEYS\"",
    "KEYS\\",
    "_PAT",
    "_PW",
    "_pw",
    "-pw",
    "asterauth",
    "asterAuth",
    "aster_auth",
    "aster-auth",
    "aster.auth",
    "ASTERAUTH",
    "ASTER_AUTH",
    "eybase",
    "eyBase",
    "EYBASE",
    "_SALT",
    "pgpass",
    "pwd",
    "PWD",
    "Pwd",
    "jwt",
    "JWT",
    "Jwt",
    "pass",
    "Pass",
    "PASS",
    "assW",
    "assP",
    "assC",
    "key.",
    "Key.",
    "KEY.",
    "key_",
    "key-",
    "Key_",
    "Key-",
    "KEY_",
    "KEY-",
    "creds",
    "Creds",
    "CREDS",
    "ookie",
    "OOKIE",
    "ignature=",
    "ignature:",
    "ignature\"",
    "ignature\\",
    "IGNATURE",
    "KeyData",
    "keydata",
    "KEYDATA",
    "KEYS_",
    "key1",
    "key2",
    "Key1",
    "Key2",
    "KEY1",
    "KEY2",
    "uthorization\"",
    "uthorization\\",
    "uthorization:",
    "uthorization=",
    "uthorization'",
    "UTHORIZATION",
];

/// What is looked for in base64 as well, beside [`WORDS`].
const ENCODED: &[&str] = &[
    "PRIVATE KEY",
    "eyJhbGci",
    "eyJ0eXAi",
    "eyJraWQi",
    "Bearer ",
    "Basic ",
    "\"auth\"",
    "://",
    "8Q~",
    "LS0tLS1CRUdJTi",
    "pwd=",
    "pwd:",
    "pwd\"",
    "PWD=",
    "PWD_",
    "JWT_",
    "PWD:",
    "PWD\"",
    "Pwd=",
    "Pwd:",
    "Pwd\"",
    "jwt=",
    "jwt:",
    "jwt\"",
    "JWT=",
    "JWT:",
    "JWT\"",
    "Jwt=",
    "Jwt:",
    "Jwt\"",
];

/// What is no longer is not looked for in base64: its three characters there are in too much else.
const SHORT: usize = 3;

/// Keys of an object whose name tells of a secret under which it stands.
pub(super) const VALUE_KEYS: &[&[u8]] = &[b"value", b"inline", b"inline_string", b"literal"];

/// How many parts of a text are walked over side by side.
const LANES: usize = 4;

impl Needles {
    pub(super) fn new(rules: &Rules) -> Self {
        let texts = texts(rules);
        let patterns = texts.iter().map(|(text, _)| text);
        #[expect(clippy::expect_used, reason = "the number and length of needles is bounded")]
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            // Something of a needle is nearly everywhere.
            .prefilter(false)
            .build(patterns)
            .expect("few and short texts");
        #[expect(clippy::expect_used, reason = "it is built to be begun anywhere")]
        let start = automaton.start_state(Anchored::No).expect("a beginning");
        let names = Names::new(&rules.names, &rules.harmless);
        Needles { shared: Arc::new(Shared { texts, automaton, start, names }) }
    }

    pub(super) fn names(&self) -> &Names {
        &self.shared.names
    }

    /// Every needle in a text, by where they end.
    pub(super) fn hits<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (Needle, Range<usize>)> + 'a {
        let (input, mut state) = (Input::new(text), OverlappingState::start());
        std::iter::from_fn(move || {
            self.shared.automaton.try_find_overlapping(&input, &mut state).ok()?;
            let hit = state.get_match()?;
            Some((self.shared.texts[hit.pattern().as_usize()].1, hit.range()))
        })
    }

    /// Whether there may be a secret in a text, or in the raw JSON of one: false only if there is none.
    pub(super) fn suspects(&self, text: &[u8]) -> bool {
        let Shared { automaton, start, .. } = &*self.shared;
        // A part begins so far before its own bytes that no needle is cut in two.
        let overlap = automaton.max_pattern_len();
        let own = text.len().div_ceil(LANES);
        if own < 4 * overlap {
            return self.suspects_from(text, 0, *start);
        }
        let begins: [usize; LANES] = std::array::from_fn(|lane| (lane * own).saturating_sub(overlap));
        let ends: [usize; LANES] = std::array::from_fn(|lane| text.len().min((lane + 1) * own));
        let shortest = begins.iter().zip(ends).map(|(begin, end)| end - begin).min().unwrap_or_default();
        let lanes = begins.map(|begin| &text[begin..begin + shortest]);
        let mut states = [*start; LANES];
        for at in 0..shortest {
            for (state, lane) in states.iter_mut().zip(lanes) {
                *state = automaton.next_state(Anchored::No, *state, lane[at]);
            }
            if states.iter().any(|state| automaton.is_special(*state)) {
                let ends = begins.map(|begin| begin + at + 1);
                if states.iter().zip(ends).any(|(state, end)| self.is_suspect_at(text, *state, end)) {
                    return true;
                }
            }
        }
        (0..LANES).any(|lane| self.suspects_from(&text[..ends[lane]], begins[lane] + shortest, states[lane]))
    }

    /// The same of the text from `from` on, where the automaton is in this state.
    fn suspects_from(&self, text: &[u8], from: usize, mut state: StateID) -> bool {
        let automaton = &self.shared.automaton;
        text.iter().enumerate().skip(from).any(|(at, byte)| {
            state = automaton.next_state(Anchored::No, state, *byte);
            automaton.is_special(state) && self.is_suspect_at(text, state, at + 1)
        })
    }

    /// Whether one of the needles that end at `end`, where the automaton is in this state, is worth a closer look.
    fn is_suspect_at(&self, text: &[u8], state: StateID, end: usize) -> bool {
        let automaton = &self.shared.automaton;
        let count = if automaton.is_match(state) { automaton.match_len(state) } else { 0 };
        (0..count).any(|index| {
            let pattern = automaton.match_pattern(state, index);
            let needle = self.shared.texts[pattern.as_usize()].1;
            self.is_suspect(text, needle, end - automaton.pattern_len(pattern)..end)
        })
    }

    /// Whether a found needle is worth a closer look. Cheap, and rather yes than no.
    fn is_suspect(&self, text: &[u8], needle: Needle, at: Range<usize>) -> bool {
        match needle {
            Needle::Word => self.word_is_suspect(text, at),
            Needle::Escape => escape_is_suspect(text, at.end),
            Needle::Url => url_is_suspect(text, at.end),
            Needle::Shape(index) => {
                SHAPES.get(index).is_some_and(|shape| shape.tail_of(&text[at.end..]) >= shape.least)
            }
            Needle::Secret => is_value_of(text, at.start, b"kind"),
            Needle::Secrets => is_value_of(text, at.start, b"resource"),
            _ => true,
        }
    }

    /// Whether the name that holds `at` tells of a secret, and something stands behind it that could be one.
    fn word_is_suspect(&self, text: &[u8], at: Range<usize>) -> bool {
        let name = name_around(text, at);
        let names = &self.shared.names;
        let readings = [&text[name.clone()], behind_escape(text, name.clone())];
        let tells = readings.iter().any(|name| names.telling(name).is_some());
        if !tells && readings.iter().all(|name| names.telling_list(name).is_none()) {
            return false;
        }
        let is_option = readings.iter().any(|name| name.starts_with(b"-"));
        let behind = &text[name.end..];
        let behind = &behind[filling(behind)..];
        match behind {
            // A name's value: not if it is an object or a switch; a list if there may be a text in it.
            [b':', rest @ ..] => match rest.trim_ascii_start() {
                [b'[', items @ ..] => lists_a_text(items),
                rest => tells && !is_no_text(rest),
            },
            _ if !tells => false,
            [b'=' | b'%' | b'&' | b'<' | b'>', ..] => true,
            // A word or a text behind a blank, which may be its value.
            [_, ..] if is_blank(&text[name.end..]) => true,
            // `"name":"TOKEN","value":…`, or the words of a command, or what a function is called with; `"path":"token"}`
            // is none.
            [b',' | b'}', ..] => {
                let before = &text[..name.start];
                is_option || is_argument(before) || is_behind_its_value(before) || is_pair(text, name)
            }
            // `"path":"/spec/passwords/-"`
            [b'/', ..] => is_pair(text, name),
            // An option, whose value is the next word; or `name: TOKEN`, whose value is on the next line; or an element.
            _ => {
                let before = &text[..name.start];
                is_option
                    || [&b"value"[..], b"u003"].iter().any(|next| behind.starts_with(next))
                    || is_behind_its_value(before)
                    || may_be_named_by_a_word_before(before)
            }
        }
    }
}

/// Whether a blank stands here, also as an escape in raw JSON, or in JSON in a string in it.
fn is_blank(text: &[u8]) -> bool {
    let escapes = text.iter().take_while(|byte| **byte == b'\\').count();
    matches!((escapes, text.get(escapes)), (0, Some(b' ' | b'\t')) | (1.., Some(b't')))
}

/// A name in raw JSON without the letters of an escape, if a backslash stands before it: `\nPASS`, `\u0026PASS`.
fn behind_escape(text: &[u8], name: Range<usize>) -> &[u8] {
    let escape = match (text[..name.start].ends_with(b"\\"), text[name.start..].first()) {
        (true, Some(b'u')) => 5,
        (true, _) => 1,
        (false, _) => 0,
    };
    text.get(name.start + escape..name.end).unwrap_or_default()
}

/// What may stand between a name, its separator and its value.
const fn is_filling(byte: u8) -> bool {
    matches!(byte, b'\\' | b'"' | b'\'' | b'`' | b' ' | b'\t' | b'\n' | b'\r' | b']')
}

/// How much of that stands at the beginning of a text, escapes of raw JSON among it.
fn filling(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match text.get(at..) {
            Some([b'\\', b'n' | b't' | b'r', ..]) => at += 2,
            Some([byte, ..]) if is_filling(*byte) => at += 1,
            _ => return at,
        }
    }
}

/// Whether an object begins here that has nothing in it that could be meant, or one of the words of JSON stands here.
fn is_no_text(text: &[u8]) -> bool {
    const REACH: usize = 512;
    let is_word = |word: &&[u8]| {
        text.strip_prefix(*word).is_some_and(|rest| matches!(rest.first(), Some(b',' | b'}' | b']')))
    };
    if text.first() == Some(&b'{') && !is_tagged(text) {
        let near = &text[..text.len().min(REACH)];
        let end = memchr::memchr(b'}', near).filter(|end| !near[1..*end].contains(&b'{'));
        // What is too far to be seen counts as something.
        let has = |key: &[u8]| end.is_none_or(|end| memchr::memmem::find(&near[..end], key).is_some());
        return !VALUE_KEYS.iter().any(|key| has(key));
    }
    [&b"true"[..], b"false", b"null"].iter().any(is_word)
}

/// Whether one of the items of a list is a text, whatever stands before it. Whatever is too far to be seen counts as one.
fn lists_a_text(items: &[u8]) -> bool {
    const REACH: usize = 512;
    let (mut depth, mut in_string) = (0_usize, false);
    for byte in items.iter().take(REACH) {
        match byte {
            // JSON in a string, or an escape that might hide the end of one.
            b'\\' => return true,
            // YAML has no need of quotes.
            byte if depth == 0 && !in_string && byte.is_ascii_alphabetic() => return true,
            b'"' if depth == 0 => return true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return false,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    true
}

/// What keys end with whose values name what another key beside them gives.
const NAMING: &[&[u8]] = &[b"name", b"Name", b"key", b"Key", b"header", b"variable", b"path"];

/// Whether this ends the value of `name`, `key` or `path`, and there is a `value` in the same object; or that of `field`,
/// and there is a complaint about it. Whatever is too far to be seen counts as one.
fn is_pair(text: &[u8], name: Range<usize>) -> bool {
    const REACH: usize = 512;
    let before = &text[name.start.saturating_sub(REACH)..name.start];
    let opened = before.iter().rposition(|byte| *byte == b'"').unwrap_or(0);
    let filling =
        before[..opened].iter().rev().take_while(|byte| is_filling(**byte) || **byte == b':').count();
    let key = &before[..opened - filling];
    let wanted: &[&[u8]] = if key.ends_with(b"field") {
        &[b"alue: "]
    } else if NAMING.iter().any(|name| key.ends_with(name)) {
        &[b"alue\"", b"alue\\", b"default\"", b"default\\", b"alue: ", b"alue:\\"]
    } else {
        return false;
    };
    let has_value = |part: &[u8]| wanted.iter().any(|text| memchr::memmem::find(part, text).is_some());
    let behind = &text[name.end..text.len().min(name.end + REACH)];
    match (object_start(before), object_end(behind)) {
        (Some(start), Some(end)) => has_value(&before[start..]) || has_value(&behind[..end]),
        _ => true,
    }
}

/// Where the object began that `text` ends in, in the middle of a string.
fn object_start(text: &[u8]) -> Option<usize> {
    let level = backslashes(text, text.iter().rposition(|byte| *byte == b'"')?);
    let (mut depth, mut in_string) = (0_usize, true);
    text.iter().enumerate().rev().find_map(|(at, byte)| {
        match byte {
            b'"' if backslashes(text, at) == level => in_string = !in_string,
            b'"' if backslashes(text, at) < level => return Some(at),
            b'{' if !in_string && depth == 0 => return Some(at),
            b'{' if !in_string => depth -= 1,
            b'}' if !in_string => depth += 1,
            _ => {}
        }
        None
    })
}

/// Where the object ends that `text` begins in, in the middle of a string.
fn object_end(text: &[u8]) -> Option<usize> {
    let level = backslashes(text, text.iter().position(|byte| *byte == b'"')?);
    let (mut depth, mut in_string) = (0_usize, true);
    text.iter().enumerate().find_map(|(at, byte)| {
        match byte {
            b'"' if backslashes(text, at) == level => in_string = !in_string,
            b'"' if backslashes(text, at) < level => return Some(at),
            b'}' if !in_string && depth == 0 => return Some(at),
            b'}' if !in_string => depth -= 1,
            b'{' if !in_string => depth += 1,
            _ => {}
        }
        None
    })
}

/// How many backslashes stand before `at`: they tell a string from the strings in its text.
fn backslashes(text: &[u8], at: usize) -> usize {
    text[..at].iter().rev().take_while(|byte| **byte == b'\\').count()
}

fn texts(rules: &Rules) -> Vec<(Vec<u8>, Needle)> {
    let mut texts: Vec<(Vec<u8>, Needle)> = Vec::new();
    let mut add = |text: &str, needle| texts.push((text.as_bytes().to_vec(), needle));
    let words = WORDS.iter().filter(|word| word.len() > SHORT);
    let mut encoded: Vec<&str> = ENCODED.iter().chain(words).copied().collect();
    for (name, _) in &rules.names {
        let joined: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let forms = [name.clone(), name.to_ascii_lowercase(), name.to_ascii_uppercase()];
        for form in
            forms.into_iter().chain([joined.to_ascii_lowercase(), joined.to_ascii_uppercase(), joined])
        {
            add(&form, Needle::Word);
        }
    }
    for (index, pattern) in rules.patterns.iter().enumerate() {
        for text in &pattern.contains {
            add(text, Needle::Pattern(index));
            encoded.push(text);
        }
    }
    for word in WORDS {
        add(word, Needle::Word);
    }
    add("://", Needle::Url);
    add("\\u00", Needle::Escape);
    add("\\/", Needle::Escape);
    for (index, shape) in SHAPES.iter().enumerate() {
        add(shape.prefix, Needle::Shape(index));
    }
    add("eyJ", Needle::Jwt);
    add("PRIVATE KEY", Needle::Pem);
    for scheme in ["earer ", "EARER "] {
        add(scheme, Needle::Bearer);
    }
    for scheme in ["asic ", "ASIC "] {
        add(scheme, Needle::Basic);
    }
    for words in ["dentified by ", "DENTIFIED BY "] {
        add(words, Needle::IdentifiedBy);
    }
    add("8Q~", Needle::AzureSecret);
    // Gzip, in base64.
    add("H4sI", Needle::Base64);
    for auth in ["\"auth\"", "\"auth\\"] {
        add(auth, Needle::Auth);
    }
    add("Secret", Needle::Secret);
    add("\"secrets\"", Needle::Secrets);
    encoded.extend(SHAPES.iter().map(|shape| shape.prefix).filter(|prefix| prefix.len() > SHORT));
    for text in encoded {
        for form in encoded_forms(text.as_bytes()) {
            if form.len() >= 3 {
                texts.push((form, Needle::Base64));
            }
        }
    }
    texts
}

/// `\u003c`, `\u003e` and `\u0026` are how Go writes `<`, `>` and `&`; control characters hide nothing. All else, also
/// `\/`, nobody needs to write so.
fn escape_is_suspect(text: &[u8], at: usize) -> bool {
    if text[..at].ends_with(b"/") {
        return true;
    }
    match text.get(at..at + 2) {
        Some([b'3', b'c' | b'e' | b'C' | b'E'] | [b'2', b'6'] | [b'0' | b'1', _]) | None => false,
        Some(_) => true,
    }
}

/// Whether what stands at `at` is the value of this key, in JSON or YAML.
fn is_value_of(text: &[u8], at: usize, key: &[u8]) -> bool {
    let before = &text[at.saturating_sub(64)..at];
    let filling = before.iter().rev().take_while(|byte| is_filling(**byte) || **byte == b':').count();
    before[..before.len() - filling].ends_with(key)
}

/// Whether there is an `@` before the path, or behind it where what follows the colon cannot be a port.
fn url_is_suspect(text: &[u8], at: usize) -> bool {
    let rest = &text[at..text.len().min(at + USERINFO_BYTES_MAX)];
    let end = rest.iter().position(|byte| matches!(byte, b'@' | b'/' | b'"' | b' ' | b'?'));
    let Some(end) = end else { return false };
    let colon = rest[..end].iter().position(|byte| *byte == b':');
    // What follows the colon of a host is a number.
    let is_userinfo = colon.is_some_and(|colon| !rest[colon + 1..end].iter().all(u8::is_ascii_digit));
    rest[end] == b'@' || is_userinfo && rest[end..].contains(&b'@')
}

/// Whether a name behind this is the first that a function is called with: `define('DB_PASSWORD', '…')`.
pub(super) fn is_argument(before: &[u8]) -> bool {
    let quotes = before.iter().rev().take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\')).count();
    quotes > 0 && before[..before.len() - quotes].trim_ascii_end().ends_with(b"(")
}

/// Whether a name behind this is that of a value which was given before it, in YAML: `value: …`, then `name: `.
pub(super) fn is_behind_its_value(before: &[u8]) -> bool {
    const REACH: usize = 512;
    let quotes = before.iter().rev().take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\')).count();
    let before = &before[..before.len() - quotes];
    before.ends_with(b"name: ")
        && memchr::memmem::rfind(&before[before.len().saturating_sub(REACH)..], b"value:").is_some()
}

/// Whether the words before a name say that the word behind it is its value, as in a Dockerfile and in a `.netrc`:
/// `ENV API_TOKEN …`, `machine example.com login bob password …`.
pub(super) fn is_named_by_a_word_before(before: &[u8]) -> bool {
    let near = before.len().saturating_sub(NEAR);
    let mut words = before[near..].rsplit(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(b"ENV"), ..) | (Some(_), Some(b"login"), Some(b"default"), _) => true,
        (_, login, _, machine) => login == Some(b"login") && machine == Some(b"machine"),
    }
}

/// The same of raw JSON, rather yes than no.
fn may_be_named_by_a_word_before(before: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(NEAR)..];
    [&b"ENV"[..], b"login"].iter().any(|word| memchr::memmem::find(near, word).is_some())
}

/// How far before a name those words may stand.
const NEAR: usize = 256;

/// The name that holds `at`.
pub(super) fn name_around(text: &[u8], at: Range<usize>) -> Range<usize> {
    const REACH: usize = 128;
    let is = |byte: &u8| is_name_byte(*byte);
    // What belongs to the needle but to no name: `key"`, `"pass`.
    let found = &text[at.clone()];
    let start = at.start + found.iter().take_while(|byte| !is(byte)).count();
    let end = at.end - found.iter().rev().take_while(|byte| !is(byte)).count();
    if start >= end {
        return at.start..at.start;
    }
    let before = text[start.saturating_sub(REACH)..start].iter().rev().take_while(|byte| is(byte)).count();
    let after = text[end..].iter().take(REACH).take_while(|byte| is(byte)).count();
    // The needle may have ended within a name only if no other byte ended it.
    let after = if end == at.end { after } else { 0 };
    start - before..end + after
}

/// What must be there where `text` is part of something in base64, for each of the three ways that it may lie.
fn encoded_forms(text: &[u8]) -> [Vec<u8>; 3] {
    [0, 1, 2].map(|before: usize| {
        let padded = [&[0; 2][..before], text].concat();
        let encoded = STANDARD.encode(&padded);
        // Characters that depend on neighbours are left out.
        let first = (before * 8).div_ceil(6);
        let last = (before + text.len()) * 8 / 6;
        encoded.as_bytes()[first..last].to_vec()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: bool) {
        let needles = Needles::new(&Rules::default());
        assert_eq!(needles.suspects(text.as_bytes()), expected, "{text}");
        let slow =
            needles.hits(text.as_bytes()).any(|(needle, at)| needles.is_suspect(text.as_bytes(), needle, at));
        assert_eq!(slow, expected, "{text}, by the automaton");
    }

    #[test]
    fn what_every_cluster_says_all_day_is_passed() {
        check(
            r#"{"volumes":[{"projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}}]}}]}"#,
            false,
        );
        check(r#"{"imagePullSecrets":[{"name":"registry"}],"automountServiceAccountToken":false}"#, false);
        check(
            r#"{"env":[{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"dsn"}}}]}"#,
            false,
        );
        check(r#"{"a":"{\"secretKeyRef\":{\"key\":\"password\",\"name\":\"db\"}}"}"#, false);
        check(r#"{"secretKeyRef":{"name":"db","key":"password"}}"#, false);
        check(r#"{"resources":["serviceaccounts","serviceaccounts/token","pods"]}"#, false);
        check(r#"{"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}"#, false);
        check(
            r#"{"extra":{"authentication.kubernetes.io/credential-id":["JTI=1"]},"annotations":{"authorization.k8s.io/decision":"allow"}}"#,
            false,
        );
        check(r#"{"resources":[{"name":"secrets","x":"SecretPool","resources":["secrets"]}]}"#, false);
        check(r#"{"tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists"}]}"#, false);
        check(
            r#"{"requestURI":"/api?a=1\u0026b=2","image":"docker://sha256:12","u":"https://a.example/x@y"}"#,
            false,
        );
    }

    #[test]
    fn what_may_be_a_secret_is_not() {
        check(r#"{"name":"TOKEN","value":"x"}"#, true);
        check(r#"{"value":"x","name":"TOKEN"}"#, true);
        check(r#"{"name":"TOKEN","a":"}","b":"\"}","value":"x"}"#, true);
        check(r#"{"value":"{","name":"TOKEN","a":{}}"#, true);
        check(r#"{"name":"TOKEN","valueFrom":null,"value":"x"}"#, true);
        check(r#"{"name":"TOKEN","valueFrom":{"x":{"y":"z"}},"value":"x"}"#, true);
        check(r#"{"kind":"Secret","data":{}}"#, true);
        check("a: kind: Secret", true);
        check(r#"{"a":":\/\/u:p@h"}"#, true);
        check(r#"{"command":["x","--password","y"]}"#, true);
        check(r#"{"a":"{\"password\":\"x\"}"}"#, true);
        check(r#"{"a":"b\npassword: x"}"#, true);
        check(r#"{"objectRef":{"resource":"secrets"}}"#, true);
        check(r#"{"a":"\u0070assword=x"}"#, true);
        check(r#"{"a":"postgres://u:p@h/"}"#, true);
        check(r#"{"a":"LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo="}"#, true);
        check(r#"{"a":"export PASS=1; x --db-pass y"}"#, true);
    }
}

//! Secrets by their place in a JSON text: the data of a Secret, the value beside a telling name.
//!
//! Two walks. The first notes where there is something of which only what comes later says what it is: an object that
//! turns out to be a Secret behind its `data`, a value whose `name` stands behind it. The second goes from string to
//! string and notes what to put in its place. Neither recurses, and each looks at a byte once.

use std::borrow::Cow;
use std::ops::Range;

use auditward_event::Value;

use super::assigned::{complained_about, is_program};
use super::digest::is_mark;
use super::names::{Names, is_name_byte, is_placeholder, is_switch};
use super::needles::VALUE_KEYS;
use super::tokens::{Token, Tokens, quote};
use super::{Kind, Redactor, encoded};

/// A number with fewer digits is no password.
const NUMBER_BYTES_MIN: usize = 6;

/// What is known of a text before it is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    /// It is, or is about, a Secret or a token: `data`, `stringData` and `token` in it are secret.
    pub(super) secret: bool,
    /// It is a text that somebody wrote into a string, not an object of Kubernetes: a name like `secret` in it tells of
    /// a secret, not of the name of a Secret.
    pub(super) nested: bool,
    /// It is a command, or a part of one.
    pub(super) command: bool,
    /// Texts around this one.
    pub(super) depth: u32,
}

/// What the first walk found; offsets of values, ascending.
#[derive(Default)]
struct Places {
    /// Objects whose `kind` is `Secret` or `SecretList`.
    secrets: Vec<usize>,
    /// Values of patch operations on `/data` and `/stringData`, or of which the path is not known.
    operations: Vec<usize>,
    /// Strings beside a telling `name`.
    pairs: Vec<(usize, Kind)>,
}

/// Something to put in the place of a part of a text.
pub(super) type Edit = (Range<usize>, Vec<u8>);

impl Redactor {
    /// Redacts a JSON text, which must be valid.
    pub(super) fn json<'a>(&self, text: &'a [u8], context: Context) -> Cow<'a, [u8]> {
        let places = places(text, self.needles.names());
        let edits = self.strings(text, context, &places);
        apply(text, edits)
    }

    fn strings(&self, text: &[u8], context: Context, places: &Places) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut open = vec![Frame { context, ..Frame::default() }];
        for token in Tokens::new(text) {
            let Some(frame) = open.last_mut() else { break };
            match token {
                Token::Open { at, object } => {
                    let key = frame.key_of(text);
                    let secret = frame.context.secret || places.secrets.binary_search(&at).is_ok();
                    let context = Context { secret, command: frame.is_command(&key), ..frame.context };
                    let hidden = frame.hides(&key, at, places);
                    let items = if object { self.valued(&key, context) } else { self.items(&key, context) };
                    frame.after = None;
                    open.push(Frame { context, hidden, object, items, ..Frame::default() });
                }
                Token::Close { .. } => {
                    open.pop();
                }
                Token::Key(range) => frame.key = Some((range.start, range.end)),
                Token::Word(_) => frame.after = None,
                Token::Number(range) => {
                    frame.after = None;
                    let key = frame.key_of(text);
                    let kind = if frame.hides(&key, range.start, places) {
                        Some(Kind::Borrowed("secret"))
                    } else {
                        // A short one is how many there are.
                        self.needles.names().telling(&key).filter(|_| range.len() >= NUMBER_BYTES_MIN)
                    };
                    if let Some(kind) = kind {
                        let mark = self.mark(&kind, &text[range.clone()]);
                        edits.push((range, format!("\"{mark}\"").into_bytes()));
                    }
                }
                Token::Text(range) => {
                    let said = said(&text[range.clone()]);
                    if let Some(new) = self.string(&said, range.start, frame, text, places) {
                        let mut out = Vec::with_capacity(new.len() + 2);
                        quote(&new, &mut out);
                        edits.push((range, out));
                    }
                    if !frame.object {
                        frame.after = self.option(&said);
                    }
                }
            }
        }
        edits
    }

    /// What to put in the place of a string.
    fn string(&self, said: &[u8], at: usize, frame: &Frame, text: &[u8], places: &Places) -> Option<Vec<u8>> {
        if said.is_empty() {
            return None;
        }
        let key = frame.key_of(text);
        if frame.hides(&key, at, places) {
            return (!is_mark(said)).then(|| self.mark_secret(said));
        }
        if &*key == b"auth" && encoded::says_user_and_password(said) && !self.is_allowed("docker-auth", said)
        {
            return Some(self.mark_as("docker-auth", said));
        }
        let pair = places.pairs.binary_search_by_key(&at, |pair| pair.0).ok();
        let pair = pair.and_then(|found| places.pairs.get(found)).map(|(_, kind)| kind.clone());
        let names_a_secret = !frame.context.nested && is_reference(&key) && is_name(said);
        // The next option is no value, and what is run is looked through.
        let is_command = frame.is_command(&key);
        let is_other = said.starts_with(b"-") || is_command && is_program(said);
        let after = || frame.after.clone().filter(|_| !is_other);
        let by_key = || self.needles.names().telling(&key).filter(|_| !names_a_secret);
        if let Some(kind) = pair.or_else(by_key).or_else(after).or_else(|| frame.item(&key)) {
            if is_mark(said) || is_placeholder(said) {
                return None;
            }
            if let Some(value) = complained_about(said) {
                return self.within(said, value, kind);
            }
            let kind = self.kind_of(said).unwrap_or(kind);
            if !self.is_allowed(&kind, said) {
                return Some(self.mark_as(&kind, said));
            }
        }
        let command = is_command || matches!(&*key, b"script" | b"run") || said.starts_with(b"#!");
        self.text(said, Context { nested: true, command, ..frame.context })
    }

    /// A text of which a part is a secret.
    fn within(&self, text: &[u8], secret: Range<usize>, kind: Kind) -> Option<Vec<u8>> {
        let value = &text[secret.clone()];
        let kind = self.kind_of(value).unwrap_or(kind);
        let harmless = is_mark(value) || is_placeholder(value) || self.is_allowed(&kind, value);
        (!harmless).then(|| apply(text, vec![(secret.clone(), self.mark_as(&kind, value))]).into_owned())
    }

    /// What kind of secrets are in a list of this name.
    fn items(&self, key: &[u8], context: Context) -> Option<Kind> {
        // A list called `secrets` in an object of Kubernetes holds the names of Secrets.
        let names_secrets =
            !context.nested && key.strip_suffix(b"s").unwrap_or(key).eq_ignore_ascii_case(b"secret");
        self.needles.names().telling_list(key).filter(|_| !names_secrets)
    }

    /// What kind of secret the value is of an object of this name: `"clientSecret":{"value":"…"}`.
    fn valued(&self, key: &[u8], context: Context) -> Option<Kind> {
        self.needles.names().telling(key).filter(|_| context.nested || !is_reference(key))
    }

    /// What kind of secret follows an option that has its value in the next item.
    pub(super) fn option(&self, item: &[u8]) -> Option<Kind> {
        let is_option = item.starts_with(b"-") && item.iter().copied().all(is_name_byte) && !is_switch(item);
        is_option.then(|| self.needles.names().telling(item)).flatten()
    }
}

/// A container that is open in the second walk.
#[derive(Default)]
struct Frame {
    context: Context,
    hidden: bool,
    object: bool,
    /// The key of the value that comes next, with its quotes.
    key: Option<(usize, usize)>,
    /// It is a list whose name tells that its items are secret, or an object of which it tells that of its value.
    items: Option<Kind>,
    /// The item before was an option whose value comes next: `--password`.
    after: Option<Kind>,
}

impl Frame {
    fn key_of<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        self.key.map_or(Cow::Borrowed(b""), |(start, end)| said(&text[start..end]))
    }

    /// What kind of secret the value of this key is by what the list or object that it stands in is called.
    fn item(&self, key: &[u8]) -> Option<Kind> {
        self.items.clone().filter(|_| !self.object || VALUE_KEYS.contains(&key))
    }

    /// Whether the value of this key is a command, or a part of one.
    fn is_command(&self, key: &[u8]) -> bool {
        self.context.command || matches!(key, b"command" | b"args")
    }

    /// Whether the value that starts at `at` is secret as a whole.
    fn hides(&self, key: &[u8], at: usize, places: &Places) -> bool {
        self.hidden
            || self.context.secret
                && (matches!(key, b"data" | b"stringData" | b"token")
                    || places.operations.binary_search(&at).is_ok())
    }
}

/// The first walk.
fn places(text: &[u8], names: &Names) -> Places {
    let mut places = Places::default();
    let mut open: Vec<Noted> = Vec::new();
    for token in Tokens::new(text) {
        match token {
            Token::Open { at, .. } => {
                if let Some(parent) = open.last_mut() {
                    parent.member(text, at, None, names);
                }
                open.push(Noted::at(at));
            }
            Token::Close { .. } => {
                if let Some(noted) = open.pop() {
                    noted.close(&mut places);
                }
            }
            Token::Key(range) => {
                if let Some(noted) = open.last_mut() {
                    noted.key = Some(range);
                }
            }
            Token::Text(range) => {
                if let Some(noted) = open.last_mut() {
                    noted.member(text, range.start, Some(&text[range.clone()]), names);
                }
            }
            Token::Number(range) | Token::Word(range) => {
                if let Some(noted) = open.last_mut() {
                    noted.member(text, range.start, None, names);
                }
            }
        }
    }
    places.secrets.sort_unstable();
    places.operations.sort_unstable();
    places.pairs.sort_unstable();
    places
}

/// What was seen so far of an object in the first walk.
struct Noted {
    at: usize,
    key: Option<Range<usize>>,
    secret: bool,
    pair: Option<Kind>,
    /// Where `value` starts, and whether it is a string.
    value: Option<(usize, bool)>,
    /// What the name of a `field` tells that an API server complains about, and where its complaint starts.
    field: Option<Kind>,
    complaint: Option<usize>,
    /// Whether `path` is one of a Secret's data; `None` if there is no `path`.
    data_path: Option<bool>,
}

impl Noted {
    const fn at(at: usize) -> Self {
        Noted {
            at,
            key: None,
            secret: false,
            pair: None,
            value: None,
            field: None,
            complaint: None,
            data_path: None,
        }
    }

    fn member(&mut self, whole: &[u8], at: usize, string: Option<&[u8]>, names: &Names) {
        let Some(key) = self.key.take() else { return };
        let key = said(&whole[key]);
        match (&*key, string.map(said)) {
            (b"kind", Some(kind)) => self.secret = matches!(&*kind, b"Secret" | b"SecretList"),
            (b"name" | b"Name" | b"key" | b"Key" | b"header" | b"variable", Some(name)) => {
                self.pair = self.pair.take().or_else(|| names.telling(&name));
            }
            (b"value" | b"Value" | b"default", string) => self.value = Some((at, string.is_some())),
            (b"field", Some(field)) => {
                // `data[api-key]`
                let name = field.strip_suffix(b"]").unwrap_or(&field);
                self.field = names.telling(name.rsplit(|byte| *byte == b'[').next().unwrap_or_default());
            }
            (b"message", Some(message)) => {
                self.complaint = complained_about(&message).map(|_| at);
            }
            (b"path", Some(path)) => {
                // What stands before the first slash an API server passes over.
                let path = &path[memchr::memchr(b'/', &path).unwrap_or(path.len())..];
                self.data_path = Some(path.starts_with(b"/data") || path.starts_with(b"/stringData"));
                // A JSON Patch's path ends with the name of what it sets.
                let mut last = path.rsplit(|byte| *byte == b'/');
                let name = last.next().unwrap_or_default();
                // An item of a list, or what the name gives in another way.
                let is_item = name == b"-" || name == b"value" || name.iter().all(u8::is_ascii_digit);
                let telling = || {
                    if is_item { names.telling_list(last.next()?) } else { names.telling(name) }
                };
                self.pair = self.pair.take().or_else(telling);
            }
            _ => {}
        }
    }

    fn close(self, places: &mut Places) {
        places.pairs.extend(self.complaint.zip(self.field));
        if self.secret {
            places.secrets.push(self.at);
        }
        if let Some((at, is_string)) = self.value {
            if self.data_path == Some(true) {
                places.operations.push(at);
            }
            if let (true, Some(kind)) = (is_string, self.pair) {
                places.pairs.push((at, kind));
            }
        }
    }
}

/// Whether a field of an object of Kubernetes, or an annotation, holds the name of a Secret by what it is called.
fn is_reference(key: &[u8]) -> bool {
    const FIELDS: &[&[u8]] = &[b"passwordSecret", b"credentialSecret", b"credentialsSecret", b"authSecret"];
    const ANNOTATIONS: &[&[u8]] = &[b"/auth-secret", b"/auth-tls-secret", b"/proxy-ssl-secret"];
    key.eq_ignore_ascii_case(b"secret")
        || FIELDS.contains(&key)
        || ANNOTATIONS.iter().any(|annotation| key.ends_with(annotation))
}

/// Whether this could be the name of an object: what a field called `secret` usually holds.
fn is_name(text: &[u8]) -> bool {
    /// A longer word is none that somebody thought of.
    const WORD_BYTES_MAX: usize = 20;
    let is_word = |word: &[u8]| {
        word.len() <= WORD_BYTES_MAX && word.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
    };
    text.len() <= 253 && text.split(|byte| matches!(byte, b'-' | b'.' | b'/')).all(is_word)
}

/// What a string says, given with its quotes.
pub(super) fn said(quoted: &[u8]) -> Cow<'_, [u8]> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    match Value::parse(quoted).ok().and_then(Value::as_str) {
        Some(text) => Cow::Owned(text.into_owned().into_bytes()),
        None => Cow::Borrowed(inner),
    }
}

/// The text with its edits, which are in its order.
pub(super) fn apply(text: &[u8], edits: Vec<Edit>) -> Cow<'_, [u8]> {
    if edits.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut written = 0;
    for (range, new) in edits {
        // Of edits that overlap the first counts.
        if range.start < written {
            continue;
        }
        out.extend_from_slice(&text[written..range.start]);
        out.extend_from_slice(&new);
        written = range.end;
    }
    out.extend_from_slice(&text[written..]);
    Cow::Owned(out)
}

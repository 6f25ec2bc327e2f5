//! An event as it lies in the bytes: one pass finds its top-level fields, the rest is read when asked for.
//!
//! ```text
//! {"kind":"Event", … "verb":"create","user":{ … },"requestObject":{ … }, … }
//!         └──────┘          └──────┘        └───┘                 └───┘      spans, found in one pass
//! ```
//! What the pass checks: braces, keys, colons and commas of the event itself, and its scalars in full. Of a nested
//! object or array (`user`, the bodies …) it checks only that each string in it is closed and that as many brackets
//! close as open. [`EventView::validate`] checks everything.

use std::borrow::Cow;

use crate::json::{self, JsonError, JsonProblem};
use crate::path::{Path, Step};
use crate::value::{Entries, Strings, Value};
use crate::{Level, MicroTime, Stage};

/// An audit event, borrowed: the spans of its top-level fields, and accessors that read them on demand.
///
/// A field that is missing or of another type than it should be reads as empty, as it does in Go; [`EventView::get`] and
/// [`EventView::path`] tell the difference. Of duplicate keys the last counts. Fields that no version of the format
/// knows are kept: [`EventView::unknown_fields`].
#[derive(Clone, Copy)]
pub struct EventView<'a> {
    /// From the event's opening brace to its closing one.
    bytes: &'a [u8],
    spans: Spans,
}

impl<'a> EventView<'a> {
    /// Finds the fields of the one event in `bytes`; whitespace may stand around it.
    ///
    /// Any JSON object will do: whether `kind` says `Event` is the reader's business ([`crate::Events`]).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let start = json::skip_space(bytes, 0);
        let (spans, length) = Spans::parse(&bytes[start..]).map_err(|e| e.moved(start))?;
        match json::skip_space(bytes, start + length) {
            after if after == bytes.len() => Ok(EventView { bytes: &bytes[start..start + length], spans }),
            after => Err(JsonError::new(after, JsonProblem::TrailingText)),
        }
    }

    /// The event that a text begins with, and the rest of the text.
    pub fn parse_first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), JsonError> {
        let (spans, length) = Spans::parse(bytes)?;
        let (event, rest) = bytes.split_at(length);
        Ok((EventView { bytes: event, spans }, rest))
    }

    /// `spans` must come from [`Spans::parse`] of exactly these bytes.
    pub(crate) const fn from_spans(bytes: &'a [u8], spans: Spans) -> Self {
        EventView { bytes, spans }
    }

    /// Checks the whole event against the grammar of JSON. Offsets count from the event's opening brace.
    pub fn validate(&self) -> Result<(), JsonError> {
        json::check(self.bytes)
    }

    /// The event as it was read, from brace to brace.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many bytes the event takes, without a line break.
    #[expect(clippy::len_without_is_empty, reason = "an event has at least its braces")]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The event as a document of its own: an item of a list is given the `kind` and `apiVersion` that it inherits.
    pub fn standalone(&self) -> Cow<'a, [u8]> {
        if self.field(Field::Kind).is_some() {
            return Cow::Borrowed(self.bytes);
        }
        let head: &[u8] = match self.field(Field::ApiVersion) {
            Some(_) => br#"{"kind":"Event""#,
            None => br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1""#,
        };
        let inside = &self.bytes[json::skip_space(self.bytes, 1)..];
        let comma: &[u8] = if inside == b"}" { b"" } else { b"," };
        Cow::Owned([head, comma, inside].concat())
    }

    /// Appends the event to `out` with `null` for its bodies: what is left is short, and says the same of all else.
    pub fn write_without_bodies(&self, out: &mut Vec<u8>) {
        let mut bodies =
            [Field::RequestObject, Field::ResponseObject].map(|body| self.spans.at[body as usize]);
        bodies.sort_unstable();
        let mut from = 0;
        for (start, end) in bodies.map(|(start, end)| (start as usize, end as usize)) {
            if end > 0 {
                out.extend_from_slice(self.bytes.get(from..start).unwrap_or_default());
                out.extend_from_slice(b"null");
                from = end;
            }
        }
        out.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
    }

    /// A top-level field, known or not.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        match Field::of(key.as_bytes()) {
            Some(field) => self.field(field),
            None if self.spans.has_unknown => self.object().get(key),
            None => None,
        }
    }

    /// What stands at the end of a path from the event down: `requestObject.spec.containers[0].image`.
    /// With `[*]` in it, the first value that it reaches.
    pub fn path(&self, path: &Path) -> Option<Value<'a>> {
        match path.steps() {
            [] => Some(self.object()),
            [Step::Key(key), rest @ ..] => self.get(key)?.follow(rest),
            [Step::Index(_) | Step::Each, ..] => None,
        }
    }

    /// Hands every value that the path reaches to `found`, in the order of the text.
    pub fn each(&self, path: &Path, found: &mut dyn FnMut(Value<'a>)) {
        match path.steps() {
            [] => found(self.object()),
            [Step::Key(key), rest @ ..] => {
                if let Some(value) = self.get(key) {
                    value.follow_each(rest, found);
                }
            }
            [Step::Index(_) | Step::Each, ..] => {}
        }
    }

    /// The whole event as a value.
    pub const fn object(&self) -> Value<'a> {
        Value::of(self.bytes)
    }

    /// The top-level fields that `audit.k8s.io/v1` does not have, in the order of the text, duplicates included.
    pub fn unknown_fields(&self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> + use<'a> {
        let bytes = if self.spans.has_unknown { self.bytes } else { b"{}" };
        Value::of(bytes).entries().filter(|(key, _)| Field::of(key.as_bytes()).is_none())
    }

    /// `kind`; an event without one, as in a list, is an `Event`.
    pub fn kind(&self) -> Cow<'a, str> {
        self.field(Field::Kind).and_then(Value::as_str).unwrap_or(Cow::Borrowed("Event"))
    }

    /// `apiVersion`; an event without one, as in a list, is of `audit.k8s.io/v1`.
    pub fn api_version(&self) -> Cow<'a, str> {
        self.field(Field::ApiVersion).and_then(Value::as_str).unwrap_or(Cow::Borrowed("audit.k8s.io/v1"))
    }

    /// `level`; `None` if missing or not a level that we know.
    pub fn level(&self) -> Option<Level> {
        let level = self.field(Field::Level)?;
        Level::ALL.into_iter().find(|known| level.is_str(known.as_str()))
    }

    /// `stage`; `None` if missing or not a stage that we know.
    pub fn stage(&self) -> Option<Stage> {
        let stage = self.field(Field::Stage)?;
        Stage::ALL.into_iter().find(|known| stage.is_str(known.as_str()))
    }

    /// `auditID`: the same for all events of a request. Any text: clients may choose it.
    pub fn audit_id(&self) -> Cow<'a, str> {
        self.text(Field::AuditId)
    }

    /// `requestURI`: path and query, percent-encoded.
    pub fn request_uri(&self) -> Cow<'a, str> {
        self.text(Field::RequestUri)
    }

    /// `verb`: that of Kubernetes (`list`), or the HTTP method in lower case for what is not a resource.
    pub fn verb(&self) -> Cow<'a, str> {
        self.text(Field::Verb)
    }

    /// `userAgent`
    pub fn user_agent(&self) -> Cow<'a, str> {
        self.text(Field::UserAgent)
    }

    /// `user`: who was authenticated; all empty if nobody was.
    pub fn user(&self) -> UserView<'a> {
        self.field(Field::User).map(UserView::of).unwrap_or_default()
    }

    /// `impersonatedUser`: as whom the request was carried out, if not as [`EventView::user`].
    pub fn impersonated_user(&self) -> Option<UserView<'a>> {
        self.present(Field::ImpersonatedUser).map(UserView::of)
    }

    /// `sourceIPs`, in the order of the text: all but the last come from headers that a client can write itself.
    pub fn source_ips(&self) -> Strings<'a> {
        self.field(Field::SourceIps).map(Value::strings).unwrap_or_default()
    }

    /// `objectRef`: of what object or collection; `None` for requests that are not about a resource.
    pub fn object_ref(&self) -> Option<ObjectRefView<'a>> {
        self.present(Field::ObjectRef).map(ObjectRefView::of)
    }

    /// `responseStatus`, an object.
    pub fn response_status(&self) -> Option<Value<'a>> {
        self.present(Field::ResponseStatus)
    }

    /// `responseStatus.code`: the HTTP status; `None` while there is no response, zero if there is one without code.
    pub fn response_code(&self) -> Option<i32> {
        match self.response_status()?.get("code") {
            Some(code) => code.as_i64().and_then(|code| i32::try_from(code).ok()),
            None => Some(0),
        }
    }

    /// `requestObject`, as it stands in the text.
    pub fn request_object(&self) -> Option<Value<'a>> {
        self.field(Field::RequestObject)
    }

    /// `responseObject`, as it stands in the text.
    pub fn response_object(&self) -> Option<Value<'a>> {
        self.field(Field::ResponseObject)
    }

    /// `requestReceivedTimestamp`; any RFC 3339 time will do here, whatever its precision.
    pub fn request_received(&self) -> Option<MicroTime> {
        self.time(Field::RequestReceivedTimestamp)
    }

    /// `stageTimestamp`; any RFC 3339 time will do here, whatever its precision.
    pub fn stage_time(&self) -> Option<MicroTime> {
        self.time(Field::StageTimestamp)
    }

    /// `annotations`, in the order of the text.
    pub fn annotations(&self) -> Entries<'a> {
        self.field(Field::Annotations).unwrap_or(Value::of(b"{}")).entries()
    }

    /// The text of one annotation: `authorization.k8s.io/decision`.
    pub fn annotation(&self, key: &str) -> Option<Cow<'a, str>> {
        self.field(Field::Annotations)?.get(key)?.as_str()
    }

    pub(crate) fn field(&self, field: Field) -> Option<Value<'a>> {
        let (start, end) = self.spans.at[field as usize];
        self.bytes.get(start as usize..end as usize).filter(|bytes| !bytes.is_empty()).map(Value::of)
    }

    /// A field that is there and not `null`.
    fn present(&self, field: Field) -> Option<Value<'a>> {
        self.field(field).filter(|value| !value.is_null())
    }

    fn text(&self, field: Field) -> Cow<'a, str> {
        self.field(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn time(&self, field: Field) -> Option<MicroTime> {
        MicroTime::parse_rfc3339(&self.field(field)?.as_str()?).ok()
    }
}

/// Shows the text of the event, cut after some hundred bytes.
impl std::fmt::Debug for EventView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.object().fmt(f)
    }
}

/// A user as an event tells of it: the fields of one object, found in one pass.
#[derive(Clone, Debug, Default)]
pub struct UserView<'a> {
    /// `username`, empty if missing.
    pub username: Cow<'a, str>,
    /// `uid`, empty if missing.
    pub uid: Cow<'a, str>,
    groups: Option<Value<'a>>,
    extra: Option<Value<'a>>,
}

impl<'a> UserView<'a> {
    fn of(user: Value<'a>) -> Self {
        let mut view = UserView::default();
        for (key, value) in user.raw_entries() {
            match &*json::key(key) {
                b"username" => view.username = value.as_str().unwrap_or_default(),
                b"uid" => view.uid = value.as_str().unwrap_or_default(),
                b"groups" => view.groups = Some(value),
                b"extra" => view.extra = Some(value),
                _ => {}
            }
        }
        view
    }

    /// `groups`, in the order of the text.
    pub fn groups(&self) -> Strings<'a> {
        self.groups.map(Value::strings).unwrap_or_default()
    }

    /// `extra`: keys and arrays of strings.
    pub fn extra(&self) -> Entries<'a> {
        self.extra.unwrap_or(Value::of(b"{}")).entries()
    }
}

/// What a request was about: the fields of one `objectRef`, found in one pass. Empty where missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectRefView<'a> {
    /// The resource: `pods`.
    pub resource: Cow<'a, str>,
    /// The namespace; empty for what has none.
    pub namespace: Cow<'a, str>,
    /// The object's name; empty for a collection, and for a create before the body is read.
    pub name: Cow<'a, str>,
    /// The object's UID, if the client sent one.
    pub uid: Cow<'a, str>,
    /// The API group; empty for the core group.
    pub api_group: Cow<'a, str>,
    /// The version alone: `v1`.
    pub api_version: Cow<'a, str>,
    /// The object's resource version, if the client sent one.
    pub resource_version: Cow<'a, str>,
    /// The subresource: `log`.
    pub subresource: Cow<'a, str>,
}

impl<'a> ObjectRefView<'a> {
    fn of(object: Value<'a>) -> Self {
        let mut view = ObjectRefView::default();
        for (key, value) in object.raw_entries() {
            let field = match &*json::key(key) {
                b"resource" => &mut view.resource,
                b"namespace" => &mut view.namespace,
                b"name" => &mut view.name,
                b"uid" => &mut view.uid,
                b"apiGroup" => &mut view.api_group,
                b"apiVersion" => &mut view.api_version,
                b"resourceVersion" => &mut view.resource_version,
                b"subresource" => &mut view.subresource,
                _ => continue,
            };
            *field = value.as_str().unwrap_or_default();
        }
        view
    }
}

/// The top-level fields whose places are noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    Kind,
    ApiVersion,
    Level,
    AuditId,
    Stage,
    RequestUri,
    Verb,
    User,
    ImpersonatedUser,
    AuthenticationMetadata,
    SourceIps,
    UserAgent,
    ObjectRef,
    ResponseStatus,
    RequestObject,
    ResponseObject,
    RequestReceivedTimestamp,
    StageTimestamp,
    Annotations,
}

const FIELDS: usize = Field::Annotations as usize + 1;

impl Field {
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"kind" => Field::Kind,
            b"apiVersion" => Field::ApiVersion,
            b"level" => Field::Level,
            b"auditID" => Field::AuditId,
            b"stage" => Field::Stage,
            b"requestURI" => Field::RequestUri,
            b"verb" => Field::Verb,
            b"user" => Field::User,
            b"impersonatedUser" => Field::ImpersonatedUser,
            b"authenticationMetadata" => Field::AuthenticationMetadata,
            b"sourceIPs" => Field::SourceIps,
            b"userAgent" => Field::UserAgent,
            b"objectRef" => Field::ObjectRef,
            b"responseStatus" => Field::ResponseStatus,
            b"requestObject" => Field::RequestObject,
            b"responseObject" => Field::ResponseObject,
            b"requestReceivedTimestamp" => Field::RequestReceivedTimestamp,
            b"stageTimestamp" => Field::StageTimestamp,
            b"annotations" => Field::Annotations,
            _ => return None,
        })
    }
}

/// Where the known fields of one object are, counted from its opening brace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    /// Start and end of each value, by [`Field`]; both zero if the field is missing.
    at: [(u32, u32); FIELDS],
    /// The same for `items`, which an `EventList` has.
    items: (u32, u32),
    has_unknown: bool,
}

impl Spans {
    /// Start and end of `items`, if it is there.
    pub(crate) fn items(&self) -> Option<(usize, usize)> {
        let (start, end) = self.items;
        (end > 0).then_some((start as usize, end as usize))
    }

    /// The fields of the object at the very start of `bytes`, and its length. What follows it is not looked at.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, usize), JsonError> {
        let mut spans = Spans { at: [(0, 0); FIELDS], items: (0, 0), has_unknown: false };
        let wrong = |at: usize, problem| {
            let problem = if at >= bytes.len() { JsonProblem::UnexpectedEnd } else { problem };
            Err(JsonError::new(at, problem))
        };
        if bytes.first() != Some(&b'{') {
            return wrong(0, JsonProblem::ExpectedObject);
        }
        let mut at = json::skip_space(bytes, 1);
        if bytes.get(at) == Some(&b'}') {
            return Ok((spans, at + 1));
        }
        loop {
            if bytes.get(at) != Some(&b'"') {
                return wrong(at, JsonProblem::ExpectedKey);
            }
            let key_end = json::checked_string_end(bytes, at)?;
            let key = &bytes[at..key_end];
            at = json::skip_space(bytes, key_end);
            if bytes.get(at) != Some(&b':') {
                return wrong(at, JsonProblem::ExpectedColon);
            }
            let start = json::skip_space(bytes, at + 1);
            let end = match bytes.get(start) {
                Some(b'"') => json::checked_string_end(bytes, start)?,
                _ => json::value_end(bytes, start)?,
            };
            spans.note(key, start, end)?;
            at = json::skip_space(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = json::skip_space(bytes, at + 1),
                Some(b'}') => return Ok((spans, at + 1)),
                _ => return wrong(at, JsonProblem::ExpectedComma),
            }
        }
    }

    fn note(&mut self, quoted: &[u8], start: usize, end: usize) -> Result<(), JsonError> {
        let inner = &quoted[1..quoted.len() - 1];
        // A key may be spelled with escapes; nobody does, so the plain look-up comes first.
        let field = Field::of(inner).or_else(|| Field::of(&json::key(quoted)));
        match (field, u32::try_from(start), u32::try_from(end)) {
            (Some(field), Ok(start), Ok(end)) => self.at[field as usize] = (start, end),
            (None, Ok(start), Ok(end)) => {
                self.has_unknown = true;
                if json::text_is(quoted, "items") {
                    self.items = (start, end);
                }
            }
            _ => return Err(JsonError::new(start, JsonProblem::TooLong)),
        }
        Ok(())
    }
}

//! Rows to columns.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewBuilder, Int32Builder, ListBuilder, RecordBatch, StringViewBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use auditward_event::{EventView, Kind, MicroTime, Value, write_str};
use simdutf8::basic::from_utf8;

use super::rebuild::Rebuilder;
use crate::schema::{item, schema};

/// One event to be stored.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its number in the journal.
    pub position: u64,
    /// Its cluster.
    pub cluster: &'a str,
    /// When it was taken in.
    pub received: MicroTime,
    /// Its JSON text.
    pub event: &'a [u8],
}

/// Collects rows and gives them out as one batch.
pub struct Encoder {
    keep_raw: bool,
    rows: usize,
    bytes: usize,
    position: UInt64Builder,
    cluster: StringViewBuilder,
    time: TimestampMicrosecondBuilder,
    received: TimestampMicrosecondBuilder,
    audit_id: StringViewBuilder,
    stage: StringViewBuilder,
    level: StringViewBuilder,
    verb: StringViewBuilder,
    request_uri: StringViewBuilder,
    user_agent: StringViewBuilder,
    user: User,
    impersonated: User,
    source_ips: Texts,
    source_ip: StringViewBuilder,
    object: Object,
    status: Status,
    authentication_metadata: StringViewBuilder,
    request_received: TimestampMicrosecondBuilder,
    stage_time: TimestampMicrosecondBuilder,
    annotations: Annotations,
    request_object: StringViewBuilder,
    response_object: StringViewBuilder,
    rest: StringViewBuilder,
    raw: BinaryViewBuilder,
    /// What goes into `rest`, gathered here.
    leftover: Vec<u8>,
    /// With `keep_raw`, the events of this batch one after the other, and where each ends.
    originals: (Vec<u8>, Vec<usize>),
}

impl Encoder {
    /// `keep_raw`: every event comes back byte for byte. Costs nothing for events as kube-apiserver writes them; any other
    /// is kept twice.
    pub fn new(keep_raw: bool) -> Self {
        let time = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Encoder {
            keep_raw,
            rows: 0,
            bytes: 0,
            position: UInt64Builder::new(),
            cluster: text(),
            time: time(),
            received: time(),
            audit_id: text(),
            stage: text(),
            level: text(),
            verb: text(),
            request_uri: text(),
            user_agent: text(),
            user: User::new(),
            impersonated: User::new(),
            source_ips: texts(),
            source_ip: text(),
            object: Object::new(),
            status: Status::new(),
            authentication_metadata: text(),
            request_received: time(),
            stage_time: time(),
            annotations: Annotations::new(),
            request_object: text(),
            response_object: text(),
            rest: text(),
            raw: BinaryViewBuilder::new(),
            leftover: Vec::new(),
            originals: (Vec::new(), Vec::new()),
        }
    }

    /// How many rows have been taken since the last batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many bytes of events have been taken since the last batch.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes one row. Any bytes will do for an event.
    pub fn push(&mut self, row: &Row<'_>) {
        self.rows += 1;
        self.bytes += row.event.len();
        self.position.append_value(row.position);
        self.cluster.append_value(row.cluster);
        self.received.append_value(row.received.as_micros());
        if self.keep_raw {
            self.originals.0.extend_from_slice(row.event);
            self.originals.1.push(self.originals.0.len());
        }
        let exact = match EventView::parse(row.event) {
            // What is no UTF-8 cannot stand in a column of texts, nor in `rest`.
            Ok(event) => self.fields(&event, row.received) && from_utf8(row.event).is_ok(),
            Err(_) => {
                self.nothing(row.received);
                false
            }
        };
        if exact {
            self.raw.append_null();
        } else {
            self.raw.append_value(row.event);
            self.leftover.clear();
        }
        if self.leftover.is_empty() {
            self.rest.append_null();
        } else {
            self.leftover.push(b'}');
            self.rest.append_value(String::from_utf8_lossy(&self.leftover));
        }
    }

    /// The rows so far, and begins anew.
    pub fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        self.bytes = 0;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema().fields().len());
        columns.push(Arc::new(self.position.finish()));
        columns.push(Arc::new(self.cluster.finish()));
        columns.push(Arc::new(self.time.finish()));
        columns.push(Arc::new(self.received.finish()));
        for builder in [
            &mut self.audit_id,
            &mut self.stage,
            &mut self.level,
            &mut self.verb,
            &mut self.request_uri,
            &mut self.user_agent,
        ] {
            columns.push(Arc::new(builder.finish()));
        }
        self.user.finish(&mut columns);
        self.impersonated.finish(&mut columns);
        columns.push(Arc::new(self.source_ips.finish()));
        columns.push(Arc::new(self.source_ip.finish()));
        self.object.finish(&mut columns);
        self.status.finish(&mut columns);
        columns.push(Arc::new(self.authentication_metadata.finish()));
        columns.push(Arc::new(self.request_received.finish()));
        columns.push(Arc::new(self.stage_time.finish()));
        self.annotations.finish(&mut columns);
        for builder in [&mut self.request_object, &mut self.response_object, &mut self.rest] {
            columns.push(Arc::new(builder.finish()));
        }
        columns.push(Arc::new(self.raw.finish()));
        let batch = RecordBatch::try_new(schema(), columns).expect("one builder a column, in their order");
        let (originals, ends) = std::mem::take(&mut self.originals);
        if ends.is_empty() { batch } else { with_raw(&batch, &originals, &ends) }
    }

    /// All columns of one event. Whether they and what was put into `leftover` say all of it.
    fn fields(&mut self, event: &EventView<'_>, received: MicroTime) -> bool {
        self.leftover.clear();
        let mut walk = Walk { event, leftover: &mut self.leftover, bytes: 0, fields: 0 };
        // Nobody can say in `rest` that a field is missing.
        let standalone = walk.constant("kind", "Event") & walk.constant("apiVersion", "audit.k8s.io/v1");
        walk.field("level", |value| put_text(&mut self.level, value));
        walk.field("auditID", |value| put_text(&mut self.audit_id, value));
        walk.field("stage", |value| put_text(&mut self.stage, value));
        walk.field("requestURI", |value| put_text(&mut self.request_uri, value));
        walk.field("verb", |value| put_text(&mut self.verb, value));
        walk.field("user", |value| self.user.put(value));
        walk.field("impersonatedUser", |value| self.impersonated.put(value));
        walk.field("authenticationMetadata", |value| put_json(&mut self.authentication_metadata, value));
        walk.field("sourceIPs", |value| {
            self.source_ip.append_option(value.and_then(|value| value.strings().last()));
            put_texts(&mut self.source_ips, value)
        });
        walk.field("userAgent", |value| put_text(&mut self.user_agent, value));
        walk.field("objectRef", |value| self.object.put(value));
        walk.field("responseStatus", |value| self.status.put(value));
        walk.field("requestObject", |value| put_json(&mut self.request_object, value));
        walk.field("responseObject", |value| put_json(&mut self.response_object, value));
        let (mut asked, mut reached) = (None, None);
        walk.field("requestReceivedTimestamp", |value| {
            put_time(&mut self.request_received, value, &mut asked)
        });
        walk.field("stageTimestamp", |value| put_time(&mut self.stage_time, value, &mut reached));
        walk.field("annotations", |value| self.annotations.put(value));
        self.time.append_value(reached.or(asked).unwrap_or(received).as_micros());
        standalone && walk.finish()
    }

    /// The columns of what is no event.
    fn nothing(&mut self, received: MicroTime) {
        if let Ok(event) = EventView::parse(b"{}") {
            self.fields(&event, received);
        }
    }
}

/// Gives a batch whose `raw` is empty the events that would not come back as they were.
fn with_raw(batch: &RecordBatch, originals: &[u8], ends: &[usize]) -> RecordBatch {
    let Ok(rebuilder) = Rebuilder::new(batch) else { return batch.clone() };
    let mut raw = BinaryViewBuilder::with_capacity(ends.len());
    let (mut start, mut rebuilt) = (0, Vec::new());
    for (row, end) in ends.iter().enumerate() {
        let original = &originals[start..*end];
        start = *end;
        rebuilt.clear();
        rebuilder.rebuild(row, &mut rebuilt);
        raw.append_option((rebuilder.is_raw(row) || rebuilt != original).then_some(original));
    }
    let mut columns = batch.columns().to_vec();
    columns.pop();
    columns.push(Arc::new(raw.finish()));
    RecordBatch::try_new(schema(), columns).expect("the same columns, the last anew")
}

/// Goes over the top-level fields of one event, and counts what they take.
struct Walk<'w, 'a> {
    event: &'w EventView<'a>,
    leftover: &'w mut Vec<u8>,
    bytes: usize,
    fields: usize,
}

impl<'a> Walk<'_, 'a> {
    /// `put` puts the field, or null, into its columns, and says whether they say all of it.
    fn field(&mut self, key: &str, put: impl FnOnce(Option<Value<'a>>) -> bool) {
        let value = self.event.get(key);
        let exact = put(value);
        if let Some(value) = value {
            self.count(key, value);
            if !exact {
                leave(self.leftover, key, value);
            }
        }
    }

    /// A field that has no column because it says always the same. Whether it is there.
    fn constant(&mut self, key: &str, usual: &str) -> bool {
        let Some(value) = self.event.get(key) else { return false };
        self.count(key, value);
        if !value.is_str(usual) {
            leave(self.leftover, key, value);
        }
        true
    }

    fn count(&mut self, key: &str, value: Value<'_>) {
        self.fields += 1;
        self.bytes += key.len() + r#""":,"#.len() + value.as_bytes().len();
    }

    /// Puts the fields that nobody knows into `leftover`. Whether all is said now.
    fn finish(self) -> bool {
        // One comma less than fields, but two braces.
        if self.bytes + 1 == self.event.len() {
            return true;
        }
        let mut keys: Vec<_> = self.event.object().entries().map(|(key, _)| key).collect();
        keys.sort_unstable();
        let spelled = keys.iter().all(|key| !key.contains(char::REPLACEMENT_CHARACTER));
        if !spelled || !keys.is_sorted_by(|a, b| a < b) {
            return false;
        }
        for (key, value) in self.event.unknown_fields() {
            leave(self.leftover, &key, value);
        }
        true
    }
}

/// Adds one field to the object `rest`, whose closing brace comes last.
fn leave(leftover: &mut Vec<u8>, key: &str, value: Value<'_>) {
    leftover.push(if leftover.is_empty() { b'{' } else { b',' });
    write_str(key, leftover);
    leftover.push(b':');
    leftover.extend_from_slice(value.as_bytes());
}

struct User {
    username: StringViewBuilder,
    uid: StringViewBuilder,
    groups: Texts,
    extra: StringViewBuilder,
}

impl User {
    fn new() -> Self {
        User { username: text(), uid: text(), groups: texts(), extra: text() }
    }

    fn put(&mut self, value: Option<Value<'_>>) -> bool {
        let ([username, uid, groups, extra], exact) = parts(value, ["username", "uid", "groups", "extra"]);
        exact
            & put_text(&mut self.username, username)
            & put_text(&mut self.uid, uid)
            & put_texts(&mut self.groups, groups)
            & put_json(&mut self.extra, extra)
    }

    fn finish(&mut self, columns: &mut Vec<ArrayRef>) {
        columns.push(Arc::new(self.username.finish()));
        columns.push(Arc::new(self.uid.finish()));
        columns.push(Arc::new(self.groups.finish()));
        columns.push(Arc::new(self.extra.finish()));
    }
}

struct Object {
    texts: [StringViewBuilder; 8],
}

impl Object {
    fn new() -> Self {
        Object { texts: std::array::from_fn(|_| text()) }
    }

    fn put(&mut self, value: Option<Value<'_>>) -> bool {
        let keys = [
            "apiGroup",
            "apiVersion",
            "resource",
            "subresource",
            "namespace",
            "name",
            "uid",
            "resourceVersion",
        ];
        let (values, exact) = parts(value, keys);
        self.texts.iter_mut().zip(values).fold(exact, |exact, (texts, value)| exact & put_text(texts, value))
    }

    fn finish(&mut self, columns: &mut Vec<ArrayRef>) {
        columns.extend(self.texts.iter_mut().map(|texts| Arc::new(texts.finish()) as ArrayRef));
    }
}

#[expect(clippy::struct_field_names, reason = "`responseStatus.status` is its name")]
struct Status {
    code: Int32Builder,
    status: StringViewBuilder,
    reason: StringViewBuilder,
    message: StringViewBuilder,
    details: StringViewBuilder,
    metadata: StringViewBuilder,
}

impl Status {
    fn new() -> Self {
        Status {
            code: Int32Builder::new(),
            status: text(),
            reason: text(),
            message: text(),
            details: text(),
            metadata: text(),
        }
    }

    fn put(&mut self, value: Option<Value<'_>>) -> bool {
        let keys = ["metadata", "status", "message", "reason", "details", "code"];
        let ([metadata, status, message, reason, details, code], exact) = parts(value, keys);
        exact
            & put_int(&mut self.code, code)
            & put_text(&mut self.status, status)
            & put_text(&mut self.reason, reason)
            & put_text(&mut self.message, message)
            & put_json(&mut self.details, details)
            & put_json(&mut self.metadata, metadata)
    }

    fn finish(&mut self, columns: &mut Vec<ArrayRef>) {
        columns.push(Arc::new(self.code.finish()));
        for builder in
            [&mut self.status, &mut self.reason, &mut self.message, &mut self.details, &mut self.metadata]
        {
            columns.push(Arc::new(builder.finish()));
        }
    }
}

pub(super) const DECISION: &str = "authorization.k8s.io/decision";
pub(super) const REASON: &str = "authorization.k8s.io/reason";

struct Annotations {
    decision: StringViewBuilder,
    reason: StringViewBuilder,
    others: StringViewBuilder,
    scratch: Vec<u8>,
}

impl Annotations {
    fn new() -> Self {
        Annotations { decision: text(), reason: text(), others: text(), scratch: Vec::new() }
    }

    fn put(&mut self, value: Option<Value<'_>>) -> bool {
        self.scratch.clear();
        let (mut decision, mut reason) = (None, None);
        let mut account = Account::default();
        let mut before = None;
        let mut sorted = true;
        for (key, value) in value.into_iter().flat_map(Value::entries) {
            account.count(key.len(), value);
            match &*key {
                DECISION => decision = Some(value),
                REASON => reason = Some(value),
                key => leave(&mut self.scratch, key, value),
            }
            // A key that is spelled with escapes, right ones or wrong ones, is not the text that is written anew.
            let is_plain = matches!(&key, Cow::Borrowed(key) if is_plain(key));
            sorted &= before.as_ref().is_none_or(|before| *before < key) && is_plain;
            before = Some(key);
        }
        if self.scratch.is_empty() {
            self.others.append_null();
        } else {
            self.scratch.push(b'}');
            self.others.append_value(String::from_utf8_lossy(&self.scratch));
        }
        // Go writes maps sorted; in another order they could not be put together again, nor if a key is there twice.
        sorted
            & account.holds(value)
            & put_text(&mut self.decision, decision)
            & put_text(&mut self.reason, reason)
    }

    fn finish(&mut self, columns: &mut Vec<ArrayRef>) {
        columns.push(Arc::new(self.decision.finish()));
        columns.push(Arc::new(self.reason.finish()));
        columns.push(Arc::new(self.others.finish()));
    }
}

/// Bytes of an object's known keys and their values.
#[derive(Default)]
struct Account {
    bytes: usize,
}

impl Account {
    fn count(&mut self, key: usize, value: Value<'_>) {
        self.bytes += key + r#""":,"#.len() + value.as_bytes().len();
    }

    /// Whether that is all there is in the object, and not nothing: what is empty would be rebuilt as missing.
    fn holds(&self, object: Option<Value<'_>>) -> bool {
        object.is_none_or(|object| {
            let bytes = object.as_bytes();
            self.bytes > 0 && self.bytes + 1 == bytes.len() && bytes.ends_with(b"}")
        })
    }
}

/// The values of the keys of an object, the last where there are several, and whether that is all there is in it.
fn parts<'a, const N: usize>(object: Option<Value<'a>>, keys: [&str; N]) -> ([Option<Value<'a>>; N], bool) {
    let mut values = [None; N];
    let mut account = Account::default();
    for (key, value) in object.into_iter().flat_map(Value::entries) {
        if let Some(place) = keys.iter().position(|known| *known == key) {
            if values[place].is_none() {
                account.count(key.len(), value);
            }
            values[place] = Some(value);
        }
    }
    (values, account.holds(object))
}

type Texts = ListBuilder<StringViewBuilder>;

fn text() -> StringViewBuilder {
    StringViewBuilder::new()
}

fn texts() -> Texts {
    ListBuilder::new(text()).with_field(item())
}

/// What is not a text is null, and not said exactly.
fn put_text(builder: &mut StringViewBuilder, value: Option<Value<'_>>) -> bool {
    let Some(value) = value else {
        builder.append_null();
        return true;
    };
    let text = value.as_str();
    builder.append_option(text.as_deref());
    text.is_some_and(|text| is_exact(value, &text))
}

/// Whether a string that says `text` can be written anew from it: not if it holds half of a surrogate pair.
#[expect(clippy::ptr_arg, reason = "whether it is borrowed is what tells")]
fn is_exact(value: Value<'_>, text: &Cow<'_, str>) -> bool {
    match text {
        Cow::Borrowed(text) => is_plain(text),
        Cow::Owned(text) => !text.contains(char::REPLACEMENT_CHARACTER) && value.validate().is_ok(),
    }
}

/// Whether a text that nothing was escaped in may stand in a JSON string.
#[expect(clippy::needless_bitwise_bool, reason = "without a branch it is done many bytes at a time")]
fn is_plain(text: &str) -> bool {
    // Without a way out in the middle, many bytes are looked at in one step.
    !text.bytes().fold(false, |control, byte| control | (byte < 0x20))
}

fn put_texts(builder: &mut Texts, value: Option<Value<'_>>) -> bool {
    let Some(value) = value else {
        builder.append_null();
        return true;
    };
    // Whatever is skipped by its structure may be closed by the other bracket.
    let (mut bytes, mut exact) = (0, value.kind() == Kind::Array && value.as_bytes().ends_with(b"]"));
    for item in value.items() {
        bytes += item.as_bytes().len() + 1;
        match item.as_str() {
            Some(text) => {
                exact &= is_exact(item, &text);
                builder.values().append_value(&text);
            }
            None => exact = false,
        }
    }
    builder.append(true);
    // One comma less than items, but two brackets.
    exact && value.as_bytes().len() == if bytes == 0 { 2 } else { bytes + 1 }
}

/// As it stands, whatever it is.
fn put_json(builder: &mut StringViewBuilder, value: Option<Value<'_>>) -> bool {
    match value.map(Value::as_bytes) {
        None => builder.append_null(),
        Some(bytes) => match from_utf8(bytes) {
            Ok(text) => builder.append_value(text),
            Err(_) => builder.append_value(String::from_utf8_lossy(bytes)),
        },
    }
    true
}

fn put_int(builder: &mut Int32Builder, value: Option<Value<'_>>) -> bool {
    let number = value.and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    builder.append_option(number);
    value.is_none_or(|value| match value.as_bytes() {
        [b'0'] => true,
        [b'0', ..] | [b'-', b'0', ..] => false,
        _ => number.is_some(),
    })
}

fn put_time(
    builder: &mut TimestampMicrosecondBuilder,
    value: Option<Value<'_>>,
    time: &mut Option<MicroTime>,
) -> bool {
    let text = value.and_then(Value::as_str);
    *time = text.as_deref().and_then(|text| MicroTime::parse_rfc3339(text).ok());
    builder.append_option(time.map(MicroTime::as_micros));
    // The one spelling that is written.
    let usual = |quoted: &[u8]| quoted.len() == 29 && quoted[20] == b'.' && quoted[27] == b'Z';
    value.is_none_or(|value| time.is_some() && usual(value.as_bytes()))
}

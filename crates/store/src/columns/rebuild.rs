//! Columns to events.

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryViewArray, Int32Array, ListArray, RecordBatch, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use auditward_event::{EventView, MicroTime, Value, write_str};
use thiserror::Error;

use super::encode::{DECISION, REASON};
use crate::schema::{COLUMNS, data_type};

/// Writes the events of a batch as JSON.
///
/// The batch may have its columns in any order, and of another type that says the same (a dictionary of texts). A column that
/// it lacks counts as null in every row: so a file of an earlier version is read, and so an event can be rebuilt without its
/// bodies.
pub struct Rebuilder {
    level: Texts,
    audit_id: Texts,
    stage: Texts,
    request_uri: Texts,
    verb: Texts,
    user: User,
    impersonated: User,
    authentication_metadata: Texts,
    source_ips: Lists,
    user_agent: Texts,
    object: [(&'static str, Texts); 8],
    status: Status,
    request_object: Texts,
    response_object: Texts,
    request_received: Times,
    stage_time: Times,
    decision: Texts,
    decision_reason: Texts,
    annotations: Texts,
    rest: Texts,
    raw: Option<BinaryViewArray>,
}

/// A column that is of another type than it should be.
#[derive(Debug, Error)]
#[error("column `{column}` is not what it should be")]
pub struct RebuildError {
    column: &'static str,
    source: ArrowError,
}

impl Rebuilder {
    /// For the events of this batch.
    pub fn new(batch: &RecordBatch) -> Result<Self, RebuildError> {
        let texts = |name| Ok(Texts(column(batch, name)?.map(|column| column.as_string_view().clone())));
        let lists = |name| Ok(Lists(column(batch, name)?.map(|column| column.as_list::<i32>().clone())));
        let times = |name| {
            let column = column(batch, name)?;
            Ok(Times(column.map(|column| column.as_primitive::<TimestampMicrosecondType>().clone())))
        };
        let user = |[username, uid, groups, extra]: [&'static str; 4]| {
            let (username, uid, extra) = (texts(username)?, texts(uid)?, texts(extra)?);
            Ok(User { username, uid, groups: lists(groups)?, extra })
        };
        Ok(Rebuilder {
            level: texts("level")?,
            audit_id: texts("audit_id")?,
            stage: texts("stage")?,
            request_uri: texts("request_uri")?,
            verb: texts("verb")?,
            user: user(["username", "user_uid", "user_groups", "user_extra"])?,
            impersonated: user([
                "impersonated_username",
                "impersonated_uid",
                "impersonated_groups",
                "impersonated_extra",
            ])?,
            authentication_metadata: texts("authentication_metadata")?,
            source_ips: lists("source_ips")?,
            user_agent: texts("user_agent")?,
            object: [
                ("resource", texts("resource")?),
                ("namespace", texts("namespace")?),
                ("name", texts("name")?),
                ("uid", texts("object_uid")?),
                ("apiGroup", texts("api_group")?),
                ("apiVersion", texts("api_version")?),
                ("resourceVersion", texts("object_resource_version")?),
                ("subresource", texts("subresource")?),
            ],
            status: Status {
                metadata: texts("status_metadata")?,
                status: texts("status")?,
                message: texts("message")?,
                reason: texts("reason")?,
                details: texts("status_details")?,
                code: column(batch, "code")?.map(|column| column.as_primitive::<Int32Type>().clone()),
            },
            request_object: texts("request_object")?,
            response_object: texts("response_object")?,
            request_received: times("request_received")?,
            stage_time: times("stage_time")?,
            decision: texts("decision")?,
            decision_reason: texts("decision_reason")?,
            annotations: texts("annotations")?,
            rest: texts("rest")?,
            raw: column(batch, "raw")?.map(|column| column.as_binary_view().clone()),
        })
    }

    /// Whether the event of this row is kept as it came.
    pub fn is_raw(&self, row: usize) -> bool {
        self.raw.as_ref().is_some_and(|raw| row < raw.len() && raw.is_valid(row))
    }

    /// Appends the event of one row to `out`. Nothing for a row that the batch does not have.
    pub fn rebuild(&self, row: usize, out: &mut Vec<u8>) {
        if let Some(raw) = self.raw.as_ref().filter(|_| self.is_raw(row)) {
            out.extend_from_slice(raw.value(row));
            return;
        }
        let rest = self.rest.get(row).unwrap_or("{}");
        let Ok(rest) = EventView::parse(rest.as_bytes()) else { return };
        let mut event = Event { out, rest: &rest };
        event.out.push(b'{');
        event.constant("kind", "\"Event\"");
        event.constant("apiVersion", "\"audit.k8s.io/v1\"");
        event.text("level", self.level.get(row));
        event.text("auditID", self.audit_id.get(row));
        event.text("stage", self.stage.get(row));
        event.text("requestURI", self.request_uri.get(row));
        event.text("verb", self.verb.get(row));
        event.object("user", |user| self.user.write(row, user));
        event.object("impersonatedUser", |user| self.impersonated.write(row, user));
        event.json("authenticationMetadata", self.authentication_metadata.get(row));
        event.field("sourceIPs", self.source_ips.get(row), write_texts);
        event.text("userAgent", self.user_agent.get(row));
        event.object("objectRef", |object| {
            self.object.iter().for_each(|(key, texts)| object.text(key, texts.get(row)));
        });
        event.object("responseStatus", |status| self.status.write(row, status));
        event.json("requestObject", self.request_object.get(row));
        event.json("responseObject", self.response_object.get(row));
        event.time("requestReceivedTimestamp", self.request_received.get(row));
        event.time("stageTimestamp", self.stage_time.get(row));
        event.object("annotations", |annotations| self.annotations(row, annotations));
        for (key, value) in rest.unknown_fields() {
            write_key(event.out, &key);
            event.out.extend_from_slice(value.as_bytes());
        }
        event.out.push(b'}');
    }

    /// Sorted by key, as Go writes a map.
    fn annotations(&self, row: usize, object: &mut Object<'_>) {
        let others = self.annotations.get(row).and_then(|text| Value::parse(text.as_bytes()).ok());
        let mut own = [(DECISION, self.decision.get(row)), (REASON, self.decision_reason.get(row))]
            .into_iter()
            .peekable();
        for (key, value) in others.into_iter().flat_map(Value::entries) {
            while let Some((name, text)) = own.next_if(|(name, _)| **name < *key) {
                object.text(name, text);
            }
            object.put(&key, |out| out.extend_from_slice(value.as_bytes()));
        }
        own.for_each(|(name, text)| object.text(name, text));
    }
}

/// One column as it should be, or `None` if the batch lacks it.
fn column(batch: &RecordBatch, name: &'static str) -> Result<Option<ArrayRef>, RebuildError> {
    let Some(found) = batch.column_by_name(name) else { return Ok(None) };
    let Some(column) = COLUMNS.iter().find(|column| column.name == name) else { return Ok(None) };
    let wanted = data_type(column.kind);
    if *found.data_type() == wanted {
        return Ok(Some(ArrayRef::clone(found)));
    }
    cast(found, &wanted).map(Some).map_err(|source| RebuildError { column: name, source })
}

struct Texts(Option<StringViewArray>);

impl Texts {
    fn get(&self, row: usize) -> Option<&str> {
        let texts = self.0.as_ref()?;
        (row < texts.len() && texts.is_valid(row)).then(|| texts.value(row))
    }
}

struct Times(Option<TimestampMicrosecondArray>);

impl Times {
    fn get(&self, row: usize) -> Option<MicroTime> {
        let times = self.0.as_ref()?;
        (row < times.len() && times.is_valid(row)).then(|| MicroTime::from_micros(times.value(row)))
    }
}

struct Lists(Option<ListArray>);

impl Lists {
    fn get(&self, row: usize) -> Option<StringViewArray> {
        let lists = self.0.as_ref()?;
        (row < lists.len() && lists.is_valid(row)).then(|| lists.value(row).as_string_view().clone())
    }
}

struct User {
    username: Texts,
    uid: Texts,
    groups: Lists,
    extra: Texts,
}

impl User {
    fn write(&self, row: usize, user: &mut Object<'_>) {
        user.text("username", self.username.get(row));
        user.text("uid", self.uid.get(row));
        if let Some(groups) = self.groups.get(row) {
            user.put("groups", |out| write_texts(&groups, out));
        }
        user.json("extra", self.extra.get(row));
    }
}

#[expect(clippy::struct_field_names, reason = "`responseStatus.status` is its name")]
struct Status {
    metadata: Texts,
    status: Texts,
    message: Texts,
    reason: Texts,
    details: Texts,
    code: Option<Int32Array>,
}

impl Status {
    fn write(&self, row: usize, status: &mut Object<'_>) {
        status.json("metadata", self.metadata.get(row));
        status.text("status", self.status.get(row));
        status.text("message", self.message.get(row));
        status.text("reason", self.reason.get(row));
        status.json("details", self.details.get(row));
        if let Some(codes) = self.code.as_ref().filter(|codes| row < codes.len() && codes.is_valid(row)) {
            status.put("code", |out| out.extend_from_slice(codes.value(row).to_string().as_bytes()));
        }
    }
}

/// The event that is being written. What `rest` has of a field goes before what the columns have.
struct Event<'e> {
    out: &'e mut Vec<u8>,
    rest: &'e EventView<'e>,
}

impl Event<'_> {
    fn field<T>(&mut self, key: &str, value: Option<T>, write: impl FnOnce(&T, &mut Vec<u8>)) {
        if let Some(value) = self.rest.get(key) {
            write_key(self.out, key);
            self.out.extend_from_slice(value.as_bytes());
        } else if let Some(value) = value {
            write_key(self.out, key);
            write(&value, self.out);
        }
    }

    fn constant(&mut self, key: &str, json: &str) {
        self.json(key, Some(json));
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        self.field(key, text, |text, out| write_str(text, out));
    }

    fn json(&mut self, key: &str, json: Option<&str>) {
        self.field(key, json, |json, out| out.extend_from_slice(json.as_bytes()));
    }

    fn time(&mut self, key: &str, time: Option<MicroTime>) {
        self.field(key, time, |time, out| {
            out.push(b'"');
            out.extend_from_slice(time.to_string().as_bytes());
            out.push(b'"');
        });
    }

    /// An object is there if anything is in it.
    fn object(&mut self, key: &str, write: impl FnOnce(&mut Object<'_>)) {
        if self.rest.get(key).is_some() {
            return self.json(key, None);
        }
        let before = self.out.len();
        write_key(self.out, key);
        let mut object = Object { out: self.out, any: false };
        write(&mut object);
        if object.any {
            self.out.push(b'}');
        } else {
            self.out.truncate(before);
        }
    }
}

struct Object<'o> {
    out: &'o mut Vec<u8>,
    any: bool,
}

impl Object<'_> {
    fn put(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.any {
            self.out.push(b'{');
        }
        self.any = true;
        write_key(self.out, key);
        write(self.out);
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(key, |out| write_str(text, out));
        }
    }

    fn json(&mut self, key: &str, json: Option<&str>) {
        if let Some(json) = json {
            self.put(key, |out| out.extend_from_slice(json.as_bytes()));
        }
    }
}

/// A key and its colon, with a comma before it unless it is the first of its object.
fn write_key(out: &mut Vec<u8>, key: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    write_str(key, out);
    out.push(b':');
}

fn write_texts(texts: &StringViewArray, out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, text) in texts.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_str(text.unwrap_or_default(), out);
    }
    out.push(b']');
}

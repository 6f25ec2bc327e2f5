//! The columns: one table that the writer, the rebuilder, `FORMAT.md` and the page for users follow.
//!
//! A column is null where the event lacks the field. Two fields of one object (`username`, `user_uid`) are columns of
//! their own, because people filter on them. What the columns cannot say exactly stands, word for word, in `rest` or `raw`:
//! see [`crate::columns`].

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The version of the columns that is written, in every file's metadata as `auditward.format`.
pub const FORMAT: u32 = 1;

/// What is in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8.
    Text,
    /// A JSON value as UTF-8, as it stands in the event.
    Json,
    /// Any bytes.
    Bytes,
    /// A list of texts, none of which is null.
    Texts,
    /// Microseconds since 1970-01-01T00:00:00Z, in UTC.
    Time,
    /// 32 bits, signed.
    Int,
    /// 64 bits, unsigned.
    Count,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, in snake case.
    pub name: &'static str,
    /// What is in it.
    pub kind: ColumnType,
    /// Whether it is null in no row.
    pub always: bool,
    /// Whether a file has a bloom filter for it, which answers "is this value in there at all?".
    pub bloom: bool,
    /// What it means; for people.
    pub meaning: &'static str,
}

const fn column(name: &'static str, kind: ColumnType, meaning: &'static str) -> Column {
    Column { name, kind, always: false, bloom: false, meaning }
}

const fn always(name: &'static str, kind: ColumnType, meaning: &'static str) -> Column {
    Column { always: true, ..column(name, kind, meaning) }
}

const fn bloomed(name: &'static str, kind: ColumnType, meaning: &'static str) -> Column {
    Column { bloom: true, ..column(name, kind, meaning) }
}

use ColumnType::{Bytes, Count, Int, Json, Text, Texts, Time};

/// All columns, in their order in a file.
pub static COLUMNS: &[Column] = &[
    always(
        "position",
        Count,
        "number of the event since the server's journal began; no two events have the same",
    ),
    always("cluster", Text, "the cluster that it is of"),
    always(
        "time",
        Time,
        "when it happened: `stage_time`, else `request_received`, else `received`; files are sorted by it",
    ),
    always("received", Time, "when the server took it in"),
    bloomed("audit_id", Text, "`auditID`: the same for all events of one request"),
    column("stage", Text, "`RequestReceived`, `ResponseStarted`, `ResponseComplete` or `Panic`"),
    column("level", Text, "`Metadata`, `Request` or `RequestResponse`"),
    column(
        "verb",
        Text,
        "Kubernetes' verb (`list`), or the HTTP method in lower case for what is no resource",
    ),
    column("request_uri", Text, "`requestURI`: path and query"),
    column("user_agent", Text, "what the client calls itself"),
    bloomed("username", Text, "`user.username`: who was authenticated"),
    column("user_uid", Text, "`user.uid`"),
    column("user_groups", Texts, "`user.groups`"),
    column("user_extra", Json, "`user.extra`: an object of lists of texts"),
    bloomed(
        "impersonated_username",
        Text,
        "`impersonatedUser.username`: as whom the request was carried out",
    ),
    column("impersonated_uid", Text, "`impersonatedUser.uid`"),
    column("impersonated_groups", Texts, "`impersonatedUser.groups`"),
    column("impersonated_extra", Json, "`impersonatedUser.extra`"),
    column("source_ips", Texts, "`sourceIPs`: all but the last are the client's own word"),
    bloomed("source_ip", Text, "the last of `sourceIPs`: the address that the connection came from"),
    column("api_group", Text, "`objectRef.apiGroup`; null for the core group"),
    column("api_version", Text, "`objectRef.apiVersion`"),
    column("resource", Text, "`objectRef.resource`: `pods`"),
    column("subresource", Text, "`objectRef.subresource`: `exec`"),
    bloomed("namespace", Text, "`objectRef.namespace`"),
    bloomed("name", Text, "`objectRef.name`"),
    bloomed("object_uid", Text, "`objectRef.uid`"),
    column("object_resource_version", Text, "`objectRef.resourceVersion`"),
    column("code", Int, "`responseStatus.code`: the HTTP status"),
    column("status", Text, "`responseStatus.status`: `Success` or `Failure`"),
    column("reason", Text, "`responseStatus.reason`: `NotFound`, `Forbidden` …"),
    column("message", Text, "`responseStatus.message`"),
    column("status_details", Json, "`responseStatus.details`"),
    column("status_metadata", Json, "`responseStatus.metadata`"),
    column("authentication_metadata", Json, "`authenticationMetadata`"),
    column("request_received", Time, "`requestReceivedTimestamp`"),
    column("stage_time", Time, "`stageTimestamp`"),
    column("decision", Text, "annotation `authorization.k8s.io/decision`: `allow` or `forbid`"),
    column("decision_reason", Text, "annotation `authorization.k8s.io/reason`: by which role and binding"),
    column("annotations", Json, "all other annotations, an object of texts"),
    column("request_object", Json, "`requestObject`: the body of the request"),
    column("response_object", Json, "`responseObject`: the body of the response"),
    column(
        "rest",
        Json,
        "an object with what the columns do not say exactly: unknown fields, fields of an odd kind",
    ),
    column("raw", Bytes, "the whole event as it came, where the columns and `rest` could not give it back"),
];

/// The columns as Arrow knows them.
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(
            COLUMNS.iter().map(|c| Field::new(c.name, data_type(c.kind), !c.always)).collect::<Vec<_>>(),
        ))
    });
    Arc::clone(&SCHEMA)
}

pub(crate) fn data_type(kind: ColumnType) -> DataType {
    match kind {
        Text | Json => DataType::Utf8View,
        Bytes => DataType::BinaryView,
        Texts => DataType::List(item()),
        Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Int => DataType::Int32,
        Count => DataType::UInt64,
    }
}

/// What is in a list of texts.
pub(crate) fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8View, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(kind: ColumnType) -> &'static str {
        match kind {
            Text => "text",
            Json => "JSON",
            Bytes => "bytes",
            Texts => "list of texts",
            Time => "time",
            Int => "32-bit integer",
            Count => "unsigned 64-bit integer",
        }
    }

    /// `UPDATE_EXPECT=1 cargo test` writes the table anew.
    #[test]
    fn the_format_lists_the_columns() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/FORMAT.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (before, rest) = text.split_once("<!-- columns -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- /columns -->").unwrap();
        let rows = COLUMNS.iter().map(|column| {
            let (kind, never) = (word(column.kind), if column.always { ", never null" } else { "" });
            format!("| `{}` | {kind}{never} | {} |\n", column.name, column.meaning)
        });
        let table: String = rows.collect();
        let head = "| column | type | meaning |\n| --- | --- | --- |\n";
        let expected = format!("{before}<!-- columns -->\n{head}{table}<!-- /columns -->{after}");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(path, expected).unwrap();
        } else {
            assert_eq!(text, expected);
        }
    }
}

//! Byte for byte as kube-apiserver writes it.

use std::collections::BTreeMap;

use super::{
    AuthenticationMetadata, Event, EventList, ListMeta, ObjectReference, Status, StatusCause, StatusDetails,
    UserInfo,
};
use crate::MicroTime;
use crate::json::{write_compact, write_str};

const API_VERSION: &str = "audit.k8s.io/v1";

impl Event {
    /// The event as a JSON document on one line, without a line break.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        self.write_json(&mut out);
        out
    }

    /// Appends the event as a JSON document. kube-apiserver's log has a line break after each, which is not written here.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.string("kind", "Event");
        object.string("apiVersion", API_VERSION);
        self.write_fields(object);
    }

    /// Appends the event as an item of an [`EventList`]: without `kind` and `apiVersion`.
    pub fn write_json_item(&self, out: &mut Vec<u8>) {
        self.write_fields(Object::open(out));
    }

    fn write_fields(&self, mut object: Object<'_>) {
        object.string("level", self.level.map_or("", |level| level.as_str()));
        object.string("auditID", &self.audit_id);
        object.string("stage", self.stage.map_or("", |stage| stage.as_str()));
        object.string("requestURI", &self.request_uri);
        object.string("verb", &self.verb);
        self.user.write(object.key("user"));
        if let Some(user) = &self.impersonated_user {
            user.write(object.key("impersonatedUser"));
        }
        if let Some(metadata) = &self.authentication_metadata {
            metadata.write(object.key("authenticationMetadata"));
        }
        object.strings("sourceIPs", &self.source_ips);
        object.filled("userAgent", &self.user_agent);
        if let Some(reference) = &self.object_ref {
            reference.write(object.key("objectRef"));
        }
        if let Some(status) = &self.response_status {
            status.write(object.key("responseStatus"));
        }
        if let Some(body) = &self.request_object {
            write_compact(body.as_bytes(), object.key("requestObject"));
        }
        if let Some(body) = &self.response_object {
            write_compact(body.as_bytes(), object.key("responseObject"));
        }
        write_time(self.request_received_timestamp, object.key("requestReceivedTimestamp"));
        write_time(self.stage_timestamp, object.key("stageTimestamp"));
        if !self.annotations.is_empty() {
            let mut annotations = Object::open(object.key("annotations"));
            for (key, value) in &self.annotations {
                annotations.string(key, value);
            }
            annotations.close();
        }
        object.close();
    }
}

impl EventList {
    /// The list as a JSON document on one line, without a line break.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 * (self.items.len() + 1));
        let mut object = Object::open(&mut out);
        object.string("kind", "EventList");
        object.string("apiVersion", API_VERSION);
        self.metadata.write(object.key("metadata"));
        let items = object.key("items");
        if self.items.is_empty() {
            items.extend_from_slice(b"null");
        } else {
            write_array(&self.items, items, Event::write_json_item);
        }
        object.close();
        out
    }
}

impl UserInfo {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.filled("username", &self.username);
        object.filled("uid", &self.uid);
        object.strings("groups", &self.groups);
        if !self.extra.is_empty() {
            write_extra(&self.extra, object.key("extra"));
        }
        object.close();
    }
}

fn write_extra(extra: &BTreeMap<String, Option<Vec<String>>>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    for (key, values) in extra {
        let out = object.key(key);
        match values {
            None => out.extend_from_slice(b"null"),
            Some(values) => write_array(values, out, |value, out| write_str(value, out)),
        }
    }
    object.close();
}

impl ObjectReference {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.filled("resource", &self.resource);
        object.filled("namespace", &self.namespace);
        object.filled("name", &self.name);
        object.filled("uid", &self.uid);
        object.filled("apiGroup", &self.api_group);
        object.filled("apiVersion", &self.api_version);
        object.filled("resourceVersion", &self.resource_version);
        object.filled("subresource", &self.subresource);
        object.close();
    }
}

impl Status {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.filled("kind", &self.kind);
        object.filled("apiVersion", &self.api_version);
        self.metadata.write(object.key("metadata"));
        object.filled("status", &self.status);
        object.filled("message", &self.message);
        object.filled("reason", &self.reason);
        if let Some(details) = &self.details {
            details.write(object.key("details"));
        }
        object.number("code", i64::from(self.code));
        object.close();
    }
}

impl StatusDetails {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.filled("name", &self.name);
        object.filled("group", &self.group);
        object.filled("kind", &self.kind);
        object.filled("uid", &self.uid);
        if !self.causes.is_empty() {
            write_array(&self.causes, object.key("causes"), StatusCause::write);
        }
        object.number("retryAfterSeconds", i64::from(self.retry_after_seconds));
        object.close();
    }
}

impl StatusCause {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.filled("reason", &self.reason);
        object.filled("message", &self.message);
        object.filled("field", &self.field);
        object.close();
    }
}

impl ListMeta {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.filled("selfLink", &self.self_link);
        object.filled("resourceVersion", &self.resource_version);
        object.filled("continue", &self.r#continue);
        if let Some(count) = self.remaining_item_count {
            object.key("remainingItemCount").extend_from_slice(count.to_string().as_bytes());
        }
        object.close();
    }
}

impl AuthenticationMetadata {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.filled("impersonationConstraint", &self.impersonation_constraint);
        object.close();
    }
}

/// Go's zero time is written as `null`, like no time at all.
fn write_time(time: Option<MicroTime>, out: &mut Vec<u8>) {
    match time {
        Some(time) if time != MicroTime::GO_ZERO => {
            out.push(b'"');
            out.extend_from_slice(time.to_string().as_bytes());
            out.push(b'"');
        }
        _ => out.extend_from_slice(b"null"),
    }
}

fn write_array<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// An object that is being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Object { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    /// Writes a key; its value has to follow.
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        write_str(key, self.out);
        self.out.push(b':');
        self.out
    }

    fn string(&mut self, key: &str, value: &str) {
        write_str(value, self.key(key));
    }

    fn filled(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.string(key, value);
        }
    }

    fn strings(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            write_array(values, self.key(key), |value, out| write_str(value, out));
        }
    }

    fn number(&mut self, key: &str, value: i64) {
        if value != 0 {
            self.key(key).extend_from_slice(value.to_string().as_bytes());
        }
    }
}

//! As an API server's own decoder reads it.
//!
//! `null` is the same as nothing, of duplicate keys the last counts, unknown keys are passed over, keys are
//! case-sensitive, and a wrong type is an error. Where Go drops a body that is `null`, it is kept here, so that what was
//! read can be written again unchanged.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{
    AuthenticationMetadata, Event, EventList, ListMeta, ObjectReference, Status, StatusCause, StatusDetails,
    UserInfo,
};
use crate::json::JsonError;
use crate::{EventView, Kind, MicroTime, Raw, TimeError, UnknownLevel, UnknownStage, Value};

/// Why a text is not an [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field has another type than it must have.
    #[error("`{field}` must be {expected}")]
    Type {
        /// Its key, with that of the object around it.
        field: &'static str,
        /// The type.
        expected: &'static str,
    },
    /// A timestamp is not one.
    #[error("`{field}`: {source}")]
    Time {
        /// Its key.
        field: &'static str,
        /// What is wrong.
        source: TimeError,
    },
    /// A level that we do not know.
    #[error(transparent)]
    Level(#[from] UnknownLevel),
    /// A stage that we do not know.
    #[error(transparent)]
    Stage(#[from] UnknownStage),
}

type Result<T> = std::result::Result<T, DecodeError>;

impl Event {
    /// Reads one event; whitespace may stand around it. `kind` and `apiVersion` are not looked at.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        Event::from_view(&EventView::parse(bytes)?)
    }

    /// Reads what a view shows. The whole event is checked first.
    pub fn from_view(view: &EventView<'_>) -> Result<Self> {
        view.validate()?;
        event(view.object())
    }
}

impl EventList {
    /// Reads a list of events; whitespace may stand around it. `kind` and `apiVersion` are not looked at.
    ///
    /// One wrong item makes the whole list wrong; [`crate::Events`] is more patient.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let list = Value::parse(bytes)?;
        list.validate()?;
        let mut metadata = ListMeta::default();
        let mut items = Vec::new();
        object(list, "EventList", |key, value| {
            match key {
                "metadata" => metadata = list_meta(value, "metadata")?,
                "items" => items = array(value, "items", event)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(EventList { metadata, items })
    }
}

fn event(value: Value<'_>) -> Result<Event> {
    let mut event = Event::default();
    object(value, "event", |key, value| {
        match key {
            "level" => event.level = word(value, "level")?,
            "auditID" => event.audit_id = string(value, "auditID")?,
            "stage" => event.stage = word(value, "stage")?,
            "requestURI" => event.request_uri = string(value, "requestURI")?,
            "verb" => event.verb = string(value, "verb")?,
            "user" => event.user = user(value, "user")?,
            "impersonatedUser" => event.impersonated_user = option(value, |v| user(v, "impersonatedUser"))?,
            "authenticationMetadata" => {
                event.authentication_metadata = option(value, authentication_metadata)?;
            }
            "sourceIPs" => event.source_ips = strings(value, "sourceIPs")?,
            "userAgent" => event.user_agent = string(value, "userAgent")?,
            "objectRef" => event.object_ref = option(value, object_reference)?,
            "responseStatus" => event.response_status = option(value, status)?,
            "requestObject" => event.request_object = Some(Raw::checked(value.as_bytes())),
            "responseObject" => event.response_object = Some(Raw::checked(value.as_bytes())),
            "requestReceivedTimestamp" => {
                event.request_received_timestamp = time(value, "requestReceivedTimestamp")?;
            }
            "stageTimestamp" => event.stage_timestamp = time(value, "stageTimestamp")?,
            "annotations" => event.annotations = map(value, "annotations", |v| string(v, "annotations"))?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(event)
}

fn user(value: Value<'_>, field: &'static str) -> Result<UserInfo> {
    let mut user = UserInfo::default();
    object(value, field, |key, value| {
        match key {
            "username" => user.username = string(value, "user.username")?,
            "uid" => user.uid = string(value, "user.uid")?,
            "groups" => user.groups = strings(value, "user.groups")?,
            "extra" => {
                user.extra = map(value, "user.extra", |v| option(v, |v| strings(v, "user.extra")))?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(user)
}

fn authentication_metadata(value: Value<'_>) -> Result<AuthenticationMetadata> {
    let mut metadata = AuthenticationMetadata::default();
    object(value, "authenticationMetadata", |key, value| {
        if key == "impersonationConstraint" {
            metadata.impersonation_constraint =
                string(value, "authenticationMetadata.impersonationConstraint")?;
        }
        Ok(())
    })?;
    Ok(metadata)
}

fn object_reference(value: Value<'_>) -> Result<ObjectReference> {
    let mut reference = ObjectReference::default();
    object(value, "objectRef", |key, value| {
        match key {
            "resource" => reference.resource = string(value, "objectRef.resource")?,
            "namespace" => reference.namespace = string(value, "objectRef.namespace")?,
            "name" => reference.name = string(value, "objectRef.name")?,
            "uid" => reference.uid = string(value, "objectRef.uid")?,
            "apiGroup" => reference.api_group = string(value, "objectRef.apiGroup")?,
            "apiVersion" => reference.api_version = string(value, "objectRef.apiVersion")?,
            "resourceVersion" => reference.resource_version = string(value, "objectRef.resourceVersion")?,
            "subresource" => reference.subresource = string(value, "objectRef.subresource")?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(reference)
}

fn status(value: Value<'_>) -> Result<Status> {
    let mut status = Status::default();
    object(value, "responseStatus", |key, value| {
        match key {
            "kind" => status.kind = string(value, "responseStatus.kind")?,
            "apiVersion" => status.api_version = string(value, "responseStatus.apiVersion")?,
            "metadata" => status.metadata = list_meta(value, "responseStatus.metadata")?,
            "status" => status.status = string(value, "responseStatus.status")?,
            "message" => status.message = string(value, "responseStatus.message")?,
            "reason" => status.reason = string(value, "responseStatus.reason")?,
            "details" => status.details = option(value, details)?,
            "code" => status.code = number(value, "responseStatus.code")?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(status)
}

fn details(value: Value<'_>) -> Result<StatusDetails> {
    let mut details = StatusDetails::default();
    object(value, "responseStatus.details", |key, value| {
        match key {
            "name" => details.name = string(value, "responseStatus.details.name")?,
            "group" => details.group = string(value, "responseStatus.details.group")?,
            "kind" => details.kind = string(value, "responseStatus.details.kind")?,
            "uid" => details.uid = string(value, "responseStatus.details.uid")?,
            "causes" => details.causes = array(value, "responseStatus.details.causes", cause)?,
            "retryAfterSeconds" => {
                details.retry_after_seconds = number(value, "responseStatus.details.retryAfterSeconds")?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(details)
}

fn cause(value: Value<'_>) -> Result<StatusCause> {
    let mut cause = StatusCause::default();
    object(value, "responseStatus.details.causes", |key, value| {
        match key {
            "reason" => cause.reason = string(value, "responseStatus.details.causes.reason")?,
            "message" => cause.message = string(value, "responseStatus.details.causes.message")?,
            "field" => cause.field = string(value, "responseStatus.details.causes.field")?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(cause)
}

fn list_meta(value: Value<'_>, field: &'static str) -> Result<ListMeta> {
    let mut meta = ListMeta::default();
    object(value, field, |key, value| {
        match key {
            "selfLink" => meta.self_link = string(value, "metadata.selfLink")?,
            "resourceVersion" => meta.resource_version = string(value, "metadata.resourceVersion")?,
            "continue" => meta.r#continue = string(value, "metadata.continue")?,
            "remainingItemCount" => {
                meta.remaining_item_count = option(value, |v| number(v, "metadata.remainingItemCount"))?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(meta)
}

/// Hands each key and value of an object to `set`; `null` has none.
fn object(
    value: Value<'_>,
    field: &'static str,
    mut set: impl FnMut(&str, Value<'_>) -> Result<()>,
) -> Result<()> {
    expect(value, field, Kind::Object, "an object")?;
    value.entries().try_for_each(|(key, value)| set(&key, value))
}

fn map<T>(
    value: Value<'_>,
    field: &'static str,
    read: impl Fn(Value<'_>) -> Result<T>,
) -> Result<BTreeMap<String, T>> {
    expect(value, field, Kind::Object, "an object")?;
    value.entries().map(|(key, value)| Ok((key.into_owned(), read(value)?))).collect()
}

fn array<T>(value: Value<'_>, field: &'static str, read: impl Fn(Value<'_>) -> Result<T>) -> Result<Vec<T>> {
    expect(value, field, Kind::Array, "an array")?;
    value.items().map(read).collect()
}

fn strings(value: Value<'_>, field: &'static str) -> Result<Vec<String>> {
    array(value, field, |item| string(item, field))
}

fn string(value: Value<'_>, field: &'static str) -> Result<String> {
    expect(value, field, Kind::String, "a string")?;
    Ok(value.as_str().unwrap_or_default().into_owned())
}

fn number<T: TryFrom<i64> + Default>(value: Value<'_>, field: &'static str) -> Result<T> {
    if value.is_null() {
        return Ok(T::default());
    }
    let number = value.as_i64().and_then(|number| T::try_from(number).ok());
    number.ok_or(DecodeError::Type { field, expected: "an integer that is not too large" })
}

/// An empty word is none.
fn word<T>(value: Value<'_>, field: &'static str) -> Result<Option<T>>
where
    T: std::str::FromStr,
    DecodeError: From<T::Err>,
{
    let word = string(value, field)?;
    if word.is_empty() { Ok(None) } else { Ok(Some(word.parse()?)) }
}

/// Go's zero time is none.
fn time(value: Value<'_>, field: &'static str) -> Result<Option<MicroTime>> {
    if value.is_null() {
        return Ok(None);
    }
    let time: MicroTime =
        string(value, field)?.parse().map_err(|source| DecodeError::Time { field, source })?;
    Ok(Some(time).filter(|&time| time != MicroTime::GO_ZERO))
}

fn option<'a, T>(value: Value<'a>, read: impl Fn(Value<'a>) -> Result<T>) -> Result<Option<T>> {
    if value.is_null() { Ok(None) } else { read(value).map(Some) }
}

fn expect(value: Value<'_>, field: &'static str, kind: Kind, expected: &'static str) -> Result<()> {
    if value.kind() == kind || value.is_null() { Ok(()) } else { Err(DecodeError::Type { field, expected }) }
}

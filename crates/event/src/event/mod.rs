//! An event that owns its parts: `audit.k8s.io/v1`, field by field.
//!
//! Fields stand in the order in which they are written. On the wire, what is empty is left out, except where a field's
//! words say otherwise.

mod decode;
mod encode;
mod legacy;

use std::collections::BTreeMap;

use crate::{Level, MicroTime, Raw, Stage};

pub use decode::DecodeError;

/// One audit event, owned.
///
/// [`Event::to_json`] writes it byte for byte as kube-apiserver does; [`Event::from_json`] reads it back equal.
/// Fields that this version of the format does not have are passed over: an event of a newer API server can be read, and
/// is written without them. Whoever must keep them keeps the bytes ([`crate::EventView`]).
///
/// It has no `serde::Serialize` on purpose: a general serializer would escape other characters than Go does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// How much is recorded. Always written; `None` is the empty string of an event that nobody has filled in yet.
    pub level: Option<Level>,
    /// The same for all events of a request; clients may choose it. Always written.
    pub audit_id: String,
    /// Which moment of the request this is. Always written, like `level`.
    pub stage: Option<Stage>,
    /// Path and query, percent-encoded. Always written.
    pub request_uri: String,
    /// The verb of Kubernetes, or the HTTP method in lower case for what is not a resource. Always written.
    pub verb: String,
    /// Who was authenticated. Always written, `{}` if nobody was.
    pub user: UserInfo,
    /// As whom the request was carried out, if not as `user`.
    pub impersonated_user: Option<UserInfo>,
    /// More about how the user was authenticated.
    pub authentication_metadata: Option<AuthenticationMetadata>,
    /// Where the request came from; all but the last are what the client says.
    pub source_ips: Vec<String>,
    /// The `User-Agent` header, cut to 1024 bytes.
    pub user_agent: String,
    /// What the request was about; absent for what is not a resource.
    pub object_ref: Option<ObjectReference>,
    /// The outcome, from the first response header on.
    pub response_status: Option<Status>,
    /// The request's body, from level Request.
    pub request_object: Option<Raw>,
    /// The response's body, at level `RequestResponse`.
    pub response_object: Option<Raw>,
    /// When the request arrived. Always written, `null` if unknown.
    pub request_received_timestamp: Option<MicroTime>,
    /// When this stage was reached. Always written, `null` if unknown.
    pub stage_timestamp: Option<MicroTime>,
    /// What authentication, authorization and admission had to say.
    pub annotations: BTreeMap<String, String>,
}

/// A user: `authentication.k8s.io/v1`, `UserInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// The name: `system:serviceaccount:shop:cart`.
    pub username: String,
    /// A unique identifier, which a later user of the same name does not have.
    pub uid: String,
    /// The groups, in the authenticator's order.
    pub groups: Vec<String>,
    /// What else the authenticator knows. A list that is `None` is written as `null`.
    pub extra: BTreeMap<String, Option<Vec<String>>>,
}

/// What a request is about. All fields may be empty; `{}` is written then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectReference {
    /// The resource: `pods`.
    pub resource: String,
    /// The namespace; for what has none, empty.
    pub namespace: String,
    /// The object's name; empty for a collection.
    pub name: String,
    /// The object's UID, if the client sent one.
    pub uid: String,
    /// The API group; empty for the core group.
    pub api_group: String,
    /// The version alone: `v1`.
    pub api_version: String,
    /// The object's resource version, if the client sent one.
    pub resource_version: String,
    /// The subresource: `log`.
    pub subresource: String,
}

/// The outcome of a request: `meta/v1`, `Status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Empty in an event.
    pub kind: String,
    /// Empty in an event.
    pub api_version: String,
    /// Always written, normally as `{}`.
    pub metadata: ListMeta,
    /// `Success` or `Failure`.
    pub status: String,
    /// For people.
    pub message: String,
    /// For programs: `NotFound`.
    pub reason: String,
    /// What the reason is about.
    pub details: Option<StatusDetails>,
    /// The HTTP status.
    pub code: i32,
}

/// More about a [`Status`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusDetails {
    /// The name of the object.
    pub name: String,
    /// Its API group.
    pub group: String,
    /// Its resource, despite the name.
    pub kind: String,
    /// Its UID.
    pub uid: String,
    /// Each thing that was wrong.
    pub causes: Vec<StatusCause>,
    /// After how many seconds to try again.
    pub retry_after_seconds: i32,
}

/// One thing that was wrong with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusCause {
    /// For programs: `FieldValueInvalid`.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Where in the object: `spec.containers[0].image`.
    pub field: String,
}

/// About a list: `meta/v1`, `ListMeta`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListMeta {
    /// No longer written by any API server.
    pub self_link: String,
    /// The version that the list shows.
    pub resource_version: String,
    /// Where the next page begins.
    pub r#continue: String,
    /// How many items are not in this page.
    pub remaining_item_count: Option<i64>,
}

/// More about how a user was authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthenticationMetadata {
    /// Which permission to impersonate was used.
    pub impersonation_constraint: String,
}

/// What a webhook is sent: several events, none of which says its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventList {
    /// Always written, normally as `{}`.
    pub metadata: ListMeta,
    /// The events. Written as `null` if there are none.
    pub items: Vec<Event>,
}

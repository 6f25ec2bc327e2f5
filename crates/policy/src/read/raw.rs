//! A policy document as typed by its author: right types, any values. [`super::decode`] makes it,
//! [`super::validate`] judges it.

use super::source::{FieldPath, Span};

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) path: FieldPath,
    pub(super) span: Span,
}

#[derive(Debug, Default)]
pub(super) struct RawPolicy {
    pub(super) rules: Vec<RawRule>,
    pub(super) omit_stages: Vec<Located<String>>,
    pub(super) omit_managed_fields: bool,
}

#[derive(Debug)]
pub(super) struct RawRule {
    pub(super) path: FieldPath,
    pub(super) span: Span,
    pub(super) level: RawLevel,
    pub(super) users: Vec<Located<String>>,
    pub(super) user_groups: Vec<Located<String>>,
    pub(super) verbs: Vec<Located<String>>,
    pub(super) resources: Vec<RawGroupResources>,
    pub(super) namespaces: Vec<Located<String>>,
    pub(super) non_resource_urls: Vec<Located<String>>,
    pub(super) omit_stages: Vec<Located<String>>,
    pub(super) omit_managed_fields: Option<bool>,
}

/// What stands at `level`.
#[derive(Debug)]
pub(super) enum RawLevel {
    /// Nothing, null or "".
    Absent,
    /// Something of another type, told already.
    Unreadable,
    /// A word.
    Word(Located<String>),
}

#[derive(Debug)]
pub(super) struct RawGroupResources {
    pub(super) path: FieldPath,
    pub(super) group: Located<String>,
    pub(super) resources: Vec<Located<String>>,
    pub(super) resource_names: Vec<Located<String>>,
}

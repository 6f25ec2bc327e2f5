//! On which parts of an event something depends.

use auditward_event::{Path, Step};

use crate::{Expr, Field, Match, Root, Test, field};

/// A set of parts of an event: a field says the same of two events that have the same there.
///
/// Beside all of them are whether `auditID` is a text, without which upstream's `ka.*` fields say nothing, and whether there
/// is an `objectRef`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Parts(u32);

impl Parts {
    /// No part.
    pub const NONE: Parts = Parts(0);
    /// `level`
    pub const LEVEL: Parts = Parts(1);
    /// `stage`
    pub const STAGE: Parts = Parts(1 << 1);
    /// `verb`
    pub const VERB: Parts = Parts(1 << 2);
    /// `requestURI`
    pub const URI: Parts = Parts(1 << 3);
    /// `user`
    pub const USER: Parts = Parts(1 << 4);
    /// `impersonatedUser`
    pub const IMPERSONATED: Parts = Parts(1 << 5);
    /// `sourceIPs`
    pub const ADDRESSES: Parts = Parts(1 << 6);
    /// `userAgent`
    pub const USER_AGENT: Parts = Parts(1 << 7);
    /// Of `objectRef` its group, version, resource and subresource.
    pub const KIND: Parts = Parts(1 << 8);
    /// `objectRef.namespace`
    pub const NAMESPACE: Parts = Parts(1 << 9);
    /// `objectRef.name`
    pub const NAME: Parts = Parts(1 << 10);
    /// All else of `objectRef`.
    pub const OBJECT_REST: Parts = Parts(1 << 11);
    /// `responseStatus`
    pub const STATUS: Parts = Parts(1 << 12);
    /// `annotations`
    pub const ANNOTATIONS: Parts = Parts(1 << 13);
    /// `requestObject`
    pub const REQUEST: Parts = Parts(1 << 14);
    /// `responseObject`
    pub const RESPONSE: Parts = Parts(1 << 15);
    /// Times, and whatever else there is.
    pub const OTHERS: Parts = Parts(1 << 16);
    /// Both bodies.
    pub const BODIES: Parts = Parts::REQUEST.and(Parts::RESPONSE);
    /// `objectRef` as a whole.
    pub const OBJECT: Parts = Parts::KIND.and(Parts::NAMESPACE).and(Parts::NAME).and(Parts::OBJECT_REST);
    /// The whole event.
    pub const ALL: Parts = Parts((1 << 17) - 1);

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }

    /// Those that are in `other` as well.
    #[must_use]
    pub const fn within(self, other: Parts) -> Parts {
        Parts(self.0 & other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Parts) -> Parts {
        Parts(self.0 & !other.0)
    }

    /// Whether any is in `other`.
    pub const fn meets(self, other: Parts) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all are in `other`.
    pub const fn are_of(self, other: Parts) -> bool {
        self.0 & !other.0 == 0
    }

    /// On which a field depends.
    pub fn of_field(field: &Field) -> Self {
        match &field.root {
            Root::Event(path) => Self::of_path(path),
            Root::Dotted(keys) => Self::of_keys(&keys.iter().map(String::as_str).collect::<Vec<_>>()),
            Root::Fact(name) => field::fact::find(name).map_or(Self::ALL, |fact| fact.reads),
            Root::Falco(name, argument) => {
                field::falco::find(name).map_or(Self::NONE, |spec| spec.reads(argument.as_deref()))
            }
            Root::Query(_) => Self::URI,
            Root::Object(_) => Self::REQUEST.and(Self::VERB),
            Root::Pod(_) | Root::Container(_) => Self::REQUEST.and(Self::VERB).and(Self::KIND),
            // Of what is looked into, whose parts are said there.
            Root::Element(_) => Self::NONE,
            Root::Anywhere => Self::ALL,
        }
    }

    /// On which the answer of a test depends.
    pub fn of_test(test: &Test) -> Self {
        let other = match &test.check {
            Match::Field(_, other) => Self::of_field(other),
            _ => Self::NONE,
        };
        Self::of_field(&test.field).and(other)
    }

    /// On which the truth of an expression depends.
    pub fn of_expr(expr: &Expr) -> Self {
        match expr {
            Expr::Const(_) => Self::NONE,
            Expr::Not(inner) => Self::of_expr(inner),
            Expr::And(all) | Expr::Or(all) => all.iter().map(Self::of_expr).fold(Self::NONE, Self::and),
            Expr::Test(test) => Self::of_test(test),
            Expr::Some { list, holds } => Self::of_field(list).and(Self::of_expr(holds)),
        }
    }

    fn of_path(path: &Path) -> Self {
        let mut keys = path.steps().iter().map_while(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) | Step::Each => None,
        });
        match (keys.next(), keys.next()) {
            (Some("objectRef"), Some(key)) => Self::of_object_key(key),
            (Some(key), _) => Self::of_key(key),
            (None, _) => Self::ALL,
        }
    }

    /// Of keys from the event down, of which the later ones may be looked for in more places than one.
    pub(crate) fn of_keys(keys: &[&str]) -> Self {
        match keys {
            [] => Self::ALL,
            ["objectRef", key] => Self::of_object_key(key),
            [key, ..] => Self::of_key(key),
        }
    }

    fn of_key(key: &str) -> Self {
        match key {
            "level" => Self::LEVEL,
            "stage" => Self::STAGE,
            "verb" => Self::VERB,
            "requestURI" => Self::URI,
            "user" => Self::USER,
            "impersonatedUser" => Self::IMPERSONATED,
            "sourceIPs" => Self::ADDRESSES,
            "userAgent" => Self::USER_AGENT,
            "objectRef" => Self::OBJECT,
            "responseStatus" => Self::STATUS,
            "annotations" => Self::ANNOTATIONS,
            "requestObject" => Self::REQUEST,
            "responseObject" => Self::RESPONSE,
            _ => Self::OTHERS,
        }
    }

    fn of_object_key(key: &str) -> Self {
        match key {
            "apiGroup" | "apiVersion" | "resource" | "subresource" => Self::KIND,
            "namespace" => Self::NAMESPACE,
            "name" => Self::NAME,
            _ => Self::OBJECT_REST,
        }
    }
}

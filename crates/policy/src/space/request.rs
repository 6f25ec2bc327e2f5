//! A request that owns its words.

use std::fmt;

use crate::{Attributes, Resource, Target, User};

/// What a policy can see of a request, owned. The fields mean what those of [`Attributes`] mean.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnedAttributes {
    /// Who asked; `None` when authentication failed.
    pub user: Option<OwnedUser>,
    /// A resource verb, or an HTTP method in lower case.
    pub verb: String,
    /// What the request is about.
    pub target: OwnedTarget,
}

/// An authenticated user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnedUser {
    /// The user's name.
    pub name: String,
    /// The user's groups.
    pub groups: Vec<String>,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnedTarget {
    /// An API resource. Absent parts are `""`.
    Resource {
        /// API group; `""` is the core group.
        group: String,
        /// Plural resource name.
        resource: String,
        /// Subresource.
        subresource: String,
        /// Namespace.
        namespace: String,
        /// Object name.
        name: String,
    },
    /// Any other path.
    Path(String),
}

impl OwnedAttributes {
    /// Hands the request to `look` in the form that the engine takes.
    pub fn with<T>(&self, look: impl FnOnce(&Attributes<'_>) -> T) -> T {
        let groups: Vec<&str> = self.user.iter().flat_map(|user| &user.groups).map(String::as_str).collect();
        let target = match &self.target {
            OwnedTarget::Path(path) => Target::Path(path),
            OwnedTarget::Resource { group, resource, subresource, namespace, name } => {
                Target::Resource(Resource { group, resource, subresource, namespace, name })
            }
        };
        let user = self.user.as_ref().map(|user| User { name: &user.name, groups: &groups });
        look(&Attributes { user, verb: &self.verb, target })
    }
}

impl From<&Attributes<'_>> for OwnedAttributes {
    fn from(request: &Attributes<'_>) -> Self {
        let user = request.user.map(|user| OwnedUser {
            name: user.name.to_owned(),
            groups: user.groups.iter().map(|&group| group.to_owned()).collect(),
        });
        let target = match request.target {
            Target::Path(path) => OwnedTarget::Path(path.to_owned()),
            Target::Resource(of) => OwnedTarget::Resource {
                group: of.group.to_owned(),
                resource: of.resource.to_owned(),
                subresource: of.subresource.to_owned(),
                namespace: of.namespace.to_owned(),
                name: of.name.to_owned(),
            },
        };
        Self { user, verb: request.verb.to_owned(), target }
    }
}

/// As [`Attributes`] are shown.
impl fmt::Display for OwnedAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|request| request.fmt(f))
    }
}

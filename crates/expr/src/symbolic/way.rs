//! One way in which an expression can become true: a set of requests, and how they have to be recorded.

use std::collections::BTreeSet;

use auditward_event::Stage;

use super::set::{Names, Paths};

pub use auditward_event::Level;

/// A set of requests, all of whose conditions hold together, and the least record of them that tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way {
    /// Names of users.
    pub users: Names,
    /// Whether it can be a request whose authentication failed, which has no user.
    pub without_user: bool,
    /// For each of these sets, the user is in at least one of its groups.
    pub groups: BTreeSet<BTreeSet<String>>,
    /// Groups the user is in none of.
    pub not_groups: BTreeSet<String>,
    /// Verbs; of requests that are not about a resource, HTTP methods in lower case.
    pub verbs: Names,
    /// What the requests are about.
    pub about: Kind,
    /// The least level.
    pub level: Level,
    /// Stages, in the order of a request's life, of which each alone is enough.
    pub stages: Vec<Stage>,
    /// What is read of a body, for people: `requestObject.spec.hostNetwork`.
    pub paths: BTreeSet<String>,
}

/// What requests are about; at least one of the two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// These resources; `None`: no request for a resource.
    pub resources: Option<Resources>,
    /// These other paths; `None`: no other request.
    pub paths: Option<Paths>,
}

/// Resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resources {
    /// API groups.
    pub groups: Names,
    /// Plural names.
    pub resources: Names,
    /// Subresources.
    pub subresources: Names,
    /// Namespaces.
    pub namespaces: Names,
    /// Names of objects.
    pub names: Names,
}

impl Resources {
    /// Every resource.
    pub const fn any() -> Self {
        let any = Names::any;
        Self { groups: any(), resources: any(), subresources: any(), namespaces: any(), names: any() }
    }

    fn and(&self, other: &Self) -> Option<Self> {
        let both = Self {
            groups: self.groups.and(&other.groups),
            resources: self.resources.and(&other.resources),
            subresources: self.subresources.and(&other.subresources),
            namespaces: self.namespaces.and(&other.namespaces),
            names: self.names.and(&other.names),
        };
        let parts = [&both.groups, &both.resources, &both.subresources, &both.namespaces, &both.names];
        let possible = !parts.into_iter().any(Names::is_none);
        possible.then_some(both)
    }

    fn or(&self, other: &Self) -> Self {
        Self {
            groups: self.groups.or(&other.groups),
            resources: self.resources.or(&other.resources),
            subresources: self.subresources.or(&other.subresources),
            namespaces: self.namespaces.or(&other.namespaces),
            names: self.names.or(&other.names),
        }
    }
}

impl Way {
    /// Every request, recorded at all.
    pub fn any() -> Self {
        Self {
            users: Names::any(),
            without_user: true,
            groups: BTreeSet::new(),
            not_groups: BTreeSet::new(),
            verbs: Names::any(),
            about: Kind { resources: Some(Resources::any()), paths: Some(Paths::Any) },
            level: Level::Metadata,
            stages: Stage::ALL.to_vec(),
            paths: BTreeSet::new(),
        }
    }

    /// Requests for these resources.
    pub fn resources(resources: Resources) -> Self {
        Self { about: Kind { resources: Some(resources), paths: None }, ..Self::any() }
    }

    /// Both hold; `None` where they cannot.
    pub fn and(&self, other: &Self) -> Option<Self> {
        let resources = match (&self.about.resources, &other.about.resources) {
            (Some(a), Some(b)) => a.and(b),
            _ => None,
        };
        let paths = match (&self.about.paths, &other.about.paths) {
            (Some(a), Some(b)) => Some(a.and(b)).filter(|paths| !paths.is_none()),
            _ => None,
        };
        let both = Self {
            users: self.users.and(&other.users),
            without_user: self.without_user && other.without_user,
            groups: &self.groups | &other.groups,
            not_groups: &self.not_groups | &other.not_groups,
            verbs: self.verbs.and(&other.verbs),
            about: Kind { resources, paths },
            level: self.level.max(other.level),
            stages: self.stages.iter().filter(|stage| other.stages.contains(stage)).copied().collect(),
            paths: &self.paths | &other.paths,
        };
        let somebody = both.without_user && both.groups.is_empty() || !both.users.is_none();
        let something = both.about.resources.is_some() || both.about.paths.is_some();
        let group = both.groups.iter().all(|one_of| !one_of.is_subset(&both.not_groups));
        let possible = somebody && something && group && !both.verbs.is_none() && !both.stages.is_empty();
        possible.then_some(both)
    }

    /// All requests of either, taken together; of the two levels the higher one, so that nothing is promised that is
    /// not so.
    pub(super) fn or(&self, other: &Self) -> Self {
        let resources = match (&self.about.resources, &other.about.resources) {
            (Some(a), Some(b)) => Some(a.or(b)),
            (some, None) | (None, some) => some.clone(),
        };
        let paths = match (&self.about.paths, &other.about.paths) {
            (Some(a), Some(b)) => Some(a.or(b)),
            (some, None) | (None, some) => some.clone(),
        };
        Self {
            users: self.users.or(&other.users),
            without_user: self.without_user || other.without_user,
            groups: &self.groups & &other.groups,
            not_groups: &self.not_groups & &other.not_groups,
            verbs: self.verbs.or(&other.verbs),
            about: Kind { resources, paths },
            level: self.level.max(other.level),
            stages: Stage::ALL
                .into_iter()
                .filter(|stage| self.stages.contains(stage) || other.stages.contains(stage))
                .collect(),
            paths: &self.paths | &other.paths,
        }
    }
}

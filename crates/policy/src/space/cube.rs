//! A box: a product of dimensions.

use super::groups::Groups;
use super::paths::Paths;
use super::universe;
use super::users::Users;
use super::words::Words;
use crate::{Attributes, Target};

/// The requests that fit every one of these dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cube {
    /// Who asks.
    pub users: Users,
    /// What groups who asks is in.
    pub groups: Groups,
    /// Resource verbs, or HTTP methods in lower case.
    pub verbs: Words,
    /// What is asked about.
    pub target: TargetSet,
}

/// Requests for resources, or all others; never both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetSet {
    /// Requests for resources.
    Resource(ResourceSet),
    /// Other requests.
    Path(Paths),
}

/// The part of a [`Cube`] that is about a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceSet {
    /// API groups; `""` is the core group.
    pub groups: Words,
    /// Plural resource names.
    pub resources: Words,
    /// Subresources; `""` is the resource itself.
    pub subresources: Words,
    /// Namespaces; `""` where the request has none.
    pub namespaces: Words,
    /// Object names; `""` where the request has none.
    pub names: Words,
}

impl ResourceSet {
    /// Every resource.
    pub fn any() -> Self {
        let any = Words::any;
        Self { groups: any(), resources: any(), subresources: any(), namespaces: any(), names: any() }
    }
}

impl Cube {
    /// Requests for these resources by anyone, with any verb.
    pub fn resources(resources: ResourceSet) -> Self {
        Self::anyone(TargetSet::Resource(resources))
    }

    /// Requests for these paths, which are no resources, by anyone, with any method.
    pub fn paths(paths: Paths) -> Self {
        Self::anyone(TargetSet::Path(paths))
    }

    fn anyone(target: TargetSet) -> Self {
        Self { users: Users::any(), groups: Groups::any(), verbs: Words::any(), target }
    }

    /// Whether no request that can occur is in here.
    pub fn is_empty(&self) -> bool {
        !universe::can_identify(&self.users, &self.groups)
            || match &self.target {
                TargetSet::Path(paths) => !self.verbs.contains_any(universe::is_method) || !paths.can_occur(),
                TargetSet::Resource(of) => {
                    !of.groups.contains_any(universe::is_segment)
                        || !of.resources.contains_any(universe::is_segment)
                        || !of.namespaces.contains_any(universe::is_segment)
                        || !universe::can_act(&self.verbs, &of.subresources, &of.names)
                }
            }
    }

    /// Whether the request fits.
    pub fn contains(&self, request: &Attributes<'_>) -> bool {
        self.users.contains(request.user.map(|user| user.name))
            && self.groups.contains(request.user.map_or(&[], |user| user.groups))
            && self.verbs.contains(request.verb)
            && match (&self.target, &request.target) {
                (TargetSet::Path(paths), Target::Path(path)) => paths.contains(path),
                (TargetSet::Resource(set), Target::Resource(of)) => {
                    set.groups.contains(of.group)
                        && set.resources.contains(of.resource)
                        && set.subresources.contains(of.subresource)
                        && set.namespaces.contains(of.namespace)
                        && set.names.contains(of.name)
                }
                _ => false,
            }
    }

    /// What is in both; `None` when that is nothing.
    pub fn and(&self, other: &Self) -> Option<Self> {
        if !self.may_meet(other) {
            return None;
        }
        let target = match (&self.target, &other.target) {
            (TargetSet::Path(a), TargetSet::Path(b)) => TargetSet::Path(a.and(b)),
            (TargetSet::Resource(a), TargetSet::Resource(b)) => TargetSet::Resource(ResourceSet {
                groups: a.groups.and(&b.groups),
                resources: a.resources.and(&b.resources),
                subresources: a.subresources.and(&b.subresources),
                namespaces: a.namespaces.and(&b.namespaces),
                names: a.names.and(&b.names),
            }),
            _ => return None,
        };
        let both = Self {
            users: self.users.and(&other.users),
            groups: self.groups.and(&other.groups),
            verbs: self.verbs.and(&other.verbs),
            target,
        };
        (!both.is_empty()).then_some(both)
    }

    /// What is in this cube and not in the other: disjoint cubes, at most one a dimension (groups: one for each
    /// "one of"), none of them empty.
    pub fn minus(&self, other: &Self) -> Vec<Self> {
        let mut split = Split { rest: self.clone(), outside: Vec::new() };
        if !self.may_meet(other) {
            return vec![split.rest];
        }
        match (&self.target, &other.target) {
            (TargetSet::Path(_), TargetSet::Path(paths)) => {
                split.paths(paths);
            }
            (TargetSet::Resource(_), TargetSet::Resource(of)) => {
                split.words(&of.groups, |cube| cube.resource_dimension(|of| &mut of.groups));
                split.words(&of.resources, |cube| cube.resource_dimension(|of| &mut of.resources));
                split.words(&of.subresources, |cube| cube.resource_dimension(|of| &mut of.subresources));
                split.words(&of.namespaces, |cube| cube.resource_dimension(|of| &mut of.namespaces));
                split.words(&of.names, |cube| cube.resource_dimension(|of| &mut of.names));
            }
            _ => return vec![split.rest],
        }
        split.words(&other.verbs, |cube| Some(&mut cube.verbs));
        split.users(&other.users);
        split.groups(&other.groups);
        if split.rest.is_empty() {
            // Nothing was in both after all: one piece is better than many.
            return vec![self.clone()];
        }
        split.outside
    }

    /// Whether the two may have something in common; `false` is certain, and cheap to find out.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        self.verbs.meets(&other.verbs)
            && match (&self.target, &other.target) {
                (TargetSet::Path(a), TargetSet::Path(b)) => a.meets(b),
                (TargetSet::Resource(a), TargetSet::Resource(b)) => {
                    a.groups.meets(&b.groups)
                        && a.resources.meets(&b.resources)
                        && a.subresources.meets(&b.subresources)
                        && a.namespaces.meets(&b.namespaces)
                        && a.names.meets(&b.names)
                }
                _ => false,
            }
            && self.users.meets(&other.users)
            && self.groups.may_meet(&other.groups)
    }

    /// What it costs to compare this cube with another: more where it names many words.
    pub(super) fn weight(&self) -> usize {
        const WORDS_A_STEP: usize = 32;
        let mut words = self.users.names.len() + self.groups.len() + self.verbs.len();
        words += match &self.target {
            TargetSet::Path(paths) => paths.spans().len(),
            TargetSet::Resource(of) => {
                [&of.groups, &of.resources, &of.subresources, &of.namespaces, &of.names]
                    .map(Words::len)
                    .iter()
                    .sum()
            }
        };
        1 + words / WORDS_A_STEP
    }

    fn resource_dimension(&mut self, pick: fn(&mut ResourceSet) -> &mut Words) -> Option<&mut Words> {
        match &mut self.target {
            TargetSet::Resource(of) => Some(pick(of)),
            TargetSet::Path(_) => None,
        }
    }
}

/// A cube that shrinks, dimension by dimension, to what it has in common with another, and the pieces cut off.
struct Split {
    rest: Cube,
    outside: Vec<Cube>,
}

impl Split {
    fn words(&mut self, other: &Words, dimension: impl Fn(&mut Cube) -> Option<&mut Words>) {
        if other.is_any() {
            return;
        }
        let mut cut = self.rest.clone();
        let Some(words) = dimension(&mut cut) else { return };
        let inside = words.and(other);
        *words = words.minus(other);
        self.push(cut);
        if let Some(words) = dimension(&mut self.rest) {
            *words = inside;
        }
    }

    fn paths(&mut self, other: &Paths) {
        if let TargetSet::Path(paths) = &self.rest.target {
            let (outside, inside) = (paths.minus(other), paths.and(other));
            self.push(Cube { target: TargetSet::Path(outside), ..self.rest.clone() });
            self.rest.target = TargetSet::Path(inside);
        }
    }

    fn users(&mut self, other: &Users) {
        if !other.is_any() {
            self.push(Cube { users: self.rest.users.minus(other), ..self.rest.clone() });
            self.rest.users = self.rest.users.and(other);
        }
    }

    fn groups(&mut self, other: &Groups) {
        for outside in self.rest.groups.minus(other) {
            self.push(Cube { groups: outside, ..self.rest.clone() });
        }
        self.rest.groups = self.rest.groups.and(other);
    }

    fn push(&mut self, cube: Cube) {
        if !cube.is_empty() {
            self.outside.push(cube);
        }
    }
}

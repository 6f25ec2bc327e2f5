//! A concrete request out of a set, as ordinary as the set allows.

use super::catalogue::{KNOWN, Known, METHODS, PATHS, STORED};
use super::cube::{Cube, ResourceSet, TargetSet};
use super::groups::Groups;
use super::paths::{Paths, Span};
use super::request::{OwnedAttributes, OwnedTarget, OwnedUser};
use super::universe::{self, BUILT_IN_GROUPS, RESOURCE_VERBS, USERS_WITH_ANY_GROUPS};
use super::users::Users;
use super::words::Words;

/// A request that proves a set is not empty. It can occur, and it is in the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The request.
    pub request: OwnedAttributes,
    /// How ordinary it is; the set holds nothing more ordinary, as far as was looked.
    pub realism: Realism,
}

/// How ordinary a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Realism {
    /// Clients send such requests all day.
    Usual,
    /// It needs something that may not be there (a custom resource, a path that is not served) or that goes wrong
    /// (authentication failed).
    Rare,
    /// An API server may receive and audit it, yet no ordinary client sends it.
    Odd,
}

/// The most ordinary request in any of `cubes`, and among equals the one for a resource, and the shortest.
pub(super) fn find(cubes: &[Cube]) -> Option<Witness> {
    /// As long as none is usual all are looked at; past these many the first usual one will do.
    const COMPARE_MAX: usize = 256;
    let mut best: Option<((Realism, bool, usize), Witness)> = None;
    for (at, cube) in cubes.iter().enumerate() {
        if at >= COMPARE_MAX && best.as_ref().is_some_and(|(rank, _)| rank.0 == Realism::Usual) {
            break;
        }
        let Some(found) = of_cube(cube) else { continue };
        let is_path = matches!(found.request.target, OwnedTarget::Path(_));
        let rank = (found.realism, is_path, found.request.to_string().len());
        let better =
            best.as_ref().is_none_or(|(other, kept)| (rank, &found.request) < (*other, &kept.request));
        if better {
            best = Some((rank, found));
        }
    }
    best.map(|(_, witness)| witness)
}

fn of_cube(cube: &Cube) -> Option<Witness> {
    let (user, known_user) = user(&cube.users, &cube.groups)?;
    let (verb, target, known_target) = match &cube.target {
        TargetSet::Path(paths) => path_request(&cube.verbs, paths)?,
        TargetSet::Resource(of) => resource_request(&cube.verbs, of)?,
    };
    let request = OwnedAttributes { user, verb, target };
    debug_assert!(request.with(|it| cube.contains(it) && universe::can_occur(it)), "{request} of {cube:?}");
    Some(Witness { request, realism: known_user.max(known_target) })
}

fn user(users: &Users, groups: &Groups) -> Option<(Option<OwnedUser>, Realism)> {
    let mut best: Option<(Option<OwnedUser>, Realism)> = None;
    if users.absent && !groups.needs_one() {
        best = Some((None, Realism::Rare));
    }
    let fitting = fitting_users(groups);
    let made_up = made_up("user", &users.names);
    let candidates = users
        .names
        .members()
        .into_iter()
        .flatten()
        .chain(fitting.iter().map(String::as_str))
        .chain(["alice", "bob", "carol", &made_up])
        .chain(USERS_WITH_ANY_GROUPS)
        .filter(|name| users.names.contains(name));
    for name in candidates {
        let Some((groups, realism)) = groups_of(name, groups) else { continue };
        if best.as_ref().is_none_or(|(_, kept)| realism < *kept) {
            best = Some((Some(OwnedUser { name: name.to_owned(), groups }), realism));
        }
        if realism == Realism::Usual {
            break;
        }
    }
    best
}

/// Names that go with the built-in groups that are needed.
fn fitting_users(groups: &Groups) -> Vec<String> {
    let fitting = |group: &str| match group {
        "system:nodes" => Some("system:node:node-1".to_owned()),
        "system:serviceaccounts" => Some("system:serviceaccount:default:default".to_owned()),
        "system:unauthenticated" => Some("system:anonymous".to_owned()),
        _ => {
            let namespace = group.strip_prefix("system:serviceaccounts:")?;
            Some(format!("system:serviceaccount:{namespace}:default"))
        }
    };
    groups.needed().filter_map(|mut needed| needed.find_map(fitting)).collect()
}

/// The fewest groups that a user of this name needs to fit, and how ordinary that is; `None` when none fit.
fn groups_of(name: &str, wanted: &Groups) -> Option<(Vec<String>, Realism)> {
    let mut realism = if name.is_empty() { Realism::Odd } else { Realism::Usual };
    let mut groups = Vec::new();
    for group in usual_groups(name) {
        if wanted.bars(&group) {
            realism = Realism::Odd;
        } else {
            groups.push(group);
        }
    }
    for needed in wanted.needed() {
        let needed: Vec<&str> = needed.collect();
        if needed.iter().any(|group| groups.iter().any(|has| has == group)) {
            continue;
        }
        // A group that fits several needs comes first, a built-in one last.
        let group = needed.iter().min_by_key(|group| {
            let helps = wanted.needed().filter_map(|mut other| other.find(|it| it == *group)).count();
            (BUILT_IN_GROUPS.contains(*group), std::cmp::Reverse(helps), **group)
        })?;
        let belongs_elsewhere = group.starts_with("system:serviceaccounts") || *group == "system:nodes";
        let never_together = BUILT_IN_GROUPS.contains(group) || name == "system:anonymous";
        realism = realism.max(match () {
            () if never_together || group.is_empty() => Realism::Odd,
            () if belongs_elsewhere => Realism::Rare,
            () => Realism::Usual,
        });
        groups.push((*group).to_owned());
    }
    let built_in = groups.iter().any(|group| BUILT_IN_GROUPS.contains(&group.as_str()));
    if !built_in && !USERS_WITH_ANY_GROUPS.contains(&name) {
        realism = Realism::Odd;
        groups.push((*BUILT_IN_GROUPS.iter().find(|group| !wanted.bars(group))?).to_owned());
    }
    groups.sort();
    Some((groups, realism))
}

/// The groups that an API server gives a user of this name.
fn usual_groups(name: &str) -> Vec<String> {
    if name == "system:anonymous" {
        return vec!["system:unauthenticated".to_owned()];
    }
    let mut groups = vec!["system:authenticated".to_owned()];
    if name.starts_with("system:node:") {
        groups.push("system:nodes".to_owned());
    }
    if let Some((namespace, _)) =
        name.strip_prefix("system:serviceaccount:").and_then(|account| account.split_once(':'))
    {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    groups
}

fn path_request(verbs: &Words, paths: &Paths) -> Option<(String, OwnedTarget, Realism)> {
    let made_up = made_up("method", verbs);
    let usual = METHODS.iter().find(|method| verbs.contains(method));
    let other = || {
        verbs
            .members()
            .into_iter()
            .flatten()
            .chain([made_up.as_str()])
            .find(|verb| universe::is_method(verb) && verbs.contains(verb))
    };
    let (verb, of_verb) = match usual {
        Some(verb) => (*verb, Realism::Usual),
        None => (other()?, Realism::Odd),
    };
    let (path, of_path) = path(paths)?;
    Some((verb.to_owned(), OwnedTarget::Path(path), of_verb.max(of_path)))
}

fn path(paths: &Paths) -> Option<(String, Realism)> {
    if let Some(path) = PATHS.iter().find(|path| paths.contains(path)) {
        return Some(((*path).to_owned(), Realism::Usual));
    }
    let readable = paths.spans().iter().find_map(|span| {
        let stem = span.from.trim_end_matches('\0');
        [stem.to_owned(), format!("{stem}/"), format!("{stem}/example"), format!("{stem}example")]
            .into_iter()
            .find(|path| {
                path.starts_with('/')
                    && path.bytes().all(|byte| byte.is_ascii_graphic())
                    && paths.contains(path)
                    && !universe::is_resource_path(path)
            })
    });
    match readable {
        Some(path) => Some((path, Realism::Rare)),
        None => paths.spans().iter().find_map(Span::first_possible).map(|path| (path, Realism::Odd)),
    }
}

fn resource_request(verbs: &Words, of: &ResourceSet) -> Option<(String, OwnedTarget, Realism)> {
    let known = || {
        KNOWN.iter().filter(|known| of.groups.contains(known.group) && of.resources.contains(known.resource))
    };
    for known in known() {
        let itself = [("", known.verbs)];
        for (subresource, its_verbs) in itself.iter().chain(known.subresources) {
            if let Some(found) = natural(known, subresource, its_verbs, verbs, of) {
                return Some(found);
            }
        }
    }
    // A resource of which nothing is known, or an unknown side of a known one.
    let group = pick(&of.groups, &["example.com", ""], "group", universe::is_segment)?;
    let resource = pick(&of.resources, &["widgets"], "things", universe::is_segment)?;
    let subresource = pick(&of.subresources, &["", "status", "scale"], "part", universe::is_segment)?;
    let (group, resource) =
        known().next().map_or((group.as_str(), resource.as_str()), |known| (known.group, known.resource));
    let custom = |namespaced| Pattern { group, resource, namespaced, name: "example" };
    let its_verbs: &[&str] =
        if subresource.is_empty() { STORED } else { &["get", "create", "update", "patch", "delete"] };
    let plain =
        !group.is_empty() || KNOWN.iter().any(|known| known.group.is_empty() && known.resource == resource);
    [true, false]
        .into_iter()
        .filter(|_| plain && !resource.is_empty())
        .find_map(|namespaced| custom(namespaced).request(&subresource, its_verbs, verbs, of))
        .map(|(verb, target)| (verb, target, Realism::Rare))
        .or_else(|| odd(group, resource, verbs, of))
}

fn natural(
    known: &Known,
    subresource: &str,
    its_verbs: &[&str],
    verbs: &Words,
    of: &ResourceSet,
) -> Option<(String, OwnedTarget, Realism)> {
    let Known { group, resource, namespaced, name, .. } = *known;
    let (verb, target) =
        Pattern { group, resource, namespaced, name }.request(subresource, its_verbs, verbs, of)?;
    Some((verb, target, Realism::Usual))
}

/// How ordinary requests for one resource look.
struct Pattern<'a> {
    group: &'a str,
    resource: &'a str,
    namespaced: bool,
    name: &'a str,
}

impl Pattern<'_> {
    /// An ordinary request with one of `its_verbs` that is also in the sets.
    fn request(
        &self,
        subresource: &str,
        its_verbs: &[&str],
        verbs: &Words,
        of: &ResourceSet,
    ) -> Option<(String, OwnedTarget)> {
        if !of.subresources.contains(subresource) {
            return None;
        }
        its_verbs.iter().filter(|verb| verbs.contains(verb)).find_map(|verb| {
            let name = self.object_name(subresource, verb, of)?;
            let namespace = self.namespace(verb, &name, of)?;
            Some(((*verb).to_owned(), self.target(subresource, namespace, name)))
        })
    }

    fn target(&self, subresource: &str, namespace: String, name: String) -> OwnedTarget {
        OwnedTarget::Resource {
            group: self.group.to_owned(),
            resource: self.resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace,
            name,
        }
    }

    fn object_name(&self, subresource: &str, verb: &str, of: &ResourceSet) -> Option<String> {
        let nameless =
            subresource.is_empty() && matches!(verb, "list" | "watch" | "create" | "deletecollection");
        if nameless && of.names.contains("") {
            return Some(String::new());
        }
        // With a field selector, `list` and `watch` have a name too.
        if nameless && !matches!(verb, "list" | "watch") {
            return None;
        }
        let names =
            if self.is_namespaces() && !nameless { of.names.and(&of.namespaces) } else { of.names.clone() };
        pick(&names, &[self.name], "example", is_name)
    }

    fn namespace(&self, verb: &str, name: &str, of: &ResourceSet) -> Option<String> {
        let none = || of.namespaces.contains("").then(String::new);
        if self.is_namespaces() && !matches!(verb, "list" | "watch" | "create" | "deletecollection") {
            // A request for a namespace is also in it.
            return of.namespaces.contains(name).then(|| name.to_owned());
        }
        if !self.namespaced {
            return none();
        }
        pick(&of.namespaces, &["default", "prod"], "team", is_name)
            .or_else(|| if matches!(verb, "list" | "watch") { none() } else { None })
    }

    fn is_namespaces(&self) -> bool {
        self.group.is_empty() && self.resource == "namespaces"
    }
}

/// Whatever fits.
fn odd(
    group: &str,
    resource: &str,
    verbs: &Words,
    of: &ResourceSet,
) -> Option<(String, OwnedTarget, Realism)> {
    let namespace = pick(&of.namespaces, &["default", ""], "team", universe::is_segment)?;
    let verb = RESOURCE_VERBS
        .iter()
        .find(|verb| verbs.contains(verb) && universe::can_take(verb, &of.subresources, &of.names))?;
    let subresource = match *verb {
        "proxy" => String::new(),
        _ => pick(&of.subresources, &["", "status"], "part", universe::is_segment)?,
    };
    let name = match *verb {
        "get" | "delete" => pick(&of.names, &["example"], "example", is_name)?,
        "deletecollection" => String::new(),
        _ => pick(&of.names, &["", "example"], "example", universe::is_segment)?,
    };
    let (group, resource) = (group.to_owned(), resource.to_owned());
    let target = OwnedTarget::Resource { group, resource, subresource, namespace, name };
    Some(((*verb).to_owned(), target, Realism::Odd))
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && universe::is_segment(word)
}

/// A word of the set for which `fits` holds: one of `preferred`, or the first member, or one that is made up.
fn pick(words: &Words, preferred: &[&str], stem: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    let good = |word: &&str| words.contains(word) && fits(word);
    preferred.iter().copied().find(good).map(str::to_owned).or_else(|| match words.members() {
        Some(mut members) => members.find(|word| fits(word)).map(str::to_owned),
        None => Some(made_up(stem, words)),
    })
}

/// A word that starts with `stem` and is not among those that `words` names.
fn made_up(stem: &str, words: &Words) -> String {
    let mut number = 1_usize;
    loop {
        let word = format!("{stem}-{number}");
        if words.named().all(|named| named != word) {
            return word;
        }
        number += 1;
    }
}

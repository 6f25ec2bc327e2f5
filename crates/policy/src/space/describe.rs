//! A cube in words.
//!
//! `get, list of secrets (core) in any namespace but kube-system by anyone but alice`

use std::fmt;

use super::cube::{Cube, ResourceSet, TargetSet};
use super::groups::Groups;
use super::paths::{Paths, Span};
use super::set::Space;
use super::users::Users;
use super::words::Words;
use crate::attributes::Shown;

/// How many words of a list are spelled out.
const LISTED_MAX: usize = 6;

/// The widest kind of request in words, and how many more kinds there are; best after [`Space::tidy`].
impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cubes() {
            [] => f.write_str("no request"),
            [only] => only.fmt(f),
            [one, other] if are_everything(one, other) => {
                verbs(f, &one.verbs, "any verb")?;
                f.write_str(" of anything")?;
                who(f, &one.users, &one.groups)
            }
            [widest, other] => write!(f, "{widest}; and {other}"),
            [widest, others @ ..] => write!(f, "{widest}; and {} more kinds of request", others.len()),
        }
    }
}

/// Whether two cubes are all requests of somebody, for resources and for paths.
fn are_everything(one: &Cube, other: &Cube) -> bool {
    let any = |cube: &Cube, target| cube.target == target;
    let paths = || TargetSet::Path(Paths::any());
    let resources = || TargetSet::Resource(ResourceSet::any());
    (&one.users, &one.groups, &one.verbs) == (&other.users, &other.groups, &other.verbs)
        && ((any(one, paths()) && any(other, resources())) || (any(one, resources()) && any(other, paths())))
}

impl fmt::Display for Cube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            TargetSet::Resource(of) => {
                verbs(f, &self.verbs, "any verb")?;
                f.write_str(" of ")?;
                of.fmt(f)?;
            }
            TargetSet::Path(paths) => {
                verbs(f, &self.verbs, "any method")?;
                write!(f, " of {paths}")?;
            }
        }
        who(f, &self.users, &self.groups)
    }
}

impl fmt::Display for ResourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        resource(f, &self.resources, &self.subresources)?;
        match &self.groups {
            any if any.is_any() && self.resources.is_any() => {}
            any if any.is_any() => f.write_str(" (any API group)")?,
            Words::Only(_) => write!(f, " ({})", list(self.groups.named(), "core"))?,
            Words::Except(_) => write!(f, " (any API group but {})", list(self.groups.named(), "core"))?,
        }
        match (&self.namespaces, self.namespaces.contains("")) {
            (any, _) if any.is_any() => f.write_str(" in any namespace")?,
            (Words::Only(few), true) if few.len() == 1 => f.write_str(" without a namespace")?,
            (Words::Only(_), _) => write!(f, " in {}", list(self.namespaces.named(), "none"))?,
            (Words::Except(few), false) if few.len() == 1 => f.write_str(" in a namespace")?,
            (Words::Except(_), _) => {
                write!(f, " in any namespace but {}", list(self.namespaces.named(), "none"))?;
            }
        }
        match (&self.names, self.names.contains("")) {
            (any, _) if any.is_any() => Ok(()),
            (Words::Only(few), true) if few.len() == 1 => f.write_str(" without a name"),
            (Words::Only(_), _) => write!(f, " named {}", list(self.names.named(), "nothing")),
            (Words::Except(few), false) if few.len() == 1 => f.write_str(" with a name"),
            (Words::Except(_), _) => write!(f, " not named {}", list(self.names.named(), "nothing")),
        }
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return f.write_str("any path");
        }
        if let Some(plain) = plain(self) {
            return f.write_str(&list_owned(&plain));
        }
        // All below some prefix but …, where the prefix may be empty.
        let prefix = common_prefix(self);
        match plain(&Paths::prefix(&prefix).minus(self)) {
            Some(others) if prefix.is_empty() => write!(f, "any path but {}", list_owned(&others)),
            Some(others) => write!(f, "{prefix}* but {}", list_owned(&others)),
            None => write!(f, "some paths below {}*", if prefix.is_empty() { "/" } else { &prefix }),
        }
    }
}

fn verbs(f: &mut fmt::Formatter<'_>, verbs: &Words, any: &str) -> fmt::Result {
    match verbs {
        words if words.is_any() => f.write_str(any),
        Words::Only(_) => f.write_str(&list(verbs.named(), "no verb")),
        Words::Except(_) => write!(f, "{any} but {}", list(verbs.named(), "none")),
    }
}

fn resource(f: &mut fmt::Formatter<'_>, resources: &Words, subresources: &Words) -> fmt::Result {
    let itself = |words: &Words| words.members().is_some_and(|words| words.eq([""]));
    if let Some(short) = product(resources, subresources) {
        return f.write_str(&short);
    }
    match resources {
        any if any.is_any() => f.write_str("any resource")?,
        Words::Only(_) => f.write_str(&list(resources.named(), "\"\""))?,
        Words::Except(_) => write!(f, "any resource but {}", list(resources.named(), "\"\""))?,
    }
    match subresources {
        any if any.is_any() && resources.is_any() => Ok(()),
        any if any.is_any() => f.write_str(" and subresources"),
        none if itself(none) && resources.is_any() => f.write_str(", no subresource"),
        none if itself(none) => Ok(()),
        Words::Only(_) => write!(f, ", subresource {}", list(subresources.named(), "none")),
        Words::Except(_) if itself(&subresources.complement()) => f.write_str(", subresources only"),
        Words::Except(_) => write!(f, ", any subresource but {}", list(subresources.named(), "none")),
    }
}

/// `pods, pods/log` or `*/scale`, where these are few and simple.
fn product(resources: &Words, subresources: &Words) -> Option<String> {
    let every = ["*"];
    let resources: Vec<&str> =
        if resources.is_any() { every.to_vec() } else { resources.members()?.collect() };
    let subresources: Vec<&str> = subresources.members()?.collect();
    let simple =
        subresources.iter().all(|word| !word.is_empty()) || (resources != every && !resources.contains(&""));
    if !simple || subresources == [""] || resources.len() * subresources.len() > LISTED_MAX {
        return None;
    }
    let all: Vec<String> = resources
        .iter()
        .flat_map(|resource| {
            subresources.iter().map(move |subresource| match *subresource {
                "" => (*resource).to_owned(),
                subresource => format!("{resource}/{subresource}"),
            })
        })
        .collect();
    Some(list_owned(&all))
}

fn who(f: &mut fmt::Formatter<'_>, users: &Users, groups: &Groups) -> fmt::Result {
    match &users.names {
        names if names.is_none() => return f.write_str(" without a user (authentication failed)"),
        names if names.is_any() && users.absent && groups.is_any() => f.write_str(" by anyone")?,
        names if names.is_any() => f.write_str(" by any user")?,
        Words::Only(_) => write!(f, " by {}", list(users.names.named(), "\"\""))?,
        Words::Except(_) => write!(f, " by any user but {}", list(users.names.named(), "\"\""))?,
    }
    let mut joint = " in group ";
    for needed in groups.needed() {
        write!(f, "{joint}{}", list_with(needed, "\"\"", " or "))?;
        joint = " and in ";
    }
    if groups.barred().next().is_some() {
        write!(f, " not in group {}", list_with(groups.barred(), "\"\"", " or "))?;
    }
    // A request without a user has no groups, so it is only in where none is needed.
    let says_so = users.names.is_any() && groups.is_any();
    if users.absent && !groups.needs_one() && !says_so { f.write_str(", or without a user") } else { Ok(()) }
}

fn list<'a>(words: impl Iterator<Item = &'a str>, empty: &str) -> String {
    list_with(words, empty, ", ")
}

/// At most [`LISTED_MAX`] words and how many more there are; `empty` stands for the empty word.
fn list_with<'a>(words: impl Iterator<Item = &'a str>, empty: &str, joint: &str) -> String {
    let words: Vec<&str> = words.collect();
    // "and 1 more" would be no shorter than the word.
    let listed = if words.len() <= LISTED_MAX + 1 { words.len() } else { LISTED_MAX };
    let shown: Vec<String> = words[..listed]
        .iter()
        .map(|word| if word.is_empty() { empty.to_owned() } else { Shown(word).to_string() })
        .collect();
    let mut text = shown.join(joint);
    if listed < words.len() {
        text += &format!("{joint}{} more", words.len() - listed);
    }
    text
}

fn list_owned(words: &[String]) -> String {
    list(words.iter().map(String::as_str), "\"\"")
}

/// The set as exact paths and prefixes, where it is nothing else.
fn plain(paths: &Paths) -> Option<Vec<String>> {
    let one = |span: &Span| match span {
        span if span.is_exact() => Some(span.from.clone()),
        span if span.is_prefix() => Some(format!("{}*", span.from)),
        _ => None,
    };
    paths.spans().iter().map(one).collect()
}

/// The longest prefix of every path in the set.
fn common_prefix(paths: &Paths) -> String {
    let spans = paths.spans();
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return String::new() };
    let from = first.from.trim_end_matches('\0');
    let holds_all = |prefix: &&str| {
        Paths::prefix(prefix).spans().iter().all(|span| match (&span.to, &last.to) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(end), Some(to)) => to <= end,
        })
    };
    let starts = from.char_indices().map(|(at, _)| &from[..at]).chain([from]);
    starts.rev().find(holds_all).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(cube: &Cube, expected: &Expect) {
        expected.assert_eq(&cube.to_string());
    }

    #[test]
    fn resources() {
        let cube = Cube::resources(ResourceSet::any());
        check(&cube, &expect!["any verb of any resource in any namespace by anyone"]);
        let secrets = ResourceSet {
            groups: Words::only([""]),
            resources: Words::only(["secrets"]),
            subresources: Words::only([""]),
            namespaces: Words::except(["kube-system"]),
            names: Words::any(),
        };
        let mut cube = Cube::resources(secrets.clone());
        cube.verbs = Words::only(["get", "list"]);
        cube.users = Users { names: Words::except(["alice"]), absent: true };
        check(
            &cube,
            &expect![
                "get, list of secrets (core) in any namespace but kube-system by any user but alice, or without a user"
            ],
        );
        cube.users = Users::named(Words::any());
        cube.groups = Groups::one_of(["a", "b"]).and(&Groups::none_of(["c"]));
        cube.target = TargetSet::Resource(ResourceSet {
            subresources: Words::only(["scale"]),
            resources: Words::any(),
            namespaces: Words::only([""]),
            names: Words::except([""]),
            ..secrets.clone()
        });
        check(
            &cube,
            &expect![
                "get, list of */scale (core) without a namespace with a name by any user in group a or b not in group c"
            ],
        );
        cube.groups = Groups::none_of(["c"]);
        cube.users = Users::any();
        cube.verbs = Words::except(["get"]);
        cube.target = TargetSet::Resource(ResourceSet {
            subresources: Words::except([""]),
            groups: Words::except(["apps"]),
            names: Words::only(["x"]),
            ..secrets
        });
        check(
            &cube,
            &expect![
                "any verb but get of secrets, subresources only (any API group but apps) in any namespace but kube-system named x by any user not in group c, or without a user"
            ],
        );
    }

    #[test]
    fn paths() {
        let check = |paths: &Paths, expected: &Expect| expected.assert_eq(&paths.to_string());
        let healthz = Paths::exact("/healthz").or(&Paths::pattern("/version*"));
        check(&healthz, &expect!["/healthz, /version*"]);
        check(&healthz.complement(), &expect!["any path but /healthz, /version*"]);
        let api = Paths::pattern("/api*").minus(&Paths::exact("/api")).minus(&Paths::pattern("/apis*"));
        check(&api, &expect!["/api* but /api, /apis*"]);
        check(&api.complement(), &expect!["some paths below /*"]);
        check(&Paths::any(), &expect!["any path"]);
    }
}

//! A cube in words.
//!
//! `get, list of secrets (core) in any namespace but kube-system by anyone but alice`

use std::fmt;

use super::cube::{Cube, ResourceSet, TargetSet};
use super::groups::Groups;
use super::paths::{Paths, Span};
use super::request::Shown;
use super::users::Users;
use super::words::Words;

/// How many words of a list are spelled out.
const LISTED_MAX: usize = 6;

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
    let prefix = match resources {
        any if any.is_any() => None,
        Words::Only(_) => Some(list(resources.named(), "\"\"")),
        Words::Except(_) => Some(format!("any resource but {}", list(resources.named(), "\"\""))),
    };
    match (prefix, subresources) {
        (None, any) if any.is_any() => f.write_str("any resource"),
        (None, none) if itself(none) => f.write_str("any resource, no subresource"),
        (None, Words::Only(few)) if few.len() == 1 => write!(f, "*/{}", list(subresources.named(), "none")),
        (Some(resources), any) if any.is_any() => write!(f, "{resources} with any subresource"),
        (Some(resources), none) if itself(none) => f.write_str(&resources),
        (resources, Words::Only(few))
            if few.len() == 1 && resources.as_ref().is_some_and(|it| !it.contains(' ')) =>
        {
            write!(f, "{}/{}", resources.unwrap_or_default(), list(subresources.named(), "none"))
        }
        (resources, Words::Only(_)) => {
            let resources = resources.unwrap_or_else(|| "any resource".to_owned());
            write!(f, "{resources}, subresource {}", list(subresources.named(), "none"))
        }
        (resources, Words::Except(_)) => {
            let resources = resources.unwrap_or_else(|| "any resource".to_owned());
            if itself(&subresources.complement()) {
                write!(f, "subresources of {resources}")
            } else {
                write!(f, "{resources}, any subresource but {}", list(subresources.named(), "none"))
            }
        }
    }
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
    starts.filter(holds_all).last().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(cube: &Cube, expected: Expect) {
        expected.assert_eq(&cube.to_string());
    }

    #[test]
    fn resources() {
        let cube = Cube::resources(ResourceSet::any());
        check(&cube, expect!["any verb of any resource in any namespace by anyone"]);
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
            expect![
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
            expect![
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
            expect![
                "any verb but get of subresources of secrets (any API group but apps) in any namespace but kube-system named x by any user not in group c, or without a user"
            ],
        );
    }

    #[test]
    fn paths() {
        let check = |paths: &Paths, expected: Expect| expected.assert_eq(&paths.to_string());
        let healthz = Paths::exact("/healthz").or(&Paths::pattern("/version*"));
        check(&healthz, expect!["/healthz, /version*"]);
        check(&healthz.complement(), expect!["any path but /healthz, /version*"]);
        let api = Paths::pattern("/api*").minus(&Paths::exact("/api")).minus(&Paths::pattern("/apis*"));
        check(&api, expect!["/api* but /api, /apis*"]);
        check(&api.complement(), expect!["some paths below /*"]);
        check(&Paths::any(), expect!["any path"]);
    }
}

//! From a rule to the cubes that it matches.

use std::collections::{BTreeMap, BTreeSet};

use super::cube::{Cube, ResourceSet, TargetSet};
use super::groups::Groups;
use super::paths::Paths;
use super::users::Users;
use super::words::Words;
use crate::{GroupResources, Rule, Scope};

/// The requests that `rule` matches; the cubes may overlap.
pub(super) fn cubes(rule: &Rule) -> Vec<Cube> {
    let users = if rule.users.is_empty() { Users::any() } else { Users::named(Words::only(&rule.users)) };
    let groups = if rule.user_groups.is_empty() { Groups::any() } else { Groups::one_of(&rule.user_groups) };
    let cube = |target| Cube {
        users: users.clone(),
        groups: groups.clone(),
        verbs: Words::condition(&rule.verbs),
        target,
    };
    let mut targets = Vec::new();
    if rule.scope() != Scope::NonResource {
        targets.extend(resources(rule).into_iter().map(TargetSet::Resource));
    }
    match rule.scope() {
        Scope::Any => targets.push(TargetSet::Path(Paths::any())),
        Scope::NonResource => {
            let all = rule
                .non_resource_urls
                .iter()
                .fold(Paths::none(), |paths, url| paths.or(&Paths::pattern(url)));
            targets.push(TargetSet::Path(all));
        }
        Scope::Resource => {}
    }
    targets.into_iter().map(cube).collect()
}

fn resources(rule: &Rule) -> Vec<ResourceSet> {
    let namespaces = Words::condition(&rule.namespaces);
    if rule.resources.is_empty() {
        return vec![ResourceSet { namespaces, ..ResourceSet::any() }];
    }
    // API groups that are asked for the same things share a cube.
    let mut groups: BTreeMap<(Words, Words, Words), Words> = BTreeMap::new();
    for entry in &rule.resources {
        let group = if entry.group == "*" { Words::any() } else { Words::only([&entry.group]) };
        for product in products(entry) {
            groups.entry(product).and_modify(|all| *all = all.or(&group)).or_insert_with(|| group.clone());
        }
    }
    groups
        .into_iter()
        .map(|((resources, subresources, names), groups)| ResourceSet {
            groups,
            resources,
            subresources,
            namespaces: namespaces.clone(),
            names,
        })
        .collect()
}

/// The products of resources, subresources and names that an entry stands for.
fn products(entry: &GroupResources) -> Vec<(Words, Words, Words)> {
    // An entry without resources takes the whole group and does not look at names.
    if entry.resources.is_empty() {
        return vec![(Words::any(), Words::any(), Words::any())];
    }
    let names = Words::condition(&entry.resource_names);
    let patterns = Patterns::of(&entry.resources);
    let mut products = Vec::new();
    if patterns.everything {
        return vec![(Words::any(), Words::any(), names)];
    }
    if !patterns.with_all.is_empty() {
        products.push((Words::only(&patterns.with_all), Words::any(), names.clone()));
    }
    if !patterns.of_all.is_empty() {
        products.push((Words::any(), Words::only(&patterns.of_all), names.clone()));
    }
    // Subresources that are asked of the same resources share a cube.
    let mut shared: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (subresource, resources) in patterns.exactly {
        shared.entry(resources).or_default().push(subresource);
    }
    for (resources, subresources) in shared {
        products.push((Words::only(resources), Words::only(subresources), names.clone()));
    }
    products
}

/// Resource patterns, sorted by kind. What names a segment with a `/` in it matches nothing and is left out.
#[derive(Default)]
struct Patterns<'a> {
    /// `*`
    everything: bool,
    /// `pods/*`: all subresources and the resource itself.
    with_all: BTreeSet<&'a str>,
    /// `*/scale`
    of_all: BTreeSet<&'a str>,
    /// By subresource: `pods/log`, and `pods` under `""`.
    exactly: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Patterns<'a> {
    fn of(patterns: &'a [String]) -> Self {
        let mut sorted = Self::default();
        for pattern in patterns {
            match pattern.split_once('/') {
                None if pattern == "*" => sorted.everything = true,
                None => {
                    sorted.exactly.entry("").or_default().insert(pattern);
                }
                Some((_, subresource)) if subresource.is_empty() || subresource.contains('/') => {}
                Some((resource, subresource)) => {
                    // `*/*` is both: a resource called `*`, and a subresource called `*`.
                    if subresource == "*" {
                        sorted.with_all.insert(resource);
                    }
                    if resource == "*" {
                        sorted.of_all.insert(subresource);
                    }
                    if subresource != "*" && resource != "*" {
                        sorted.exactly.entry(subresource).or_default().insert(resource);
                    }
                }
            }
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use auditward_event::Level;

    use super::*;
    use crate::matching::pattern_matches;
    use crate::{Attributes, Resource, Target};

    /// Every odd pattern against every pair of segments that can occur.
    #[test]
    fn patterns_mean_what_matching_says() {
        let patterns = [
            "pods", "pods/log", "pods/*", "*/log", "*", "*/*", "**", "**/*", "*/**", "a/b/c", "a/b/*",
            "*/b/c", "", "/", "/*", "*/", "/log", "pods/", "//*", "*//", "/pods", "pods*", "*pods", "nodes",
        ];
        let segments = ["", "*", "**", "pods", "log", "a", "b", "nodes", "pods*"];
        for pattern in patterns {
            let rule = Rule {
                resources: vec![GroupResources {
                    group: String::new(),
                    resources: vec![pattern.to_owned()],
                    resource_names: Vec::new(),
                }],
                ..Rule::catch_all(Level::None)
            };
            let cubes = cubes(&rule);
            for resource in segments {
                for subresource in segments {
                    let of = Resource { resource, subresource, ..Resource::default() };
                    let request = Attributes { user: None, verb: "list", target: Target::Resource(of) };
                    assert_eq!(
                        cubes.iter().any(|cube| cube.contains(&request)),
                        pattern_matches(pattern, &of),
                        "`{pattern}` of `{resource}`/`{subresource}`"
                    );
                }
            }
        }
    }
}

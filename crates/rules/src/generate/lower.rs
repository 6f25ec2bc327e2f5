//! A demand in the words of the policy language, which can name but not exclude.

use auditward_event::Level;
use auditward_policy::api_resources;
use auditward_policy::space::{Cube, Groups, Paths, Realism, ResourceSet, Space, TargetSet, Words};
use auditward_policy::{GroupResources, Rule};

use crate::coverage::Demand;

/// Rules that together match all that the demand asks for. Where the language cannot say a condition, the rule goes
/// without it and matches more.
pub(super) fn rules(demand: &Demand) -> Vec<Rule> {
    demand.space.cubes().iter().map(|cube| rule(cube, demand.level)).collect()
}

fn rule(cube: &Cube, level: Level) -> Rule {
    let mut rule = Rule::catch_all(level);
    // A rule that names users or groups never matches a request whose authentication failed.
    if !cube.users.absent {
        rule.users = members(&cube.users.names);
        if rule.users.is_empty() {
            rule.user_groups = one_of(&cube.groups);
        }
    }
    rule.verbs = members(&cube.verbs);
    match &cube.target {
        TargetSet::Path(paths) => rule.non_resource_urls = urls(paths),
        TargetSet::Resource(of) => {
            let usual = Space::from(cube.clone()).witness().is_some_and(|it| it.realism == Realism::Usual);
            rule.resources = resources(of, usual);
            rule.namespaces = members(&of.namespaces);
        }
    }
    rule
}

/// The words, where there are finitely many; none (any) otherwise.
fn members(words: &Words) -> Vec<String> {
    words.members().into_iter().flatten().map(str::to_owned).collect()
}

/// The groups of which one is needed, where the dimension asks for just that.
fn one_of(groups: &Groups) -> Vec<String> {
    let mut needed = groups.needed();
    match (needed.next(), needed.next()) {
        (Some(set), None) => set.map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn urls(paths: &Paths) -> Vec<String> {
    paths.patterns().unwrap_or_else(|| vec!["*".to_owned()])
}

/// An entry a group. Empty (any) where the resources can be any of any group. What is not `usual` is not what
/// Kubernetes serves by that name, so it is a custom resource, and its group is not known.
fn resources(of: &ResourceSet, usual: bool) -> Vec<GroupResources> {
    let names = members(&of.names);
    // A rule with names cannot match a request without one.
    let names = if names.iter().any(String::is_empty) { Vec::new() } else { names };
    let mut entries = Vec::new();
    for group in groups(of).into_iter().filter(|_| usual || of.groups.members().is_some()) {
        if let Some(resources) = patterns(of, Some(&group)) {
            entries.push(entry(group, resources, names.clone()));
        }
    }
    let anything = of.resources.members().is_none() && of.subresources.members().is_none();
    if entries.is_empty() && !(anything && names.is_empty()) {
        let resources = patterns(of, None).unwrap_or_default();
        entries.push(entry("*".to_owned(), resources, names));
    }
    entries
}

/// Names are of resources that are named, or the API server refuses the policy.
fn entry(group: String, mut resources: Vec<String>, resource_names: Vec<String>) -> GroupResources {
    if resources.is_empty() && !resource_names.is_empty() {
        resources.push("*".to_owned());
    }
    GroupResources { group, resources, resource_names }
}

/// The groups to name: those of the demand, or those in which Kubernetes has such a resource.
fn groups(of: &ResourceSet) -> Vec<String> {
    if let Some(groups) = of.groups.members() {
        return groups.map(str::to_owned).collect();
    }
    let mut groups: Vec<String> = api_resources::all()
        .iter()
        .filter(|known| of.groups.contains(known.group))
        .filter(|known| {
            of.resources.members().is_some() && of.resources.contains(known.resource)
                || of.resources.members().is_none()
                    && of.subresources.members().is_some_and(|mut subresources| {
                        subresources.any(|it| !it.is_empty() && known.verbs_of(it).is_some())
                    })
        })
        .map(|known| known.group.to_owned())
        .collect();
    groups.dedup();
    groups
}

/// Patterns within a group, or in whatever group; `None` where the group has nothing of what is asked.
fn patterns(of: &ResourceSet, group: Option<&str>) -> Option<Vec<String>> {
    let named_group = of.groups.members().is_some();
    let subresources: Option<Vec<&str>> = of.subresources.members().map(Iterator::collect);
    let Some(resources) = of.resources.members() else {
        return match subresources {
            // Any resource of a group: the empty list.
            None => Some(Vec::new()),
            Some(subresources) if subresources.contains(&"") => Some(Vec::new()),
            Some(subresources) => Some(subresources.iter().map(|it| format!("*/{it}")).collect()),
        };
    };
    let mut patterns = Vec::new();
    for resource in resources {
        let known = group.is_none_or(|group| api_resources::find(group, resource).is_some());
        if !named_group && !known {
            continue;
        }
        match &subresources {
            None => patterns.push(format!("{resource}/*")),
            Some(subresources) => patterns.extend(subresources.iter().map(|it| match *it {
                "" => resource.to_owned(),
                it => format!("{resource}/{it}"),
            })),
        }
    }
    (!patterns.is_empty()).then_some(patterns)
}

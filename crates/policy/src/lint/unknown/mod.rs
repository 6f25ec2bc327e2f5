//! Words in a policy that no API server knows.

pub(super) mod api_group;
pub(super) mod identity;
pub(super) mod leader_lock;
pub(super) mod pattern;
pub(super) mod removed_api;
pub(super) mod resource;
pub(super) mod subresource;
pub(super) mod verb;
pub(super) mod verb_not_served;
pub(super) mod wildcard;

use crate::api_resources;
use crate::read::FieldPath;
use crate::{GroupResources, Rule};

/// Where the objects live that a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Namespace,
    Cluster,
}

impl Scope {
    /// `None` when it names none, or of both sorts, or some that are unknown.
    pub(super) fn of(rule: &Rule) -> Option<Self> {
        let mut scopes = Vec::new();
        for entry in &rule.resources {
            if entry.resources.is_empty() {
                return None;
            }
            for pattern in &entry.resources {
                let known = api_resources::find(&entry.group, resource_of(pattern))?;
                scopes.push(if known.namespaced { Self::Namespace } else { Self::Cluster });
            }
        }
        let first = *scopes.first()?;
        scopes.iter().all(|scope| *scope == first).then_some(first)
    }
}

/// A resource pattern of a rule, with its place.
struct Pattern<'a> {
    rule: usize,
    entry_at: usize,
    at: usize,
    entry: &'a GroupResources,
    text: &'a str,
}

impl Pattern<'_> {
    fn path(&self) -> FieldPath {
        entry_path(self.rule, self.entry_at).key("resources").index(self.at)
    }

    fn resource(&self) -> &str {
        resource_of(self.text)
    }

    fn subresource(&self) -> Option<&str> {
        self.text.split_once('/').map(|(_, sub)| sub)
    }

    /// Whether it is `pods`, `pods/log`, `pods/*`, `*/log` or `*`: whether it can match anything at all.
    fn is_sound(&self) -> bool {
        let word = |word: &str| !word.is_empty() && !word.contains(['*', '/']);
        match self.text.split_once('/') {
            None => self.text == "*" || word(self.text),
            Some(("*", sub)) => word(sub),
            Some((resource, sub)) => word(resource) && (sub == "*" || word(sub)),
        }
    }
}

fn resource_of(pattern: &str) -> &str {
    pattern.split_once('/').map_or(pattern, |(resource, _)| resource)
}

fn entry_path(rule: usize, entry: usize) -> FieldPath {
    FieldPath::rule(rule).key("resources").index(entry)
}

/// The entries of `resources` of all rules.
fn entries<'c>(
    cx: &'c super::context::Context<'_>,
) -> impl Iterator<Item = (usize, usize, &'c GroupResources)> {
    cx.rules()
        .flat_map(|(rule, it)| it.resources.iter().enumerate().map(move |(at, entry)| (rule, at, entry)))
}

/// The resource patterns of all rules.
fn patterns<'c>(cx: &'c super::context::Context<'_>) -> impl Iterator<Item = Pattern<'c>> {
    entries(cx).flat_map(|(rule, entry_at, entry)| {
        let patterns = entry.resources.iter().enumerate();
        patterns.map(move |(at, text)| Pattern { rule, entry_at, at, entry, text })
    })
}

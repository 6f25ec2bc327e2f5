//! Which rules record bodies that hold what should not be in a log.

pub(super) mod config_maps;
pub(super) mod secrets;
pub(super) mod signing_requests;
pub(super) mod tokens;

use std::collections::BTreeSet;

use auditward_event::Level;

use super::context::Context;
use super::who::asking;
use super::{Draft, Fix, Proof, edit, names};
use crate::space::Space;
use crate::{GroupResources, Rule};

/// A resource of which some bodies hold what should not be in a log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sensitive {
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    pub(super) subresource: &'static str,
    /// Verbs whose request body holds it.
    asked: &'static [&'static str],
    /// Verbs whose response body holds it.
    answered: &'static [&'static str],
}

const WRITES: &[&str] = &["create", "update", "patch"];
// A watch is not here: its events are never recorded. `delete` answers with the object while it is being finalized.
const OBJECTS: &[&str] = &["get", "list", "create", "update", "patch", "delete", "deletecollection"];

pub(super) const SECRETS: Sensitive =
    Sensitive { group: "", resource: "secrets", subresource: "", asked: WRITES, answered: OBJECTS };
pub(super) const CONFIG_MAPS: Sensitive = Sensitive { resource: "configmaps", ..SECRETS };
/// The answer holds the new token, the question nothing.
pub(super) const TOKEN_REQUESTS: Sensitive = Sensitive {
    group: "",
    resource: "serviceaccounts",
    subresource: "token",
    asked: &[],
    answered: &["create"],
};
/// The question holds the token to be reviewed.
pub(super) const TOKEN_REVIEWS: Sensitive = Sensitive {
    group: "authentication.k8s.io",
    resource: "tokenreviews",
    subresource: "",
    asked: &["create"],
    answered: &["create"],
};
pub(super) const SIGNING_REQUESTS: Sensitive = Sensitive {
    group: "certificates.k8s.io",
    resource: "certificatesigningrequests",
    subresource: "",
    asked: WRITES,
    answered: OBJECTS,
};

/// What no log should ever hold, whoever reads it.
pub(super) const CREDENTIALS: [Sensitive; 3] = [SECRETS, TOKEN_REQUESTS, TOKEN_REVIEWS];

impl Sensitive {
    /// `serviceaccounts/token`
    pub(super) fn pattern(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// Every request for it.
    pub(super) fn any(&self) -> Space {
        asking(self.group, self.resource, self.subresource, &[])
    }

    /// The requests for it whose bodies, recorded at `level`, hold it.
    fn told_at(&self, level: Level) -> Space {
        let verbs = match level {
            Level::None | Level::Metadata => &[],
            Level::Request => self.asked,
            Level::RequestResponse => self.answered,
        };
        match verbs {
            [] => Space::nothing(),
            verbs => asking(self.group, self.resource, self.subresource, verbs),
        }
    }

    /// The rules that record its bodies, each with a request.
    pub(super) fn leaks(&self, cx: &Context<'_>) -> Vec<(usize, Proof)> {
        let mut leaks = Vec::new();
        for level in [Level::Request, Level::RequestResponse] {
            for part in cx.decide(&self.told_at(level)) {
                let Some(rule) = part.rule.filter(|_| cx.level(part.rule) == level) else { continue };
                leaks.extend(Context::proof(&part.space, part.rule).map(|proof| (rule, proof)));
            }
        }
        leaks.sort_by_key(|(rule, _)| *rule);
        leaks
    }
}

/// One finding for each rule that records bodies of `sensitive`.
pub(super) fn findings(cx: &Context<'_>, sensitive: Sensitive, what: &str) -> Vec<Draft> {
    let message = |rule: usize| {
        let level = cx.level(Some(rule));
        let place = names::resource(sensitive.group, &sensitive.pattern());
        format!("records {what} ({place} at {level})")
    };
    let draft = |(rule, proof): (usize, Proof)| Draft::rule(rule, message(rule)).witness(Some(proof));
    sensitive.leaks(cx).into_iter().map(draft).collect()
}

/// Keeps credentials out of the bodies that `rule` records, and changes nothing else that is recorded now.
pub(super) fn keep_out(cx: &Context<'_>, rule: usize) -> Option<Fix> {
    let leaking: Vec<(Sensitive, BTreeSet<usize>)> = CREDENTIALS
        .into_iter()
        .map(|it| (it, it.leaks(cx).into_iter().map(|(rule, _)| rule).collect::<BTreeSet<_>>()))
        .filter(|(_, rules)| !rules.is_empty())
        .collect();
    let of_rule =
        |rule: usize| leaking.iter().filter(move |(_, rules)| rules.contains(&rule)).map(|(it, _)| *it);
    let first = leaking.iter().filter_map(|(_, rules)| rules.first().copied()).min()?;
    // A rule about nothing but credentials simply has the wrong level.
    if is_about_credentials_alone(cx, rule) {
        return edit::set_level(cx, rule, Level::Metadata, true);
    }
    // One plain rule before the first that leaks serves all, unless it would record what later rules drop.
    let all: Vec<Sensitive> = leaking.iter().map(|(it, _)| *it).collect();
    if !is_about_credentials_alone(cx, first) && !drops_from(cx, first, &all) {
        return inserted(cx, first, metadata(&all), &all);
    }
    // Otherwise one that asks for just what this rule asks for.
    let own: Vec<Sensitive> = of_rule(rule).collect();
    let narrow = metadata(&own);
    let like = &cx.policy.rules[rule];
    let narrow = Rule {
        users: like.users.clone(),
        user_groups: like.user_groups.clone(),
        verbs: like.verbs.clone(),
        namespaces: like.namespaces.clone(),
        ..narrow
    };
    inserted(cx, rule, narrow, &own)
}

fn is_about_credentials_alone(cx: &Context<'_>, rule: usize) -> bool {
    let mut rest = cx.named(rule);
    for it in CREDENTIALS {
        rest = cx.known(rest.minus(&any_verb(it))).unwrap_or_else(Space::everything);
    }
    rest.is_empty()
}

/// Every request for it, also with verbs that it does not serve.
fn any_verb(it: Sensitive) -> Space {
    let every: Vec<_> = crate::space::universe::RESOURCE_VERBS.to_vec();
    asking(it.group, it.resource, it.subresource, &every)
}

/// Whether the rule at `from`, a later one or none at all records nothing of some request for these.
fn drops_from(cx: &Context<'_>, from: usize, all: &[Sensitive]) -> bool {
    all.iter().any(|it| {
        let parts = cx.decide(&any_verb(*it));
        parts
            .iter()
            .any(|part| part.rule.is_none_or(|rule| rule >= from) && cx.level(part.rule) == Level::None)
    })
}

fn metadata(of: &[Sensitive]) -> Rule {
    let mut resources: Vec<GroupResources> = Vec::new();
    for it in of {
        match resources.iter_mut().find(|entry| entry.group == it.group) {
            Some(entry) => entry.resources.push(it.pattern()),
            None => resources.push(GroupResources {
                group: it.group.to_owned(),
                resources: vec![it.pattern()],
                resource_names: Vec::new(),
            }),
        }
    }
    Rule { resources, ..Rule::catch_all(Level::Metadata) }
}

fn inserted(cx: &Context<'_>, at: usize, rule: Rule, of: &[Sensitive]) -> Option<Fix> {
    let patterns: Vec<String> = of.iter().map(Sensitive::pattern).collect();
    let what = names::joined(&patterns, "and");
    let comment = "Bodies of these hold credentials: record who asked and when, not what was said.";
    edit::insert_rule(
        cx,
        at,
        rule,
        comment,
        format!("record {what} at Metadata before {}", cx.name(at)),
        true,
    )
}

//! What costs much and tells little.

pub(super) mod endpoint_slices;
pub(super) mod events;
pub(super) mod leases;
pub(super) mod managed_fields;
pub(super) mod probes;
pub(super) mod read_bodies;
pub(super) mod request_received;
pub(super) mod status_bodies;
pub(super) mod watch_bodies;

use auditward_event::Level;

use super::context::Context;
use super::{Draft, Fix, edit};
use crate::space::Space;
use crate::{GroupResources, Rule};

/// The first rule, in the order of `asked`, that records one of these requests, told with a request as proof.
fn recorded(cx: &Context<'_>, asked: &[Space], message: &str) -> Option<Draft> {
    for space in asked {
        for part in cx.decide(space) {
            let Some(rule) = part.rule.filter(|_| cx.level(part.rule) > Level::None) else { continue };
            let draft = Draft::rule(rule, format!("{message} at {}", cx.level(part.rule)));
            return Some(draft.witness(Context::proof(&part.space, part.rule)));
        }
    }
    None
}

/// Drops `resources` with these verbs before the rule that records them. Only on request: what is dropped is gone.
fn dropping(cx: &Context<'_>, draft: Draft, verbs: &[&str], resources: &[(&str, &str)], why: &str) -> Draft {
    let fix = draft.rule.and_then(|at| dropped(cx, at, verbs, resources, why));
    draft.fix(fix)
}

fn dropped(
    cx: &Context<'_>,
    at: usize,
    verbs: &[&str],
    resources: &[(&str, &str)],
    why: &str,
) -> Option<Fix> {
    let entry = |(group, resource): &(&str, &str)| GroupResources {
        group: (*group).to_owned(),
        resources: vec![(*resource).to_owned()],
        resource_names: Vec::new(),
    };
    let rule = Rule {
        verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
        resources: resources.iter().map(entry).collect(),
        ..Rule::catch_all(Level::None)
    };
    let mut names: Vec<&str> = resources.iter().map(|(_, resource)| *resource).collect();
    names.dedup();
    let what = super::names::joined(&names, "and");
    edit::insert_rule(cx, at, rule, why, format!("drop {what} before {}", cx.name(at)), false)
}

//! What a detection asks of an audit policy.

use auditward_event::{Level, Stage};
use auditward_expr::Expr;
use auditward_expr::symbolic::{self, Names, Way};
use auditward_policy::StageSet;
use auditward_policy::space::{Cube, Groups, Paths, ResourceSet, Space, TargetSet, Users, Words};

use crate::{Rule, Source, Step, Trigger};

/// Requests that a detection has to see, and how much of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// What it is for: the name of a sequence's step; empty where the rule has only one.
    pub step: String,
    /// The requests.
    pub space: Space,
    /// The least level at which they tell enough.
    pub level: Level,
    /// Stages of which each alone is enough.
    pub stages: StageSet,
    /// The places in an event that make it so, for people: `requestObject.spec.hostNetwork`.
    pub paths: Vec<String>,
}

/// What the rule asks of an audit policy.
///
/// Whatever is counted together is one step, since each of it is enough; a sequence needs all of its steps, and those of a
/// sequence in a step too. A sequence that is counted beside something else is taken for one step.
pub fn demands(rule: &Rule) -> Vec<Demand> {
    of_trigger("", &rule.trigger)
}

fn of_trigger(step: &str, trigger: &Trigger) -> Vec<Demand> {
    match trigger {
        Trigger::Sequence { steps, .. } => {
            let of_step = |(index, inner): (usize, &Step)| of_source(&name(step, index, inner), &inner.when);
            steps.iter().enumerate().flat_map(of_step).collect()
        }
        Trigger::Count { of, .. } if let [only] = of.as_slice() => of_source(step, &only.when),
        trigger => trigger.expressions().into_iter().flat_map(|expr| of_expr(step, expr)).collect(),
    }
}

fn of_source(step: &str, source: &Source) -> Vec<Demand> {
    match source {
        Source::Event(expr) => of_expr(step, expr),
        Source::Fires { trigger, .. } => of_trigger(step, trigger),
    }
}

/// A step's own name, behind that of the step in which it is.
fn name(within: &str, index: usize, step: &Step) -> String {
    let own = if step.name.is_empty() { format!("step {}", index + 1) } else { step.name.clone() };
    if within.is_empty() { own } else { format!("{within}, {own}") }
}

/// What can never be true is one demand for nothing, which no policy can feed.
fn of_expr(step: &str, expr: &Expr) -> Vec<Demand> {
    let needs = symbolic::symbolic(expr);
    let ways = needs.ways.iter().map(|way| Demand {
        step: step.to_owned(),
        space: space(way),
        level: way.level,
        stages: way.stages.iter().copied().collect(),
        paths: way.paths.iter().cloned().collect(),
    });
    let mut demands: Vec<Demand> = ways.filter(|demand| !demand.space.is_empty()).collect();
    if demands.is_empty() {
        demands.push(Demand {
            step: step.to_owned(),
            space: Space::nothing(),
            level: Level::Metadata,
            stages: StageSet::ALL,
            paths: Vec::new(),
        });
    }
    demands
}

fn space(way: &Way) -> Space {
    let resources = way.about.resources.as_ref().map(|of| {
        TargetSet::Resource(ResourceSet {
            groups: words(&of.groups),
            resources: words(&of.resources),
            subresources: words(&of.subresources),
            namespaces: words(&of.namespaces),
            names: words(&of.names),
        })
    });
    let paths = way.about.paths.as_ref().map(|paths| TargetSet::Path(self::paths(paths)));
    let cube = |target| Cube {
        users: Users { names: words(&way.users), absent: way.without_user },
        groups: groups(way),
        verbs: words(&way.verbs),
        target,
    };
    resources.into_iter().chain(paths).map(cube).collect()
}

fn words(names: &Names) -> Words {
    match names {
        Names::Only(names) => Words::only(names),
        Names::Except(names) => Words::except(names),
    }
}

fn groups(way: &Way) -> Groups {
    let none_of = if way.not_groups.is_empty() { Groups::any() } else { Groups::none_of(&way.not_groups) };
    way.groups.iter().fold(none_of, |all, one_of| all.and(&Groups::one_of(one_of)))
}

fn paths(paths: &symbolic::Paths) -> Paths {
    match paths {
        symbolic::Paths::Any => Paths::any(),
        symbolic::Paths::Some { exact, prefixes } => {
            let exact = exact.iter().map(|path| Paths::exact(path));
            let prefixes = prefixes.iter().map(|prefix| Paths::prefix(prefix));
            exact.chain(prefixes).fold(Paths::none(), |all, one| all.or(&one))
        }
    }
}

/// Requests that are answered before they are done: only these have an event at `ResponseStarted`.
pub(super) fn long_running() -> Space {
    let watch = Cube { verbs: Words::only(["watch"]), ..Cube::resources(ResourceSet::any()) };
    let connect = Cube::resources(ResourceSet {
        subresources: Words::only(["attach", "exec", "log", "portforward", "proxy"]),
        ..ResourceSet::any()
    });
    [watch, connect].into_iter().collect()
}

/// Stages that every request goes through, whatever becomes of it.
pub(super) const CERTAIN: [Stage; 2] = [Stage::RequestReceived, Stage::ResponseComplete];

//! Fewer rules that do the same.

use auditward_event::Level;
use auditward_policy::space::{Space, TooComplex};
use auditward_policy::{GroupResources, Policy, Rule};

use super::{credentials, first_not_fed};
use crate::coverage::{Demand, Judge};

/// Joins rules of one level that differ in one dimension only, and drops those that lie within another of the same or
/// a higher level. What is recorded does not change.
pub(super) fn join(policy: &mut Policy) -> Result<(), TooComplex> {
    policy.rules.iter_mut().for_each(tidy);
    while join_one(&mut policy.rules) {}
    drop_within(&mut policy.rules)
}

fn join_one(rules: &mut Vec<Rule>) -> bool {
    for at in 0..rules.len() {
        for other in at + 1..rules.len() {
            if let Some(joined) = joined(&rules[at], &rules[other]) {
                rules[at] = joined;
                rules.remove(other);
                return true;
            }
        }
    }
    false
}

/// One rule for both, where one can say exactly what the two say.
fn joined(a: &Rule, b: &Rule) -> Option<Rule> {
    type Dimension = fn(&mut Rule) -> &mut Vec<String>;
    if a.level != b.level {
        return None;
    }
    let dimensions: [Dimension; 5] = [
        |rule| &mut rule.users,
        |rule| &mut rule.user_groups,
        |rule| &mut rule.verbs,
        |rule| &mut rule.namespaces,
        |rule| &mut rule.non_resource_urls,
    ];
    for dimension in dimensions {
        let (mut joined, mut rest) = (a.clone(), b.clone());
        let words = std::mem::take(dimension(&mut rest));
        let own = std::mem::take(dimension(&mut joined));
        // An empty list is any, and takes in every other.
        if joined == rest && (own.is_empty() == words.is_empty()) {
            *dimension(&mut joined) = own.into_iter().chain(words).collect();
            tidy(&mut joined);
            return Some(joined);
        }
    }
    let (mut joined, mut rest) = (a.clone(), b.clone());
    let entries = std::mem::take(&mut rest.resources);
    let own = std::mem::take(&mut joined.resources);
    if joined == rest && !own.is_empty() && !entries.is_empty() {
        joined.resources = own.into_iter().chain(entries).collect();
        tidy(&mut joined);
        return Some(joined);
    }
    None
}

/// Sorts lists, drops what stands twice, and keeps one entry a group and list of names.
fn tidy(rule: &mut Rule) {
    for list in [
        &mut rule.users,
        &mut rule.user_groups,
        &mut rule.verbs,
        &mut rule.namespaces,
        &mut rule.non_resource_urls,
    ] {
        list.sort();
        list.dedup();
    }
    let mut entries: Vec<GroupResources> = Vec::new();
    for entry in std::mem::take(&mut rule.resources) {
        let same = |known: &&mut GroupResources| {
            known.group == entry.group && known.resource_names == entry.resource_names
        };
        match entries.iter_mut().find(same) {
            // An empty list is the whole group.
            Some(known) if known.resources.is_empty() || entry.resources.is_empty() => {
                known.resources.clear();
            }
            Some(known) => known.resources.extend(entry.resources),
            None => entries.push(entry),
        }
    }
    for entry in &mut entries {
        entry.resources.sort();
        entry.resources.dedup();
        let whole: Vec<String> =
            entry.resources.iter().filter_map(|it| it.strip_suffix("/*")).map(str::to_owned).collect();
        entry.resources.retain(|it| {
            it.ends_with("/*") || !whole.iter().any(|of| it.split('/').next() == Some(of.as_str()))
        });
        entry.resource_names.sort();
        entry.resource_names.dedup();
    }
    entries.sort_by(|a, b| a.group.cmp(&b.group));
    rule.resources = entries;
}

fn drop_within(rules: &mut Vec<Rule>) -> Result<(), TooComplex> {
    let spaces: Vec<Space> = rules.iter().map(Space::matched_by).collect();
    let mut kept = vec![true; rules.len()];
    for at in 0..rules.len() {
        let mut others = Space::nothing();
        for other in (0..rules.len()).filter(|&other| other != at && kept[other]) {
            // Of two that are equal the first stays.
            if rules[other].level >= rules[at].level {
                others = others.or(spaces[other].clone());
            }
        }
        kept[at] = !spaces[at].is_within(&others)?;
    }
    let mut keep = kept.into_iter();
    rules.retain(|_| keep.next().unwrap_or(true));
    Ok(())
}

/// Leaves out every rule, entry and word without which all demands are still fed and no credential's body is recorded.
pub(super) fn leave_out(policy: &mut Policy, demands: &[Demand]) -> Result<(), TooComplex> {
    let mut at = 0;
    while at < policy.rules.len() {
        let mut without = policy.clone();
        without.rules.remove(at);
        if is_enough(&without, demands)? {
            *policy = without;
            continue;
        }
        at += 1;
    }
    for at in 0..policy.rules.len() {
        let mut entry = 0;
        while entry < policy.rules[at].resources.len() && policy.rules[at].resources.len() > 1 {
            let mut without = policy.clone();
            without.rules[at].resources.remove(entry);
            if is_enough(&without, demands)? {
                *policy = without;
                continue;
            }
            let mut pattern = 0;
            while pattern < policy.rules[at].resources[entry].resources.len()
                && policy.rules[at].resources[entry].resources.len() > 1
            {
                let mut without = policy.clone();
                without.rules[at].resources[entry].resources.remove(pattern);
                if is_enough(&without, demands)? {
                    *policy = without;
                } else {
                    pattern += 1;
                }
            }
            entry += 1;
        }
    }
    Ok(())
}

fn is_enough(policy: &Policy, demands: &[Demand]) -> Result<bool, TooComplex> {
    if policy.rules.is_empty() {
        return Ok(demands.iter().all(|demand| demand.space.is_empty()));
    }
    let judge = Judge::new(policy);
    if first_not_fed(&judge, demands)?.is_some() {
        return Ok(false);
    }
    keeps_credentials_out(policy, &judge)
}

/// Whether no event that a client can cause tells a credential.
fn keeps_credentials_out(policy: &Policy, judge: &Judge<'_>) -> Result<bool, TooComplex> {
    for part in judge.partition(&credentials(Level::RequestResponse))? {
        let level = part.rule.map_or(Level::None, |rule| policy.rules[rule].level);
        if part.space.and(&credentials(level))?.witness().is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

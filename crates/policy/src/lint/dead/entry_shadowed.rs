//! Entries of a rule's lists of which earlier rules take everything, while others still get something.

use std::collections::BTreeSet;

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, names};
use crate::read::FieldPath;
use crate::space::{Reach, Space};
use crate::{GroupResources, Rule};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "entry-shadowed",
    severity: Severity::Info,
    summary: "part of what a rule names never reaches it, because earlier rules take it",
    why: "Often that is meant: exceptions come first. Where it is not, these are recorded otherwise than this rule says.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let alive = cx.rules().filter(|(index, _)| matches!(cx.reach(*index), Some(Reach::Decides { taken_by, .. }) if !taken_by.is_empty()));
    alive.flat_map(|(index, rule)| in_rule(cx, index, rule)).collect()
}

/// How many words a rule may name for each to be looked at alone. Real ones name a few dozen.
const ENTRIES_MAX: usize = 400;

/// How many words the rule names.
fn named(rule: &Rule) -> usize {
    let of_entries =
        rule.resources.iter().map(|entry| 1 + entry.resources.len() + entry.resource_names.len());
    let of_lists = [&rule.users, &rule.user_groups, &rule.verbs, &rule.namespaces, &rule.non_resource_urls];
    of_entries.sum::<usize>() + of_lists.map(Vec::len).iter().sum::<usize>()
}

/// One finding a field.
fn in_rule(cx: &Context<'_>, index: usize, rule: &Rule) -> Vec<Draft> {
    let Some(decided) = cx.decided_by(index) else { return Vec::new() };
    if named(rule) > ENTRIES_MAX {
        cx.give_up();
        return Vec::new();
    }
    let mut drafts: Vec<Draft> = Vec::new();
    for field in fields(rule) {
        let dead: Vec<(&Entry, Space)> = field
            .entries
            .iter()
            .map(|entry| (entry, Space::matched_by(&entry.alone)))
            .filter(|(_, named)| !named.is_empty() && cx.both(decided, named).is_empty())
            .collect();
        let Some((first, named)) = dead.first() else { continue };
        let takers: BTreeSet<usize> =
            dead.iter().flat_map(|(_, named)| cx.decide(named)).filter_map(|part| part.rule).collect();
        if takers.is_empty() {
            continue;
        }
        let words: Vec<&str> = dead.iter().map(|(entry, _)| entry.word.as_str()).collect();
        let take = if takers.len() == 1 { "takes" } else { "take" };
        let message = format!(
            "{} never reach this rule: {} {take} them",
            names::quoted(&words, "and"),
            cx.names(takers)
        );
        let witness = cx.decide(named).first().and_then(|part| Context::proof(&part.space, part.rule));
        drafts.push(Draft::rule(index, message).at(first.path.clone()).witness(witness));
    }
    drafts
}

/// One list of a rule, with at least two entries.
struct Field {
    entries: Vec<Entry>,
}

struct Entry {
    word: String,
    path: FieldPath,
    /// The rule with this entry alone in the list.
    alone: Rule,
}

fn fields(rule: &Rule) -> Vec<Field> {
    type Pick = fn(&mut Rule) -> &mut Vec<String>;
    let lists: [(&str, Pick); 5] = [
        ("users", |rule| &mut rule.users),
        ("userGroups", |rule| &mut rule.user_groups),
        ("verbs", |rule| &mut rule.verbs),
        ("namespaces", |rule| &mut rule.namespaces),
        ("nonResourceURLs", |rule| &mut rule.non_resource_urls),
    ];
    let mut copy = rule.clone();
    let mut fields: Vec<Field> = lists
        .into_iter()
        .map(|(key, pick)| {
            let entries = pick(&mut copy).iter().enumerate();
            let entries = entries.map(|(at, word)| {
                let mut alone = rule.clone();
                *pick(&mut alone) = vec![word.clone()];
                Entry { word: word.clone(), path: FieldPath::ROOT.key(key).index(at), alone }
            });
            Field { entries: entries.collect() }
        })
        .collect();
    fields.push(Field { entries: resources(rule) });
    fields.retain(|field| field.entries.len() > 1);
    fields
}

fn resources(rule: &Rule) -> Vec<Entry> {
    let with = |entry: GroupResources| Rule { resources: vec![entry], ..rule.clone() };
    let mut entries = Vec::new();
    for (at, entry) in rule.resources.iter().enumerate() {
        let path = FieldPath::ROOT.key("resources").index(at);
        if entry.resources.is_empty() {
            let word = if entry.group.is_empty() {
                "the core group".to_owned()
            } else {
                format!("{}/*", entry.group)
            };
            entries.push(Entry { word, path, alone: with(entry.clone()) });
            continue;
        }
        for (pattern_at, pattern) in entry.resources.iter().enumerate() {
            let alone = with(GroupResources { resources: vec![pattern.clone()], ..entry.clone() });
            let path = path.key("resources").index(pattern_at);
            let word =
                if entry.group.is_empty() { pattern.clone() } else { format!("{}/{pattern}", entry.group) };
            entries.push(Entry { word, path, alone });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn what_never_arrives_is_told() {
        check(
            "entry-shadowed",
            "- {level: Request, resources: [{group: apps}]}\n\
             - {level: Metadata, resources: [{group: apps, resources: [deployments, daemonsets]}, {resources: [pods]}]}",
            expect![[r#"
                info rule 2 at 1:1: `apps/deployments` and `apps/daemonsets` never reach this rule: rule 1 (line 4) takes them
                  alice (system:authenticated): get deployments.apps web in default: rule 1
            "#]],
        );
        check(
            "entry-shadowed",
            "- {level: None, verbs: [watch]}\n- {level: Metadata, verbs: [get, watch]}",
            expect![[r#"
                info rule 2 at 1:1: `watch` never reach this rule: rule 1 (line 4) takes them
                  alice (system:authenticated): watch pods in default: rule 1
            "#]],
        );
    }

    #[test]
    fn exceptions_are_no_matter() {
        check(
            "entry-shadowed",
            "- {level: None, users: [bob], verbs: [get]}\n- {level: Metadata, verbs: [get, watch]}",
            expect![""],
        );
    }
}

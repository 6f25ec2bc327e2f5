//! Correlations: how often, how many different, or one after the other.
//!
//! | type | becomes |
//! | --- | --- |
//! | `event_count`, `value_count`, `value_sum`, `value_avg`, `value_median`, `value_percentile` | [`Trigger::Count`] |
//! | `temporal`, `temporal_ordered` | [`Trigger::Sequence`] |
//!
//! The expressions of the rules that are referred to are copied into the trigger; a correlation that is referred to
//! becomes a [`Source::Fires`]. So no rule depends on another one when it runs.

use std::collections::HashMap;

use auditward_expr::{Expr, Field};
use auditward_policy::read::{Node, Span, Value};

use super::condition::Condition;
use super::document::{self, Document, Word};
use super::notes::{Notes, near};
use super::{Body, Budget, Item, Loading, Names, detection, field};
use crate::{GroupBy, Relation, Rule, Source, Statistic, Step, Threshold, Trigger};

/// How many correlations may stand upon each other.
const STOREYS_MAX: usize = 8;

/// How many rules one may refer to.
const RULES_MAX: usize = 100;

/// The longest window: a year, in seconds.
const TIMESPAN_MAX: u64 = 366 * 86_400;

/// A correlation as it was written.
#[derive(Clone)]
pub(super) struct Correlation {
    span: Span,
    kind: Kind,
    rules: Vec<Word>,
    group_by: Vec<Word>,
    timespan: u64,
    condition: When,
    aliases: Vec<Alias>,
    generate: bool,
}

/// A name for a group that is read elsewhere in each rule's events.
#[derive(Clone)]
struct Alias {
    name: String,
    /// A rule's name or id, and the field there.
    fields: Vec<(Word, String)>,
}

/// What has to be so.
#[derive(Clone)]
enum When {
    Thresholds(Vec<Threshold>, Span),
    /// Only for sequences.
    Rules(Condition, Span),
}

#[derive(Clone, PartialEq, Debug)]
enum Kind {
    Events,
    /// Of these fields.
    Distinct(Vec<String>),
    Sum(String),
    Average(String),
    Percentile(String, u8),
    Temporal {
        ordered: bool,
    },
}

const TYPES: [&str; 8] = [
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
];

const KEYS: [&str; 7] = ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"];

const OPERATORS: [(&str, Relation); 6] = [
    ("gt", Relation::Greater),
    ("gte", Relation::GreaterOrEqual),
    ("lt", Relation::Less),
    ("lte", Relation::LessOrEqual),
    ("eq", Relation::Equal),
    ("neq", Relation::NotEqual),
];

/// Reads the section `correlation`.
pub(super) fn read(document: &Document, notes: &mut Notes) -> Option<Correlation> {
    let body = document.root.get("correlation")?;
    let Value::Map(entries) = &body.value else {
        notes.error(body.span.clone(), "`correlation` is a mapping, with `type`, `rules` and `timespan`");
        return None;
    };
    for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
        let near = near(&entry.key, KEYS);
        let note =
            notes.error(entry.key_span.clone(), format!("unknown key `{}` of a correlation", entry.key));
        note.hint = Some(match (near, entry.key.as_str()) {
            (_, "timeframe") => "did you mean `timespan`?".to_owned(),
            (Some(near), _) => format!("did you mean `{near}`?"),
            _ => format!("one of {}", KEYS.join(", ")),
        });
    }
    let start = body.span.start..body.span.start;
    let kind = kind(body, notes);
    let timespan = match body.get("timespan") {
        Some(node) => timespan(node, notes),
        None => {
            notes.error(start.clone(), "no `timespan`").hint("such as `5m`: the window in which to count");
            None
        }
    };
    let group_by = match body.get("group-by") {
        Some(node) => document::words(node, "group-by", notes)?,
        None => Vec::new(),
    };
    let rules = match body.get("rules") {
        Some(node) => document::words(node, "rules", notes)?,
        None => Vec::new(),
    };
    let generate = match body.get("generate").map(|node| (&node.value, node)) {
        None => false,
        Some((Value::Bool(value), _)) => *value,
        Some((_, node)) => {
            notes.error(node.span.clone(), "`generate` is `true` or `false`");
            false
        }
    };
    let aliases = aliases(body, notes);
    let (kind, timespan) = (kind?, timespan?);
    let is_temporal = matches!(kind, Kind::Temporal { .. });
    let (condition, rules) = when(body, is_temporal, rules, notes)?;
    if rules.is_empty() {
        notes.error(start, "no `rules`").hint("list the ids or names of the rules whose events are meant");
        return None;
    }
    if rules.len() > RULES_MAX {
        notes.error(start, format!("more than {RULES_MAX} rules in one correlation"));
        return None;
    }
    Some(Correlation {
        span: body.span.clone(),
        kind,
        rules,
        group_by,
        timespan,
        condition,
        aliases,
        generate,
    })
}

/// All rules of the load: plain ones as they are, correlations with their triggers.
pub(super) fn lower(items: &mut [Item], names: &Names, loading: &mut Loading<'_>) -> Vec<Rule> {
    let mut budget = std::mem::take(&mut loading.budget);
    let mut lowering = Lowering {
        items,
        names,
        budget: &mut budget,
        done: HashMap::new(),
        silent: Vec::new(),
        weights: HashMap::new(),
    };
    let mut results = Vec::new();
    for index in 0..lowering.items.len() {
        let Body::Correlation(_) = lowering.items[index].body else { continue };
        let mut notes = Notes::default();
        let lowered = lowering.correlation(index, 0, &mut notes);
        let (file, id) = (lowering.items[index].file, lowering.items[index].header.id().to_owned());
        loading.note(file, Some(&id), notes);
        results.push((index, lowered));
    }
    let silent = lowering.silent;
    let mut results: HashMap<usize, Option<Lowered>> = results.into_iter().collect();
    let mut rules = Vec::new();
    for (index, item) in items.iter_mut().enumerate() {
        let (trigger, group_by) = match std::mem::replace(&mut item.body, Body::Refused) {
            Body::Rule(expr) => (Trigger::Event(expr), GroupBy::new()),
            Body::Correlation(_) => match results.remove(&index).flatten() {
                Some(lowered) => (lowered.trigger, lowered.group_by),
                None => continue,
            },
            Body::Refused => continue,
        };
        let mut rule = item.rule(loading.files, trigger, group_by);
        rule.enabled &= !silent.contains(&index);
        rules.push(rule);
    }
    rules
}

struct Lowering<'i> {
    items: &'i [Item],
    names: &'i Names,
    budget: &'i mut Budget,
    done: HashMap<usize, Lowered>,
    /// What only feeds a correlation.
    silent: Vec<usize>,
    /// What the rules that correlations name ask, each counted once.
    weights: HashMap<usize, usize>,
}

#[derive(Clone)]
struct Lowered {
    trigger: Trigger,
    group_by: GroupBy,
    weight: usize,
    /// Names of groups that are no fields.
    aliases: Vec<String>,
}

impl Lowering<'_> {
    fn correlation(&mut self, index: usize, storey: usize, notes: &mut Notes) -> Option<Lowered> {
        if let Some(done) = self.done.get(&index) {
            return Some(done.clone());
        }
        let Body::Correlation(correlation) = &self.items[index].body else { return None };
        let correlation = correlation.clone();
        if storey > STOREYS_MAX {
            notes
                .error(correlation.span, format!("more than {STOREYS_MAX} correlations upon each other"))
                .hint("or they refer to each other in a circle, which has no meaning");
            return None;
        }
        let mut sources = Vec::new();
        let mut weight = 0;
        for word in &correlation.rules {
            let (target, lowered) = self.referred(word, index, storey, notes)?;
            weight += match &lowered {
                None => self.weight(target),
                Some(inner) => inner.weight,
            };
            // Before anything is copied: a thousand correlations may name one large rule.
            if weight > detection::WEIGHT_MAX || !self.budget.charge(weight) {
                notes.error(
                    correlation.span,
                    format!(
                        "the rules of this correlation ask more than {} questions",
                        detection::WEIGHT_MAX
                    ),
                );
                return None;
            }
            let step = match lowered {
                None => match &self.items[target].body {
                    Body::Rule(expr) => Source::Event(expr.clone()),
                    _ => return None,
                },
                Some(inner) => {
                    let shadow = correlation.group_by.iter().find(|word| {
                        inner.aliases.contains(&word.text)
                            && !correlation.aliases.iter().any(|alias| alias.name == word.text)
                    });
                    if let Some(word) = shadow {
                        notes
                            .error(
                                word.span.clone(),
                                format!(
                                    "`{}` is an alias inside `{}`, and no field here",
                                    word.text, correlation.rules[0].text
                                ),
                            )
                            .hint("say under `aliases` of this correlation which field is meant");
                        return None;
                    }
                    Source::Fires { trigger: Box::new(inner.trigger), group_by: inner.group_by }
                }
            };
            sources.push(Sourced { target, name: word.text.clone(), source: step });
        }
        let (trigger, group_by) = self.trigger(&correlation, sources, notes)?;
        if !correlation.generate {
            let targets = correlation.rules.iter().filter_map(|word| self.names.find(&word.text));
            self.silent.extend(targets.collect::<Vec<_>>());
        }
        let aliases = correlation.aliases.iter().map(|alias| alias.name.clone()).collect();
        let lowered = Lowered { trigger, group_by, weight, aliases };
        self.done.insert(index, lowered.clone());
        Some(lowered)
    }

    /// How much the rule at an index asks; nothing, if it is none.
    fn weight(&mut self, index: usize) -> usize {
        let Body::Rule(expr) = &self.items[index].body else { return 0 };
        *self.weights.entry(index).or_insert_with(|| detection::weight(expr))
    }

    /// Which rule a word means; with its trigger, if it is a correlation.
    fn referred(
        &mut self,
        word: &Word,
        from: usize,
        storey: usize,
        notes: &mut Notes,
    ) -> Option<(usize, Option<Lowered>)> {
        let Some(target) = self.names.find(&word.text) else {
            let note = notes.error(word.span.clone(), format!("no rule has the id or name `{}`", word.text));
            note.hint = self
                .names
                .suggestion(&word.text)
                .or_else(|| Some("it stands in no file that was read, or it is about other logs".to_owned()));
            return None;
        };
        if target == from {
            notes.error(word.span.clone(), "the correlation refers to itself");
            return None;
        }
        match &self.items[target].body {
            Body::Rule(_) => Some((target, None)),
            Body::Refused => {
                notes
                    .error(word.span.clone(), format!("the rule `{}` was refused", word.text))
                    .hint("see what is said of it");
                None
            }
            Body::Correlation(_) => {
                // What is wrong inside is told where it stands, when its turn comes.
                let mut inner = Notes::default();
                let lowered = self.correlation(target, storey + 1, &mut inner);
                if lowered.is_none() {
                    notes
                        .error(word.span.clone(), format!("the correlation `{}` cannot run", word.text))
                        .hint("see what is said of it, or whether the two refer to each other");
                }
                lowered.map(|lowered| (target, Some(lowered)))
            }
        }
    }

    fn trigger(
        &self,
        correlation: &Correlation,
        sources: Vec<Sourced>,
        notes: &mut Notes,
    ) -> Option<(Trigger, GroupBy)> {
        let mut groups = Vec::new();
        for source in &sources {
            groups.push(self.groups(correlation, source.target, notes)?);
        }
        let group_by = groups.first().cloned().unwrap_or_default();
        let same_groups = groups.iter().all(|group| *group == group_by);
        // A step says its own groups only where they are not the rule's.
        let step = |(source, group): (Sourced, GroupBy)| Step {
            name: source.name,
            when: source.source,
            group_by: if same_groups { GroupBy::new() } else { group },
        };
        let steps: Vec<Step> = sources.into_iter().zip(groups).map(step).collect();
        let of = |name: &str| field::first(name);
        let statistic = match &correlation.kind {
            Kind::Temporal { ordered } => {
                let steps = sequence(correlation, steps, *ordered, notes)?;
                let trigger =
                    Trigger::Sequence { steps, ordered: *ordered, window_seconds: correlation.timespan };
                return Some((trigger, group_by));
            }
            Kind::Events => Statistic::Events,
            Kind::Distinct(fields) => Statistic::Distinct(fields.iter().map(|name| of(name)).collect()),
            Kind::Sum(name) => Statistic::Sum(of(name)),
            Kind::Average(name) => Statistic::Average(of(name)),
            Kind::Percentile(name, percent) => Statistic::Percentile(of(name), *percent),
        };
        let When::Thresholds(thresholds, _) = &correlation.condition else { return None };
        let trigger = Trigger::Count {
            of: if same_groups { joined(steps) } else { steps },
            statistic,
            thresholds: thresholds.clone(),
            window_seconds: correlation.timespan,
        };
        Some((trigger, group_by))
    }

    /// The fields that name the groups of one rule's events.
    fn groups(&self, correlation: &Correlation, target: usize, notes: &mut Notes) -> Option<GroupBy> {
        let field = |word: &Word| -> Option<Field> {
            let Some(alias) = correlation.aliases.iter().find(|alias| alias.name == word.text) else {
                return Some(field::first(&word.text));
            };
            let own = alias.fields.iter().find(|(rule, _)| self.names.find(&rule.text) == Some(target));
            if own.is_none() {
                notes
                    .error(
                        word.span.clone(),
                        format!(
                            "the alias `{}` does not say which field of `{}` it is",
                            word.text,
                            self.items[target].header.id()
                        ),
                    )
                    .hint("list every rule of the correlation under the alias");
            }
            own.map(|(_, name)| field::first(name))
        };
        correlation.group_by.iter().map(field).collect()
    }
}

struct Sourced {
    target: usize,
    name: String,
    source: Source,
}

/// One step where all are plain events of the same groups: an event that several rules match counts once.
fn joined(steps: Vec<Step>) -> Vec<Step> {
    let name = steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(" or ");
    if steps.len() < 2 || !steps.iter().all(|step| matches!(step.when, Source::Event(_))) {
        return steps;
    }
    let any = steps.into_iter().filter_map(|step| match step.when {
        Source::Event(expr) => Some(expr),
        Source::Fires { .. } => None,
    });
    vec![Step { name, when: Source::Event(Expr::Or(any.collect())), group_by: GroupBy::new() }]
}

/// The steps of a sequence, by its condition.
fn sequence(
    correlation: &Correlation,
    steps: Vec<Step>,
    ordered: bool,
    notes: &mut Notes,
) -> Option<Vec<Step>> {
    let (condition, span) = match &correlation.condition {
        When::Rules(condition, span) => (condition, span),
        When::Thresholds(thresholds, span) => {
            #[expect(clippy::cast_precision_loss, reason = "a hundred rules at most")]
            let count = steps.len() as f64;
            let all = thresholds.iter().all(|threshold| threshold.holds(count))
                && !thresholds.iter().all(|threshold| threshold.holds(count - 1.0));
            if all || thresholds.is_empty() {
                return Some(steps);
            }
            notes
                .error(span.clone(), "how many of the rules is not understood, unless it is all of them")
                .hint("say which: `condition: rule_a and (rule_b or rule_c)`");
            return None;
        }
    };
    // The condition as "and" of "or"s: in each step one of several rules.
    let mut clauses = match clauses(condition, ordered) {
        Ok(clauses) => clauses,
        Err((message, hint)) => {
            notes.error(span.clone(), message).hint(hint);
            return None;
        }
    };
    // One that another one implies says nothing more.
    let all = clauses.clone();
    if !ordered {
        clauses.retain(|clause| {
            !all.iter()
                .any(|other| other.len() < clause.len() && other.iter().all(|name| clause.contains(name)))
        });
    }
    let mut out = Vec::new();
    for clause in clauses {
        let named: Vec<Step> =
            steps.iter().filter(|step| clause.contains(&step.name.as_str())).cloned().collect();
        let grouped = named.iter().any(|step| step.group_by != named[0].group_by);
        let group_by = named.first().map(|step| step.group_by.clone()).unwrap_or_default();
        match joined(named).as_slice() {
            [one] if !grouped => out.push(Step { group_by, ..one.clone() }),
            _ => {
                notes
                    .error(
                        span.clone(),
                        "`or` between correlations, or between rules with aliases, is not understood",
                    )
                    .hint("write a correlation for each of the two");
                return None;
            }
        }
    }
    Some(out)
}

/// More than this has no reader.
const CLAUSES_MAX: usize = 32;

type Clauses<'c> = Vec<Vec<&'c str>>;

/// The condition as clauses of which each needs one of its rules.
fn clauses(condition: &Condition, ordered: bool) -> Result<Clauses<'_>, (String, &'static str)> {
    match condition {
        Condition::Name(name, _) => Ok(vec![vec![name.as_str()]]),
        Condition::And(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(clauses(part, ordered)?);
                bounded(&all)?;
            }
            Ok(all)
        }
        Condition::Or(parts) => {
            let mut ways: Clauses<'_> = vec![Vec::new()];
            for part in parts {
                let part = clauses(part, ordered)?;
                if ordered && part.len() > 1 {
                    return Err((
                        "in order, `or` stands between single rules only".to_owned(),
                        "write a correlation for each of the ways",
                    ));
                }
                ways = ways
                    .iter()
                    .flat_map(|way| {
                        part.iter().map(move |clause| {
                            let mut way = way.clone();
                            way.extend(clause.iter().filter(|name| !way.contains(name)).copied().collect::<Vec<_>>());
                            way
                        })
                    })
                    .collect();
                bounded(&ways)?;
            }
            Ok(ways)
        }
        Condition::Not(_) => Err((
            "`not` in a correlation is not understood: that nothing happened is known only when its time is over"
                .to_owned(),
            "leave out what is harmless in the rules themselves, or with a filter",
        )),
        Condition::Of { .. } => {
            Err(("patterns have no meaning between rules".to_owned(), "name each rule"))
        }
    }
}

fn bounded(clauses: &Clauses<'_>) -> Result<(), (String, &'static str)> {
    if clauses.len() <= CLAUSES_MAX {
        return Ok(());
    }
    Err((format!("more than {CLAUSES_MAX} alternatives"), "write several correlations"))
}

fn kind(body: &Node, notes: &mut Notes) -> Option<Kind> {
    let Some(node) = body.get("type") else {
        notes
            .error(body.span.start..body.span.start, "no `type`")
            .hint(format!("one of {}", TYPES.join(", ")));
        return None;
    };
    let word = document::text(node).unwrap_or_default();
    let condition = body.get("condition");
    let at = condition.map_or(node.span.clone(), |node| node.span.clone());
    let mut fields = || -> Option<Vec<String>> {
        let Some(field) = condition.and_then(|condition| condition.get("field")) else {
            notes
                .error(at.clone(), format!("`{word}` needs a `field` in its `condition`"))
                .hint("whose values are meant: `condition: {field: objectRef.namespace, gte: 3}`");
            return None;
        };
        let words = document::words(field, "field", notes)?;
        for word in &words {
            if !field::is_known(&word.text) {
                notes.info(word.span.clone(), format!("no audit event has a field `{}`", word.text)).hint =
                    field::suggestion(&word.text);
            }
        }
        Some(words.into_iter().map(|word| word.text).collect())
    };
    let mut one = || {
        let mut fields = fields()?;
        (fields.len() == 1).then(|| fields.remove(0))
    };
    Some(match word {
        "event_count" => Kind::Events,
        "value_count" => Kind::Distinct(fields().filter(|fields| !fields.is_empty())?),
        "temporal" => Kind::Temporal { ordered: false },
        "temporal_ordered" => Kind::Temporal { ordered: true },
        "value_sum" => Kind::Sum(one()?),
        "value_avg" => Kind::Average(one()?),
        "value_median" => Kind::Percentile(one()?, 50),
        "value_percentile" => {
            let name = one()?;
            let percentile = condition.and_then(|condition| condition.get("percentile"));
            let percent = percentile.and_then(|node| match &node.value {
                Value::Number(text) => text.parse::<u8>().ok().filter(|percent| *percent <= 100),
                _ => None,
            });
            let Some(percent) = percent else {
                notes.error(at, "`value_percentile` needs a `percentile` from 0 to 100 in its `condition`");
                return None;
            };
            Kind::Percentile(name, percent)
        }
        _ => {
            let near = near(word, TYPES);
            notes.error(node.span.clone(), format!("unknown type `{word}` of a correlation")).hint(
                near.map_or_else(
                    || format!("one of {}", TYPES.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                ),
            );
            return None;
        }
    })
}

/// `5m` in seconds.
fn timespan(node: &Node, notes: &mut Notes) -> Option<u64> {
    let read = |text: &str| {
        let unit = text.chars().next_back()?;
        let digits = &text[..text.len() - unit.len_utf8()];
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            // A year has 365.2425 days, and 12 months.
            'M' => 2_629_746,
            'y' => 31_556_952,
            _ => return None,
        };
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let count = plain.then(|| digits.parse::<u64>().ok()).flatten()?;
        count.checked_mul(seconds).filter(|seconds| (1..=TIMESPAN_MAX).contains(seconds))
    };
    let read = document::text(node).and_then(read);
    if read.is_none() {
        notes
            .error(node.span.clone(), "not a time span")
            .hint("a number and one of s, m, h, d, w, M, y: `5m`; more than nothing, and at most a year");
    }
    read
}

fn aliases(body: &Node, notes: &mut Notes) -> Vec<Alias> {
    let Some(node) = body.get("aliases") else { return Vec::new() };
    let wrong = |node: &Node, notes: &mut Notes| {
        notes
            .error(node.span.clone(), "an alias is a mapping from rules to fields")
            .hint("`aliases: {who: {rule_a: user.username, rule_b: impersonatedUser.username}}`");
    };
    let Value::Map(entries) = &node.value else {
        wrong(node, notes);
        return Vec::new();
    };
    let mut aliases = Vec::new();
    for entry in entries {
        let Value::Map(rules) = &entry.node.value else {
            wrong(&entry.node, notes);
            continue;
        };
        let mut fields = Vec::new();
        for rule in rules {
            match document::text(&rule.node) {
                Some(name) => fields
                    .push((Word { text: rule.key.clone(), span: rule.key_span.clone() }, name.to_owned())),
                None => wrong(&rule.node, notes),
            }
        }
        aliases.push(Alias { name: entry.key.clone(), fields });
    }
    aliases
}

/// The condition, and the rules that it names where nothing else lists them.
fn when(body: &Node, temporal: bool, rules: Vec<Word>, notes: &mut Notes) -> Option<(When, Vec<Word>)> {
    let Some(node) = body.get("condition") else {
        if temporal {
            return Some((When::Thresholds(Vec::new(), body.span.clone()), rules));
        }
        notes
            .error(body.span.start..body.span.start, "no `condition`")
            .hint("such as `condition: {gte: 10}`");
        return None;
    };
    match &node.value {
        Value::String(text) if temporal => match Condition::parse(text) {
            Ok(condition) => {
                let rules = named(&condition, rules, node, notes)?;
                Some((When::Rules(condition, node.span.clone()), rules))
            }
            Err(refused) => {
                notes.error(node.span.clone(), refused.message).hint = refused.hint;
                None
            }
        },
        Value::Map(_) => thresholds(node, notes).map(|all| (When::Thresholds(all, node.span.clone()), rules)),
        _ => {
            notes
                .error(node.span.clone(), "a number is compared here")
                .hint("such as `condition: {gte: 10}`");
            None
        }
    }
}

/// The rules that a condition names have to be those of the list, if there is one.
fn named(condition: &Condition, rules: Vec<Word>, node: &Node, notes: &mut Notes) -> Option<Vec<Word>> {
    let mut names = Vec::new();
    collect(condition, &mut names);
    if rules.is_empty() {
        let word = |name: &&str| Word { text: (*name).to_owned(), span: node.span.clone() };
        return Some(names.iter().map(word).collect());
    }
    let mut agree = true;
    for rule in rules.iter().filter(|rule| !names.contains(&rule.text.as_str())) {
        notes.error(rule.span.clone(), format!("the condition does not name the rule `{}`", rule.text));
        agree = false;
    }
    for name in names.iter().filter(|name| !rules.iter().any(|rule| rule.text == **name)) {
        notes.error(node.span.clone(), format!("`{name}` is not among the `rules`"));
        agree = false;
    }
    agree.then_some(rules)
}

fn collect<'c>(condition: &'c Condition, names: &mut Vec<&'c str>) {
    match condition {
        Condition::Name(name, _) if !names.contains(&name.as_str()) => names.push(name),
        Condition::Name(..) | Condition::Of { .. } => {}
        Condition::Not(inner) => collect(inner, names),
        Condition::And(parts) | Condition::Or(parts) => parts.iter().for_each(|part| collect(part, names)),
    }
}

fn thresholds(node: &Node, notes: &mut Notes) -> Option<Vec<Threshold>> {
    let Value::Map(entries) = &node.value else { return None };
    let mut thresholds = Vec::new();
    for entry in entries.iter().filter(|entry| !matches!(entry.key.as_str(), "field" | "percentile")) {
        let Some((_, relation)) = OPERATORS.iter().find(|(word, _)| *word == entry.key) else {
            let known = OPERATORS.iter().map(|(word, _)| *word);
            let words = known.clone().collect::<Vec<_>>().join(", ");
            let near = near(&entry.key, known);
            notes.error(entry.key_span.clone(), format!("unknown key `{}` of a condition", entry.key)).hint(
                near.map_or_else(|| format!("one of {words}"), |near| format!("did you mean `{near}`?")),
            );
            return None;
        };
        let number = match &entry.node.value {
            Value::Number(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
            _ => None,
        };
        let Some(value) = number else {
            notes.error(entry.node.span.clone(), "expected a number");
            return None;
        };
        thresholds.push(Threshold { relation: *relation, value });
    }
    if thresholds.is_empty() {
        notes.error(node.span.clone(), "the condition compares nothing").hint("such as `gte: 10`");
        return None;
    }
    let upwards =
        |relation| matches!(relation, Relation::Greater | Relation::GreaterOrEqual | Relation::Equal);
    if !thresholds.iter().any(|threshold| upwards(threshold.relation)) {
        notes
            .info(node.span.clone(), "without a lower bound this fires from the first event on")
            .hint("windows see events, not their absence");
    }
    Some(thresholds)
}

//! An expression in short, for snapshots.

use auditward_expr::{Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Test};
use auditward_rules::{Relation, Rule, Source, Statistic, Step, Trigger};

/// The expression of the first rule.
pub(crate) fn first(rules: &[Rule]) -> String {
    match &rules[0].trigger {
        Trigger::Event(expr) => show(expr),
        other => trigger(other),
    }
}

pub(crate) fn show(expr: &Expr) -> String {
    match expr {
        Expr::Const(value) => value.to_string(),
        Expr::Not(inner) => format!("not {}", show(inner)),
        Expr::And(parts) => format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(" and ")),
        Expr::Or(parts) => format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(" or ")),
        Expr::Test(test) => shown(test),
        Expr::Some { .. } => format!("{expr:?}"),
    }
}

fn shown(Test { field: of, quantifier, check }: &Test) -> String {
    let every = if *quantifier == Quantifier::Every { "every " } else { "" };
    let text = |fold: Fold, text: &dyn std::fmt::Debug| match fold {
        Fold::Exact => format!("{text:?} exactly"),
        Fold::Ascii => format!("{text:?} ascii"),
        Fold::Unicode => format!("{text:?}"),
    };
    let check = match check {
        Match::Exists => "exists".to_owned(),
        Match::Null => "is null".to_owned(),
        Match::Is(Literal::Text(value)) => format!("is {value:?}"),
        Match::Is(other) => format!("is {other:?}"),
        Match::In(values, fold) => format!("in {}", text(*fold, values)),
        Match::Equals(value, fold) => format!("= {}", text(*fold, value)),
        Match::Contains(value, fold) => format!("contains {}", text(*fold, value)),
        Match::StartsWith(value, fold) => format!("startswith {}", text(*fold, value)),
        Match::EndsWith(value, fold) => format!("endswith {}", text(*fold, value)),
        Match::Glob(value, fold) => format!("glob {}", text(*fold, value)),
        Match::Regex(value) => format!("re {value}"),
        Match::Number(compare, value) => format!("{} {value}", sign(*compare)),
        Match::Cidr(networks) => format!("cidr {}", networks.join(" ")),
        Match::Field(compare, other) => format!("{} {}", sign(*compare), field(other)),
        other => format!("{other:?}"),
    };
    format!("{every}{} {check}", field(of))
}

fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => "==",
        Compare::Less => "<",
        Compare::LessOrEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterOrEqual => ">=",
        Compare::Contains => "contains",
        Compare::StartsWith => "startswith",
        Compare::EndsWith => "endswith",
    }
}

pub(crate) fn field(field: &Field) -> String {
    let root = match &field.root {
        Root::Dotted(keys) => keys.join("."),
        Root::Event(path) => format!("exactly {path}"),
        Root::Pod(path) => format!("pod:{path}"),
        Root::Container(path) => format!("container:{path}"),
        Root::Anywhere => "anywhere".to_owned(),
        other => format!("{other:?}"),
    };
    field.functions.iter().fold(root, |inner, function| match function {
        Function::TimePart(part) => format!("{part:?}({inner})"),
        other => format!("{other:?}({inner})"),
    })
}

/// Several lines.
pub(crate) fn trigger(shown: &Trigger) -> String {
    match shown {
        Trigger::Event(expr) => show(expr),
        Trigger::Count { of, statistic, thresholds, window_seconds } => {
            let number = match statistic {
                Statistic::Events => "events".to_owned(),
                Statistic::Distinct(fields) => {
                    format!("distinct {}", fields.iter().map(field).collect::<Vec<_>>().join("+"))
                }
                Statistic::Sum(of) => format!("sum {}", field(of)),
                Statistic::Average(of) => format!("average {}", field(of)),
                Statistic::Percentile(of, percent) => format!("percentile {percent} {}", field(of)),
            };
            let bounds: Vec<String> = thresholds
                .iter()
                .map(|threshold| format!("{} {}", relation(threshold.relation), threshold.value))
                .collect();
            format!("{number} {} in {window_seconds} s{}", bounds.join(" and "), steps(of))
        }
        Trigger::Sequence { steps: all, ordered, window_seconds } => {
            let order = if *ordered { "in order" } else { "in any order" };
            format!("{order} in {window_seconds} s{}", steps(all))
        }
        Trigger::FirstSeen { .. } => format!("{shown:?}"),
    }
}

fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "==",
        Relation::NotEqual => "!=",
        Relation::Less => "<",
        Relation::LessOrEqual => "<=",
        Relation::Greater => ">",
        Relation::GreaterOrEqual => ">=",
    }
}

fn steps(steps: &[Step]) -> String {
    let shown = steps.iter().map(|step| {
        let by = if step.group_by.is_empty() {
            String::new()
        } else {
            format!(" by {}", step.group_by.iter().map(field).collect::<Vec<_>>().join(", "))
        };
        match &step.when {
            Source::Event(expr) => format!("\n{}{by}: {}", step.name, show(expr)),
            Source::Fires { trigger: inner, group_by } => {
                let inside = trigger(inner).replace('\n', "\n  ");
                let groups = group_by.iter().map(field).collect::<Vec<_>>().join(", ");
                format!("\n{}{by}: fires by {groups}: {inside}", step.name)
            }
        }
    });
    shown.collect()
}

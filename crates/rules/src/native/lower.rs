//! From a [`Source`] and what its parameters hold to a [`Rule`].

use auditward_event::{Path, Stage, Step as PathStep};
use auditward_expr::{Expr, Field, Fold, Match, Quantifier, Root, Test};
use auditward_policy::read::Span;

use super::duration;
use super::expression::{self, Mistake};
use super::params::{ParamValue, Scope};
use super::source::{Located, Pace, Source, SourceTrigger};
use super::template::{Piece, pieces};
use super::text::{Text, hint};
use crate::rule;
use crate::{
    GroupBy, Language, Origin, Relation, Rule, Statistic, Step, Suppress, Template, TemplatePart, Threshold,
    Trigger,
};

/// The rule with what its parameters hold; `None` if something is wrong with it, which was said then.
pub(crate) fn lower(source: &Source, scope: &Scope, text: &mut Text<'_>) -> Option<Rule> {
    let before = text.findings.len();
    text.rule = Some(source.id.value.clone());
    let mut lowering = Lowering { source, scope, text };
    let trigger = lowering.trigger();
    let group_by = lowering.fields(&source.group_by);
    let suppress = source.suppress.as_ref().map(|pace| lowering.seconds(pace));
    let summary = lowering.template(&source.summary);
    let details = source.details.iter().map(|(name, field)| Some((name.clone(), lowering.field(field)?)));
    let details: Option<Vec<_>> = details.collect();
    let failed = text.findings[before..].iter().any(|finding| finding.weight == crate::Weight::Error);
    if failed {
        return None;
    }
    Some(Rule {
        id: source.id.value.clone(),
        title: source.title.clone(),
        description: source.description.clone(),
        severity: source.severity,
        refs: source.refs.clone(),
        attack: source.attack.clone(),
        tags: Vec::new(),
        enabled: source.enabled,
        origin: Origin {
            language: Language::Native,
            file: source.file.clone(),
            line: source.line,
            credit: String::new(),
        },
        trigger: trigger?,
        group_by: group_by?,
        suppress: match suppress {
            None => None,
            Some(seconds) => Some(Suppress { seconds: seconds? }),
        },
        summary: summary?,
        details: details?,
        response: source.response.clone(),
        false_positives: source.false_positives.clone(),
    })
}

struct Lowering<'l, 't> {
    source: &'l Source,
    scope: &'l Scope,
    text: &'l mut Text<'t>,
}

impl Lowering<'_, '_> {
    fn trigger(&mut self) -> Option<Trigger> {
        Some(match &self.source.trigger {
            SourceTrigger::Event(when) => Trigger::Event(self.when(when)?),
            SourceTrigger::Window { when, count, distinct, within } => {
                let of = self.when(when);
                let value = self.number(count);
                let statistic = match distinct.as_slice() {
                    [] => Some(Statistic::Events),
                    fields => self.fields(fields).map(Statistic::Distinct),
                };
                let window_seconds = self.seconds(within);
                Trigger::Count {
                    of: vec![Step {
                        name: String::new(),
                        when: rule::Source::Event(of?),
                        group_by: GroupBy::new(),
                    }],
                    statistic: statistic?,
                    thresholds: vec![Threshold {
                        relation: Relation::GreaterOrEqual,
                        value: f64::from(value?),
                    }],
                    window_seconds: window_seconds?,
                }
            }
            SourceTrigger::Sequence { steps, ordered, within } => {
                let steps: Vec<Option<Step>> = steps
                    .iter()
                    .map(|step| {
                        let (when, group_by) = (self.when(&step.when), self.fields(&step.group_by));
                        Some(Step {
                            name: step.name.clone(),
                            when: rule::Source::Event(when?),
                            group_by: group_by?,
                        })
                    })
                    .collect();
                let window_seconds = self.seconds(within);
                let steps = steps.into_iter().collect::<Option<Vec<Step>>>()?;
                Trigger::Sequence { steps, ordered: *ordered, window_seconds: window_seconds? }
            }
            SourceTrigger::FirstSeen { when, key, learning, forget } => {
                let (of, key) = (self.when(when), self.fields(key));
                let (learning_seconds, forget_seconds) = (self.seconds(learning), self.seconds(forget));
                Trigger::FirstSeen {
                    of: of?,
                    key: key?,
                    learning_seconds: learning_seconds?,
                    forget_seconds: forget_seconds?,
                }
            }
        })
    }

    /// An expression, asked at the stages that the rule looks at.
    fn when(&mut self, when: &Located<String>) -> Option<Expr> {
        match expression::parse(&when.value, self.scope) {
            Ok(expr) => Some(Expr::And(vec![at_stages(&self.source.stages), expr])),
            Err(mistakes) => {
                self.mistakes(when, mistakes);
                None
            }
        }
    }

    fn fields(&mut self, texts: &[Located<String>]) -> Option<Vec<Field>> {
        let fields: Vec<Option<Field>> = texts.iter().map(|text| self.field(text)).collect();
        fields.into_iter().collect()
    }

    fn field(&mut self, text: &Located<String>) -> Option<Field> {
        match expression::field(&text.value) {
            Ok(field) => Some(field),
            Err(mistakes) => {
                self.mistakes(text, mistakes);
                None
            }
        }
    }

    fn mistakes(&mut self, text: &Located<String>, mistakes: Vec<Mistake>) {
        for mistake in mistakes {
            let span = self.text.inside(text, &mistake.span);
            self.text.say(crate::Weight::Error, &span, mistake.message, mistake.hint);
        }
    }

    fn template(&mut self, text: &Located<String>) -> Option<Template> {
        let pieces = match pieces(&text.value) {
            Ok(pieces) => pieces,
            Err((span, message)) => {
                let span = self.text.inside(text, &span);
                self.text.error(&span, message);
                return None;
            }
        };
        let mut parts = Vec::new();
        let mut whole = true;
        for piece in pieces {
            match piece {
                Piece::Text(text) => parts.push(TemplatePart::Text(text)),
                Piece::Field(name, span) => match expression::field(&name) {
                    Ok(field) => parts.push(TemplatePart::Field { field, name, width: None }),
                    Err(mistakes) => {
                        whole = false;
                        let moved = |m: Mistake| Mistake {
                            span: m.span.start + span.start..m.span.end + span.start,
                            ..m
                        };
                        self.mistakes(text, mistakes.into_iter().map(moved).collect());
                    }
                },
            }
        }
        whole.then_some(Template { parts })
    }

    fn number(&mut self, pace: &Pace) -> Option<u32> {
        let (value, span) = self.pace(pace)?;
        match value {
            ParamValue::Number(number @ 1..=1_000_000) => u32::try_from(number).ok(),
            _ => {
                self.text.error(&span, "expected a whole number from 1 to 1000000");
                None
            }
        }
    }

    fn seconds(&mut self, pace: &Pace) -> Option<u64> {
        let (value, span) = self.pace(pace)?;
        let seconds = match &value {
            ParamValue::Text(text) => duration::parse(text).filter(|seconds| *seconds > 0),
            _ => None,
        };
        if seconds.is_none() {
            self.text.error_with(
                &span,
                "expected a duration that is not zero",
                "written as `90s`, `10m`, `2h` or `7d`",
            );
        }
        seconds
    }

    fn pace(&mut self, pace: &Pace) -> Option<(ParamValue, Span)> {
        match pace {
            Pace::Value(value) => Some((value.value.clone(), value.span.clone())),
            Pace::Param(name) => match self.scope.get(&name.value) {
                Some(value) => Some((value.clone(), name.span.clone())),
                None => {
                    let hint = hint(&name.value, self.scope.names());
                    let message = format!("no parameter is called `{}`", name.value);
                    self.text.say(crate::Weight::Error, &name.span, message, hint);
                    None
                }
            },
        }
    }
}

/// A request is one thing to our rules, so they look at what it came to: every stage but the one at which it arrives.
fn at_stages(stages: &[Stage]) -> Expr {
    let test = |stages: &[Stage]| {
        let check = match stages {
            [one] => Match::Equals(one.as_str().to_owned(), Fold::Exact),
            _ => Match::In(stages.iter().map(|stage| stage.as_str().to_owned()).collect(), Fold::Exact),
        };
        let path = Root::Event(Path::new([PathStep::Key("stage".to_owned())]));
        Expr::Test(Test {
            field: Field { root: path, functions: Vec::new() },
            quantifier: Quantifier::Any,
            check,
        })
    };
    if stages.is_empty() { Expr::Not(Box::new(test(&[Stage::RequestReceived]))) } else { test(stages) }
}

//! `auditward rules explain RULE --event FILE`

use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use auditward_event::{EventView, Events};
use auditward_expr::{Expr, Field, Subject};
use auditward_policy::read::did_you_mean;
use auditward_rules::library::Loaded;
use auditward_rules::{Rule, Source, Step, Trigger};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::{OutputArgs, visible};
use crate::rule_files::RuleArgs;

/// Show why a rule matches an event or does not: each part of its condition, and the values that it saw
///
/// Of a rule that counts, waits for several events or remembers, this is the condition on one event; what it makes of
/// many, auditward rules test shows.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  the event matches
  1  it does not
  2  wrong usage, no such rule, or a file could not be read

Examples:
  auditward rules explain privileged-pod --event event.json
  auditward rules explain my-rule --rules my-rules/ --event audit.log --audit-id 849b5220-0b8b-48a0-b332-24e15fa2c004")]
pub(crate) struct Args {
    /// The rule's id; of a Falco rule its name
    rule: String,
    /// A file with audit events, of which the first counts; - is standard input
    #[arg(short, long, value_name = "FILE")]
    event: PathBuf,
    /// The events of this request instead of the first one
    #[arg(long, value_name = "ID")]
    audit_id: Option<String>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut stdin: Vec<&PathBuf> = self.rules.paths.iter().collect();
        stdin.push(&self.event);
        input::stdin_at_most_once(stdin)?;
        let loaded = self.rules.load()?;
        let rule = find(&loaded, &self.rule)?;
        let (reader, _) = input::stream(&self.event)?;
        let mut events = Events::new(reader);
        let mut explained = Vec::new();
        while let Some(event) = events.next() {
            let event =
                event.map_err(|error| Failure::new(format!("{}: {error}", input::name(&self.event))))?;
            let view = event.view;
            if self.audit_id.as_ref().is_some_and(|id| *id != view.audit_id()) {
                continue;
            }
            explained.push(Explained::of(rule, &view));
            if self.audit_id.is_none() || explained.len() == EVENTS_MAX {
                break;
            }
        }
        if explained.is_empty() {
            let what = match &self.audit_id {
                Some(id) => format!("`{}` has no event with the audit id `{id}`", input::name(&self.event)),
                None => format!("`{}` has no event", input::name(&self.event)),
            };
            return Err(Failure::new(what));
        }
        self.output.print(&explained, |colour| {
            explained.iter().map(|event| event.render(colour)).collect::<Vec<_>>().join("\n")
        })?;
        Ok(if explained.iter().any(|event| event.matches) { Exit::Fine } else { Exit::Found })
    }
}

/// A request has few stages, unless somebody gives many the same id.
const EVENTS_MAX: usize = 100;

/// How many values of a field are shown, and how long each may be.
const VALUES_MAX: usize = 5;
const VALUE_CHARS_MAX: usize = 100;

/// How a list of parts that must all be so is called.
const ALL_OF: &str = "all of";

fn find<'l>(loaded: &'l Loaded, id: &str) -> Result<&'l Rule, Failure> {
    loaded.rule(id).ok_or_else(|| {
        let failure = Failure::new(format!("no rule that can run is called `{id}`"));
        match did_you_mean(id, loaded.rules.iter().map(|rule| rule.id.as_str())) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("auditward rules list shows them all"),
        }
    })
}

/// What a rule has to say about one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    rule: String,
    audit_id: String,
    stage: String,
    request: String,
    matches: bool,
    conditions: Vec<Condition>,
}

/// The condition of a rule, or of one of its steps.
#[derive(Serialize)]
struct Condition {
    /// The step, where there are several.
    #[serde(skip_serializing_if = "String::is_empty")]
    step: String,
    part: Part,
}

/// A part of a condition, as the event answers it.
#[derive(Serialize)]
struct Part {
    holds: bool,
    /// The test, or `all of`, `any of`, `not`.
    text: String,
    /// The field that was looked at and what it had, where it is a test.
    #[serde(skip_serializing_if = "Option::is_none")]
    saw: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
}

impl Explained {
    fn of(rule: &Rule, view: &EventView<'_>) -> Self {
        let subject = Subject::new(view);
        let mut conditions = Vec::new();
        collect(&rule.trigger, "", &subject, &mut conditions);
        Self {
            rule: rule.id.clone(),
            audit_id: view.audit_id().into_owned(),
            stage: view.stage().map(|stage| stage.as_str().to_owned()).unwrap_or_default(),
            request: request(view),
            matches: conditions.iter().any(|condition| condition.part.holds),
            conditions,
        }
    }

    fn render(&self, colour: bool) -> String {
        let verdict = if self.matches { "matches" } else { "does not match" };
        let mut out =
            format!("{} {verdict} {} at {}\n", self.rule, visible(&self.request), visible(&self.stage));
        for condition in &self.conditions {
            if !condition.step.is_empty() {
                out += &format!("step {}:\n", visible(&condition.step));
            }
            // Nearly every condition is a list of parts; then the list is all there is to show.
            match &condition.part {
                part if part.text == ALL_OF => {
                    part.parts.iter().for_each(|part| part.render(0, colour, &mut out));
                }
                part => part.render(0, colour, &mut out),
            }
        }
        out
    }
}

fn request(view: &EventView<'_>) -> String {
    let user = view.user();
    let object = view.object_ref().unwrap_or_default();
    let user = if user.username.is_empty() { "(nobody)" } else { &user.username };
    if object.resource.is_empty() {
        return format!("{user}: {} {}", view.verb(), view.request_uri());
    }
    let parts = [&*object.namespace, &*object.name];
    let name = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let sub = if object.subresource.is_empty() { String::new() } else { format!("/{}", object.subresource) };
    format!("{user}: {} {}{sub} {name}", view.verb(), object.resource).trim_end().to_owned()
}

fn collect(trigger: &Trigger, step: &str, subject: &Subject<'_>, conditions: &mut Vec<Condition>) {
    let mut steps = |steps: &[Step]| {
        for inner in steps {
            let name = if inner.name.is_empty() { step } else { &inner.name };
            match &inner.when {
                Source::Event(expr) => {
                    conditions.push(Condition { step: name.to_owned(), part: Part::of(expr, subject) });
                }
                Source::Fires { trigger, .. } => collect(trigger, name, subject, conditions),
            }
        }
    };
    match trigger {
        Trigger::Count { of, .. } => steps(of),
        Trigger::Sequence { steps: of, .. } => steps(of),
        Trigger::Event(of) | Trigger::FirstSeen { of, .. } => {
            conditions.push(Condition { step: step.to_owned(), part: Part::of(of, subject) });
        }
    }
}

impl Part {
    fn of(expr: &Expr, subject: &Subject<'_>) -> Self {
        let group = |text: &str, parts: Vec<Part>| Part {
            holds: expr.holds(subject),
            text: text.to_owned(),
            saw: None,
            parts,
        };
        match expr {
            Expr::And(_) => {
                group(ALL_OF, flat(expr).into_iter().map(|part| Part::of(part, subject)).collect())
            }
            Expr::Or(_) => {
                group("any of", flat(expr).into_iter().map(|part| Part::of(part, subject)).collect())
            }
            Expr::Not(inner) => match &**inner {
                Expr::Test(test) => {
                    Part { saw: Some(saw(&test.field, subject)), ..group(&expr.to_string(), Vec::new()) }
                }
                inner => group("not", vec![Part::of(inner, subject)]),
            },
            Expr::Test(test) => {
                Part { saw: Some(saw(&test.field, subject)), ..group(&expr.to_string(), Vec::new()) }
            }
            Expr::Some { .. } | Expr::Const(_) => group(&expr.to_string(), Vec::new()),
        }
    }

    fn render(&self, depth: usize, colour: bool, out: &mut String) {
        const YES: Style = AnsiColor::Green.on_default();
        const NO: Style = AnsiColor::Red.on_default();
        let (mark, style) = if self.holds { ("yes", YES) } else { (" no", NO) };
        let mark = if colour { format!("{style}{mark}{style:#}") } else { mark.to_owned() };
        let indent = "  ".repeat(depth);
        *out += &format!("  {mark}  {indent}{}", visible(&self.text));
        match self.saw.as_deref() {
            None => {}
            Some([]) => *out += "   (nothing there)",
            Some(values) => *out += &format!("   ({})", visible(&values.join(", "))),
        }
        out.push('\n');
        for part in &self.parts {
            part.render(depth + 1, colour, out);
        }
    }
}

/// The parts of nested groups of one kind, as one group.
fn flat(expr: &Expr) -> Vec<&Expr> {
    let mut parts = Vec::new();
    match expr {
        Expr::And(inner) => {
            for part in inner {
                if matches!(part, Expr::And(_)) { parts.extend(flat(part)) } else { parts.push(part) }
            }
        }
        Expr::Or(inner) => {
            for part in inner {
                if matches!(part, Expr::Or(_)) { parts.extend(flat(part)) } else { parts.push(part) }
            }
        }
        other => parts.push(other),
    }
    parts
}

fn saw(field: &Field, subject: &Subject<'_>) -> Vec<String> {
    let mut values = Vec::new();
    let mut more = 0;
    field.each(subject, &mut |item| {
        if values.len() < VALUES_MAX {
            values.push(item.text().map_or_else(|| "…".to_owned(), |text| cut(&text)));
        } else {
            more += 1;
        }
    });
    if more > 0 {
        values.push(format!("{more} more"));
    }
    values
}

fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(VALUE_CHARS_MAX).collect::<String>() + "…"
}

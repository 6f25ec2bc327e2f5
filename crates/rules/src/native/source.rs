//! A rule as its author wrote it.

use auditward_event::Stage;
use auditward_policy::read::{Node, Span};

use super::params::{Param, ParamValue};
use crate::{Attack, Severity};

/// A rule as its author wrote it, with places. Parameters are not yet put in.
#[derive(Clone, Debug)]
pub struct Source {
    /// The text's name as it was handed over.
    pub file: String,
    /// The first line of the document, from 1.
    pub line: usize,
    /// `privileged-pod`
    pub id: Located<String>,
    /// One line for people.
    pub title: String,
    /// What it finds and why that matters.
    pub description: String,
    /// How much it matters.
    pub severity: Severity,
    /// Where it stands in the catalogues of attacks.
    pub attack: Attack,
    /// Other names of the same alarm.
    pub refs: Vec<String>,
    /// Whether it runs when nobody says anything about it.
    pub enabled: bool,
    /// The stages it looks at; none: every one but `RequestReceived`.
    pub stages: Vec<Stage>,
    /// What has to happen.
    pub trigger: SourceTrigger,
    /// What alerts, windows and baselines are kept apart by.
    pub group_by: Vec<Located<String>>,
    /// How long the same alert is not repeated.
    pub suppress: Option<Pace>,
    /// What a site may change.
    pub params: Vec<Param>,
    /// The alert's text, with fields in braces.
    pub summary: Located<String>,
    /// Further fields of the alert, by name.
    pub details: Vec<(String, Located<String>)>,
    /// What to do about an alert.
    pub response: String,
    /// What else looks like this.
    pub false_positives: Vec<String>,
    /// Events with what the rule has to say of them.
    pub tests: Vec<Test>,
}

/// What has to happen, as written.
#[derive(Clone, Debug)]
pub enum SourceTrigger {
    /// `when` alone.
    Event(Located<String>),
    /// `when` and `window`.
    Window {
        /// Which events.
        when: Located<String>,
        /// How many of them, or of their values.
        count: Pace,
        /// Fields whose combinations are counted instead of events.
        distinct: Vec<Located<String>>,
        /// How long the window is.
        within: Pace,
    },
    /// `sequence`
    Sequence {
        /// In order.
        steps: Vec<SourceStep>,
        /// Whether the order matters.
        ordered: bool,
        /// From the first to the last.
        within: Pace,
    },
    /// `when` and `firstSeen`.
    FirstSeen {
        /// Which events.
        when: Located<String>,
        /// What is remembered.
        key: Vec<Located<String>>,
        /// How long nothing is said.
        learning: Pace,
        /// After how long a key is new again.
        forget: Pace,
    },
}

impl SourceTrigger {
    /// Every condition on one event, in order.
    pub fn conditions(&self) -> Vec<&Located<String>> {
        match self {
            SourceTrigger::Event(when)
            | SourceTrigger::Window { when, .. }
            | SourceTrigger::FirstSeen { when, .. } => vec![when],
            SourceTrigger::Sequence { steps, .. } => steps.iter().map(|step| &step.when).collect(),
        }
    }
}

/// One step of a sequence, as written.
#[derive(Clone, Debug)]
pub struct SourceStep {
    /// For people.
    pub name: String,
    /// Which events.
    pub when: Located<String>,
    /// Where the step's group stands in its events, if elsewhere.
    pub group_by: Vec<Located<String>>,
}

/// A number or a duration, or the name of a parameter that has it.
#[derive(Clone, Debug)]
pub enum Pace {
    /// As it stands.
    Value(Located<ParamValue>),
    /// `$threshold`
    Param(Located<String>),
}

/// One test of a rule.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Its line in the file, from 1.
    pub line: usize,
    /// Whether the rule has to fire.
    pub matches: bool,
    /// What happens, in order.
    pub events: Vec<Node>,
    /// Values of parameters for this test alone.
    pub params: Vec<(Located<String>, ParamValue)>,
}

/// Something with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// What it is.
    pub value: T,
    /// Where it stands, in bytes.
    pub span: Span,
}

//! One detection, whatever language it was written in.

use std::fmt;
use std::str::FromStr;

use auditward_expr::{Expr, Field};

/// One detection.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique among the rules that run together. Falco: the rule's name. Sigma: its `id`, else its `name`, else its
    /// title. Ours: `privileged-pod`.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// What it finds and why that matters.
    pub description: String,
    /// How much it matters.
    pub severity: Severity,
    /// Other names of the same alarm: `k8s_1002`, addresses.
    pub refs: Vec<String>,
    /// ATT&CK and Threat Matrix ids.
    pub attack: Attack,
    /// Free words (Falco's and Sigma's tags).
    pub tags: Vec<String>,
    /// Whether it runs when nobody says anything about it.
    pub enabled: bool,
    /// What it was written in, and where.
    pub origin: Origin,
    /// What has to happen.
    pub trigger: Trigger,
    /// What the alerts of one window, and what "the same alert again" is counted by. Empty: one group for all.
    pub group_by: GroupBy,
    /// Alerts of the same group within this time are one alert.
    pub suppress: Option<Suppress>,
    /// The alert's one-line text.
    pub summary: Template,
    /// Further fields that the alert carries, by name (Falco's `output_fields`, Sigma's `fields`).
    pub details: Vec<(String, Field)>,
    /// What to do about an alert. Empty where the language has no place for it.
    pub response: String,
    /// What else looks like this.
    pub false_positives: Vec<String>,
}

/// What has to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// One event.
    Event(Expr),
    /// A number that is made of the events within a sliding window, group by group: how many, how many different
    /// values, a sum.
    Count {
        /// Which events: those of any of these. Several where their groups have different names.
        of: Vec<Step>,
        /// What number.
        statistic: Statistic,
        /// Fires while all of these hold.
        thresholds: Vec<Threshold>,
        /// Event time, in seconds.
        window_seconds: u64,
    },
    /// Events one after the other (or, unless `ordered`, in any order) within a window, of the same group.
    Sequence {
        /// Each with its own way to name the group, where the fields differ (a minted token's user is the next step's
        /// user): as long as the rule's `group_by`, or empty for that one.
        steps: Vec<Step>,
        /// Whether the order matters.
        ordered: bool,
        /// Event time from the first to the last, in seconds.
        window_seconds: u64,
    },
    /// An event whose values of `key` were never seen together in the rule's group, after a time of learning.
    FirstSeen {
        /// Which events.
        of: Expr,
        /// What is remembered.
        key: Vec<Field>,
        /// Nothing is said before so much event time was seen, in seconds.
        learning_seconds: u64,
        /// A key that was not seen for so long is new again, in seconds.
        forget_seconds: u64,
    },
}

impl Trigger {
    /// So many such events, or more, within a window: the plainest [`Trigger::Count`].
    pub fn at_least(events: u32, of: Expr, window_seconds: u64) -> Self {
        Trigger::Count {
            of: vec![Step { name: String::new(), when: Source::Event(of), group_by: GroupBy::new() }],
            statistic: Statistic::Events,
            thresholds: vec![Threshold { relation: Relation::GreaterOrEqual, value: f64::from(events) }],
            window_seconds,
        }
    }

    /// Every expression that is asked of events, however deep.
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Trigger::Event(expr) | Trigger::FirstSeen { of: expr, .. } => vec![expr],
            Trigger::Count { of: steps, .. } | Trigger::Sequence { steps, .. } => {
                steps.iter().flat_map(Step::expressions).collect()
            }
        }
    }
}

/// One step of a sequence, or one kind of what is counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// For people: `bound`, `read`.
    pub name: String,
    /// Which events.
    pub when: Source,
    /// See [`Trigger::Sequence`].
    pub group_by: GroupBy,
}

impl Step {
    fn expressions(&self) -> Vec<&Expr> {
        match &self.when {
            Source::Event(expr) => vec![expr],
            Source::Fires { trigger, .. } => trigger.expressions(),
        }
    }
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// An event of which this is so.
    Event(Expr),
    /// An event with which this trigger fires (Sigma: a correlation of correlations). It has windows and groups of its
    /// own; the step's group, its time and its values are read from the event that completed it.
    Fires {
        /// What has to happen first.
        trigger: Box<Trigger>,
        /// What the inner trigger counts by.
        group_by: GroupBy,
    },
}

/// What number is made of the events of one window.
#[derive(Debug, Clone, PartialEq)]
pub enum Statistic {
    /// How many events.
    Events,
    /// How many different combinations of values of these fields; an event without one of them does not count.
    Distinct(Vec<Field>),
    /// The sum of this field's numbers; what is no number does not count. The same for those below.
    Sum(Field),
    /// Their mean; none of none.
    Average(Field),
    /// The smallest number that is not less than so many percent of them; none of none.
    Percentile(Field, u8),
}

/// What a number has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// How the number stands …
    pub relation: Relation,
    /// … to this one.
    pub value: f64,
}

/// How a number stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Threshold {
    /// Whether `number` is so.
    pub fn holds(self, number: f64) -> bool {
        match self.relation {
            #[expect(clippy::float_cmp, reason = "rules say whole numbers, or exactly what they mean")]
            Relation::Equal => number == self.value,
            #[expect(clippy::float_cmp, reason = "as above")]
            Relation::NotEqual => number != self.value,
            Relation::Less => number < self.value,
            Relation::LessOrEqual => number <= self.value,
            Relation::Greater => number > self.value,
            Relation::GreaterOrEqual => number >= self.value,
        }
    }
}

/// Fields whose values, together, name a group.
pub type GroupBy = Vec<Field>;

/// How long the same alert is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppress {
    /// Event time in seconds.
    pub seconds: u64,
}

/// How much an alert matters; the order is that of urgency. Falco's priorities map one to one from
/// `Emergency` down; Sigma's `critical high medium low informational` to `Critical Error Warning Notice Informational`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "syslog's own words")]
pub enum Severity {
    Debug,
    Informational,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl Severity {
    /// From the least to the most.
    pub const ALL: [Self; 8] = [
        Self::Debug,
        Self::Informational,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// As people and files write it: `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Informational => "informational",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        let known = Self::ALL.into_iter().find(|severity| severity.as_str() == text);
        known.ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

/// A word that is no [`Severity`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown severity `{0}`; there are debug, informational, notice, warning, error, critical, alert and emergency"
)]
pub struct UnknownSeverity(String);

/// What a rule was written in, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The language.
    pub language: Language,
    /// The text's name as it was handed over.
    pub file: String,
    /// The rule's first line in it, from 1.
    pub line: usize,
    /// Whom to name with each alert: Sigma's Detection Rule License asks for its author. Empty where there is none.
    pub credit: String,
}

/// Rule languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "their names")]
pub enum Language {
    Native,
    Falco,
    Sigma,
}

/// Where an alert stands in the catalogues of attacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attack {
    /// MITRE ATT&CK tactics, as words: `privilege-escalation`.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK technique ids: `T1611`.
    pub techniques: Vec<String>,
    /// Microsoft's Threat Matrix for Kubernetes: `MS-TA9018`.
    pub threat_matrix: Vec<String>,
}

/// A text with fields in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template {
    /// In order.
    pub parts: Vec<TemplatePart>,
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq)]
pub enum TemplatePart {
    /// As it stands.
    Text(String),
    /// The values of a field; what stands there where there is none is the language's business.
    Field {
        /// Which.
        field: Field,
        /// As the rule wrote it.
        name: String,
        /// Falco's `%20field`: cut or filled to so many characters.
        width: Option<usize>,
    },
}

//! Rules compiled together, and what looks at events with them.
//!
//! - Every question that rules ask is there once, whichever rules ask it, and is asked of an event at most once
//!   ([`dag`]).
//! - For each kind of request ([`head`]) the questions that it answers by itself are answered once; what is left of the
//!   rules is kept. Where nothing is left, the event is not looked at any further: its bodies were skipped, not read.
//! - Questions about one field that one look can answer together are ([`family`]).
//! - What is cheap to find out is asked first, and a body only when all else holds.

mod answers;
mod dag;
mod family;
mod head;
mod read;
mod seen;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

use auditward_event::EventView;
use auditward_expr::{BadMatch, Subject};
use auditward_rules::Rule;
use thiserror::Error;

use crate::alert;
use crate::config::Limits;
use crate::hit::{Facts, Key, Which, event_time};
use crate::plan::{Kind, Plan};

pub use seen::Batch;
use seen::ReadOut;
pub(crate) use seen::{Place, Scratch, Seen};

use answers::{Answers, Questions};
use dag::{Dag, Node, NodeId};
use head::Reach;
use read::Keys;
use values::{FieldId, Fields, Look, Places};

/// Rules, compiled together. Made once, shared by all threads.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    plans: Vec<Plan>,
    dag: Dag,
    questions: Questions,
    /// All that questions and alerts look at.
    fields: Fields,
    /// By rule, the fields that its alerts tell.
    told: Vec<Vec<FieldId>>,
    /// By rule and input.
    inputs: Vec<Vec<Reading>>,
    /// What has to be true of an event, for each input of each rule.
    roots: Vec<Root>,
}

/// Rules that cannot run together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CompileError {
    /// Two rules have the same id.
    #[error("rule `{id}` is there twice: in `{first}` and in `{second}`")]
    Twice {
        /// The id.
        id: String,
        /// Where the first one stands.
        first: String,
        /// Where the other one stands.
        second: String,
    },
    /// Something in an expression that its language's reader should have refused.
    #[error("an expression has something in it that cannot be asked")]
    Bad {
        /// What.
        source: BadMatch,
    },
}

/// What is read of an event that matches an input.
#[derive(Debug)]
struct Reading {
    /// For the detector, then for its parent, up to the outermost.
    keys: Vec<Keys>,
    /// Whether the detector only wants to know if a key is new.
    first_seen: bool,
    /// Whether most matches come to nothing, and what an alert would tell can be read of the event without its bodies.
    later: bool,
}

#[derive(Debug, Clone, Copy)]
struct Root {
    rule: usize,
    input: usize,
    node: NodeId,
}

impl RuleSet {
    /// Compiles rules; which of them run is the caller's choice, [`Rule::enabled`] is not looked at. Gives all that is wrong.
    pub fn compile(rules: Vec<Rule>) -> Result<Self, Vec<CompileError>> {
        let mut places: HashMap<&str, &Rule> = HashMap::new();
        let place = |rule: &Rule| format!("{}:{}", rule.origin.file, rule.origin.line);
        let twice = rules.iter().filter_map(|rule| {
            let first = places.insert(&rule.id, rule)?;
            Some(CompileError::Twice { id: rule.id.clone(), first: place(first), second: place(rule) })
        });
        let mut errors: Vec<CompileError> = twice.collect();
        let plans: Vec<Plan> = rules.iter().map(Plan::of).collect();
        let mut dag = Dag::new();
        let mut roots = Vec::new();
        for (rule, plan) in plans.iter().enumerate() {
            for (input, of) in plan.inputs.iter().enumerate() {
                roots.push(Root { rule, input, node: dag.add(&of.when) });
            }
        }
        let mut fields = Fields::default();
        let told: Vec<Vec<FieldId>> =
            rules.iter().map(|rule| alert::fields(rule).map(|field| fields.add(field)).collect()).collect();
        let mut inputs = Vec::with_capacity(plans.len());
        for ((rule, plan), told) in rules.iter().zip(&plans).zip(&told) {
            let of_plan = plan.inputs.iter().map(|input| {
                let kind = &plan.detectors[input.detector].kind;
                let first_seen = matches!(kind, Kind::FirstSeen { .. });
                let often = !matches!(kind, Kind::Event) || rule.suppress.is_some();
                let keys: Vec<Keys> = input.reads.iter().map(|reads| Keys::new(reads, &mut fields)).collect();
                let later = {
                    let mut read = told.iter().copied().chain(keys.iter().flat_map(Keys::fields));
                    often && !read.any(|field| fields.reads_body(field))
                };
                Reading { keys, first_seen, later }
            });
            inputs.push(of_plan.collect::<Vec<_>>());
        }
        let questions = Questions::new(&dag.take_questions(), &mut fields).map_err(|bad| {
            errors.extend(bad.into_iter().map(|source| CompileError::Bad { source }));
        });
        match questions {
            Ok(questions) if errors.is_empty() => {
                Ok(RuleSet { rules, plans, dag, questions, fields, told, inputs, roots })
            }
            _ => Err(errors),
        }
    }

    /// The rules, in the order in which they were given.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(crate) fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// What the detectors of this input want to know of an event.
    fn keys<'s>(&'s self, (rule, input): Place, look: &mut Look<'s, '_>, limits: &Limits) -> Vec<Key> {
        self.inputs[rule][input].keys.iter().map(|keys| keys.of(look, limits)).collect()
    }

    /// What an alert of this rule tells of an event; `facts` are the same for all rules.
    fn told<'s>(
        &'s self,
        rule: usize,
        facts: &mut Option<Arc<Facts>>,
        look: &mut Look<'s, '_>,
        limits: &Limits,
    ) -> ReadOut {
        let facts = facts.get_or_insert_with(|| Arc::new(Facts::of(&look.subject, limits))).clone();
        (facts, read::values(&self.told[rule], look, limits))
    }
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rules, heads) = (self.set.rules.len(), self.heads.len());
        f.debug_struct("Matcher").field("rules", &rules).field("heads", &heads).finish_non_exhaustive()
    }
}

/// One pair of eyes: says which rules match an event. Each thread has its own.
pub struct Matcher {
    set: Arc<RuleSet>,
    limits: Limits,
    /// The set's nodes, and behind them those that are left of rules for the heads below.
    dag: Dag,
    heads: HashMap<Box<[u8]>, Arc<[Root]>>,
    /// The head of the event that is looked at.
    head: Vec<u8>,
    answers: Answers,
    places: Places,
}

impl Matcher {
    /// How many nodes may be kept for heads, for each node of the set and one more.
    const NODES_MAX_FACTOR: usize = 64;

    pub(crate) fn new(set: Arc<RuleSet>, limits: Limits) -> Self {
        let dag = set.dag.clone();
        Matcher {
            set,
            limits,
            dag,
            heads: HashMap::new(),
            head: Vec::new(),
            answers: Answers::default(),
            places: Places::default(),
        }
    }

    /// Looks at one event, and adds what it sees to `batch`.
    pub fn look(&mut self, view: &EventView<'_>, batch: &mut Batch) {
        let time = event_time(view);
        let subject = Subject::new(view);
        if let Some(left) = self.left(&subject) {
            let mut look = Look::new(subject, &self.set.fields, &mut self.places);
            self.answers.begin(self.dag.len(), &self.set.questions);
            let (mut which, mut facts, mut named) = (None, None, None);
            for root in &*left {
                if !self.answers.holds(root.node, &self.dag, &self.set.questions, &mut look) {
                    continue;
                }
                let (place, limits) = ((root.rule, root.input), &self.limits);
                let reading = &self.set.inputs[root.rule][root.input];
                // Without an audit id it takes the whole event to tell it from another.
                let later = reading.later && *named.get_or_insert_with(|| !view.audit_id().is_empty());
                if later
                    && reading.first_seen
                    && let Some(keys) = reading.keys.first()
                {
                    batch.add(Seen::Key { place, seen: keys.seen(&mut look, limits) });
                    continue;
                }
                let which =
                    which.get_or_insert_with(|| Which::of(view, time.unwrap_or_default(), limits)).clone();
                let keys = self.set.keys(place, &mut look, limits);
                let told = (!later).then(|| self.set.told(root.rule, &mut facts, &mut look, limits));
                batch.add(Seen::Event { place, keys, which, told });
            }
        }
        batch.end(view, time);
    }

    /// Which rules match one event: by their places in the set, in that order; without memory.
    pub fn matches(&mut self, view: &EventView<'_>) -> Vec<usize> {
        let subject = Subject::new(view);
        let Some(left) = self.left(&subject) else { return Vec::new() };
        let mut look = Look::new(subject, &self.set.fields, &mut self.places);
        self.answers.begin(self.dag.len(), &self.set.questions);
        let holding = left
            .iter()
            .filter(|root| self.answers.holds(root.node, &self.dag, &self.set.questions, &mut look));
        let mut rules: Vec<usize> = holding.map(|root| root.rule).collect();
        rules.dedup();
        rules
    }

    /// What is left of the rules for an event with this head; `None` if nothing is.
    fn left(&mut self, subject: &Subject<'_>) -> Option<Arc<[Root]>> {
        if !head::write(subject, &mut self.head) {
            return Some(self.set.roots.as_slice().into());
        }
        if let Some(left) = self.heads.get(self.head.as_slice()) {
            return (!left.is_empty()).then(|| left.clone());
        }
        let nodes_max = Self::NODES_MAX_FACTOR * (self.set.dag.len() + 100);
        if self.heads.len() >= self.limits.heads_max || self.dag.len() > nodes_max {
            // Whoever asks for resources that nobody has makes heads without end. Real ones are soon back.
            self.heads.clear();
            self.dag.truncate(self.set.dag.len());
        }
        let left = self.specialise(subject.event());
        self.heads.insert(self.head.as_slice().into(), left.clone());
        (!left.is_empty()).then_some(left)
    }

    fn specialise(&mut self, view: &EventView<'_>) -> Arc<[Root]> {
        let set = self.set.clone();
        self.answers.begin(self.dag.len(), &set.questions);
        let mut head = Residues {
            set: &set,
            look: Look::new(Subject::new(view), &set.fields, &mut self.places),
            answers: &mut self.answers,
            dag: &mut self.dag,
            known: vec![None; set.dag.len()],
        };
        let left = set.roots.iter().map(|root| Root { node: head.of(root.node), ..*root });
        left.filter(|root| root.node != NodeId::NEVER).collect()
    }
}

/// What is left of the set's nodes when everything is known that one head answers.
struct Residues<'m, 'e> {
    set: &'m RuleSet,
    look: Look<'m, 'e>,
    answers: &'m mut Answers,
    /// Takes in what is left.
    dag: &'m mut Dag,
    known: Vec<Option<NodeId>>,
}

impl Residues<'_, '_> {
    fn of(&mut self, id: NodeId) -> NodeId {
        if let Some(residue) = self.known[id.index()] {
            return residue;
        }
        let set = self.set;
        let residue = match set.dag.node(id) {
            Node::Ask(_) if set.dag.reach(id) == Reach::Head => {
                Dag::constant(self.answers.holds(id, &set.dag, &set.questions, &mut self.look))
            }
            Node::Const(_) | Node::Ask(_) => id,
            Node::Not(inner) => {
                let inner = self.of(*inner);
                self.dag.not(inner)
            }
            Node::And(all) => match self.of_each(all, NodeId::NEVER) {
                Some(all) => self.dag.and(all),
                None => NodeId::NEVER,
            },
            Node::Or(all) => match self.of_each(all, NodeId::ALWAYS) {
                Some(all) => self.dag.or(all),
                None => NodeId::ALWAYS,
            },
        };
        self.known[id.index()] = Some(residue);
        residue
    }

    /// `None` as soon as one is what decides alone. What the head answers comes first.
    fn of_each(&mut self, all: &[NodeId], decisive: NodeId) -> Option<Vec<NodeId>> {
        let each = all.iter().map(|inner| self.of(*inner));
        each.map(|residue| (residue != decisive).then_some(residue)).collect()
    }
}

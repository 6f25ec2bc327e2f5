//! Rules compiled together, and what looks at events with them.
//!
//! - Every question that rules ask is there once, whichever rules ask it, and is asked of an event at most once
//!   ([`dag`]).
//! - For each kind of request ([`head`]) the questions that it answers by itself are answered once; what is left of the
//!   rules is kept. Where nothing is left, the event is not looked at any further: its bodies were skipped, not read.
//! - What it leaves open is answered once for all events that are alike in who asks, from where and about what ([`alike`]).
//! - Questions about one field that one look can answer together are ([`family`]).
//! - What is cheap to find out is asked first, and a body only when all else holds.

mod alike;
mod answers;
mod dag;
mod family;
mod head;
mod read;
mod seen;
mod values;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use auditward_event::EventView;
use auditward_expr::{BadMatch, Parts, Subject};
use auditward_rules::Rule;
use thiserror::Error;

use crate::alert::{self, Common};
use crate::config::Limits;
use crate::digest::Digest;
use crate::hit::{Facts, Key, Which, event_time};
use crate::plan::{Kind, Plan};
use crate::texts::Texts;

pub use seen::Batch;
pub(crate) use seen::{OfAll, Place, Scratch, Seen, SeenEvent};

use alike::Known;
use answers::{Answers, Questions};
use dag::{Dag, Node, NodeId};
use head::{Object, Reach};
use read::Keys;
use values::{FieldId, Fields, Look, Places};

/// Rules, compiled together. Made once, shared by all threads.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    plans: Vec<Plan>,
    /// By rule.
    common: Vec<Common>,
    /// Where each rule stands, by its id.
    places: HashMap<String, usize>,
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
    /// What `keys` depend on.
    parts: Parts,
}

#[derive(Debug, Clone, Copy)]
struct Root {
    rule: usize,
    input: usize,
    node: NodeId,
}

/// What is left of a root for some events.
#[derive(Debug, Clone)]
struct Left {
    root: Root,
    /// What its detector wants to know of them, where that is the same for all.
    ready: Option<Ready>,
}

#[derive(Debug, Clone)]
enum Ready {
    /// For [`Seen::Key`].
    Seen(Digest),
    /// For [`Seen::Event`].
    Keys(Arc<[Key]>),
}

/// What is left of the rules for the events of one head.
#[derive(Debug)]
struct Head {
    left: Arc<[Left]>,
    /// In which parts an event has to be like another so that most of what is left is answered.
    asks: Parts,
}

/// Events of one head, of one user and with one kind of answer.
#[derive(Debug, Clone)]
struct Caller {
    head: Arc<Head>,
    /// No other caller has it.
    number: u64,
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
                let of = |field| fields.parts(field);
                let parts = keys.iter().flat_map(Keys::fields).map(of).fold(Parts::NONE, Parts::and);
                let all = told.iter().copied().map(of).fold(parts, Parts::and);
                Reading { keys, first_seen, later: often && !all.meets(Parts::BODIES), parts }
            });
            inputs.push(of_plan.collect::<Vec<_>>());
        }
        let questions = Questions::new(&dag.take_questions(), &mut fields).map_err(|bad| {
            errors.extend(bad.into_iter().map(|source| CompileError::Bad { source }));
        });
        match questions {
            Ok(questions) if errors.is_empty() => {
                let common = rules.iter().map(Common::of).collect();
                let place = |(place, rule): (usize, &Rule)| (rule.id.clone(), place);
                let places = rules.iter().enumerate().map(place).collect();
                Ok(RuleSet { rules, plans, common, places, dag, questions, fields, told, inputs, roots })
            }
            _ => Err(errors),
        }
    }

    /// The rules, in the order in which they were given.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule, by its id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.place_of(id).and_then(|place| self.rules.get(place))
    }

    /// Where among [`RuleSet::rules`] a rule is, by its id.
    pub fn place_of(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    pub(crate) fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// What all alerts of a rule have in common.
    pub(crate) fn common(&self, rule: usize) -> &Common {
        &self.common[rule]
    }

    /// What the detectors of this input want to know of an event.
    fn keys<'s>(&'s self, (rule, input): Place, look: &mut Look<'s, '_>, limits: &Limits) -> Arc<[Key]> {
        self.inputs[rule][input].keys.iter().map(|keys| keys.of(look, limits)).collect()
    }

    /// What an alert of this rule tells of an event; `facts` are the same for all rules, and read once.
    fn told<'s>(
        &'s self,
        rule: usize,
        facts: &mut Option<Arc<Facts>>,
        look: &mut Look<'s, '_>,
        limits: &Limits,
    ) -> Texts {
        facts.get_or_insert_with(|| Arc::new(Facts::of(&look.subject, limits)));
        read::values(&self.told[rule], look, limits)
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
    /// What is left where nothing is known.
    all: Arc<[Left]>,
    heads: HashMap<Box<[u8]>, Arc<Head>>,
    callers: alike::Memory<Caller>,
    alike: alike::Memory<Arc<[Left]>>,
    /// How many callers there have been.
    callers_made: u64,
    /// Room for keys.
    head: Vec<u8>,
    key: Vec<u8>,
    answers: Answers,
    places: Places,
}

impl Matcher {
    /// How many nodes may be kept for heads, for each node of the set and one more.
    const NODES_MAX_FACTOR: usize = 64;

    pub(crate) fn new(set: Arc<RuleSet>, limits: Limits) -> Self {
        let dag = set.dag.clone();
        let all = set.roots.iter().map(|root| Left { root: *root, ready: None }).collect();
        Matcher {
            set,
            limits,
            dag,
            all,
            heads: HashMap::new(),
            callers: alike::Memory::default(),
            alike: alike::Memory::default(),
            callers_made: 0,
            head: Vec::new(),
            key: Vec::new(),
            answers: Answers::default(),
            places: Places::default(),
        }
    }

    /// Looks at one event, and adds what it sees to `batch`.
    pub fn look(&mut self, view: &EventView<'_>, batch: &mut Batch) {
        let time = event_time(view);
        let subject = Subject::new(view);
        let left = self.left(&subject);
        let mut of_all = OfAll::default();
        if !left.is_empty() {
            let mut look = Look::new(subject, &self.set.fields, &mut self.places);
            self.answers.begin(self.dag.len(), &self.set.questions);
            let mut named = None;
            for Left { root, ready } in &*left {
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
                    let seen = match ready {
                        Some(Ready::Seen(seen)) => *seen,
                        _ => keys.seen(&mut look, limits),
                    };
                    batch.add(Seen::Key { place, seen });
                    continue;
                }
                of_all.which.get_or_insert_with(|| Which::of(view, time.unwrap_or_default(), limits));
                let keys = match ready {
                    Some(Ready::Keys(keys)) => keys.clone(),
                    _ => self.set.keys(place, &mut look, limits),
                };
                let told = (!later).then(|| self.set.told(root.rule, &mut of_all.facts, &mut look, limits));
                batch.add(Seen::Event { place, keys, told });
            }
        }
        batch.end(view, time, of_all);
    }

    /// Which rules match one event: by their places in the set, in that order; without memory.
    pub fn matches(&mut self, view: &EventView<'_>) -> Vec<usize> {
        let subject = Subject::new(view);
        let left = self.left(&subject);
        let mut look = Look::new(subject, &self.set.fields, &mut self.places);
        self.answers.begin(self.dag.len(), &self.set.questions);
        let holding = left
            .iter()
            .filter(|left| self.answers.holds(left.root.node, &self.dag, &self.set.questions, &mut look));
        let mut rules: Vec<usize> = holding.map(|left| left.root.rule).collect();
        rules.dedup();
        rules
    }

    /// What is left of the rules for an event like this.
    fn left(&mut self, subject: &Subject<'_>) -> Arc<[Left]> {
        if self.dag.len() > Self::NODES_MAX_FACTOR * (self.set.dag.len() + 100) {
            self.forget();
        }
        let (view, max) = (subject.event(), self.limits.alike_max);
        let Some(object) = head::write(subject, &mut self.head) else { return self.all.clone() };
        self.key.clone_from(&self.head);
        let caller = if alike::write_caller(view, &mut self.key) {
            self.callers.ask(&self.key, max)
        } else {
            Known::Nothing
        };
        let caller = match caller {
            Known::This(caller) => caller,
            Known::Nothing => {
                return self.head(subject, object).map_or(self.all.clone(), |head| head.left.clone());
            }
            Known::Again => {
                let Some(head) = self.head(subject, object) else { return self.all.clone() };
                self.callers_made += 1;
                let caller = Caller { head, number: self.callers_made };
                self.callers.insert(self.key.as_slice().into(), caller.clone(), max);
                caller
            }
        };
        let Head { left, asks } = &*caller.head;
        if left.is_empty() || !alike::write(caller.number, *asks, object, view, &mut self.key) {
            return left.clone();
        }
        match self.alike.ask(&self.key, max) {
            Known::This(left) => left,
            Known::Nothing => left.clone(),
            Known::Again => {
                let left = self.residues(view, left, Decided::By(alike::known(*asks)));
                self.alike.insert(self.key.as_slice().into(), left.clone(), max);
                left
            }
        }
    }

    /// The head of an event of which `self.head` has all but the facts; `None` if it has none.
    fn head(&mut self, subject: &Subject<'_>, object: Object<'_>) -> Option<Arc<Head>> {
        head::write_facts(subject, &mut self.head)?;
        if let Some(head) = self.heads.get(self.head.as_slice()) {
            return Some(head.clone());
        }
        if self.heads.len() >= self.limits.heads_max {
            // Whoever asks for resources that nobody has makes heads without end. Real ones are soon back.
            self.forget();
        }
        let left = self.residues(subject.event(), &self.all.clone(), Decided::ByHead);
        let asks = self.asks(&left, alike::parts(object));
        let head = Arc::new(Head { left, asks });
        self.heads.insert(self.head.as_slice().into(), head.clone());
        Some(head)
    }

    fn forget(&mut self) {
        self.heads.clear();
        self.callers.clear();
        self.alike.clear();
        self.dag.truncate(self.set.dag.len());
    }

    /// What is left of this when all is known that is decided, and something of it may be true.
    fn residues(&mut self, view: &EventView<'_>, of: &[Left], decided: Decided) -> Arc<[Left]> {
        let (set, limits) = (self.set.clone(), self.limits);
        self.answers.begin(self.dag.len(), &set.questions);
        let mut residues = Residues {
            set: &set,
            look: Look::new(Subject::new(view), &set.fields, &mut self.places),
            answers: &mut self.answers,
            dag: &mut self.dag,
            decided,
            known: HashMap::new(),
        };
        let mut left = Vec::new();
        for root in of.iter().map(|left| left.root) {
            let node = residues.of(root.node);
            if node != NodeId::NEVER {
                let ready = residues.ready(root, &limits);
                left.push(Left { root: Root { node, ..root }, ready });
            }
        }
        left.into()
    }

    /// Which of these parts are asked about by questions, and read by detectors, that look at no other parts.
    fn asks(&self, left: &[Left], parts: Parts) -> Parts {
        let mut asks = Parts::NONE;
        let mut add = |of: Parts| {
            if of.are_of(parts) {
                asks = asks.and(of);
            }
        };
        let mut known = HashSet::new();
        let mut open: Vec<NodeId> = Vec::new();
        for Root { rule, input, node } in left.iter().map(|left| left.root) {
            open.push(node);
            if self.dag.parts(node).are_of(parts) {
                add(self.set.inputs[rule][input].parts);
            }
        }
        while let Some(id) = open.pop() {
            if known.insert(id) {
                match self.dag.node(id) {
                    Node::Const(_) => {}
                    Node::Ask(_) => add(self.dag.parts(id)),
                    Node::Not(inner) => open.push(*inner),
                    Node::And(all) | Node::Or(all) => open.extend(all),
                }
            }
        }
        asks
    }
}

/// What is known of an event.
#[derive(Debug, Clone, Copy)]
enum Decided {
    /// What its head says.
    ByHead,
    /// What is in these parts of it.
    By(Parts),
}

/// What is left of nodes when everything is known that is decided.
struct Residues<'m, 'e> {
    set: &'m RuleSet,
    look: Look<'m, 'e>,
    answers: &'m mut Answers,
    /// Takes in what is left.
    dag: &'m mut Dag,
    decided: Decided,
    known: HashMap<NodeId, NodeId>,
}

impl Residues<'_, '_> {
    fn of(&mut self, id: NodeId) -> NodeId {
        if let Some(residue) = self.known.get(&id) {
            return *residue;
        }
        let is_decided = match self.decided {
            Decided::ByHead => self.dag.reach(id) == Reach::Head,
            Decided::By(parts) => self.dag.parts(id).are_of(parts),
        };
        let residue = if is_decided {
            Dag::constant(self.answers.holds(id, self.dag, &self.set.questions, &mut self.look))
        } else {
            match self.dag.node(id).clone() {
                Node::Const(_) | Node::Ask(_) => id,
                Node::Not(inner) => {
                    let inner = self.of(inner);
                    self.dag.not(inner)
                }
                Node::And(all) => match self.of_each(&all, NodeId::NEVER) {
                    Some(all) => self.dag.and(all),
                    None => NodeId::NEVER,
                },
                Node::Or(all) => match self.of_each(&all, NodeId::ALWAYS) {
                    Some(all) => self.dag.or(all),
                    None => NodeId::ALWAYS,
                },
            }
        };
        self.known.insert(id, residue);
        residue
    }

    /// `None` as soon as one is what decides alone. What the head answers comes first.
    fn of_each(&mut self, all: &[NodeId], decisive: NodeId) -> Option<Vec<NodeId>> {
        let each = all.iter().map(|inner| self.of(*inner));
        each.map(|residue| (residue != decisive).then_some(residue)).collect()
    }

    /// What the detector of this root wants to know, if that is decided.
    fn ready(&mut self, root: Root, limits: &Limits) -> Option<Ready> {
        let set = self.set;
        let reading = &set.inputs[root.rule][root.input];
        match (self.decided, reading.keys.first()) {
            (Decided::By(parts), Some(first)) if reading.parts.are_of(parts) => {
                Some(if reading.later && reading.first_seen {
                    Ready::Seen(first.seen(&mut self.look, limits))
                } else {
                    Ready::Keys(set.keys((root.rule, root.input), &mut self.look, limits))
                })
            }
            _ => None,
        }
    }
}

//! All expressions of all rules as one graph, in which what is the same is there once.
//!
//! ```text
//! rule a: verb = create and resource = pods and privileged        ┌► And ─► privileged
//! rule b: verb = create and resource = pods and not hostNetwork   └► … shares verb, resource
//! ```

use std::collections::HashMap;

use auditward_expr::{Expr, Parts, Test};

use super::head::Reach;

/// A node of a [`Dag`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u32);

impl NodeId {
    pub(super) const NEVER: NodeId = NodeId(0);
    pub(super) const ALWAYS: NodeId = NodeId(1);

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Const(bool),
    Not(NodeId),
    /// Cheap ones first.
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    /// A question, by its number.
    Ask(usize),
}

/// What is asked of events.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Question {
    Test(Test),
    /// An [`Expr::Some`]: what is in it is about its elements, and is asked there.
    Some(Expr),
}

/// Nodes, each different from all others.
#[derive(Debug, Clone)]
pub(super) struct Dag {
    nodes: Vec<Node>,
    reaches: Vec<Reach>,
    /// What the answer depends on.
    parts: Vec<Parts>,
    ids: HashMap<Node, NodeId>,
    questions: Vec<Question>,
    /// By what they look like: a test has numbers in it that cannot be hashed.
    question_ids: HashMap<String, usize>,
}

impl Dag {
    pub(super) fn new() -> Self {
        let mut dag = Dag {
            nodes: Vec::new(),
            reaches: Vec::new(),
            parts: Vec::new(),
            ids: HashMap::new(),
            questions: Vec::new(),
            question_ids: HashMap::new(),
        };
        for constant in [false, true] {
            dag.intern(Node::Const(constant), Reach::Head, Parts::NONE);
        }
        dag
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(super) fn reach(&self, id: NodeId) -> Reach {
        self.reaches[id.index()]
    }

    /// The parts of an event that decide.
    pub(super) fn parts(&self, id: NodeId) -> Parts {
        self.parts[id.index()]
    }

    /// All that is asked, by number. Nothing can be added afterwards.
    pub(super) fn take_questions(&mut self) -> Vec<Question> {
        self.question_ids = HashMap::new();
        std::mem::take(&mut self.questions)
    }

    /// Forgets all nodes but the first so many.
    pub(super) fn truncate(&mut self, len: usize) {
        for node in self.nodes.drain(len..) {
            self.ids.remove(&node);
        }
        self.reaches.truncate(len);
        self.parts.truncate(len);
    }

    pub(super) fn add(&mut self, expr: &Expr) -> NodeId {
        match expr {
            Expr::Const(constant) => Self::constant(*constant),
            Expr::Not(inner) => {
                let inner = self.add(inner);
                self.not(inner)
            }
            Expr::And(all) => {
                let all = all.iter().map(|inner| self.add(inner)).collect();
                self.and(all)
            }
            Expr::Or(all) => {
                let all = all.iter().map(|inner| self.add(inner)).collect();
                self.or(all)
            }
            Expr::Test(test) => {
                self.ask(Question::Test(test.clone()), Reach::of_test(test), Parts::of_test(test))
            }
            Expr::Some { .. } => {
                self.ask(Question::Some(expr.clone()), Reach::of_expr(expr), Parts::of_expr(expr))
            }
        }
    }

    pub(super) const fn constant(constant: bool) -> NodeId {
        if constant { NodeId::ALWAYS } else { NodeId::NEVER }
    }

    pub(super) fn not(&mut self, inner: NodeId) -> NodeId {
        match *self.node(inner) {
            Node::Const(constant) => Self::constant(!constant),
            Node::Not(twice) => twice,
            _ => self.intern(Node::Not(inner), self.reach(inner), self.parts(inner)),
        }
    }

    pub(super) fn and(&mut self, all: Vec<NodeId>) -> NodeId {
        self.joined(all, NodeId::ALWAYS, NodeId::NEVER, Node::And)
    }

    pub(super) fn or(&mut self, all: Vec<NodeId>) -> NodeId {
        self.joined(all, NodeId::NEVER, NodeId::ALWAYS, Node::Or)
    }

    /// `neutral` changes nothing, `decisive` decides alone. Neither order nor repetition matters, since nothing that is
    /// asked has an effect or can fail.
    fn joined(
        &mut self,
        all: Vec<NodeId>,
        neutral: NodeId,
        decisive: NodeId,
        make: fn(Box<[NodeId]>) -> Node,
    ) -> NodeId {
        let nested = matches!(make(Box::default()), Node::And(_));
        let mut flat = Vec::with_capacity(all.len());
        for id in all {
            match self.node(id) {
                Node::And(inner) if nested => flat.extend_from_slice(inner),
                Node::Or(inner) if !nested => flat.extend_from_slice(inner),
                _ => flat.push(id),
            }
        }
        flat.retain(|id| *id != neutral);
        flat.sort_unstable_by_key(|id| (self.reach(*id), *id));
        flat.dedup();
        match flat.as_slice() {
            [] => neutral,
            [one] => *one,
            _ if flat.contains(&decisive) => decisive,
            _ => {
                let reach = flat.iter().map(|id| self.reach(*id)).max().unwrap_or(Reach::Head);
                let parts = flat.iter().map(|id| self.parts(*id)).fold(Parts::NONE, Parts::and);
                self.intern(make(flat.into_boxed_slice()), reach, parts)
            }
        }
    }

    fn ask(&mut self, question: Question, reach: Reach, parts: Parts) -> NodeId {
        let next = self.questions.len();
        let number = *self.question_ids.entry(format!("{question:?}")).or_insert(next);
        if number == next {
            self.questions.push(question);
        }
        self.intern(Node::Ask(number), reach, parts)
    }

    fn intern(&mut self, node: Node, reach: Reach, parts: Parts) -> NodeId {
        if let Some(id) = self.ids.get(&node) {
            return *id;
        }
        // Rules are bounded by the memory of whoever wrote them down; four thousand million nodes are not.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node.clone());
        self.reaches.push(reach);
        self.parts.push(parts);
        self.ids.insert(node, id);
        id
    }
}

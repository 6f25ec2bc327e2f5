//! What is known of the event that is looked at: each question is asked once.

use auditward_expr::{BadMatch, Compiled, CompiledTest, Subject};

use super::dag::{Dag, Node, NodeId, Question};

/// A question, ready to be asked.
#[derive(Debug)]
pub(super) enum Asked {
    Test(CompiledTest),
    Some(Compiled),
}

impl Asked {
    pub(super) fn new(question: &Question) -> Result<Self, Vec<BadMatch>> {
        match question {
            Question::Test(test) => CompiledTest::new(test).map(Asked::Test).map_err(|bad| vec![bad]),
            Question::Some(expr) => Compiled::new(expr).map(Asked::Some),
        }
    }

    fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Asked::Test(test) => test.holds(subject),
            Asked::Some(expr) => expr.holds(subject),
        }
    }
}

/// The answers to nodes, for one event at a time.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By node: the number of the event for which it was answered, and the answer in the lowest bit. So nothing has to be
    /// wiped between events.
    by_node: Vec<u32>,
    event: u32,
}

impl Answers {
    /// Begins with another event; nothing is known of it.
    pub(super) fn begin(&mut self, nodes: usize) {
        self.event += 2;
        if self.event > u32::MAX - 2 {
            self.by_node.fill(0);
            self.event = 2;
        }
        self.by_node.resize(self.by_node.len().max(nodes), 0);
    }

    pub(super) fn holds(&mut self, id: NodeId, dag: &Dag, asked: &[Asked], subject: &Subject<'_>) -> bool {
        let known = self.by_node[id.index()];
        if known & !1 == self.event {
            return known & 1 == 1;
        }
        let answer = match dag.node(id) {
            Node::Const(constant) => *constant,
            Node::Not(inner) => !self.holds(*inner, dag, asked, subject),
            Node::And(all) => all.iter().all(|inner| self.holds(*inner, dag, asked, subject)),
            Node::Or(all) => all.iter().any(|inner| self.holds(*inner, dag, asked, subject)),
            Node::Ask(number) => asked[*number].holds(subject),
        };
        self.by_node[id.index()] = self.event | u32::from(answer);
        answer
    }
}

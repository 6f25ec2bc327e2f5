//! What is known of the event that is looked at: each question is asked once.

use auditward_expr::{BadMatch, Compiled, CompiledTest};

use super::dag::{Dag, Node, NodeId, Question};
use super::family::{self, Family};
use super::values::{FieldId, Fields, Look};

/// All questions, ready to be asked.
#[derive(Debug)]
pub(super) struct Questions {
    alone: Vec<Asked>,
    families: Vec<Family>,
    /// By question.
    family_of: Vec<Option<usize>>,
}

#[derive(Debug)]
enum Asked {
    Test(FieldId, CompiledTest),
    Some(Compiled),
}

impl Questions {
    /// All that cannot be asked, if anything. Fields that they look at are added to `fields`.
    pub(super) fn new(questions: &[Question], fields: &mut Fields) -> Result<Self, Vec<BadMatch>> {
        let (mut alone, mut bad) = (Vec::new(), Vec::new());
        for question in questions {
            match Asked::new(question, fields) {
                Ok(asked) => alone.push(asked),
                Err(errors) => bad.extend(errors),
            }
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        let (families, family_of) = family::families(questions, fields);
        Ok(Questions { alone, families, family_of })
    }
}

impl Asked {
    fn new(question: &Question, fields: &mut Fields) -> Result<Self, Vec<BadMatch>> {
        match question {
            Question::Test(test) => {
                let compiled = CompiledTest::new(test).map_err(|bad| vec![bad])?;
                Ok(Asked::Test(fields.add(&test.field), compiled))
            }
            Question::Some(expr) => Compiled::new(expr).map(Asked::Some),
        }
    }

    fn holds(&self, look: &mut Look<'_, '_>) -> bool {
        match self {
            Asked::Test(field, test) => look.holds(*field, test),
            Asked::Some(expr) => expr.holds(&look.subject),
        }
    }
}

/// The answers for one event at a time.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By node: the number of the event for which it was answered, and the answer in the lowest bit. So nothing has to be
    /// wiped between events.
    by_node: Vec<u32>,
    /// By question of a family: the number of the last event of which the answer was yes.
    yes: Vec<u32>,
    /// By family: the number of the last event that it was asked of.
    families: Vec<u32>,
    event: u32,
}

impl Answers {
    /// Begins with another event; nothing is known of it.
    pub(super) fn begin(&mut self, nodes: usize, questions: &Questions) {
        if self.event > u32::MAX - 4 {
            *self = Answers::default();
        }
        self.event += 2;
        self.by_node.resize(self.by_node.len().max(nodes), 0);
        self.yes.resize(questions.alone.len(), 0);
        self.families.resize(questions.families.len(), 0);
    }

    pub(super) fn holds(
        &mut self,
        id: NodeId,
        dag: &Dag,
        questions: &Questions,
        look: &mut Look<'_, '_>,
    ) -> bool {
        let known = self.by_node[id.index()];
        if known & !1 == self.event {
            return known & 1 == 1;
        }
        let answer = match dag.node(id) {
            Node::Const(constant) => *constant,
            Node::Not(inner) => !self.holds(*inner, dag, questions, look),
            Node::And(all) => all.iter().all(|inner| self.holds(*inner, dag, questions, look)),
            Node::Or(all) => all.iter().any(|inner| self.holds(*inner, dag, questions, look)),
            Node::Ask(number) => match questions.family_of[*number] {
                None => questions.alone[*number].holds(look),
                Some(family) => {
                    self.ask(family, questions, look);
                    self.yes[*number] == self.event
                }
            },
        };
        self.by_node[id.index()] = self.event | u32::from(answer);
        answer
    }

    fn ask(&mut self, family: usize, questions: &Questions, look: &mut Look<'_, '_>) {
        if self.families[family] != self.event {
            self.families[family] = self.event;
            let (yes, event) = (&mut self.yes, self.event);
            questions.families[family].answer(look, &mut |number| yes[number] = event);
        }
    }
}

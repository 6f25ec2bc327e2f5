//! Expressions made ready to be asked of many events.
//!
//! Patterns are compiled, texts folded, sets hashed and networks parsed once. Every test takes time linear in the text
//! that it looks at, whatever the pattern. Nothing is allocated on the way but where the event's text has escapes or is
//! not in the form that is compared.

mod matcher;
mod network;
mod under;

pub use matcher::BadMatch;
use matcher::Matcher;

use crate::{Expr, Field, Item, Quantifier, Scope, Subject, Test};

/// A test that is ready to be asked.
#[derive(Debug)]
pub struct CompiledTest {
    field: Field,
    quantifier: Quantifier,
    matcher: Matcher,
}

impl CompiledTest {
    /// Fails on a pattern, a network or a path that is none.
    pub fn new(test: &Test) -> Result<Self, BadMatch> {
        let matcher = Matcher::new(&test.check)?;
        Ok(CompiledTest { field: test.field.clone(), quantifier: test.quantifier, matcher })
    }

    /// What is looked at.
    pub const fn field(&self) -> &Field {
        &self.field
    }

    /// Whether it is so of the event.
    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        self.holds_in(Scope::from(subject))
    }

    /// The same inside of [`Expr::Some`].
    pub fn holds_in(&self, scope: Scope<'_, '_>) -> bool {
        let mut verdict = Verdict::default();
        self.field.each_in(scope, &mut |item| verdict.see(self, scope, &item));
        verdict.of(self.quantifier)
    }

    /// The same where it is known what the field yields: exactly these.
    pub fn holds_of<'a>(&self, items: &[Item<'a>], subject: &Subject<'a>) -> bool {
        let scope = Scope::from(subject);
        match self.quantifier {
            Quantifier::Any => items.iter().any(|item| self.matcher.matches(item, scope)),
            Quantifier::Every => {
                !items.is_empty() && items.iter().all(|item| self.matcher.matches(item, scope))
            }
        }
    }
}

/// What was seen of the values so far.
#[derive(Default)]
struct Verdict {
    yes: bool,
    no: bool,
}

impl Verdict {
    fn see<'a>(&mut self, test: &CompiledTest, scope: Scope<'_, 'a>, item: &Item<'a>) {
        let settled = match test.quantifier {
            Quantifier::Any => self.yes,
            Quantifier::Every => self.no,
        };
        if !settled {
            let yes = test.matcher.matches(item, scope);
            self.yes |= yes;
            self.no |= !yes;
        }
    }

    const fn of(&self, quantifier: Quantifier) -> bool {
        match quantifier {
            Quantifier::Any => self.yes,
            Quantifier::Every => self.yes && !self.no,
        }
    }
}

/// An expression that is ready to be asked.
#[derive(Debug)]
pub struct Compiled {
    tree: Tree,
}

#[derive(Debug)]
enum Tree {
    Const(bool),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Test(CompiledTest),
    Some { list: Field, holds: Box<Tree> },
}

impl Compiled {
    /// All that cannot be compiled, if anything.
    pub fn new(expr: &Expr) -> Result<Self, Vec<BadMatch>> {
        let mut bad = Vec::new();
        let tree = Tree::new(expr, &mut bad);
        if bad.is_empty() { Ok(Compiled { tree }) } else { Err(bad) }
    }

    /// Whether it is so of the event.
    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        self.tree.holds(Scope::from(subject))
    }

    /// The same inside of [`Expr::Some`].
    pub fn holds_in(&self, scope: Scope<'_, '_>) -> bool {
        self.tree.holds(scope)
    }
}

impl Tree {
    fn new(expr: &Expr, bad: &mut Vec<BadMatch>) -> Self {
        match expr {
            Expr::Const(yes) => Tree::Const(*yes),
            Expr::Not(inner) => Tree::Not(Box::new(Tree::new(inner, bad))),
            Expr::And(parts) => Tree::And(parts.iter().map(|part| Tree::new(part, bad)).collect()),
            Expr::Or(parts) => Tree::Or(parts.iter().map(|part| Tree::new(part, bad)).collect()),
            Expr::Test(test) => match CompiledTest::new(test) {
                Ok(test) => Tree::Test(test),
                Err(error) => {
                    bad.push(error);
                    Tree::Const(false)
                }
            },
            Expr::Some { list, holds } => {
                Tree::Some { list: list.clone(), holds: Box::new(Tree::new(holds, bad)) }
            }
        }
    }

    fn holds(&self, scope: Scope<'_, '_>) -> bool {
        match self {
            Tree::Const(yes) => *yes,
            Tree::Not(inner) => !inner.holds(scope),
            Tree::And(parts) => parts.iter().all(|part| part.holds(scope)),
            Tree::Or(parts) => parts.iter().any(|part| part.holds(scope)),
            Tree::Test(test) => test.holds_in(scope),
            Tree::Some { list, holds } => {
                let mut any = false;
                list.each_in(scope, &mut |item| {
                    if !any && let Some(node) = item.into_node() {
                        any = holds.holds(Scope { subject: scope.subject, element: Some(&node) });
                    }
                });
                any
            }
        }
    }
}

impl Expr {
    /// Whether it is so of the event. Compiles first: for a question to one event. What cannot be compiled is not so.
    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        Compiled::new(self).is_ok_and(|compiled| compiled.holds(subject))
    }
}

//! A predicate over events as one over columns.
//!
//! ```text
//!  verb == delete and actor == person and object.spec.hostNetwork == true and "nginx" anywhere
//!  └─ exact: verb = 'delete'  │           └─ asked of an event rebuilt from verb and request_object
//!                             └─ asked of an event rebuilt from username and user_groups
//! ```
//! Every part of a conjunction is one of three things: *exact*, a comparison of columns that is true of the same rows; or
//! *asked*, [`auditward_expr::Compiled`] evaluated on an event that is rebuilt from no more columns than it looks at; or
//! asked, and narrowed beforehand by a *superset* of columns, which prunes files, row groups and pages.
//!
//! A row is odd if `rest` or `raw` is not null: then a column may be silent about what the event says, and what is exact
//! otherwise is a superset, which is why such rows are always asked as a whole event. They are rare, and two questions are
//! posed: one to the plain rows, one to the odd ones, where there are any.
//!
//! A test is false of a field that is missing, and its negation is true. In SQL both would be null; so a leaf says what
//! it means of null, and `not` is pushed down to the leaves first.

mod ask;
mod column;
mod leaf;
mod mention;
mod spelled;

use std::collections::BTreeSet;
use std::sync::Arc;

use auditward_expr::{BadMatch, Compiled, Expr, Match, Root, Test};
use datafusion::logical_expr::{Expr as Sql, lit};
use datafusion::prelude::col;

use ask::Ask;
use column::needed;

/// A predicate in conjuncts, for either kind of row.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// True of the plain rows that are meant; asked of no others.
    pub plain: Vec<Sql>,
    /// The same for odd rows.
    pub odd: Vec<Sql>,
    /// Whether columns alone say it of a plain row.
    pub exact: bool,
}

/// How a part of a predicate can be said of columns.
#[derive(Debug, Clone)]
enum Part {
    /// True of the same plain rows.
    Exact {
        /// Of plain rows.
        plain: Sql,
        /// True of every odd row that is meant, if anything can be said.
        odd: Option<Sql>,
    },
    /// True of every row that is meant, plain or odd, and of others.
    Superset { plain: Sql, odd: Option<Sql> },
    /// Nothing can be said.
    Unknown,
}

/// Lowers a predicate. Fails on what does not compile.
pub fn lower(expr: &Expr) -> Result<Lowered, Vec<BadMatch>> {
    let whole = Arc::new(Compiled::new(expr)?);
    let mut lowered = Lowered { plain: Vec::new(), odd: Vec::new(), exact: true };
    let mut open = Vec::new();
    for (conjunct, negated) in conjuncts(expr, false) {
        let (plain, odd) = match part(conjunct, negated) {
            Part::Exact { plain, odd } => (Some(plain), odd),
            Part::Superset { plain, odd } => {
                open.push((conjunct, negated));
                (Some(plain), odd)
            }
            Part::Unknown => {
                open.push((conjunct, negated));
                (None, None)
            }
        };
        lowered.plain.extend(plain.filter(|sql| *sql != lit(true)));
        lowered.odd.extend(odd);
    }
    // What looks at few columns is asked first; what looks at the same ones is asked in one go.
    let mut groups: Vec<(Option<BTreeSet<&'static str>>, Vec<Expr>)> = Vec::new();
    for (conjunct, negated) in open {
        let columns = columns_of(conjunct);
        let conjunct = if negated { Expr::Not(Box::new(conjunct.clone())) } else { conjunct.clone() };
        match groups.iter_mut().find(|(known, _)| *known == columns) {
            Some((_, together)) => together.push(conjunct),
            None => groups.push((columns, vec![conjunct])),
        }
    }
    groups.sort_by_key(|(columns, _)| columns.as_ref().map_or(usize::MAX, BTreeSet::len));
    for (columns, together) in groups {
        lowered.exact = false;
        let together = Expr::And(together);
        let spelled = spelled::of(&together);
        let columns = columns.map(|columns| columns.into_iter().collect());
        lowered.plain.push(Ask::of(Arc::new(Compiled::new(&together)?), columns, &spelled));
    }
    if *expr != Expr::Const(true) {
        lowered.odd.push(Ask::of(whole, None, &[]));
    }
    Ok(lowered)
}

/// The parts of which every one has to be so, or its opposite.
fn conjuncts(expr: &Expr, negated: bool) -> Vec<(&Expr, bool)> {
    match (expr, negated) {
        (Expr::Not(inner), _) => conjuncts(inner, !negated),
        (Expr::And(parts), false) | (Expr::Or(parts), true) => {
            parts.iter().flat_map(|part| conjuncts(part, negated)).collect()
        }
        (other, _) => vec![(other, negated)],
    }
}

/// The columns that an expression looks at; `None`: any.
fn columns_of(expr: &Expr) -> Option<BTreeSet<&'static str>> {
    let mut columns = BTreeSet::new();
    gather(expr, &mut columns)?;
    Some(columns)
}

fn gather(expr: &Expr, columns: &mut BTreeSet<&'static str>) -> Option<()> {
    match expr {
        Expr::Const(_) => {}
        Expr::Not(inner) => gather(inner, columns)?,
        Expr::And(parts) | Expr::Or(parts) => parts.iter().try_for_each(|part| gather(part, columns))?,
        Expr::Test(Test { field, check, .. }) => {
            columns.extend(needed(&field.root)?);
            if let Match::Field(_, other) = check {
                columns.extend(needed(&other.root)?);
            }
        }
        Expr::Some { list, holds } => {
            columns.extend(needed(&list.root)?);
            gather(holds, columns)?;
        }
    }
    Some(())
}

/// `negated`: it is the opposite that is meant.
fn part(expr: &Expr, negated: bool) -> Part {
    match expr {
        Expr::Const(yes) => Part::sure(*yes != negated),
        Expr::Not(inner) => part(inner, !negated),
        Expr::And(parts) if negated => any(parts, negated),
        Expr::Or(parts) if negated => all(parts, negated),
        Expr::And(parts) => all(parts, negated),
        Expr::Or(parts) => any(parts, negated),
        Expr::Test(test) if test.field.root == Root::Anywhere => {
            if negated {
                Part::Unknown
            } else {
                mention::lower(test)
            }
        }
        Expr::Test(test) => leaf::lower(test, negated),
        Expr::Some { .. } => Part::Unknown,
    }
}

impl Part {
    fn sure(yes: bool) -> Self {
        Part::Exact { plain: lit(yes), odd: Some(lit(yes)) }
    }
}

/// Of what nothing can be said nothing is said.
fn all(parts: &[Expr], negated: bool) -> Part {
    let (mut plains, mut odds, mut exact) = (Vec::new(), Vec::new(), true);
    for one in parts {
        let (plain, odd, whole) = match part(one, negated) {
            Part::Exact { plain, odd } => (Some(plain), odd, true),
            Part::Superset { plain, odd } => (Some(plain), odd, false),
            Part::Unknown => (None, None, false),
        };
        plains.extend(plain);
        odds.extend(odd);
        exact &= whole;
    }
    let odd = (!odds.is_empty()).then(|| joined(odds, true));
    match (exact, plains.is_empty()) {
        (true, _) => Part::Exact { plain: joined(plains, true), odd },
        (false, false) => Part::Superset { plain: joined(plains, true), odd },
        (false, true) => Part::Unknown,
    }
}

/// Of what nothing can be said of one alternative nothing can be said.
fn any(parts: &[Expr], negated: bool) -> Part {
    let (mut plains, mut odds, mut exact) = (Vec::new(), Some(Vec::new()), true);
    for one in parts {
        let (plain, odd) = match part(one, negated) {
            Part::Exact { plain, odd } => (plain, odd),
            Part::Superset { plain, odd } => {
                exact = false;
                (plain, odd)
            }
            Part::Unknown => return Part::Unknown,
        };
        plains.push(plain);
        odds = odds.zip(odd).map(|(mut odds, odd)| {
            odds.push(odd);
            odds
        });
    }
    let (plain, odd) = (joined(plains, false), odds.map(|odds| joined(odds, false)));
    if exact { Part::Exact { plain, odd } } else { Part::Superset { plain, odd } }
}

/// As a balanced tree: whoever walks it goes no deeper than need be.
pub(crate) fn joined(mut parts: Vec<Sql>, all: bool) -> Sql {
    match parts.len() {
        0 => lit(all),
        1 => parts.remove(0),
        many => {
            let right = joined(parts.split_off(many / 2), all);
            let left = joined(parts, all);
            if all { left.and(right) } else { left.or(right) }
        }
    }
}

/// Whether a row is odd.
pub(crate) fn is_odd() -> Sql {
    col("rest").is_not_null().or(col("raw").is_not_null())
}

/// Whether it is not.
pub(crate) fn is_plain() -> Sql {
    col("rest").is_null().and(col("raw").is_null())
}

//! Which requests can make an expression true, and how much of them has to be recorded for that.
//!
//! ```text
//!  verb in [create, patch] and resource == pods and some container (.securityContext.privileged == true)
//!      └─ requests: verb {create, patch}, resource {pods}          └─ level Request: a body is looked at
//! ```
//!
//! The answer is a list of [`Way`]s. Every event that makes the expression true belongs to at least one of them, and
//! was recorded at that way's level or more, at one of its stages. A way may promise too much: what nobody can know from
//! the expression alone (a pattern over user names, a response code) is taken for "could be anything", and [`Needs::exact`]
//! is false then.
//!
//! A condition that something is *not* in a body needs no body: it is true of an event without one.

mod leaf;
mod place;
mod set;
mod way;

#[cfg(test)]
mod tests;

use crate::Expr;

pub use set::{Names, Paths};
pub use way::{Kind, Level, Resources, Way};

/// How many ways an answer has at most; beyond, they are taken together as one that promises more.
pub const WAYS_MAX: usize = 256;

/// What an expression needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// None: it can never be true.
    pub ways: Vec<Way>,
    /// Whether the ways promise no more than the expression says, as far as a policy can see.
    pub exact: bool,
}

/// Which requests can make `expr` true.
pub fn symbolic(expr: &Expr) -> Needs {
    let mut exact = true;
    let mut ways = ways(expr, true, &mut exact);
    ways.sort();
    ways.dedup();
    Needs { ways, exact }
}

/// The ways in which `expr` is what `wanted` says.
fn ways(expr: &Expr, wanted: bool, exact: &mut bool) -> Vec<Way> {
    match expr {
        Expr::Const(value) if *value == wanted => vec![Way::any()],
        Expr::Const(_) => Vec::new(),
        Expr::Not(inner) => ways(inner, !wanted, exact),
        Expr::And(parts) if wanted => all(parts, wanted, exact),
        Expr::Or(parts) if !wanted => all(parts, wanted, exact),
        Expr::And(parts) | Expr::Or(parts) => any(parts, wanted, exact),
        Expr::Test(test) => leaf::ways(test, wanted, exact),
        Expr::Some { list, holds } => {
            if !wanted {
                // No such element, or none at all: a body need not be there.
                return vec![Way::any()];
            }
            let list = leaf::read(list);
            product(&[list], &ways(holds, true, exact), exact)
        }
    }
}

fn any(parts: &[Expr], wanted: bool, exact: &mut bool) -> Vec<Way> {
    let mut found = Vec::new();
    for part in parts {
        found.extend(ways(part, wanted, exact));
        found.sort();
        found.dedup();
        bound(&mut found, exact);
    }
    found
}

fn all(parts: &[Expr], wanted: bool, exact: &mut bool) -> Vec<Way> {
    let mut found = vec![Way::any()];
    for part in parts {
        found = product(&found, &ways(part, wanted, exact), exact);
    }
    found
}

fn product(a: &[Way], b: &[Way], exact: &mut bool) -> Vec<Way> {
    let mut both: Vec<Way> = Vec::new();
    for one in a {
        both.extend(b.iter().filter_map(|other| one.and(other)));
        both.sort();
        both.dedup();
        bound(&mut both, exact);
    }
    both
}

/// Too many ways become one.
fn bound(ways: &mut Vec<Way>, exact: &mut bool) {
    if ways.len() > WAYS_MAX {
        *exact = false;
        let together = ways.drain(..).reduce(|a, b| a.or(&b));
        ways.extend(together);
    }
}

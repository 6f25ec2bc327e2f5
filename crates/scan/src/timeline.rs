//! All that happened around one subject: a search, made here.

use auditward_event::Path;
use auditward_expr::{Expr, Field, Fold, Literal, Match, Quantifier, Root, Test};
use auditward_query::Search;

/// Whose timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// What this user did, also as somebody else, and what was done in this user's name.
    User(String),
    /// What was asked from this address.
    Address(String),
    /// What was done to this object.
    Object(Object),
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object {
    /// The API group; `None`: any, empty: the core group.
    pub group: Option<String>,
    /// The resource: `secrets`.
    pub resource: String,
    /// The namespace; `None`: any.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl Whose {
    /// The search for it. A collection's deletion and a watch of everything concern every object of it and are not found.
    pub fn search(&self) -> Search {
        Search::of(match self {
            Whose::User(name) => {
                Expr::Or(vec![is("user.username", name), is("impersonatedUser.username", name)])
            }
            Whose::Address(address) => Expr::Test(Test {
                field: Field::of(Root::Fact("sourceIP".to_owned())),
                quantifier: Quantifier::Any,
                check: if address.contains('/') {
                    Match::Cidr(vec![address.clone()])
                } else {
                    Match::Equals(address.clone(), Fold::Exact)
                },
            }),
            Whose::Object(object) => {
                let mut parts =
                    vec![is("objectRef.resource", &object.resource), is("objectRef.name", &object.name)];
                parts.extend(object.namespace.as_ref().map(|namespace| is("objectRef.namespace", namespace)));
                parts.extend(object.group.as_ref().map(|group| match group.as_str() {
                    "" => Expr::Or(vec![
                        is("objectRef.apiGroup", ""),
                        Expr::Not(Box::new(test("objectRef.apiGroup", Match::Exists))),
                    ]),
                    group => is("objectRef.apiGroup", group),
                }));
                Expr::And(parts)
            }
        })
    }
}

/// `path` is this text.
pub(crate) fn is(path: &str, text: &str) -> Expr {
    test(path, Match::Is(Literal::Text(text.to_owned())))
}

fn test(path: &str, check: Match) -> Expr {
    match Path::parse(path) {
        Ok(path) => {
            Expr::Test(Test { field: Field::of(Root::Event(path)), quantifier: Quantifier::Any, check })
        }
        Err(_) => Expr::Const(false),
    }
}

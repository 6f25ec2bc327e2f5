//! The search language: what people type to find events.
//!
//! ```text
//! search = all { "OR" all }                       all  = one { ["AND"] one }           one = { "NOT" | "-" } term
//! term   = "(" search ")" | field ":" value | field ":" "(" value { ("OR" | "," | blank) value } ")" | text | "*"
//! field  = a name of [`NAMES`], or one of expressions; keys behind dots, "[*]", "[0]", "[\"key\"]"
//! value  = [ "<" | "<=" | ">" | ">=" ] word | text | number ".." number | "*"
//! word   = characters but blanks, parentheses and quotes; "*" any run, "?" one, "\" takes the next as it is
//! text   = JSON string | "'" anything but "'" "'"
//! ```
//! ```text
//! verb:delete resource:secrets ns:prod -user:system:* code:>=400 since:2h (ip:10.0.0.0/8 OR "kubectl proxy")
//! ```
//! A search is lowered to an [`auditward_expr::Expr`], which is what rules are made of as well, and to what an event does
//! not hold itself: the time and the cluster. Nothing here reads a clock or a disk; whoever parses says what time it is.
//!
//! What is printed reads back as the same search, whatever the expression: what the language has no words for is
//! embedded as `where:"…"`.

mod clusters;
mod finding;
mod matcher;
pub mod names;
mod parser;
mod place;
mod print;
mod rule;
mod search;
mod time;
mod value;

pub use clusters::{ClusterRule, Clusters, Pattern};
pub use finding::Finding;
pub use matcher::Matcher;
pub use names::{NAMES, Name, Type};
pub use parser::{BYTES_MAX, parse};
pub use rule::RuleHead;
pub use search::Search;
pub use time::moment;

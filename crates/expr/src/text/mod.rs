//! Expressions as text, for people to write and to read.
//!
//! ```text
//! expr    = and { "or" and }         and = not { "and" not }         not = { "not" } primary
//! primary = "(" expr ")" | "true" | "false" | ("all" | "any") "(" [ expr { "," expr } ] ")"
//!         | "some" field "(" expr ")" | "exists" field | [ "every" ] field [ test ]
//! test    = ("==" | "!=" | "<" | "<=" | ">" | ">=") value | [ "not" ] word-operator (value | list) | "is" "null" | "exists"
//! field   = path | "." path | function "(" field ")" | "event" "(" path ")" | "sigma" "(" keys ")"
//!         | "falco" "(" name [ "[" argument "]" ] ")" | "fact" "(" text ")"
//! value   = text | number | "true" | "false" | "$" name | field          list = "[" [ value { "," value } ] "]" | "$" name
//! text    = JSON string | "'" anything but "'" "'"                       "#" begins a comment
//! ```
//! Everything that a tree can hold can be written, so that rules of every language can be shown in this one: what is
//! printed reads back as the same tree.

mod lexer;
mod parser;
mod print;
mod words;

pub use parser::{Parameters, SyntaxError, parse, parse_unchecked};
pub use words::{FUNCTIONS, OPERATORS, Operator};

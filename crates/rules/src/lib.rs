//! Detection rules: Falco's, Sigma's and our own, each lowered to one [`Rule`].
//!
//! Reading is pure: whoever has the files hands over texts with their names, and gets rules and findings back.

pub mod coverage;
pub mod generate;
pub mod rule;

pub use rule::{
    Attack, GroupBy, Language, Origin, Rule, Severity, Step, Suppress, Template, TemplatePart, Trigger,
};

//! Detection rules: Falco's, Sigma's and our own, each lowered to one [`Rule`].
//!
//! Reading is pure: whoever has the files hands over texts with their names, and gets rules and findings back.

pub mod coverage;
pub mod falco;
mod finding;
pub mod generate;
pub mod library;
pub mod native;
pub mod rule;
pub mod sigma;

pub use finding::{Finding, Weight};
pub use rule::{
    Attack, GroupBy, Language, Origin, Relation, Rule, Severity, Source, Statistic, Step, Suppress, Template,
    TemplatePart, Threshold, Trigger,
};

//! Sigma rules from outside: what each construct becomes, what is said of mistakes, what is refused in bounded time,
//! and what upstream's own rules find.
//!
//! Upstream's rules are other people's and stay where they are: the folder that `AUDITWARD_CORPUS` names.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_collect,
    reason = "tests stop at surprises, say what they skip, and build their texts as it reads best"
)]

mod correlations;
mod documents;
mod examples;
mod fires;
mod hostile;
mod mistakes;
mod modifiers;
mod show;
mod table;
mod upstream;

use auditward_rules::sigma::{self, Loaded, Options};

/// One text, with the placeholders that tests use.
fn load(text: &str) -> Loaded {
    let mut options = Options::default();
    options.placeholders.insert("admins".to_owned(), vec!["alice".to_owned(), "ops-*".to_owned()]);
    options.placeholders.insert("nobody".to_owned(), Vec::new());
    sigma::load(&[("test.yml", text)], &options)
}

/// A rule whose detection is `detection`, indented by two.
fn rule(detection: &str) -> String {
    let indented: String = detection.lines().map(|line| format!("  {line}\n")).collect();
    format!("title: Test\nlogsource: {{product: kubernetes, service: audit}}\ndetection:\n{indented}")
}

/// Everything that is said.
fn told(loaded: &Loaded) -> String {
    loaded.findings.iter().map(|finding| format!("{finding}\n")).collect()
}

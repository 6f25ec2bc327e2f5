//! A search as a rule.

use crate::Search;
use crate::print::quoted;

/// What a rule says besides its condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleHead {
    /// Small letters, digits and hyphens.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// One of the severities' words.
    pub severity: String,
}

impl Search {
    /// The text of a rule in our own format that alerts on each request that is searched for.
    ///
    /// A rule sees events as they come, of one cluster: the search's time and clusters are not in it, and a comment says
    /// so.
    pub fn as_rule(&self, head: &RuleHead) -> String {
        let mut out = format!("# Made of the search: {}\n", one_line(&self.print()));
        if self.since.is_some() || self.until.is_some() {
            out.push_str("# A rule looks at every event that comes: the search's time is not in it.\n");
        }
        if !self.clusters.is_all() {
            out.push_str(
                "# A rule looks at every cluster that it is given to: the search's clusters are not in it.\n",
            );
        }
        out.push_str(&format!("id: {}\n", quoted(&head.id)));
        out.push_str(&format!("title: {}\n", quoted(&head.title)));
        out.push_str(&format!("description: {}\n", quoted("What it finds, and why that matters.")));
        out.push_str(&format!("severity: {}\n", head.severity));
        out.push_str(&format!("when: {}\n", block(&self.expr.to_string())));
        out.push_str("groupBy: [user, namespace, name]\n");
        out.push_str("summary: \"{user}: {verb} {resource} {namespace}/{name}\"\n");
        out.push_str("response: What to look at, and what to undo.\n");
        out.push_str("tests: []\n");
        out
    }
}

/// As it is, if YAML takes it so.
fn block(text: &str) -> String {
    if text == one_line(text) { format!("|\n  {text}") } else { quoted(text) }
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars()
        .map(
            |letter| {
                if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') { ' ' } else { letter }
            },
        )
        .collect()
}

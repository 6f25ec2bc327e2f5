//! Which rules run, and which of those that hold of an event fire.

use crate::Rule;

/// One entry of `rules:` in Falco's own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// On, or off.
    pub enable: bool,
    /// What is switched.
    pub which: Which,
}

/// Which rules a [`Switch`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those with this name, in which `*` is any run of characters.
    Rule(String),
    /// Those with this tag.
    Tag(String),
}

/// Which of the rules that hold fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// All of them: what we do unless told otherwise, because a broad rule must not hide a sharp one.
    #[default]
    All,
    /// The first in the order of definition: what Falco does unless told otherwise.
    First,
}

/// The rules that fire on one event, of those that are on. `holds` is asked no more often than needed.
pub fn firing<'r>(
    rules: impl IntoIterator<Item = &'r Rule>,
    matching: Matching,
    mut holds: impl FnMut(&Rule) -> bool,
) -> Vec<&'r Rule> {
    let firing = rules.into_iter().filter(|rule| rule.enabled && holds(rule));
    match matching {
        Matching::All => firing.collect(),
        Matching::First => firing.take(1).collect(),
    }
}

/// Whether a rule is on; the last switch that is about it decides.
pub(super) fn enabled(switches: &[Switch], name: &str, tags: &[String], otherwise: bool) -> bool {
    let about = |switch: &&Switch| match &switch.which {
        Which::Rule(pattern) => matches(pattern, name),
        Which::Tag(tag) => tags.contains(tag),
    };
    switches.iter().rev().find(about).map_or(otherwise, |switch| switch.enable)
}

/// `*` is any run of characters. Of each piece between stars the first place will do.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match name.find(piece) {
            Some(at) => name = &name[at + piece.len()..],
            None => return false,
        }
    }
    name.len() >= end.len() && name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, expected) in [
            ("K8s Secret Created", "K8s Secret Created", true),
            ("K8s *", "K8s Secret Created", true),
            ("*Created", "K8s Secret Created", true),
            ("K8s*Secret*ed", "K8s Secret Created", true),
            ("*", "", true),
            ("a*a", "a", false),
            ("K8s", "K8s Secret Created", false),
            ("*x*", "K8s Secret Created", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_last_switch_wins() {
        let off = Switch { enable: false, which: Which::Rule("*".to_owned()) };
        let on = Switch { enable: true, which: Which::Tag("k8s".to_owned()) };
        assert!(enabled(&[off.clone(), on.clone()], "a", &["k8s".to_owned()], false));
        assert!(!enabled(&[on, off], "a", &["k8s".to_owned()], true));
        assert!(enabled(&[], "a", &[], true));
    }
}

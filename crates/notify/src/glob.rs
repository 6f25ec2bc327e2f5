//! Patterns for names: `*` is any text, `?` any one character, the rest is itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A pattern that a whole name must match, as `k8s-secrets-*`.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// Any text is a pattern.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether the whole of `name` matches. Takes at most pattern × name steps.
    pub fn matches(&self, name: &str) -> bool {
        let mut pattern = self.0.chars();
        let mut rest = name.chars();
        // The last star seen: what follows it, and where in the name it is tried next.
        let mut star = None;
        loop {
            let mut ahead = pattern.clone();
            match (ahead.next(), rest.clone().next()) {
                (Some('*'), _) => {
                    pattern = ahead;
                    star = Some((pattern.clone(), rest.clone()));
                    continue;
                }
                (Some(wanted), Some(seen)) if wanted == '?' || wanted == seen => {
                    pattern = ahead;
                    rest.next();
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((after, from)) = &mut star else { return false };
            if from.next().is_none() {
                return false;
            }
            pattern = after.clone();
            rest = from.clone();
        }
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        assert_eq!(Glob::new(pattern).matches(name), expected, "`{pattern}` on `{name}`");
    }

    #[test]
    fn the_whole_name_matches_or_not() {
        check("", "", true);
        check("", "a", false);
        check("a", "a", true);
        check("a", "ab", false);
        check("*", "", true);
        check("*", "anything", true);
        check("prod-*", "prod-eu", true);
        check("prod-*", "prod", false);
        check("*-eu", "prod-eu-eu", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-b-c-b", false);
        check("?", "", false);
        check("?", "ü", true);
        check("a?c", "abc", true);
        check("**", "x", true);
    }

    #[test]
    fn many_stars_take_no_longer() {
        check(&"*a".repeat(200), &"a".repeat(199), false);
        check(&"*a".repeat(200), &"a".repeat(2_000), true);
    }
}

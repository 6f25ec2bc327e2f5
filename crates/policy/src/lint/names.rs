//! Words for messages.

use crate::read::nearest;

/// `a, b and c`, at most a handful of them.
pub(super) fn joined<S: AsRef<str>>(words: &[S], last: &str) -> String {
    joined_by(words, |word| word.as_ref().to_owned(), last)
}

/// The same of whatever has a name.
pub(super) fn joined_by<T>(words: &[T], name: impl Fn(&T) -> String, last: &str) -> String {
    const SHOWN: usize = 5;
    let mut shown: Vec<String> = words.iter().take(SHOWN).map(name).collect();
    if words.len() > SHOWN {
        shown.push(format!("{} more", words.len() - SHOWN));
    }
    match shown.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [many @ .., end] => format!("{} {last} {end}", many.join(", ")),
    }
}

/// The same, each in backticks.
pub(super) fn quoted<S: AsRef<str>>(words: &[S], last: &str) -> String {
    joined_by(words, |word| format!("`{}`", word.as_ref()), last)
}

/// `the core group`, `group apps`
pub(super) fn group(group: &str) -> String {
    if group.is_empty() { "the core group".to_owned() } else { format!("group `{group}`") }
}

/// `deployments` of `apps`, `pods` of the core group: as one types it into a policy.
pub(super) fn resource(group: &str, resource: &str) -> String {
    if group.is_empty() { format!("`{resource}`") } else { format!("`{resource}` of group `{group}`") }
}

/// The one of `known` that `word` was probably meant to be. Names of the API are short and alike, so little is forgiven.
pub(super) fn near<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    nearest(word, known, |word, candidate, distance| {
        let only_the_number = word.trim_end_matches('s') == candidate.trim_end_matches('s');
        only_the_number || distance <= candidate.len() / 4
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_only() {
        let words = ["nodes", "roles", "deployments", "get"];
        assert_eq!(near("node", words), Some("nodes"));
        assert_eq!(near("deploymnet", words), Some("deployments"));
        assert_eq!(near("gets", words), Some("get"));
        assert_eq!(near("set", words), None);
        assert_eq!(near("widgets", words), None);
    }

    #[test]
    fn long_lists_end() {
        assert_eq!(joined::<&str>(&[], "and"), "");
        assert_eq!(joined(&["a"], "and"), "a");
        assert_eq!(quoted(&["a", "b", "c"], "or"), "`a`, `b` or `c`");
        assert_eq!(joined(&["a", "b", "c", "d", "e", "f", "g"], "and"), "a, b, c, d, e and 2 more");
    }
}

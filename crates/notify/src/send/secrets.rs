//! What we know and others must not read, not even where a server repeats it to us.

use std::collections::BTreeSet;

/// Secrets of one request.
pub(super) struct Secrets(BTreeSet<String>);

/// Shorter texts are no secrets, and hiding them would make a riddle of every message.
const LENGTH_MIN: usize = 4;
/// Shorter words of a path are names.
const WORD_MIN: usize = 8;

impl Secrets {
    /// Those of a URL: all behind its host, and the long words in it.
    pub(super) fn of_url(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let behind = rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]);
        let words = behind.split(['/', '?', '#', '&', '=']).filter(|word| word.len() >= WORD_MIN);
        let mut all = Self(words.map(str::to_owned).collect());
        all.add(behind);
        all
    }

    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() >= LENGTH_MIN {
            self.0.insert(secret.to_owned());
        }
    }

    /// The text without them.
    pub(super) fn hide(&self, text: &str) -> String {
        // The longest first: one may be in another.
        let mut all: Vec<&String> = self.0.iter().collect();
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "(hidden)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden() {
        let mut secrets = Secrets::of_url("https://hooks.example:8443/services/T0001/XYZXYZXYZ?key=abcdefgh");
        secrets.add("tok");
        secrets.add("token");
        secrets.add("token-long");
        let check = |text: &str, expected: &str| assert_eq!(secrets.hide(text), expected);
        check("no hook /services/T0001/XYZXYZXYZ?key=abcdefgh here", "no hook (hidden) here");
        check("unknown XYZXYZXYZ, abcdefgh", "unknown (hidden), (hidden)");
        check("hooks.example:8443 T0001 tok", "hooks.example:8443 T0001 tok");
        check("token-long token", "(hidden) (hidden)");
        assert_eq!(Secrets::of_url("http://host").hide("http://host/"), "http://host/");
        assert_eq!(Secrets::of_url("http://host/").hide("http://host/"), "http://host/");
    }
}

//! The API server's flags, as a command line holds them.
//!
//! Grammar (pflag's): `--name=value`, `--name value`, `--name` alone for a boolean, `-v=2` and `-v 2` for the one short
//! flag; `_` in a name means `-`; of a scalar flag that is given twice, the last one counts; `--` ends the flags.

use serde::Serialize;

/// All flags, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Flags(Vec<Flag>);

/// One flag as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Flag {
    /// Without dashes in front, `_` as `-`.
    pub name: String,
    /// As written, `$(VAR)` and all; `None` for a name alone.
    pub value: Option<String>,
    /// How it is written.
    pub form: Form,
    /// Its line in the manifest, from 1; 0 where flags do not come from a file.
    pub line: usize,
    /// The place of its first word among the words it was read from, from 0.
    #[serde(skip)]
    pub word: usize,
    /// Its name as written, dashes and all.
    #[serde(skip)]
    pub(super) spelt: String,
}

/// How a flag is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// `--name=value`
    Joined,
    /// `--name` and `value`, two words.
    TwoWords,
    /// `--name`
    Bare,
}

impl Flags {
    /// Reads words with their lines, those behind the program's name. Works as well for a process's arguments.
    pub fn parse<'w>(words: impl IntoIterator<Item = (&'w str, usize)>) -> Self {
        let words: Vec<(&str, usize)> = words.into_iter().collect();
        let mut flags = Vec::new();
        let mut at = 0;
        while let Some(&(word, line)) = words.get(at) {
            let start = at;
            at += 1;
            if word == "--" {
                break;
            }
            let Some(body) = name_and_value(word) else { continue };
            let (name, value, form) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value), Form::Joined),
                None => match words.get(at) {
                    Some((next, _)) if takes_next(&normal(body), next) => {
                        at += 1;
                        (body, Some(*next), Form::TwoWords)
                    }
                    _ => (body, None, Form::Bare),
                },
            };
            let value = value.map(str::to_owned);
            let spelt = word[..word.len() - body.len() + name.len()].to_owned();
            flags.push(Flag { name: normal(name), value, form, line, word: start, spelt });
        }
        Self(flags)
    }

    /// The flag that counts: the last one of this name.
    pub fn get(&self, name: &str) -> Option<&Flag> {
        let name = normal(name);
        self.0.iter().rev().find(|flag| flag.name == name)
    }

    /// The value that counts; of a name alone, `true`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(Flag::meaning)
    }

    /// Every flag of this name, in order.
    pub fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &Flag> {
        let name = normal(name);
        self.0.iter().filter(move |flag| flag.name == name)
    }

    /// Every flag, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Flag> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'f> IntoIterator for &'f Flags {
    type Item = &'f Flag;
    type IntoIter = std::slice::Iter<'f, Flag>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Flag {
    /// Its value; of a name alone, `true`.
    pub fn meaning(&self) -> &str {
        self.value.as_deref().unwrap_or("true")
    }
}

/// A flag's name with `_` as `-`, as kube-apiserver's normalisation has it.
pub(super) fn normal(name: &str) -> String {
    name.replace('_', "-")
}

/// What follows the dashes, when this word is a flag. With one dash there is only `v`.
fn name_and_value(word: &str) -> Option<&str> {
    match word.strip_prefix("--") {
        Some(body) => Some(body).filter(|body| !body.is_empty() && !body.starts_with(['-', '='])),
        None => word.strip_prefix('-').filter(|body| *body == "v" || body.starts_with("v=")),
    }
}

/// Whether a flag without `=` takes the next word for its value. Only a boolean does not; kube-apiserver takes no
/// words of its own, so what does not look like a flag can only be a value.
fn takes_next(name: &str, next: &str) -> bool {
    if name.starts_with("audit-") {
        return !AUDIT_BOOLEANS.contains(&name);
    }
    !next.starts_with("--")
}

/// Those of the flags for auditing that stand alone.
pub(super) const AUDIT_BOOLEANS: [&str; 5] = [
    "audit-log-batch-throttle-enable",
    "audit-log-compress",
    "audit-log-truncate-enabled",
    "audit-webhook-batch-throttle-enable",
    "audit-webhook-truncate-enabled",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "`expect![…]` is a value")]
    fn check(words: &[&str], expected: expect_test::Expect) {
        let flags = Flags::parse(words.iter().map(|word| (*word, 0)));
        let lines: Vec<String> =
            flags.iter().map(|flag| format!("{} {:?} {:?}", flag.name, flag.form, flag.value)).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn every_form() {
        check(
            &[
                "--a=b",
                "--b",
                "--c",
                "d",
                "--audit_log_path",
                "-",
                "--e=",
                "-v=2",
                "-v",
                "3",
                "--x=y=z",
                "--",
                "--no",
            ],
            expect_test::expect![[r#"
                a Joined Some("b")
                b Bare None
                c TwoWords Some("d")
                audit-log-path TwoWords Some("-")
                e Joined Some("")
                v Joined Some("2")
                v TwoWords Some("3")
                x Joined Some("y=z")"#]],
        );
    }

    #[test]
    fn a_boolean_takes_no_value_and_a_path_takes_any() {
        check(
            &["--audit-log-compress", "stray", "--audit-log-path", "--audit-policy-file"],
            expect_test::expect![[r#"
                audit-log-compress Bare None
                audit-log-path TwoWords Some("--audit-policy-file")"#]],
        );
    }

    #[test]
    fn the_last_one_counts() {
        let flags = Flags::parse([("--audit-log-path=a", 1), ("--audit_log_path=b", 2)]);
        assert_eq!(flags.value("audit-log-path"), Some("b"));
        assert_eq!(flags.all("audit_log_path").count(), 2);
    }
}

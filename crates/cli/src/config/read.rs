//! Text to [`Config`], with words for mistakes.

use std::path::Path;

use auditward_expr::schema::nearest;
use auditward_notify::Targets;
use auditward_policy::read::FieldPath;
use serde_saphyr::Error;

use super::{Config, check};
use crate::exit::Failure;
use crate::input;
use crate::output;
use crate::snippet::Snippet;

/// A configuration is a page, not a book.
const BYTES_MAX: usize = 1 << 20;

/// Reads a file.
pub(crate) fn from_file(path: &Path) -> Result<Config, Failure> {
    let bytes = input::whole(path, BYTES_MAX)?;
    let name = input::name(path);
    if bytes.len() > BYTES_MAX {
        return Err(Failure::new(format!("`{name}` is larger than a configuration may be")));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("`{name}` is not UTF-8 text")))?;
    let config = from_text(&text).map_err(|mistake| Failure::new(mistake.render(&name, &text)))?;
    refuse(&check::mistakes(&config), &name)?;
    Ok(config)
}

/// Whether the targets of a file can be used; everything that is wrong with them is said.
pub(crate) fn check_targets(targets: &Targets, path: &Path) -> Result<(), Failure> {
    let mistakes: Vec<String> = targets.check().iter().map(|mistake| format!("notify.{mistake}")).collect();
    refuse(&mistakes, &path.display().to_string())
}

/// Says all mistakes of a file, if there are any.
fn refuse(mistakes: &[String], name: &str) -> Result<(), Failure> {
    for mistake in mistakes {
        output::talk(&format!("error: {mistake}"));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::new(format!("`{name}` cannot be used"))) }
}

/// Reads a text; an empty one says nothing, so everything has its default.
pub(crate) fn from_text(text: &str) -> Result<Config, Mistake> {
    let blank = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if blank {
        return Ok(Config::default());
    }
    // The parser may stop at an assertion of its own instead of an error; that must not end the program.
    serde_saphyr::from_str(text).map_err(|error| Mistake::of(error.without_snippet(), text))
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Mistake {
    message: String,
    at: usize,
    length: usize,
    hint: Option<String>,
}

impl Mistake {
    fn of(error: &Error, text: &str) -> Self {
        let at = error.location().map_or(0, |location| offset(text, location.line(), location.column()));
        let word = text.get(at..).unwrap_or_default();
        let length = word.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(word.len());
        let (message, hint) = match error {
            Error::SerdeUnknownField { field, expected, .. } => {
                (format!("unknown key `{field}`"), meant(field, expected))
            }
            Error::SerdeUnknownVariant { variant, expected, .. } => {
                (format!("`{variant}` is none of the words that can stand here"), meant(variant, expected))
            }
            Error::SerdeMissingField { field, .. } => (format!("the key `{field}` is missing here"), None),
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                (format!("the key `{key}` stands here twice"), None)
            }
            other => (plain(&other.to_string()), None),
        };
        Mistake { message, at, length, hint }
    }

    /// As people read it, with the line that it is in.
    pub(crate) fn render(&self, file: &str, text: &str) -> String {
        Snippet {
            file,
            text: text.as_bytes(),
            span: self.at..self.at + self.length,
            severity: "error",
            message: &self.message,
            path: &FieldPath::ROOT,
            hint: self.hint.as_deref(),
        }
        .render(false)
    }
}

/// The parser's own message begins or ends with a place that we tell better.
fn plain(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let cut = message.find(" at line ").unwrap_or(message.len());
    message[..cut].trim_start_matches("error: ").to_owned()
}

fn meant(word: &str, known: &[&str]) -> Option<String> {
    match nearest(word, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("one of `{}`", known.join("`, `"))),
    }
}

/// Lines and columns, the latter in characters, count from one.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let line = usize::try_from(line).unwrap_or(usize::MAX).max(1) - 1;
    let column = usize::try_from(column).unwrap_or(usize::MAX).max(1) - 1;
    let begin: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(begin..).unwrap_or_default();
    begin + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, says: &Expect) {
        let said = match from_text(text) {
            Ok(_) => "fine\n".to_owned(),
            Err(mistake) => mistake.render("auditward.yaml", text) + "\n",
        };
        says.assert_eq(&said);
    }

    #[test]
    fn nothing_said_is_all_defaults() {
        assert_eq!(from_text("").unwrap(), Config::default());
        assert_eq!(from_text("# nothing\n\n").unwrap(), Config::default());
    }

    /// The example shows every key, with the value that it has by default.
    #[test]
    fn the_example_says_what_is_so_anyway() {
        let text = include_str!("../../../../examples/auditward.yaml");
        let config = from_text(text).unwrap_or_else(|mistake| panic!("{}", mistake.render("example", text)));
        assert_eq!(config, Config { data: Some("/var/lib/auditward".into()), ..Config::default() });
    }

    #[test]
    fn what_is_said_is_heard() {
        let config = from_text(
            "data: /srv/audit\nlisten: {address: '[::1]:9000'}\ncollect:\n  logs: [{path: /var/log/a.log, cluster: prod}]\n\
             journal: {backlog: 1GiB}\ndetect: {severity: warning, lateness: 30s}\nstore:\n  retention:\n  - {cluster: '*', age: 90d}\n",
        )
        .unwrap();
        assert_eq!(config.collect.logs[0].cluster, "prod");
        assert_eq!(config.journal.backlog, crate::config::Size(1 << 30));
        assert_eq!(config.detect.lateness.0, Duration::from_secs(30));
        assert_eq!(config.store.retention[0].age.unwrap().0, Duration::from_hours(90 * 24));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
        check(
            "collect:\n  log: []\n",
            &expect![[r#"
            auditward.yaml:2:3: error: unknown key `log`
              2 |   log: []
                |   ^^^
              hint: did you mean `logs`?
        "#]],
        );
        check(
            "detect:\n  sevrity: warning\n",
            &expect![[r#"
            auditward.yaml:2:3: error: unknown key `sevrity`
              2 |   sevrity: warning
                |   ^^^^^^^
              hint: did you mean `severity`?
        "#]],
        );
        check(
            "retention: 1d\n",
            &expect![[r#"
            auditward.yaml:1:1: error: unknown key `retention`
              1 | retention: 1d
                | ^^^^^^^^^
              hint: one of `data`, `listen`, `collect`, `journal`, `detect`, `store`, `query`, `notify`
        "#]],
        );
    }

    #[test]
    fn a_value_that_is_none() {
        check(
            "detect: {severity: loud}\n",
            &expect![[r#"
            auditward.yaml:1:20: error: unknown severity `loud`; there are debug, informational, notice, warning, error, critical, alert and emergency
              1 | detect: {severity: loud}
                |                    ^^^^^
        "#]],
        );
        check(
            "journal:\n  backlog: much\n",
            &expect![[r#"
            auditward.yaml:2:12: error: `much` is no size: a whole number and a unit, as in `64MiB` or `10GB`
              2 |   backlog: much
                |            ^^^^
        "#]],
        );
        check(
            "store: {seal_after: 5}\n",
            &expect![[r#"
            auditward.yaml:1:21: error: `5` is no time: a whole number and a unit, as in `30s`, `12h` or `90d`
              1 | store: {seal_after: 5}
                |                     ^^
        "#]],
        );
        check(
            "listen:\n  address: localhost\n",
            &expect![[r#"
            auditward.yaml:2:12: error: invalid socket address syntax
              2 |   address: localhost
                |            ^^^^^^^^^
        "#]],
        );
        check(
            "listen:\n  tls: {certificate: a.pem}\n",
            &expect![[r#"
            auditward.yaml:2:9: error: the key `key` is missing here
              2 |   tls: {certificate: a.pem}
                |         ^^^^^^^^^^^
        "#]],
        );
        check(
            "data: [\n",
            &expect![[r#"
            auditward.yaml:1:7: error: expected string scalar
              1 | data: [
                |       ^
        "#]],
        );
    }
}

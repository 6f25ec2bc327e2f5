//! systemd services: what they start, with which words.
//!
//! The unit of a name is the first of `/etc`, `/run`, `/usr/lib`, `/lib`; the drop-ins of all of them are laid over it in
//! the order of their file names. `ExecStart=` with nothing forgets what stood before. A backslash continues a line.

use std::collections::BTreeMap;

use super::find::Look;
use super::host::{has_extension, is_absent};

/// One word of a command line and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) path: String,
    pub(super) line: usize,
}

/// The folders of units, the one that counts most first.
pub(super) const FOLDERS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// The largest unit or environment file that is read, in bytes.
const BYTES_MAX: u64 = 256 << 10;
/// How many drop-ins of one unit are read.
const DROP_INS_MAX: usize = 100;

/// What a service starts, variables put in; `None` where there is no such service.
pub(super) fn command(look: &mut Look<'_>, service: &str) -> Option<Vec<Word>> {
    let mut files = Vec::new();
    let main = FOLDERS.iter().map(|folder| format!("{folder}/{service}.service"));
    for path in main {
        if let Some(text) = quietly(look, &path) {
            files.push((path, text));
            break;
        }
    }
    let mut drop_ins: BTreeMap<String, String> = BTreeMap::new();
    for folder in FOLDERS.iter().map(|folder| format!("{folder}/{service}.service.d")) {
        for name in look.host.list(&folder).unwrap_or_default() {
            if has_extension(&name, &["conf"]) && drop_ins.len() < DROP_INS_MAX {
                drop_ins.entry(name.clone()).or_insert_with(|| format!("{folder}/{name}"));
            }
        }
    }
    for path in drop_ins.into_values() {
        if let Some(text) = quietly(look, &path) {
            files.push((path, text));
        }
    }
    let mut service = Service::default();
    for (path, text) in &files {
        service.lay(path, text);
    }
    let mut variables = service.variables.clone();
    for path in &service.files {
        if let Some(text) = quietly(look, path.trim_start_matches('-')) {
            variables.extend(environment(&text));
        }
    }
    service.start.map(|words| expand(words, &variables))
}

/// A file that need not be there: only what is there, or can't be read, is worth a word.
fn quietly(look: &mut Look<'_>, path: &str) -> Option<String> {
    match look.host.read(path, BYTES_MAX) {
        Ok(bytes) => {
            look.found(path, "read");
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Err(error) if is_absent(&error) => None,
        Err(error) => {
            look.unreadable(path, &error);
            None
        }
    }
}

#[derive(Default)]
struct Service {
    start: Option<Vec<Word>>,
    variables: BTreeMap<String, String>,
    files: Vec<String>,
}

impl Service {
    fn lay(&mut self, path: &str, text: &str) {
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let line = line.trim();
            let Some((key, value)) = line.split_once('=') else { continue };
            if line.starts_with(['#', ';']) {
                continue;
            }
            // Each physical line by itself, so that a word keeps its place.
            let mut rest = value.trim();
            let mut words = Vec::new();
            let mut at = at;
            loop {
                let continued = rest.strip_suffix('\\');
                words.extend(split(continued.unwrap_or(rest)).into_iter().map(|text| Word {
                    text,
                    path: path.to_owned(),
                    line: at + 1,
                }));
                if continued.is_none() {
                    break;
                }
                // A comment between continued lines is passed over, as systemd does.
                let Some((next, text)) = lines.find(|(_, line)| !line.trim_start().starts_with(['#', ';']))
                else {
                    break;
                };
                (at, rest) = (next, text.trim());
            }
            match key.trim() {
                "ExecStart" if words.is_empty() => self.start = None,
                "ExecStart" => {
                    if let Some(first) = words.first_mut() {
                        first.text = first.text.trim_start_matches(['@', '-', ':', '+', '!']).to_owned();
                    }
                    self.start = Some(words);
                }
                "Environment" => {
                    let pairs = words.iter().filter_map(|word| word.text.split_once('='));
                    self.variables.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
                }
                "EnvironmentFile" => self.files.extend(words.into_iter().map(|word| word.text)),
                _ => {}
            }
        }
    }
}

/// `NAME=value` lines, as in an environment file.
pub(super) fn environment(text: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let joined = text.replace("\\\n", " ");
    for line in joined.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim_start_matches("export ").trim();
        let value = value.trim();
        let quoted = ['"', '\''].into_iter().find_map(|q| value.strip_prefix(q)?.strip_suffix(q));
        variables.insert(name.to_owned(), quoted.unwrap_or(value).to_owned());
    }
    variables
}

/// Words between blanks; quotes hold blanks together and go.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// `$NAME` as a word of its own becomes any number of words, `${NAME}` in a word becomes text.
fn expand(words: Vec<Word>, variables: &BTreeMap<String, String>) -> Vec<Word> {
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let mut expanded = Vec::new();
    for word in words {
        let whole = word.text.strip_prefix('$').filter(|name| !name.starts_with(['{', '$', '(']));
        if let Some(name) = whole {
            expanded.extend(split(value(name)).into_iter().map(|text| Word { text, ..word.clone() }));
            continue;
        }
        let mut text = String::new();
        let mut rest = word.text.as_str();
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, after)) = behind.split_once('}') else { break };
            text += before;
            text += value(name);
            rest = after;
        }
        text += rest;
        expanded.push(Word { text, ..word });
    }
    expanded
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "`expect![…]` is a value")]
    fn check(texts: &[&str], expected: Expect) {
        let mut service = Service::default();
        for (at, text) in texts.iter().enumerate() {
            service.lay(&format!("f{at}"), text);
        }
        let words = expand(service.start.unwrap_or_default(), &service.variables);
        let lines: Vec<String> =
            words.iter().map(|word| format!("{}:{} {}", word.path, word.line, word.text)).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn continued_lines_quotes_and_variables() {
        check(
            &[
                "[Service]\nEnvironment=\"A=--x=1 --y=2\" B=/log\n# no\nExecStart=-/bin/p \\\n  --a='b c' \\\n# why\n  $A --p=${B}/f\n",
            ],
            expect![[r"
                f0:4 /bin/p
                f0:5 --a=b c
                f0:7 --x=1
                f0:7 --y=2
                f0:7 --p=/log/f"]],
        );
    }

    #[test]
    fn a_drop_in_replaces_what_is_started() {
        check(
            &["ExecStart=/bin/p --a", "[Service]\nExecStart=\nExecStart=/bin/p --b\n"],
            expect![[r"
            f1:3 /bin/p
            f1:3 --b"]],
        );
        check(&["ExecStart=/bin/p --a", "ExecStart="], expect![""]);
        check(&["ExecStart=\\", "=\n==\\\nExecStart"], expect![""]);
    }
}

//! What a site wants redacted besides, and what not: a file of YAML.
//!
//! ```yaml
//! add:
//! - kind: acme-token                 # redacted:acme-token:…
//!   contains: [acme_]                # an event without one of these is not looked at
//!   pattern: 'acme_[0-9a-f]{32}'
//! - kind: pin
//!   names: [pin_code]                # the value of a field, variable, option or query of this name
//! disable: [aws]                     # kinds
//! allow:
//!   values: ['AKIAIOSFODNN7EXAMPLE'] # regular expressions for whole values
//!   names: [maxToken]                # tell of no secret
//! ```
//! The data of Secrets, and the tokens that an API server hands out or is asked about, are no matter of rules: they are
//! always taken out.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use thiserror::Error;

use super::digest::KIND_BYTES_MAX;
use super::names::{self, NAME_BYTES_MAX};
use super::shapes;

/// How many patterns, names and values a file may have of each.
const ENTRIES_MAX: usize = 1000;
/// How large a file may be.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// How large one compiled regular expression may be.
const REGEX_BYTES_MAX: usize = 1 << 20;
/// A shorter text is in too many events to be worth looking for.
const CONTAINS_BYTES_MIN: usize = 3;

/// What is redacted besides the built-in, and what is not. The default is the built-in.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(super) patterns: Vec<Pattern>,
    /// As they are written, and their kinds.
    pub(super) names: Vec<(String, String)>,
    pub(super) disabled: Vec<String>,
    pub(super) allowed: Vec<Regex>,
    pub(super) harmless: Vec<String>,
}

/// A credential that a site knows by its looks.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) kind: String,
    pub(super) regex: Regex,
    pub(super) contains: Vec<String>,
}

/// Why a file of rules is refused.
#[derive(Debug, Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct RulesError {
    /// Where, counted from one, if it is known.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Rules {
    /// Reads a file of rules. All mistakes that can be told at once are.
    pub fn parse(text: &str) -> Result<Self, Vec<RulesError>> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(vec![error(None, format!("larger than {TEXT_BYTES_MAX} bytes"))]);
        }
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Rules::default());
        }
        let file: File = serde_saphyr::from_str(text).map_err(|e| vec![syntax(&e)])?;
        let mut errors = Vec::new();
        let rules = file.check(&mut errors);
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// Every kind that a rule file may disable.
    pub fn kinds() -> Vec<&'static str> {
        let fixed = ["jwt", "private-key", "url-password", "bearer", "basic", "docker-auth"];
        let mut kinds: Vec<&str> =
            shapes::SHAPES.iter().map(|shape| shape.kind).chain(names::kinds()).chain(fixed).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    add: Vec<Add>,
    #[serde(default)]
    disable: Vec<String>,
    #[serde(default)]
    allow: Allow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    kind: String,
    #[serde(default)]
    contains: Vec<String>,
    pattern: Option<String>,
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allow {
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
}

impl File {
    fn check(self, errors: &mut Vec<RulesError>) -> Rules {
        let mut rules = Rules::default();
        let entries = self.add.iter().map(|add| 1 + add.names.len() + add.contains.len()).sum::<usize>()
            + self.disable.len()
            + self.allow.values.len()
            + self.allow.names.len();
        if entries > ENTRIES_MAX {
            errors.push(error(None, format!("more than {ENTRIES_MAX} entries")));
            return rules;
        }
        for add in self.add {
            add.check(&mut rules, errors);
        }
        let known: Vec<String> = Rules::kinds().into_iter().map(str::to_owned).collect();
        for kind in self.disable {
            if !known.contains(&kind) {
                let mut error = error(None, format!("`disable`: there is no kind `{kind}`"));
                error.hint = near(&kind, known.iter().map(String::as_str))
                    .or_else(|| Some(format!("the kinds are {}", known.join(", "))));
                errors.push(error);
            }
            rules.disabled.push(kind);
        }
        for value in self.allow.values {
            rules.allowed.extend(regex(&format!("^(?:{value})$"), &value, "allow: values", errors));
        }
        for name in &self.allow.names {
            check_name(name, "allow: names", errors);
        }
        rules.harmless = self.allow.names;
        rules
    }
}

impl Add {
    fn check(self, rules: &mut Rules, errors: &mut Vec<RulesError>) {
        let kind = self.kind;
        let plain = kind.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if kind.is_empty() || kind.len() > KIND_BYTES_MAX || !plain {
            let message = format!("`add`: `{kind}` cannot be a kind");
            let hint = Some(format!("up to {KIND_BYTES_MAX} small letters, digits and dashes"));
            errors.push(RulesError { line: None, message, hint });
        }
        if self.pattern.is_none() && self.names.is_empty() {
            errors.push(error(None, format!("`add`: `{kind}` has neither `pattern` nor `names`")));
        }
        for name in self.names {
            check_name(&name, "add: names", errors);
            rules.names.push((name, kind.clone()));
        }
        let short = self.contains.iter().filter(|text| text.len() < CONTAINS_BYTES_MIN);
        for text in short {
            let message =
                format!("`add`: `{text}` is too short for `contains`: at least {CONTAINS_BYTES_MIN} bytes");
            errors.push(error(None, message));
        }
        let Some(pattern) = self.pattern else {
            if !self.contains.is_empty() {
                errors.push(error(None, format!("`add`: `{kind}` has `contains` without `pattern`")));
            }
            return;
        };
        if self.contains.is_empty() {
            let message = format!("`add`: `{kind}` has a `pattern` without `contains`");
            let hint = "texts of which one is in all that the pattern finds, so that most events need not be looked at";
            errors.push(RulesError { line: None, message, hint: Some(hint.to_owned()) });
        }
        if let Some(regex) = regex(&pattern, &pattern, "add: pattern", errors) {
            if regex.is_match(b"") {
                errors.push(error(None, format!("`add: pattern`: `{pattern}` matches the empty text")));
            }
            rules.patterns.push(Pattern { kind, regex, contains: self.contains });
        }
    }
}

fn check_name(name: &str, place: &str, errors: &mut Vec<RulesError>) {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if !plain || name.len() < CONTAINS_BYTES_MIN || name.len() > NAME_BYTES_MAX {
        let message = format!("`{place}`: `{name}` cannot be a name");
        let hint = Some(format!(
            "{CONTAINS_BYTES_MIN} to {NAME_BYTES_MAX} letters, digits, underlines, dashes and dots"
        ));
        errors.push(RulesError { line: None, message, hint });
    }
}

fn regex(pattern: &str, shown: &str, place: &str, errors: &mut Vec<RulesError>) -> Option<Regex> {
    match RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build() {
        Ok(regex) => Some(regex),
        Err(problem) => {
            let reason = match problem {
                regex::Error::CompiledTooBig(_) => "too large".to_owned(),
                problem => {
                    let text = problem.to_string();
                    let last = text.lines().last().unwrap_or_default().trim();
                    last.strip_prefix("error: ").unwrap_or(last).to_owned()
                }
            };
            errors.push(error(None, format!("`{place}`: `{shown}` is no regular expression: {reason}")));
            None
        }
    }
}

fn error(line: Option<u64>, message: String) -> RulesError {
    RulesError { line, message, hint: None }
}

fn syntax(problem: &serde_saphyr::Error) -> RulesError {
    let problem = problem.without_snippet();
    let line = problem.location().map(|place| place.line());
    match problem {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            let hint = near(field, expected.iter().copied())
                .or_else(|| Some(format!("the keys here are {}", expected.join(", "))));
            RulesError { line, message: format!("there is no key `{field}`"), hint }
        }
        problem => {
            let text = problem.to_string();
            let text = text.lines().next().unwrap_or_default();
            error(line, text.split(" at line ").next().unwrap_or_default().to_owned())
        }
    }
}

fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| format!("did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let shown = match Rules::parse(text) {
            Ok(rules) => format!(
                "{} patterns, {} names, {} disabled, {} allowed, {} harmless",
                rules.patterns.len(),
                rules.names.len(),
                rules.disabled.len(),
                rules.allowed.len(),
                rules.harmless.len()
            ),
            Err(errors) => errors
                .iter()
                .map(|error| {
                    let hint = error.hint.as_ref().map(|hint| format!("\n  hint: {hint}"));
                    format!("{error}{}", hint.unwrap_or_default())
                })
                .collect::<Vec<_>>()
                .join("\n"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_file() {
        check("", &expect!["0 patterns, 0 names, 0 disabled, 0 allowed, 0 harmless"]);
        check("# nothing yet\n", &expect!["0 patterns, 0 names, 0 disabled, 0 allowed, 0 harmless"]);
        check(
            "add:\n- kind: acme\n  contains: [acme_]\n  pattern: 'acme_[0-9]+'\n- {kind: pin, names: [pin_code]}\ndisable: [aws]\nallow: {values: ['AKIA.*'], names: [maxToken]}\n",
            &expect!["1 patterns, 1 names, 1 disabled, 1 allowed, 1 harmless"],
        );
    }

    #[test]
    fn mistakes_have_a_place_and_a_hint() {
        check(
            "alow: {}\n",
            &expect![[r#"
            line 1: there is no key `alow`
              hint: did you mean `allow`?"#]],
        );
        check(
            "add:\n- kind: x\n  patern: y\n",
            &expect![[r#"
            line 3: there is no key `patern`
              hint: did you mean `pattern`?"#]],
        );
        check(
            "disable: [awss, secrets-of-mine]\n",
            &expect![[r#"
                `disable`: there is no kind `awss`
                  hint: did you mean `aws`?
                `disable`: there is no kind `secrets-of-mine`
                  hint: the kinds are age, alibaba, anthropic, artifactory, atlassian, aws, azure, basic, bearer, brevo, credential, databricks, digitalocean, discord, docker, docker-auth, doppler, dynatrace, gcp, github, gitlab, grafana, groq, huggingface, jwt, k3s, key, linear, newrelic, npm, onepassword, openai, openrouter, password, postman, private-key, pulumi, pypi, rancher, sendgrid, sentry, shopify, slack, stripe, tailscale, teams, token, url-password, vault"#]],
        );
        check(
            "add:\n- {kind: Acme!, pattern: '('}\n- {kind: b}\n- {kind: c, contains: [ab], pattern: 'x*'}\n",
            &expect![[r#"
                `add`: `Acme!` cannot be a kind
                  hint: up to 32 small letters, digits and dashes
                `add`: `Acme!` has a `pattern` without `contains`
                  hint: texts of which one is in all that the pattern finds, so that most events need not be looked at
                `add: pattern`: `(` is no regular expression: unclosed group
                `add`: `b` has neither `pattern` nor `names`
                `add`: `ab` is too short for `contains`: at least 3 bytes
                `add: pattern`: `x*` matches the empty text"#]],
        );
        check("add: {kind: x}\n", &expect!["line 1: expected sequence start"]);
        check(
            "allow: {names: ['a b'], values: ['((((a{100}){100}){100}){100}){100}']}\n",
            &expect![[r#"
                `allow: values`: `((((a{100}){100}){100}){100}){100}` is no regular expression: too large
                `allow: names`: `a b` cannot be a name
                  hint: 3 to 128 letters, digits, underlines, dashes and dots"#]],
        );
        check("add: [\n", &expect!["line 1: unclosed bracket '['"]);
    }
}

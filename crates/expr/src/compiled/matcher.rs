//! What one value is compared with.

use std::collections::HashSet;

use memchr::memmem::Finder;
use regex::Regex;
use thiserror::Error;

use super::network::{self, Network};
use super::under::{self, Ancestor};
use crate::pattern;
use crate::{Compare, Field, Fold, Item, Literal, Match, Scope};

/// What cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BadMatch {
    #[error("malformed pattern `{pattern}`: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("`{0}` is neither a network nor an address")]
    Network(String),
}

#[derive(Debug)]
pub(crate) enum Matcher {
    Exists,
    Null,
    IsText(String),
    IsNumber(f64),
    IsBool(bool),
    In(HashSet<String>, Fold),
    Equals(String, Fold),
    Contains(Box<Finder<'static>>),
    StartsWith(String, Fold),
    EndsWith(String, Fold),
    Pattern(Regex),
    TextOrder(Compare, String),
    Number(Compare, f64),
    Network(Vec<Network>),
    Under(Vec<Ancestor>, bool),
    Field(Compare, Box<Field>),
}

impl Matcher {
    pub(crate) fn new(check: &Match) -> Result<Self, BadMatch> {
        let bad = |pattern: &str| {
            let pattern = pattern.to_owned();
            move |reason| BadMatch::Pattern { pattern, reason }
        };
        let fold = |text: &str, fold: Fold| fold.apply(text).into_owned();
        Ok(match check {
            Match::Exists => Matcher::Exists,
            Match::Null => Matcher::Null,
            Match::Is(Literal::Text(text)) => Matcher::IsText(text.clone()),
            Match::Is(Literal::Number(number)) => Matcher::IsNumber(*number),
            Match::Is(Literal::Bool(yes)) => Matcher::IsBool(*yes),
            Match::In(texts, how) => Matcher::In(texts.iter().map(|text| fold(text, *how)).collect(), *how),
            Match::Equals(text, how) => Matcher::Equals(fold(text, *how), *how),
            Match::Contains(text, Fold::Exact) => Matcher::Contains(Box::new(Finder::new(text).into_owned())),
            Match::Contains(text, how) => {
                Matcher::Pattern(pattern::containing(text, *how).map_err(bad(text))?)
            }
            Match::StartsWith(text, how) => Matcher::StartsWith(fold(text, *how), *how),
            Match::EndsWith(text, how) => Matcher::EndsWith(fold(text, *how), *how),
            Match::Glob(text, how) => Matcher::glob(text, *how).map_err(bad(text))?,
            Match::Regex(text) => Matcher::Pattern(pattern::regex(text).map_err(bad(text))?),
            Match::TextOrder(compare, text) => Matcher::TextOrder(*compare, text.clone()),
            Match::Number(compare, number) => Matcher::Number(*compare, *number),
            Match::Cidr(texts) => {
                let parse =
                    |text: &String| Network::parse(text).ok_or_else(|| BadMatch::Network(text.clone()));
                Matcher::Network(texts.iter().map(parse).collect::<Result<_, _>>()?)
            }
            Match::Under { roots, clean } => {
                let parse = |root: &String| Ancestor::new(root, *clean).map_err(bad(root));
                Matcher::Under(roots.iter().map(parse).collect::<Result<_, _>>()?, *clean)
            }
            Match::Field(compare, field) => Matcher::Field(*compare, field.clone()),
        })
    }

    /// Most patterns are a text with a `*` at one end or both, which needs no automaton.
    fn glob(text: &str, fold: Fold) -> Result<Self, String> {
        let plain = |text: &str| !pattern::is_glob(text);
        let form = |text: &str| fold.apply(text).into_owned();
        if plain(text) {
            return Ok(Matcher::Equals(form(text), fold));
        }
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(end), _) if plain(end) => Ok(Matcher::EndsWith(form(end), fold)),
            (_, Some(start)) if plain(start) => Ok(Matcher::StartsWith(form(start), fold)),
            _ => pattern::glob(text, fold).map(Matcher::Pattern),
        }
    }

    pub(crate) fn matches<'a>(&self, item: &Item<'a>, scope: Scope<'_, 'a>) -> bool {
        let text = |holds: &dyn Fn(&str) -> bool| item.text().is_some_and(|text| holds(&text));
        match self {
            Matcher::Exists => true,
            Matcher::Null => item.is_null(),
            Matcher::IsText(wanted) => item.is_text(wanted),
            Matcher::IsNumber(wanted) => item.is_number(*wanted),
            Matcher::IsBool(wanted) => item.is_bool(*wanted),
            Matcher::In(wanted, fold) => text(&|text| wanted.contains(&*fold.apply(text))),
            Matcher::Equals(wanted, fold) => text(&|text| fold.is(text, wanted)),
            Matcher::Contains(finder) => text(&|text| finder.find(text.as_bytes()).is_some()),
            Matcher::StartsWith(wanted, fold) => text(&|text| fold.starts(text, wanted)),
            Matcher::EndsWith(wanted, fold) => text(&|text| fold.ends(text, wanted)),
            Matcher::Pattern(pattern) => text(&|text| pattern.is_match(text)),
            Matcher::TextOrder(compare, wanted) => text(&|text| texts(*compare, text, wanted)),
            Matcher::Number(compare, wanted) => {
                item.number().is_some_and(|number| numbers(*compare, number, *wanted))
            }
            Matcher::Network(networks) => text(&|text| network::any_contains(networks, text)),
            Matcher::Under(ancestors, clean) => text(&|text| under::any_above(ancestors, text, *clean)),
            Matcher::Field(compare, field) => {
                let mut any = false;
                field.each_in(scope, &mut |other| any = any || items(*compare, item, &other));
                any
            }
        }
    }
}

/// Two values: numbers by size where both are numbers and an order is asked for, else by their texts.
fn items(compare: Compare, left: &Item<'_>, right: &Item<'_>) -> bool {
    let ordered =
        !matches!(compare, Compare::Contains | Compare::StartsWith | Compare::EndsWith | Compare::Equal);
    if ordered && let (Some(left), Some(right)) = (left.number(), right.number()) {
        return numbers(compare, left, right);
    }
    let (Some(left), Some(right)) = (left.text(), right.text()) else { return false };
    texts(compare, &left, &right)
}

fn texts(compare: Compare, left: &str, right: &str) -> bool {
    match compare {
        Compare::Equal => left == right,
        Compare::Less => left < right,
        Compare::LessOrEqual => left <= right,
        Compare::Greater => left > right,
        Compare::GreaterOrEqual => left >= right,
        Compare::Contains => memchr::memmem::find(left.as_bytes(), right.as_bytes()).is_some(),
        Compare::StartsWith => left.starts_with(right),
        Compare::EndsWith => left.ends_with(right),
    }
}

#[expect(clippy::float_cmp, reason = "the same number is what is asked for")]
fn numbers(compare: Compare, left: f64, right: f64) -> bool {
    match compare {
        Compare::Equal => left == right,
        Compare::Less => left < right,
        Compare::LessOrEqual => left <= right,
        Compare::Greater => left > right,
        Compare::GreaterOrEqual => left >= right,
        // They are of texts; [`crate::check`] says so.
        Compare::Contains | Compare::StartsWith | Compare::EndsWith => false,
    }
}

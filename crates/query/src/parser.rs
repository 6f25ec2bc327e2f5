//! Text read as a search, by recursive descent.
//!
//! A mistake is noted and what it stands in is left out, so that one pass finds them all.

use std::ops::Range;

use auditward_event::MicroTime;
use auditward_expr::{Expr, Field, Fold, Match, Parameters, Quantifier, Root, Test, check};

use crate::clusters::{ClusterRule, Pattern};
use crate::finding::{Findings, shorten};
use crate::names::{Type, find};
use crate::place::{Place, bracket_length, place};
use crate::time::{FORMS, moment};
use crate::value::{Asked, Value, joined, word};
use crate::{Finding, Search};

/// How many bytes a search may have.
pub const BYTES_MAX: usize = 1 << 16;
/// How deep parentheses and negations may be nested.
const DEPTH_MAX: usize = 50;
/// How many values and texts a search may ask for: each is looked at for every event.
const TERMS_MAX: usize = 1_000;

/// Reads a search. `now` is what `since:2h` counts from.
///
/// An empty text asks for every event. On failure: everything that is wrong, in the order of the text.
pub fn parse(text: &str, now: MicroTime) -> Result<Search, Vec<Finding>> {
    if text.len() > BYTES_MAX {
        let message = format!("the search has {} bytes, at most {BYTES_MAX} are read", text.len());
        return Err(vec![Finding::new(0..0, message, "")]);
    }
    let mut parser = Parser {
        text,
        now,
        at: 0,
        depth: 0,
        terms: 0,
        search: Search::default(),
        clusters: Vec::new(),
        bound: None,
        cut: false,
        findings: Findings::default(),
    };
    let expr = parser.or(0);
    parser.search.expr = expr.unwrap_or(Expr::Const(true));
    if let (Some(since), Some(until)) = (parser.search.since, parser.search.until)
        && since >= until
    {
        let message = format!("nothing lies between {since} and {until}");
        parser.note(0..text.len(), message, "`since` is the earlier of the two");
    }
    let findings = parser.findings.sorted();
    if findings.is_empty() { Ok(parser.search) } else { Err(findings) }
}

struct Parser<'t> {
    text: &'t str,
    now: MicroTime,
    at: usize,
    depth: usize,
    terms: usize,
    search: Search,
    /// Where clusters were named.
    clusters: Vec<Range<usize>>,
    /// Where the last bound of time was named.
    bound: Option<Range<usize>>,
    /// Whether the rest was given up: then nothing can be said of its end.
    cut: bool,
    findings: Findings,
}

/// A value, where it stands, and as it was written.
type Written<'t> = (Value, Range<usize>, &'t str);

/// A finding tells why there is nothing.
struct Wrong;

/// What a place in the text begins with.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    End,
    Open,
    Close,
    And,
    Or,
    Not,
    Minus,
    Term,
}

impl<'t> Parser<'t> {
    /// Alternatives, up to the end or to the parenthesis that closes them.
    fn or(&mut self, negations: usize) -> Option<Expr> {
        let mut alternatives = Vec::new();
        let mut sides = 0;
        loop {
            let start = self.at;
            self.bound = None;
            let (expr, seen) = self.and(negations);
            let here = self.at;
            let more = self.next() == Next::Or;
            sides += 1;
            // With something beside it, it holds for all; alone it would look like an alternative.
            if expr.is_none()
                && (more || sides > 1)
                && let Some(span) = self.bound.take()
            {
                let hint = "put it before the rest: `since:2h (… OR …)`";
                self.note(span, "a time holds for the whole search, and is no side of an `OR`", hint);
            }
            alternatives.extend(expr);
            if !seen && (more || sides > 1) {
                let hint = "as a text, put it in quotes: `\"OR\"`";
                let span = if more { self.at..self.at + 2 } else { start.saturating_sub(2)..start };
                self.note(span, "something has to stand on both sides of `OR`", hint);
            }
            if !more {
                self.at = here.max(self.at);
                break;
            }
            self.at += 2;
        }
        if sides > 1 && self.depth == 0 {
            for span in std::mem::take(&mut self.clusters) {
                let hint = "put the rest in parentheses: `cluster:prod (… OR …)`";
                self.note(span, "a cluster is named for the whole search, not for one side of an `OR`", hint);
            }
        }
        joined(alternatives, Expr::Or)
    }

    /// What has to be so at once; and whether anything stood there.
    fn and(&mut self, negations: usize) -> (Option<Expr>, bool) {
        let mut parts = Vec::new();
        let mut seen = false;
        loop {
            match self.next() {
                Next::End | Next::Or => break,
                Next::Close if self.depth > 0 => break,
                Next::Close => {
                    self.note(self.at..self.at + 1, "this parenthesis was never opened", "");
                    self.at += 1;
                }
                Next::And => {
                    let span = self.at..self.at + 3;
                    self.at += 3;
                    if !seen || matches!(self.next(), Next::End | Next::Or | Next::And | Next::Close) {
                        let hint = "as a text, put it in quotes: `\"AND\"`";
                        self.note(span, "something has to stand on both sides of `AND`", hint);
                    }
                }
                _ => {
                    seen = true;
                    parts.extend(self.unary(negations));
                }
            }
        }
        (joined(parts, Expr::And), seen)
    }

    fn unary(&mut self, negations: usize) -> Option<Expr> {
        let start = self.at;
        match self.next() {
            sign @ (Next::Not | Next::Minus) => {
                self.at += if sign == Next::Not { 3 } else { 1 };
                if matches!(self.next(), Next::End | Next::Or | Next::And | Next::Close) {
                    self.note(start..self.at, "nothing follows that could be negated", "");
                    return None;
                }
                if negations + self.depth >= DEPTH_MAX {
                    return self.too_deep();
                }
                Some(Expr::Not(Box::new(self.unary(negations + 1)?)))
            }
            Next::Open => {
                self.at += 1;
                if negations + self.depth >= DEPTH_MAX {
                    return self.too_deep();
                }
                self.depth += 1;
                let inside = self.or(negations);
                self.depth -= 1;
                if self.next() == Next::Close {
                    if self.text[start + 1..self.at].trim().is_empty() {
                        self.note(start..self.at + 1, "nothing stands between these parentheses", "");
                    }
                    self.at += 1;
                } else if !self.cut {
                    self.note(start..start + 1, "this parenthesis is never closed", "");
                }
                inside
            }
            _ => self.term(negations),
        }
    }

    /// What follows is not read: it cannot be told what it would mean.
    fn too_deep(&mut self) -> Option<Expr> {
        self.note(self.at..self.at, format!("nested more than {DEPTH_MAX} deep"), "");
        self.give_up();
        None
    }

    fn give_up(&mut self) {
        self.at = self.text.len();
        self.cut = true;
    }

    fn term(&mut self, negations: usize) -> Option<Expr> {
        let start = self.at;
        // What was probably meant takes time to find out, and nobody is told any more.
        if self.findings.is_full() {
            self.give_up();
            return None;
        }
        self.terms += 1;
        if self.terms > TERMS_MAX {
            self.note(start..start, format!("more than {TERMS_MAX} things are asked for"), "");
            self.give_up();
            return None;
        }
        if let Some(text) = self.quoted() {
            return self.anywhere(&Value::Text(text.ok()?, true), start..self.at);
        }
        if let Some(length) = field_length(&self.text[start..]) {
            self.at += length + 1;
            return self.field(start..start + length, negations);
        }
        let raw = self.word(false)?;
        let span = start..self.at;
        self.suspicious(raw, span.clone());
        self.anywhere(&word(raw), span)
    }

    /// A text in any value. One that is too long to be looked for is told.
    fn anywhere(&mut self, value: &Value, span: Range<usize>) -> Option<Expr> {
        let expr = anywhere(value);
        if check(&expr).is_empty() {
            return Some(expr);
        }
        self.note(span, "this text is too long to be looked for", "look for a part of it");
        None
    }

    /// Words that are searched for as a text though something else was meant.
    fn suspicious(&mut self, raw: &str, span: Range<usize>) {
        let quote = |raw: &str| format!("as a text, put it in quotes: `\"{}\"`", shorten(raw));
        if matches!(raw, "and" | "or" | "not") {
            let hint = format!("write `{}`; {}", raw.to_uppercase(), quote(raw));
            return self.note(span, "words of the language are in capital letters", hint);
        }
        if matches!(raw, "&&" | "||" | "!" | "|" | "&") {
            let wanted = if raw.starts_with('|') {
                "OR"
            } else if raw == "!" {
                "NOT"
            } else {
                "AND"
            };
            return self.note(
                span,
                format!("`{raw}` has no meaning here"),
                format!("write `{wanted}`; {}", quote(raw)),
            );
        }
        if let Some(rest) = raw.strip_prefix(['!', '+'])
            && field_length(rest).is_some()
        {
            let minus = if raw.starts_with('!') { "-" } else { "" };
            let hint = format!("write `{minus}{}`; {}", shorten(rest), quote(raw));
            return self.note(span, format!("`{}` has no meaning here", &raw[..1]), hint);
        }
        let end = raw.find(['=', '<', '>', '!', '~']).unwrap_or(0);
        let (name, rest) = raw.split_at(end);
        if !name.is_empty() && find(name).is_some() {
            let value = rest.trim_start_matches(['=', '!', '~']);
            let minus = if rest.starts_with('!') { "-" } else { "" };
            let hint = format!("write `{minus}{name}:{}`; {}", shorten(value), quote(raw));
            self.note(span, "a field is followed by a colon", hint);
        }
    }

    /// A name and what is asked of it; the text goes on behind the colon.
    fn field(&mut self, name: Range<usize>, negations: usize) -> Option<Expr> {
        let called = &self.text[name.clone()];
        let start = self.at;
        let values = self.values();
        let span = start..self.at;
        let whole = name.start..self.at;
        let (values, list) = values?;
        let any = values.iter().all(|(value, _, _)| *value == Value::Any);
        let found = match place(called, name, any) {
            Ok(found) => found,
            Err(finding) => {
                self.findings.note(finding);
                return None;
            }
        };
        match found {
            Place::In(field, kind, name) => {
                if kind == Type::Resource {
                    return self.resources(&field, &values, called);
                }
                let asked = Asked { span, field: &field, kind, name, called, now: self.now };
                self.lowered(&asked, &values)
            }
            Place::Anywhere => {
                let parts = values.iter().filter_map(|(value, span, _)| self.anywhere(value, span.clone()));
                joined(parts.collect(), Expr::Or)
            }
            Place::Where => self.expression(&values, span),
            Place::Since | Place::Until => {
                self.bound(matches!(found, Place::Since), &values, whole, list, negations);
                None
            }
            Place::Cluster => {
                self.cluster(&values, whole, negations);
                None
            }
        }
    }

    fn lowered(&mut self, asked: &Asked<'_>, values: &[Written<'_>]) -> Option<Expr> {
        // A wrong value is shown where it stands, not the list that it stands in.
        let mut right = true;
        for (value, span, _) in values {
            let alone = Asked { span: span.clone(), ..*asked };
            if let Err(finding) = alone.one(value) {
                self.findings.note(finding);
                right = false;
            }
        }
        if !right {
            return None;
        }
        let values: Vec<Value> = values.iter().map(|(value, _, _)| value.clone()).collect();
        match asked.list(&values) {
            Ok(expr) => Some(expr),
            Err(finding) => {
                self.findings.note(finding);
                None
            }
        }
    }

    /// `pods`, `pods/exec`, `deployments.apps/scale`: the parts are fields of their own.
    fn resources(&mut self, field: &Field, values: &[Written<'_>], called: &str) -> Option<Expr> {
        let split = |raw: &str| raw.contains(['/', '.']);
        let all_plain =
            values.iter().all(|(value, _, raw)| matches!(value, Value::Text(_, true)) || !split(raw));
        let now = self.now;
        if all_plain {
            let span = values.first()?.1.start..values.last()?.1.end;
            let asked = Asked { span, field, kind: Type::Text, name: None, called, now };
            return self.lowered(&asked, values);
        }
        let mut alternatives = Vec::new();
        for (value, span, raw) in values {
            let mut pieces = vec![("resource", *raw)];
            if !matches!(value, Value::Text(_, true)) && split(raw) {
                let (resource, subresource) = raw.split_once('/').map_or((*raw, None), |(a, b)| (a, Some(b)));
                let (resource, group) =
                    resource.split_once('.').map_or((resource, None), |(a, b)| (a, Some(b)));
                pieces = vec![("resource", resource)];
                pieces.extend(group.map(|group| ("apiGroup", group)));
                pieces.extend(subresource.map(|subresource| ("subresource", subresource)));
            }
            if pieces.iter().any(|(_, raw)| raw.is_empty()) {
                let hint = "write `pods/exec`, `deployments.apps`, or `*/exec`";
                self.note(span.clone(), format!("`{}` lacks a part", shorten(raw)), hint);
                continue;
            }
            let mut parts = Vec::new();
            for (name, raw) in pieces {
                let Ok(Place::In(field, ..)) = place(name, span.clone(), false) else { continue };
                let asked =
                    Asked { span: span.clone(), field: &field, kind: Type::Text, name: None, called, now };
                let value = if raw.starts_with(['"', '\'']) { value.clone() } else { word(raw) };
                match asked.one(&value) {
                    Ok(expr) => parts.push(expr),
                    Err(finding) => self.findings.note(finding),
                }
            }
            alternatives.extend(joined(parts, Expr::And));
        }
        joined(alternatives, Expr::Or)
    }

    /// The text of an expression.
    fn expression(&mut self, values: &[Written<'_>], span: Range<usize>) -> Option<Expr> {
        let [(Value::Text(text, _), _, raw)] = values else {
            self.note(span, "`where` takes one text", "put the expression in quotes: `where:'code >= 400'`");
            return None;
        };
        match auditward_expr::parse(text, &Parameters::new()) {
            Ok(expr) => Some(expr),
            Err(errors) => {
                // Without escapes the text stands in the search as it is, behind a quote.
                let quote = usize::from(raw.len() != text.len());
                let exact = raw.len() == text.len() + 2 * quote;
                for error in errors {
                    let at = span.start + quote + error.offset;
                    let place = if exact && self.text.is_char_boundary(at) { at..at } else { span.clone() };
                    self.note(place, error.message, error.hint);
                }
                None
            }
        }
    }

    fn bound(
        &mut self,
        since: bool,
        values: &[Written<'_>],
        whole: Range<usize>,
        list: bool,
        negations: usize,
    ) {
        let name = if since { "since" } else { "until" };
        if self.depth > 0 || negations > 0 {
            let hint = format!("put `{name}` outside of parentheses, without a negation");
            return self.note(whole, format!("`{name}` holds for the whole search"), hint);
        }
        let time = match values {
            [(Value::Text(text, _), ..)] if !list => moment(text, self.now),
            _ => None,
        };
        let Some(time) = time else {
            let shown = values.first().map_or("", |(_, _, raw)| shorten(raw));
            return self.note(whole, format!("`{shown}` is no time"), FORMS);
        };
        self.bound = Some(whole.clone());
        let place = if since { &mut self.search.since } else { &mut self.search.until };
        if place.is_some() {
            return self.note(whole, format!("`{name}` is said twice"), "leave one of them out");
        }
        *place = Some(time);
    }

    fn cluster(&mut self, values: &[Written<'_>], whole: Range<usize>, negations: usize) {
        if self.depth > 0 || negations > 1 {
            let hint = "put `cluster` outside of parentheses; `-cluster:name` leaves one out";
            return self.note(whole, "`cluster` holds for the whole search", hint);
        }
        let mut any = Vec::new();
        for (value, span, _) in values {
            any.push(match value {
                Value::Text(name, _) => Pattern::Name(name.clone()),
                Value::Like(pattern) => Pattern::Like(pattern.clone()),
                Value::Any => Pattern::Like("*".to_owned()),
                Value::Order(..) => {
                    self.note(span.clone(), "names of clusters have no order", "");
                    continue;
                }
            });
        }
        self.clusters.push(whole);
        self.search.clusters.push(ClusterRule { negated: negations == 1, any });
    }

    /// What stands behind a colon, each with its place and as it was written; and whether it is a list.
    fn values(&mut self) -> Option<(Vec<Written<'t>>, bool)> {
        if !self.text[self.at..].starts_with('(') {
            return Some((vec![self.value(false)?], false));
        }
        let open = self.at;
        self.at += 1;
        let mut values = Vec::new();
        let mut right = true;
        loop {
            self.blanks(true);
            match self.next() {
                Next::End => {
                    self.note(open..open + 1, "this parenthesis is never closed", "");
                    return None;
                }
                Next::Close => {
                    self.at += 1;
                    break;
                }
                Next::Or => self.at += 2,
                next @ (Next::And | Next::Not | Next::Open) => {
                    let length = if next == Next::Open { 1 } else { 3 };
                    let hint =
                        "a list means any of its values: `verb:(create OR update)`; negate it as a whole";
                    self.note(self.at..self.at + length, "a list holds values only", hint);
                    right = false;
                    self.at += length;
                }
                Next::Minus | Next::Term => match self.value(true) {
                    Some(value) if values.len() < TERMS_MAX => values.push(value),
                    Some((_, span, _)) => {
                        self.note(span, format!("more than {TERMS_MAX} values are asked for"), "");
                        self.give_up();
                        return None;
                    }
                    None => right = false,
                },
            }
        }
        if values.is_empty() && right {
            self.note(open..self.at, "a list holds at least one value", "");
            right = false;
        }
        right.then_some((values, true))
    }

    fn value(&mut self, in_list: bool) -> Option<Written<'t>> {
        let start = self.at;
        let order = ["<=", ">=", "<", ">"].into_iter().find(|sign| self.text[start..].starts_with(sign));
        if let Some(sign) = order
            && self.text[start + sign.len()..].starts_with(['"', '\''])
        {
            self.at += sign.len();
            let text = self.quoted()?.ok()?;
            let Value::Order(compare, _) = word(sign) else { return None };
            return Some((Value::Order(compare, text), start..self.at, &self.text[start..self.at]));
        }
        if let Some(text) = self.quoted() {
            return Some((Value::Text(text.ok()?, true), start..self.at, &self.text[start..self.at]));
        }
        let raw = self.word(in_list)?;
        let span = start..self.at;
        if raw.is_empty() {
            let hint = "a value follows the colon without a blank; `*` is any value, `\"\"` the empty text";
            self.note(start..start, "a value is missing", hint);
            return None;
        }
        if raw.starts_with(['=', '!']) && raw.len() > 1 {
            let rest = raw.trim_start_matches(['=', '!']);
            let hint = if raw.starts_with('!') {
                format!("negate the whole: `-field:{}`", shorten(rest))
            } else {
                format!("leave it out: `{}`", shorten(rest))
            };
            self.note(span, "a colon alone means equal", hint);
            return None;
        }
        Some((word(raw), span, raw))
    }

    /// A text in quotes, if one begins here.
    fn quoted(&mut self) -> Option<Result<String, Wrong>> {
        let start = self.at;
        let rest = &self.text[start..];
        let quote = rest.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
        let mut out = String::new();
        let mut letters = rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                _ if letter == quote => {
                    self.at = start + at + 1;
                    if let Some(next) = self.text[self.at..].chars().next()
                        && !next.is_whitespace()
                        && !matches!(next, ')' | '(' | ',')
                    {
                        let hint = "leave a blank between";
                        self.note(self.at..self.at, "a text in quotes goes on behind its quote", hint);
                        self.word(false);
                    }
                    return Some(Ok(out));
                }
                '\\' if quote == '"' => {
                    let escape = letters.next().map(|(_, escape)| escape);
                    let letter = match escape {
                        Some(letter @ ('"' | '\\' | '/')) => Some(letter),
                        Some('b') => Some('\u{8}'),
                        Some('f') => Some('\u{c}'),
                        Some('n') => Some('\n'),
                        Some('r') => Some('\r'),
                        Some('t') => Some('\t'),
                        Some('u') => {
                            let hex = rest.get(at + 2..at + 6);
                            let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
                            let letter = code.and_then(char::from_u32);
                            if letter.is_some() {
                                letters.nth(3);
                            }
                            letter
                        }
                        _ => None,
                    };
                    match letter {
                        Some(letter) => out.push(letter),
                        None => {
                            let end = start + at + 1 + escape.map_or(0, char::len_utf8);
                            let hint =
                                "in double quotes `\\` begins an escape: write `\\\\`, or use single quotes";
                            self.note(start + at..end, "this escape has no meaning", hint);
                        }
                    }
                }
                other => out.push(other),
            }
        }
        self.at = self.text.len();
        self.note(start..start + 1, "this text is never closed", format!("write `{quote}` behind it"));
        Some(Err(Wrong))
    }

    /// Characters up to a blank or a parenthesis. `None`, and a finding, where a quote stands in it.
    fn word(&mut self, in_list: bool) -> Option<&'t str> {
        let start = self.at;
        let mut escaped = false;
        let mut quote = None;
        let mut end = self.text.len();
        for (at, letter) in self.text[start..].char_indices() {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quote = quote.or(Some(start + at)),
                '(' | ')' => {
                    end = start + at;
                    break;
                }
                ',' if in_list => {
                    end = start + at;
                    break;
                }
                letter if letter.is_whitespace() => {
                    end = start + at;
                    break;
                }
                _ => {}
            }
        }
        self.at = end;
        if let Some(at) = quote {
            let hint = "put the whole value in quotes, or a `\\` before it";
            self.note(at..at + 1, "a quote in the middle of a word", hint);
            return None;
        }
        Some(&self.text[start..end])
    }

    /// What comes next, behind blanks.
    fn next(&mut self) -> Next {
        self.blanks(false);
        let rest = &self.text[self.at..];
        let word = |word: &str| {
            rest.strip_prefix(word).is_some_and(|after| {
                after.chars().next().is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')'))
            })
        };
        match rest.chars().next() {
            None => Next::End,
            Some('(') => Next::Open,
            Some(')') => Next::Close,
            Some('-')
                if rest[1..].chars().next().is_some_and(|next| !next.is_whitespace() && next != ')') =>
            {
                Next::Minus
            }
            _ if word("AND") => Next::And,
            _ if word("OR") => Next::Or,
            _ if word("NOT") => Next::Not,
            _ => Next::Term,
        }
    }

    fn blanks(&mut self, commas: bool) {
        let rest = &self.text[self.at..];
        let after = rest.trim_start_matches(|c: char| c.is_whitespace() || commas && c == ',');
        self.at += rest.len() - after.len();
    }

    fn note(&mut self, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.note(Finding::new(span, message, hint));
    }
}

/// Bytes of the field's name that `text` begins with, if a colon follows it.
fn field_length(text: &str) -> Option<usize> {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let mut at = 0;
    loop {
        match text.as_bytes().get(at)? {
            b':' => return Some(at),
            b'[' => at += bracket_length(text.get(at..)?)?,
            letter if letter.is_ascii_alphanumeric() || b"_-./@~$".contains(letter) => at += 1,
            _ => return None,
        }
    }
}

/// Any value of the event that has this in it, in small or capital letters.
fn anywhere(value: &Value) -> Expr {
    let check = match value {
        Value::Any => return Expr::Const(true),
        Value::Text(text, _) => Match::Contains(text.clone(), Fold::Ascii),
        Value::Like(pattern) => {
            let inner = pattern.strip_prefix('*').unwrap_or(pattern);
            // An escaped `*` at the end is a character.
            let end = if inner.ends_with("\\*") { inner } else { inner.strip_suffix('*').unwrap_or(inner) };
            match word_of(end) {
                Some(text) => Match::Contains(text, Fold::Ascii),
                None => Match::Glob(format!("*{end}*"), Fold::Ascii),
            }
        }
        Value::Order(compare, text) => {
            let sign = match compare {
                auditward_expr::Compare::Less => "<",
                auditward_expr::Compare::LessOrEqual => "<=",
                auditward_expr::Compare::Greater => ">",
                _ => ">=",
            };
            Match::Contains(format!("{sign}{text}"), Fold::Ascii)
        }
    };
    let field = Field::of(Root::Anywhere);
    Expr::Test(Test { field, quantifier: Quantifier::Any, check })
}

/// The text that a pattern without wildcards stands for.
fn word_of(pattern: &str) -> Option<String> {
    match word(pattern) {
        Value::Text(text, _) => Some(text),
        _ => None,
    }
}

//! The detection section: named searches, and the condition that joins them.
//!
//! | YAML | means |
//! | --- | --- |
//! | mapping | every entry |
//! | value that is a list | one of the values; with `all` every one |
//! | list of mappings | one of the mappings |
//! | list of plain values, or an entry without a field | keywords: anywhere in the event |

use auditward_expr::{Expr, Field, Fold, Function, Match, Quantifier, Root, Test};
use auditward_policy::read::{Entry, Node, Span, Value};

use super::condition::Condition;
use super::modifier::{self, Modifier, Operand};
use super::notes::{Notes, near};
use super::value::{Lowered, Pattern};
use super::{Budget, Options, field, lint, regex};

/// How much one rule may ask: tests, and each text of a list as one.
pub(super) const WEIGHT_MAX: usize = 100_000;

/// How many searches one rule may have.
const SEARCHES_MAX: usize = 1000;

/// How long a condition may be, in bytes.
const CONDITION_MAX: usize = 64 << 10;

/// Keys beside the searches that are none.
const NO_SEARCHES: [&str; 3] = ["condition", "timeframe", "rules"];

pub(super) struct Detection<'a> {
    /// The file's whole text, for places inside a scalar.
    pub(super) text: &'a str,
    pub(super) options: &'a Options,
    pub(super) budget: &'a mut Budget,
    pub(super) notes: &'a mut Notes,
}

/// A named search; nothing inside when it was refused.
struct Search {
    name: String,
    span: Span,
    expr: Option<Expr>,
    weight: usize,
    used: bool,
}

impl Detection<'_> {
    /// The whole section as one expression; `None`, with notes, when it cannot be read.
    pub(super) fn lower(&mut self, body: &Node) -> Option<Expr> {
        let Value::Map(entries) = &body.value else {
            self.notes.error(body.span.clone(), "expected a mapping of searches and a `condition`");
            return None;
        };
        if let Some(timeframe) = body.get("timeframe") {
            self.notes
                .warning(timeframe.span.clone(), "`timeframe` has no meaning without an aggregation")
                .hint("windows are said in a document with `correlation`, as its `timespan`");
        }
        if entries.len() > SEARCHES_MAX {
            self.notes.error(body.span.start..body.span.start, format!("more than {SEARCHES_MAX} searches"));
            return None;
        }
        let mut searches = Vec::new();
        for entry in entries.iter().filter(|entry| !NO_SEARCHES.contains(&entry.key.as_str())) {
            let expr = self.search(&entry.node);
            let weight = expr.as_ref().map_or(0, weight);
            if !self.budget.charge(weight) {
                self.too_large(entry.key_span.clone());
                return None;
            }
            let (name, span) = (entry.key.clone(), entry.key_span.clone());
            searches.push(Search { name, span, expr, weight, used: false });
        }
        let Some(condition) = body.get("condition") else {
            let near = near("condition", entries.iter().map(|entry| entry.key.as_str()));
            let note = self.notes.error(body.span.start..body.span.start, "no `condition`");
            note.hint = near.map(|near| format!("is `{near}` meant to be it?"));
            return None;
        };
        let expr = self.conditions(condition, &mut searches);
        let unused = |search: &&Search| expr.is_some() && !search.used && !search.name.starts_with('_');
        for search in searches.iter().filter(unused) {
            self.notes
                .warning(search.span.clone(), format!("the condition does not ask for `{}`", search.name))
                .hint("name it there, or take it out");
        }
        expr
    }

    /// One condition, or a list of which one has to be so.
    fn conditions(&mut self, node: &Node, searches: &mut [Search]) -> Option<Expr> {
        let mut budget = WEIGHT_MAX.min(self.budget.questions);
        let before = budget;
        let expr = match &node.value {
            Value::List(nodes) if !nodes.is_empty() => {
                let each = nodes.iter().map(|node| self.condition(node, searches, &mut budget));
                each.collect::<Option<Vec<Expr>>>().map(|any| one_or(any, Expr::Or))
            }
            _ => self.condition(node, searches, &mut budget),
        };
        if expr.is_none() && budget == 0 {
            self.too_large(node.span.clone());
        }
        self.budget.charge(before - budget);
        expr
    }

    fn too_large(&mut self, span: Span) {
        self.notes
            .error(span, format!("the rule asks more than {WEIGHT_MAX} questions of each event"))
            .hint("split it into several rules");
    }

    fn condition(&mut self, node: &Node, searches: &mut [Search], budget: &mut usize) -> Option<Expr> {
        let (Value::String(written) | Value::Number(written)) = &node.value else {
            self.notes.error(node.span.clone(), "a condition is a text, such as `selection and not filter`");
            return None;
        };
        if written.len() > CONDITION_MAX {
            self.notes.error(node.span.clone(), format!("a condition of more than {CONDITION_MAX} bytes"));
            return None;
        }
        let place = Place::new(self.text, node, written);
        match Condition::parse(written) {
            Ok(condition) => self.resolve(&condition, searches, &place, budget),
            Err(refused) => {
                self.notes.error(place.at(refused.offset), refused.message).hint = refused.hint;
                None
            }
        }
    }

    fn resolve(
        &mut self,
        condition: &Condition,
        searches: &mut [Search],
        place: &Place,
        budget: &mut usize,
    ) -> Option<Expr> {
        if self.notes.refused() && self.notes.full() {
            return None;
        }
        // Each search is copied where it is named, so the copies are counted before they are made.
        let copy = |search: &mut Search, budget: &mut usize| {
            search.used = true;
            *budget = budget.saturating_sub(search.weight.max(1));
            if *budget == 0 { None } else { search.expr.clone() }
        };
        match condition {
            Condition::Name(name, at) => {
                if let Some(search) = searches.iter_mut().find(|search| search.name == *name) {
                    return copy(search, budget);
                }
                let near = near(name, searches.iter().map(|search| search.name.as_str()));
                let note = self.notes.error(place.at(*at), format!("no search is called `{name}`"));
                note.hint = near.map(|near| format!("did you mean `{near}`?"));
                None
            }
            Condition::Of { all, pattern, at } => {
                let matching = searches.iter_mut().filter(|search| match pattern {
                    None => !search.name.starts_with('_'),
                    Some(pattern) => {
                        (pattern.starts_with('_') || !search.name.starts_with('_'))
                            && matches_pattern(pattern, &search.name)
                    }
                });
                let mut parts = Vec::new();
                let (mut found, mut broken) = (false, false);
                for search in matching {
                    found = true;
                    match copy(search, budget) {
                        Some(part) => parts.push(part),
                        None => broken = true,
                    }
                }
                if !found {
                    let pattern = pattern.as_deref().unwrap_or("them");
                    self.notes.error(place.at(*at), format!("no search is meant by `{pattern}`"));
                }
                (found && !broken).then(|| one_or(parts, if *all { Expr::And } else { Expr::Or }))
            }
            Condition::Not(inner) => {
                let inner = self.resolve(inner, searches, place, budget)?;
                Some(Expr::Not(Box::new(inner)))
            }
            Condition::And(parts) | Condition::Or(parts) => {
                let mut lowered = Vec::new();
                let mut broken = false;
                for part in parts {
                    match self.resolve(part, searches, place, budget) {
                        Some(part) => lowered.push(part),
                        None => broken = true,
                    }
                }
                let many = if matches!(condition, Condition::And(_)) { Expr::And } else { Expr::Or };
                (!broken).then(|| one_or(lowered, many))
            }
        }
    }

    fn search(&mut self, node: &Node) -> Option<Expr> {
        match &node.value {
            Value::Map(entries) => self.entries(entries, node),
            Value::List(nodes) if nodes.is_empty() => {
                self.notes.error(node.span.clone(), "an empty search");
                None
            }
            Value::List(nodes) => {
                let parts: Vec<Option<Expr>> = nodes
                    .iter()
                    .map(|node| match &node.value {
                        Value::Map(entries) => self.entries(entries, node),
                        Value::List(_) => {
                            self.notes.error(node.span.clone(), "a list in a list has no meaning");
                            None
                        }
                        _ => self.keywords(&[], node),
                    })
                    .collect();
                let parts: Option<Vec<Expr>> = parts.into_iter().collect();
                Some(one_or(parts?, Expr::Or))
            }
            _ => self.keywords(&[], node),
        }
    }

    fn entries(&mut self, entries: &[Entry], node: &Node) -> Option<Expr> {
        if entries.is_empty() {
            self.notes.error(node.span.clone(), "an empty search");
            return None;
        }
        lint::search(entries, self.notes);
        let parts: Vec<Option<Expr>> = entries.iter().map(|entry| self.entry(entry)).collect();
        let parts: Option<Vec<Expr>> = parts.into_iter().collect();
        Some(one_or(parts?, Expr::And))
    }

    fn entry(&mut self, entry: &Entry) -> Option<Expr> {
        let mut words = entry.key.split('|');
        let name = words.next().unwrap_or_default();
        let mut modifiers = Vec::new();
        for word in words {
            match modifier::parse(word) {
                Ok(modifier) => modifiers.push(modifier),
                Err(refused) => {
                    self.notes.error(entry.key_span.clone(), refused.message).hint = refused.hint;
                    return None;
                }
            }
        }
        if name.is_empty() {
            return self.keywords(&modifiers, &entry.node);
        }
        if !field::is_known(name) && !self.notes.full() {
            let note =
                self.notes.info(entry.key_span.clone(), format!("no audit event has a field `{name}`"));
            note.hint = field::suggestion(name);
        }
        self.field(&field::first(name), &modifiers, &entry.node)
    }

    /// Values that may stand anywhere in the event.
    fn keywords(&mut self, modifiers: &[Modifier], node: &Node) -> Option<Expr> {
        let unusual = modifiers.iter().find(|modifier| {
            matches!(
                modifier,
                Modifier::Exists | Modifier::FieldRef | Modifier::Number(_) | Modifier::Time(_)
            )
        });
        if unusual.is_some() {
            self.notes.error(node.span.clone(), "this modifier needs a field before it");
            return None;
        }
        let mut modifiers = modifiers.to_vec();
        if !modifiers.iter().any(|modifier| matches!(modifier, Modifier::Regex | Modifier::Cidr)) {
            modifiers.push(Modifier::Contains);
        }
        self.field(&Field { root: Root::Anywhere, functions: Vec::new() }, &modifiers, node)
    }

    fn field(&mut self, field: &Field, modifiers: &[Modifier], node: &Node) -> Option<Expr> {
        let fold = if modifiers.contains(&Modifier::Cased) { Fold::Exact } else { Fold::Unicode };
        let all = modifiers.contains(&Modifier::All);
        let values = match &node.value {
            Value::List(nodes) if nodes.is_empty() => {
                self.notes.error(node.span.clone(), "an empty list of values");
                return None;
            }
            Value::List(nodes) => nodes.as_slice(),
            _ => {
                if all && !matches!(field.root, Root::Anywhere) {
                    self.notes.warning(node.span.clone(), "`all` of one value is that value");
                }
                std::slice::from_ref(node)
            }
        };
        let in_list = matches!(node.value, Value::List(_));
        let mut parts = Vec::new();
        // Plain texts of a list become one test, which asks a set instead of each.
        let mut plain: Vec<String> = Vec::new();
        let mut broken = false;
        for value in values {
            if parts.len() + plain.len() > WEIGHT_MAX {
                self.too_large(node.span.clone());
                return None;
            }
            let Some(operand) = self.operand(value, modifiers, in_list) else {
                broken = true;
                continue;
            };
            match self.test(field, operand, fold, value) {
                Some(Expr::Test(Test { check: Match::Equals(text, equals), .. }))
                    if !all && equals == fold =>
                {
                    plain.push(text);
                }
                Some(expr) => parts.push(expr),
                None => broken = true,
            }
        }
        if broken {
            return None;
        }
        match plain.len() {
            0 => {}
            1 => parts.insert(0, any(field, Match::Equals(plain.remove(0), fold))),
            _ => parts.insert(0, any(field, Match::In(plain, fold))),
        }
        let expr = one_or(parts, if all { Expr::And } else { Expr::Or });
        let negated = modifiers.contains(&Modifier::Neq);
        Some(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    /// A value with all modifiers applied to it.
    fn operand(&mut self, node: &Node, modifiers: &[Modifier], in_list: bool) -> Option<Operand> {
        let is_regex = modifiers.contains(&Modifier::Regex);
        let regex = |source: &str| Operand::Regex {
            source: source.to_owned(),
            flags: String::new(),
            anchored: (false, false),
        };
        let mut operand = match &node.value {
            Value::String(text) | Value::Number(text) if is_regex => regex(text),
            Value::String(text) => Operand::Text(vec![Pattern::parse(text)]),
            Value::Number(written) => Operand::Number(written.parse().ok()?, written.clone()),
            Value::Bool(value) => Operand::Bool(*value),
            Value::Null if in_list => {
                self.notes
                    .error(node.span.clone(), "`null` may not stand in a list")
                    .hint("give it a search of its own");
                return None;
            }
            Value::Null => Operand::Null,
            Value::List(_) => {
                self.notes.error(node.span.clone(), "a list in a list has no meaning");
                return None;
            }
            Value::Map(_) => {
                self.notes
                    .error(node.span.clone(), "a mapping is no value")
                    .hint("write the whole way as the name of the field: `objectRef.resource: pods`");
                return None;
            }
        };
        let mut first = true;
        for modifier in modifiers {
            match modifier::apply(*modifier, operand, first, self.options) {
                Ok(applied) => operand = applied,
                Err(refused) => {
                    self.notes.error(node.span.clone(), refused.message).hint = refused.hint;
                    return None;
                }
            }
            first &= matches!(modifier, Modifier::All | Modifier::Cased | Modifier::Neq);
        }
        Some(operand)
    }

    fn test(&mut self, field: &Field, operand: Operand, fold: Fold, node: &Node) -> Option<Expr> {
        Some(match operand {
            Operand::Text(patterns) => {
                let mut parts = Vec::new();
                for pattern in &patterns {
                    match pattern.lower(fold) {
                        Some(Lowered::Match(check)) => parts.push(any(field, check)),
                        Some(Lowered::Anything) => parts.push(anything(field)),
                        None => {
                            self.notes
                                .error(node.span.clone(), "UTF-16 is no text that an event could have")
                                .hint("encode it further, with `base64` or `base64offset`");
                            return None;
                        }
                    }
                }
                one_or(parts, Expr::Or)
            }
            // Beyond what a double holds exactly, digits are compared.
            Operand::Number(number, written) if number.abs() > 9e15 => {
                any(field, Match::Equals(written, Fold::Exact))
            }
            Operand::Number(number, _) => any(field, Match::Number(auditward_expr::Compare::Equal, number)),
            Operand::Bool(value) => any(field, Match::Equals(value.to_string(), Fold::Ascii)),
            Operand::Null => {
                let missing = Expr::Not(Box::new(any(field, Match::Exists)));
                Expr::Or(vec![missing, any(field, Match::Null)])
            }
            Operand::Exists(true) => any(field, Match::Exists),
            Operand::Exists(false) => Expr::Not(Box::new(any(field, Match::Exists))),
            Operand::Regex { source, flags, anchored } => {
                let source = match anchored {
                    (false, false) => source,
                    (start, end) => {
                        format!("{}(?:{source}){}", if start { "^" } else { "" }, if end { "$" } else { "" })
                    }
                };
                match regex::translate(&source, &flags, &mut self.budget.regexes) {
                    Ok(regex) => any(field, Match::Regex(regex)),
                    Err(refused) => {
                        self.notes.error(node.span.clone(), refused.message).hint = refused.hint;
                        return None;
                    }
                }
            }
            Operand::Cidr(network) => any(field, Match::Cidr(vec![network])),
            Operand::Sized(compare, number) => any(field, Match::Number(compare, number)),
            Operand::Time(part, compare, number) => {
                let mut field = field.clone();
                field.functions.push(Function::TimePart(part));
                any(&field, Match::Number(compare, number))
            }
            Operand::FieldRef { name, compare } => {
                any(field, Match::Field(compare, Box::new(field::first(&name))))
            }
        })
    }
}

/// How many questions an expression asks, each text of a list as one.
pub(super) fn weight(expr: &Expr) -> usize {
    match expr {
        Expr::Const(_) => 1,
        Expr::Not(inner) | Expr::Some { holds: inner, .. } => 1 + weight(inner),
        Expr::And(parts) | Expr::Or(parts) => 1 + parts.iter().map(weight).sum::<usize>(),
        Expr::Test(Test { check: Match::In(texts, _), .. }) => texts.len(),
        Expr::Test(_) => 1,
    }
}

fn any(field: &Field, check: Match) -> Expr {
    Expr::Test(Test { field: field.clone(), quantifier: Quantifier::Any, check })
}

/// There is a value, and not only `null`.
fn anything(field: &Field) -> Expr {
    let null = Test { field: field.clone(), quantifier: Quantifier::Every, check: Match::Null };
    Expr::And(vec![any(field, Match::Exists), Expr::Not(Box::new(Expr::Test(null)))])
}

fn one_or(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

/// `*` any run of characters.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.find(part) {
                Some(at) => rest = &rest[at + str::len(part)..],
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |end: &str| rest.ends_with(end))
}

/// Where a scalar's text stands in the file, as far as the two are the same.
struct Place {
    start: usize,
    exact: bool,
    end: usize,
}

impl Place {
    fn new(text: &str, node: &Node, written: &str) -> Self {
        let Span { start, end } = node.span;
        let source = text.get(start..end).unwrap_or_default();
        let quote = usize::from(source.starts_with(['"', '\'']));
        let exact = source.get(quote..).is_some_and(|inside| inside.starts_with(written));
        Place { start: start + if exact { quote } else { 0 }, exact, end }
    }

    fn at(&self, offset: usize) -> Span {
        if self.exact { self.start + offset..self.end.max(self.start + offset) } else { self.start..self.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_names() {
        let check = |pattern, name, expected| {
            assert_eq!(matches_pattern(pattern, name), expected, "{pattern} {name}");
        };
        check("sel*", "selection", true);
        check("sel*", "self", true);
        check("sel*", "filter", false);
        check("*_user", "by_user", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("a", "a", true);
        check("a", "ab", false);
        check("*", "", true);
        check("a*a", "a", false);
    }
}

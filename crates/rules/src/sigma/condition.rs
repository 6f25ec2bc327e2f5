//! Conditions: which searches have to be so.
//!
//! ```text
//! condition = and { "or" and }
//! and       = not { "and" not }
//! not       = "not" not | "(" condition ")" | quantifier "of" pattern | name
//! quantifier = "1" | "any" | "all"
//! pattern   = "them" | name with "*"
//! ```
//! Keywords may be in upper case.

use std::fmt;

use super::notes::near;

/// How deep parentheses and `not` may be nested.
const DEPTH_MAX: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The search of this name, and where in the text it is named.
    Name(String, usize),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Of {
        all: bool,
        /// `None` for `them`.
        pattern: Option<String>,
        at: usize,
    },
}

/// Why a text is no condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Condition {
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
        let condition = parser.or()?;
        match parser.peek() {
            None => Ok(condition),
            Some(")") => Err(parser.refused("a `)` without its `(`", None)),
            Some(word) => {
                let hint = near(word, ["and", "or"]).map(|near| format!("did you mean `{near}`?"));
                let hint = hint.unwrap_or_else(|| "put `and` or `or` between the two".to_owned());
                Err(parser.refused(&format!("expected `and`, `or` or the end, found `{word}`"), Some(hint)))
            }
        }
    }
}

/// The text that reads back as the same condition, with as few parentheses as possible.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Name(name, _) => f.write_str(name),
            Condition::Not(inner) => write!(f, "not {}", Inside(inner, 2)),
            Condition::And(parts) => join(f, parts, " and ", 1),
            Condition::Or(parts) => join(f, parts, " or ", 0),
            Condition::Of { all, pattern, .. } => {
                let quantifier = if *all { "all" } else { "1" };
                write!(f, "{quantifier} of {}", pattern.as_deref().unwrap_or("them"))
            }
        }
    }
}

/// A part of a condition that binds so tightly: in parentheses if it does not by itself.
struct Inside<'c>(&'c Condition, u8);

impl fmt::Display for Inside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binds = match self.0 {
            Condition::Or(_) => 0,
            Condition::And(_) => 1,
            _ => 2,
        };
        if binds < self.1 { write!(f, "({})", self.0) } else { write!(f, "{}", self.0) }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Condition], between: &str, binds: u8) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write!(f, "{}", Inside(part, binds + 1))?;
    }
    Ok(())
}

struct Token<'t> {
    at: usize,
    text: &'t str,
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    next: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn or(&mut self) -> Result<Condition, Refused> {
        let parts = self.parts("or", Self::and)?;
        Ok(one_or(parts, Condition::Or))
    }

    fn and(&mut self) -> Result<Condition, Refused> {
        let parts = self.parts("and", Self::not)?;
        Ok(one_or(parts, Condition::And))
    }

    fn parts(
        &mut self,
        between: &str,
        part: fn(&mut Self) -> Result<Condition, Refused>,
    ) -> Result<Vec<Condition>, Refused> {
        let mut parts = vec![part(self)?];
        while self.take(between) {
            parts.push(part(self)?);
        }
        Ok(parts)
    }

    fn not(&mut self) -> Result<Condition, Refused> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.refused(&format!("nested deeper than {DEPTH_MAX} levels"), None));
        }
        let condition = if self.take("not") {
            Condition::Not(Box::new(self.not()?))
        } else if self.take("(") {
            let open = self.tokens[self.next - 1].at;
            let inside = self.or()?;
            if !self.take(")") {
                let message = "a `(` without its `)`".to_owned();
                return Err(Refused { offset: open, message, hint: None });
            }
            inside
        } else {
            self.operand()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn operand(&mut self) -> Result<Condition, Refused> {
        let Some(word) = self.peek() else {
            return Err(self.refused("the condition ends where a search should be named", None));
        };
        let is_of = self.tokens.get(self.next + 1).is_some_and(|next| next.text.eq_ignore_ascii_case("of"));
        if is_of {
            return self.of(word);
        }
        if word == ")" || ["and", "or"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) {
            return Err(self.refused(&format!("expected the name of a search, found `{word}`"), None));
        }
        if word.contains('*') {
            let hint = format!("write `1 of {word}` or `all of {word}`");
            return Err(self.refused("a pattern needs `1 of` or `all of` before it", Some(hint)));
        }
        if word == "them" {
            let hint = "write `1 of them` or `all of them`".to_owned();
            return Err(self.refused("`them` needs `1 of` or `all of` before it", Some(hint)));
        }
        let at = self.tokens[self.next].at;
        self.next += 1;
        Ok(Condition::Name(word.to_owned(), at))
    }

    fn of(&mut self, quantifier: &str) -> Result<Condition, Refused> {
        let all = match quantifier.to_ascii_lowercase().as_str() {
            "1" | "any" => false,
            "all" => true,
            _ => {
                let message = format!("`{quantifier} of` is no quantifier");
                return Err(self.refused(&message, Some("`1 of`, `any of` or `all of`".to_owned())));
            }
        };
        self.next += 2;
        let at = self.tokens.get(self.next).map_or(self.text.len(), |token| token.at);
        let Some(pattern) = self.peek().filter(|word| !matches!(*word, "(" | ")")) else {
            return Err(self.refused("expected `them` or a pattern such as `selection_*`", None));
        };
        self.next += 1;
        Ok(Condition::Of { all, pattern: (pattern != "them").then(|| pattern.to_owned()), at })
    }

    fn peek(&self) -> Option<&'t str> {
        self.tokens.get(self.next).map(|token| token.text)
    }

    fn take(&mut self, word: &str) -> bool {
        let here = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word));
        // `not of them`, `and of …`: a keyword before `of` is what somebody called a search.
        self.next += usize::from(here);
        here
    }

    fn refused(&self, message: &str, hint: Option<String>) -> Refused {
        let offset = self.tokens.get(self.next).map_or(self.text.len(), |token| token.at);
        Refused { offset, message: message.to_owned(), hint }
    }
}

fn one_or(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, Refused> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '*' | '.');
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let length = if is_word(character) {
            text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at)
        } else {
            character.len_utf8()
        };
        match character {
            _ if character.is_whitespace() => {}
            '(' | ')' => tokens.push(Token { at, text: &text[at..at + length] }),
            _ if is_word(character) => tokens.push(Token { at, text: &text[at..at + length] }),
            '|' => {
                let hint = "aggregations became rules of their own: a document with `correlation`, of type \
                            `event_count` or `value_count`";
                return Err(Refused {
                    offset: at,
                    message: "conditions with `|` are not read any more".to_owned(),
                    hint: Some(hint.to_owned()),
                });
            }
            _ => {
                let message = format!("`{}` has no place in a condition", character.escape_default());
                return Err(Refused { offset: at, message, hint: None });
            }
        }
        at += length;
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match Condition::parse(text) {
            Ok(condition) => condition.to_string(),
            Err(refused) => format!("{}: {}", refused.offset, refused.message),
        };
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn precedence_and_words() {
        check("a", "a");
        check("a and b or not c", "a and b or not c");
        check("a and (b or not c)", "a and (b or not c)");
        check("(((a)))", "a");
        check("NOT a AND b", "not a and b");
        check("not not a", "not not a");
        check("not (a and b)", "not (a and b)");
        check("1 of sel_*", "1 of sel_*");
        check("any of them", "1 of them");
        check("all of them and not 1 of filter_*", "all of them and not 1 of filter_*");
        check("selection-one", "selection-one");
        check("all", "all");
        check("(a or b) or c", "(a or b) or c");
    }

    #[test]
    fn mistakes_have_places() {
        check("", "0: the condition ends where a search should be named");
        check("a and", "5: the condition ends where a search should be named");
        check("a b", "2: expected `and`, `or` or the end, found `b`");
        check("(a or b", "0: a `(` without its `)`");
        check("a)", "1: a `)` without its `(`");
        check("a or and b", "5: expected the name of a search, found `and`");
        check("selection_*", "0: a pattern needs `1 of` or `all of` before it");
        check("them", "0: `them` needs `1 of` or `all of` before it");
        check("2 of sel*", "0: `2 of` is no quantifier");
        check("1 of", "4: expected `them` or a pattern such as `selection_*`");
        check("a | count() > 5", "2: conditions with `|` are not read any more");
        check("a && b", "2: `&` has no place in a condition");
        check(&format!("{}a", "not ".repeat(200)), "400: nested deeper than 100 levels");
        check(&"(".repeat(5000), "100: nested deeper than 100 levels");
    }

    mod round_trip {
        use proptest::prelude::*;

        use super::super::Condition;

        /// Without places, which a printed text has others of.
        fn conditions() -> impl Strategy<Value = Condition> {
            let leaf =
                prop_oneof![
                    "[a-z_][a-z0-9_-]{0,5}"
                        .prop_filter("keywords", |name| !matches!(
                            name.as_str(),
                            "and" | "or" | "not" | "of" | "them" | "all" | "any"
                        ))
                        .prop_map(|name| Condition::Name(name, 0)),
                    (any::<bool>(), prop::option::of("[a-z]{1,3}\\*"))
                        .prop_map(|(all, pattern)| Condition::Of { all, pattern, at: 0 }),
                ];
            leaf.prop_recursive(5, 40, 4, |inner| {
                prop_oneof![
                    inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
                    prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::And),
                    prop::collection::vec(inner, 2..4).prop_map(Condition::Or),
                ]
            })
        }

        fn without_places(condition: Condition) -> Condition {
            let all = |parts: Vec<Condition>| parts.into_iter().map(without_places).collect();
            match condition {
                Condition::Name(name, _) => Condition::Name(name, 0),
                Condition::Not(inner) => Condition::Not(Box::new(without_places(*inner))),
                Condition::And(parts) => Condition::And(all(parts)),
                Condition::Or(parts) => Condition::Or(all(parts)),
                Condition::Of { all, pattern, .. } => Condition::Of { all, pattern, at: 0 },
            }
        }

        proptest! {
            #[test]
            fn what_is_printed_reads_back(condition in conditions()) {
                let printed = condition.to_string();
                let read = Condition::parse(&printed).map(without_places);
                prop_assert_eq!(read, Ok(condition), "{}", printed);
            }
        }
    }
}

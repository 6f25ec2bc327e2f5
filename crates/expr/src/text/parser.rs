//! Text read as an expression, by recursive descent.

use std::collections::BTreeMap;

use auditward_event::{Path, Step};
use thiserror::Error;

use super::lexer::{Placed, Token, token};
use super::words::{FUNCTIONS, function, is_raw};
use crate::check;
use crate::field::fact::FACTS;
use crate::schema::{ALIASES, EVENT, event_type, nearest};
use crate::{Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Test};

/// How many bytes an expression may have.
const BYTES_MAX: usize = 1 << 20;
/// How deep parentheses, `not` and functions may be nested.
const DEPTH_MAX: usize = 100;
/// How many mistakes are told of.
const ERRORS_MAX: usize = 50;

/// The values behind `$name`.
pub type Parameters = BTreeMap<String, Vec<Literal>>;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Bytes from the text's start.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to do; empty where nothing can be said.
    pub hint: String,
}

/// Reads an expression, and holds it against what is known of fields and patterns.
///
/// On failure: everything that is wrong, in the order of the text. After a mistake of grammar nothing more is read.
pub fn parse(text: &str, parameters: &Parameters) -> Result<Expr, Vec<SyntaxError>> {
    read(text, parameters, true)
}

/// Reads whatever was printed: only the grammar is held against it.
pub fn parse_unchecked(text: &str) -> Result<Expr, Vec<SyntaxError>> {
    read(text, &Parameters::new(), false)
}

fn read(text: &str, parameters: &Parameters, checked: bool) -> Result<Expr, Vec<SyntaxError>> {
    if text.len() > BYTES_MAX {
        let message = format!("the expression has {} bytes, at most {BYTES_MAX} are read", text.len());
        return Err(vec![SyntaxError { offset: 0, message, hint: String::new() }]);
    }
    let mut parser = Parser { text, at: 0, parameters, checked, depth: 0, errors: Vec::new() };
    let expr = parser.or().and_then(|expr| match parser.peek() {
        Placed { token: Token::End, .. } => Ok(expr),
        found => Err(parser.unexpected(&found, "`and`, `or` or the end")),
    });
    match expr {
        Ok(expr) if parser.errors.is_empty() => Ok(expr),
        Ok(_) => Err(parser.errors),
        Err(error) => {
            parser.errors.push(error);
            Err(parser.errors)
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    parameters: &'t Parameters,
    checked: bool,
    depth: usize,
    /// Mistakes that do not keep the rest from being read.
    errors: Vec<SyntaxError>,
}

type Parsed<T> = Result<T, SyntaxError>;

/// What stands behind an operator.
enum Operand {
    One(Literal),
    Field(Field),
    List(Vec<Literal>),
}

impl<'t> Parser<'t> {
    fn or(&mut self) -> Parsed<Expr> {
        self.chain("or", Parser::and, Expr::Or)
    }

    fn and(&mut self) -> Parsed<Expr> {
        self.chain("and", Parser::not, Expr::And)
    }

    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Parsed<Expr>,
        made: fn(Vec<Expr>) -> Expr,
    ) -> Parsed<Expr> {
        let first = part(self)?;
        if !self.peek_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word(word) {
            parts.push(part(self)?);
        }
        Ok(made(parts))
    }

    fn not(&mut self) -> Parsed<Expr> {
        if self.take_word("not") {
            return self.deeper(|parser| Ok(Expr::Not(Box::new(parser.not()?))));
        }
        self.primary()
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let here = self.peek();
        match here.token {
            Token::Sign("(") => {
                self.at = here.end;
                let inner = self.deeper(Parser::or)?;
                self.close(")", here.start)?;
                Ok(inner)
            }
            Token::Word("true" | "false") => {
                self.at = here.end;
                Ok(Expr::Const(here.token == Token::Word("true")))
            }
            Token::Word(name @ ("all" | "any")) if self.follows(here.end, "(") => {
                self.at = here.end;
                let parts = self.deeper(Parser::parts)?;
                Ok(if name == "all" { Expr::And(parts) } else { Expr::Or(parts) })
            }
            Token::Word("some") => {
                self.at = here.end;
                let start = self.peek().start;
                let list = self.field()?;
                if self.checked
                    && !self.errors.iter().any(|error| error.offset >= start)
                    && let Err(problem) = check::field(&list)
                {
                    self.note(error(start, problem.message, problem.hint));
                }
                let open = self.expect("(")?;
                let holds = Box::new(self.deeper(Parser::or)?);
                self.close(")", open)?;
                Ok(Expr::Some { list, holds })
            }
            Token::Word("exists") => {
                self.at = here.end;
                let start = self.peek().start;
                let field = self.field()?;
                Ok(self.test(start, Test { field, quantifier: Quantifier::Any, check: Match::Exists }))
            }
            Token::Word("every") => {
                self.at = here.end;
                self.comparison(Quantifier::Every)
            }
            Token::Word(_) | Token::Sign(".") => self.comparison(Quantifier::Any),
            _ => Err(self.unexpected(&here, "a field, `not`, `some`, `every`, `exists` or `(`")),
        }
    }

    fn parts(&mut self) -> Parsed<Vec<Expr>> {
        let open = self.expect("(")?;
        let mut parts = Vec::new();
        if !self.take(")") {
            loop {
                parts.push(self.or()?);
                if !self.take(",") {
                    break;
                }
            }
            self.close(")", open)?;
        }
        Ok(parts)
    }

    /// A field and what it is held against.
    fn comparison(&mut self, quantifier: Quantifier) -> Parsed<Expr> {
        let start = self.peek().start;
        let field = self.field()?;
        let operator = self.peek();
        let negated = operator.token == Token::Word("not");
        let named = if negated { token(self.text, operator.end) } else { operator.clone() };
        let one = |check| Test { field: field.clone(), quantifier, check };
        let (tests, negated) = match &named.token {
            Token::Sign(sign @ ("==" | "!=")) if !negated => {
                self.at = named.end;
                let check = match self.operand()? {
                    Operand::One(literal) => Match::Is(literal),
                    Operand::Field(other) => Match::Field(Compare::Equal, Box::new(other)),
                    Operand::List(_) => {
                        let hint = if *sign == "==" { "write `in`" } else { "write `not in`" };
                        return Err(error(
                            named.start,
                            format!("`{sign}` takes one value, not a list"),
                            hint,
                        ));
                    }
                };
                (vec![one(check)], *sign == "!=")
            }
            Token::Sign(sign @ ("<" | "<=" | ">" | ">=")) if !negated => {
                self.at = named.end;
                let compare = relation(sign).unwrap_or(Compare::Less);
                let check = match self.operand()? {
                    Operand::One(Literal::Number(number)) => Match::Number(compare, number),
                    Operand::Field(other) => Match::Field(compare, Box::new(other)),
                    _ => {
                        let hint = format!("texts are ordered by `text {sign} \"…\"`");
                        return Err(error(named.start, format!("`{sign}` takes a number or a field"), hint));
                    }
                };
                (vec![one(check)], false)
            }
            Token::Word("is") if !negated => {
                self.at = named.end;
                let negated = self.take_word("not");
                self.word("null")?;
                (vec![one(Match::Null)], negated)
            }
            Token::Word("exists") => {
                self.at = named.end;
                (vec![one(Match::Exists)], negated)
            }
            Token::Word(kind @ ("text" | "number")) => {
                self.at = named.end;
                (vec![one(self.ordered(kind)?)], negated)
            }
            Token::Word(word) if is_operator(word) => {
                self.at = named.end;
                let checks = self.checks(word, named.start)?;
                (checks.into_iter().map(one).collect(), negated)
            }
            Token::Sign("=" | "&&" | "||") => return Err(self.unexpected(&named, "an operator")),
            Token::Word(word) if !matches!(*word, "and" | "or") => {
                let hint = match nearest(word, operators()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if matches!(*word, "AND" | "OR" | "NOT") => IN_LOWER_CASE.to_owned(),
                    None => "two conditions are joined by `and` or `or`".to_owned(),
                };
                return Err(error(named.start, format!("`{word}` is no operator"), hint));
            }
            // A field alone is a boolean.
            _ if !negated => (vec![one(Match::Is(Literal::Bool(true)))], false),
            _ => return Err(self.unexpected(&named, "an operator")),
        };
        if quantifier == Quantifier::Every && (negated || tests.len() != 1) {
            let what = if negated {
                "a negation behind `every` reads two ways"
            } else {
                "`every` takes no list here"
            };
            let hint = format!(
                "write `not every {field} …` or `not {field} …`, or use `matches` with an alternation"
            );
            return Err(error(named.start, what, hint));
        }
        let mut tests: Vec<Expr> = tests.into_iter().map(|test| self.test(start, test)).collect();
        let expr = if tests.len() == 1 { tests.remove(0) } else { Expr::Or(tests) };
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    /// Behind `text` or `number`.
    fn ordered(&mut self, kind: &str) -> Parsed<Match> {
        let sign = self.peek();
        let compare = match sign.token {
            Token::Sign(sign) | Token::Word(sign) => relation(sign),
            _ => None,
        };
        let Some(compare) = compare else {
            return Err(self.unexpected(&sign, "`==`, `<`, `<=`, `>` or `>=`"));
        };
        self.at = sign.end;
        let start = self.peek().start;
        match (kind, self.operand()?) {
            ("text", Operand::One(Literal::Text(text))) => Ok(Match::TextOrder(compare, text)),
            ("number", Operand::One(Literal::Number(number))) => Ok(Match::Number(compare, number)),
            _ => Err(error(start, format!("`{kind}` takes a {kind}"), "")),
        }
    }

    /// What a word operator says; several where it was given a list.
    fn checks(&mut self, word: &str, start: usize) -> Parsed<Vec<Match>> {
        let (fold, plain) = folding(word);
        let operand = self.operand()?;
        let as_field = |compare, field| match fold {
            Fold::Exact => Ok(vec![Match::Field(compare, Box::new(field))]),
            _ => Err(error(
                start,
                format!("`{word}` takes no field"),
                format!("fold both: `lower(…) {plain} lower(…)`"),
            )),
        };
        let operand = match (plain, operand) {
            ("contains", Operand::Field(field)) => return as_field(Compare::Contains, field),
            ("startswith", Operand::Field(field)) => return as_field(Compare::StartsWith, field),
            ("endswith", Operand::Field(field)) => return as_field(Compare::EndsWith, field),
            (_, Operand::Field(field)) => {
                let hint = format!("put a text in quotes: `{word} \"{field}\"`");
                return Err(error(start, format!("`{word}` takes no field"), hint));
            }
            (_, operand) => operand,
        };
        let literals = match operand {
            Operand::One(literal) => vec![literal],
            Operand::List(list) => list,
            Operand::Field(_) => Vec::new(),
        };
        let texts: Vec<String> = literals.iter().map(text_of).collect();
        let each =
            |made: fn(String, Fold) -> Match| texts.iter().map(|text| made(text.clone(), fold)).collect();
        Ok(match plain {
            "in" => vec![Match::In(texts, fold)],
            "within" => vec![Match::Cidr(texts)],
            "under" => vec![Match::Under { roots: texts, clean: true }],
            "pmatch" => vec![Match::Under { roots: texts, clean: false }],
            "matches" => texts.into_iter().map(Match::Regex).collect(),
            "equals" => each(Match::Equals),
            "contains" => each(Match::Contains),
            "startswith" => each(Match::StartsWith),
            "endswith" => each(Match::EndsWith),
            _ => each(Match::Glob),
        })
    }

    fn operand(&mut self) -> Parsed<Operand> {
        let here = self.peek();
        let literal = match here.token {
            Token::Text(text) => Literal::Text(text),
            Token::Number(number) => Literal::Number(number),
            Token::Word(word @ ("true" | "false")) => Literal::Bool(word == "true"),
            Token::Parameter(name) => {
                self.at = here.end;
                let mut values = self.parameter(name, here.start);
                return Ok(if values.len() == 1 {
                    Operand::One(values.remove(0))
                } else {
                    Operand::List(values)
                });
            }
            Token::Sign("[") => {
                self.at = here.end;
                return Ok(Operand::List(self.list(here.start)?));
            }
            Token::Word(word) => {
                let before = self.errors.len();
                let field = self.field()?;
                if let Some(error) = self.errors.get_mut(before)
                    && !error.hint.starts_with("did you mean")
                {
                    error.hint = format!("put a text in quotes: `\"{word}\"`");
                }
                return Ok(Operand::Field(field));
            }
            Token::Sign(".") => return Ok(Operand::Field(self.field()?)),
            _ => return Err(self.unexpected(&here, "a value")),
        };
        self.at = here.end;
        Ok(Operand::One(literal))
    }

    fn list(&mut self, open: usize) -> Parsed<Vec<Literal>> {
        let mut values = Vec::new();
        while !self.take("]") {
            let here = self.peek();
            match here.token {
                Token::Text(text) => values.push(Literal::Text(text)),
                Token::Number(number) => values.push(Literal::Number(number)),
                Token::Word(word @ ("true" | "false")) => values.push(Literal::Bool(word == "true")),
                Token::Parameter(name) => values.extend(self.parameter(name, here.start)),
                Token::Word(word) => {
                    return Err(error(
                        here.start,
                        "a list holds values, no fields",
                        format!("put it in quotes: `\"{word}\"`"),
                    ));
                }
                _ => return Err(self.unexpected(&here, "a value or `]`")),
            }
            self.at = here.end;
            if !self.take(",") {
                self.close("]", open)?;
                break;
            }
        }
        Ok(values)
    }

    fn parameter(&mut self, name: &str, start: usize) -> Vec<Literal> {
        if let Some(values) = self.parameters.get(name) {
            return values.clone();
        }
        let hint = match nearest(name, self.parameters.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `${near}`?"),
            None => "define it among the rule's parameters".to_owned(),
        };
        self.note(error(start, format!("unknown parameter `${name}`"), hint));
        Vec::new()
    }

    fn field(&mut self) -> Parsed<Field> {
        let here = self.peek();
        match here.token {
            Token::Sign(".") => {
                self.at = here.end;
                let mut steps = Vec::new();
                if let Placed { token: Token::Word(word), start, end } = self.peek()
                    && start == here.end
                {
                    self.at = end;
                    steps.push(Step::Key(word.to_owned()));
                }
                self.steps(&mut steps)?;
                Ok(Field::of(Root::Element(Path::new(steps))))
            }
            Token::Word(word) if self.is_call(word, here.end) => {
                self.at = here.end;
                let open = self.expect("(")?;
                match word {
                    "event" => self.event_path(open),
                    "falco" => self.falco(open),
                    "sigma" => self.sigma(open),
                    "fact" => {
                        let name = self.quoted()?;
                        self.close(")", open)?;
                        Ok(Field::of(Root::Fact(name)))
                    }
                    _ => self.call(word, here.start, open),
                }
            }
            Token::Word(word) => {
                self.at = here.end;
                let mut steps = vec![Step::Key(word.to_owned())];
                self.steps(&mut steps)?;
                Ok(Field::of(self.root(steps, here.start)))
            }
            _ => Err(self.unexpected(&here, "a field")),
        }
    }

    /// Whether a word is a function: `some container (…)` has none. An unknown one has to have its parenthesis at once.
    fn is_call(&self, word: &str, end: usize) -> bool {
        let known = function(word).is_some() || matches!(word, "event" | "falco" | "sigma" | "fact");
        let list = matches!(word, "object" | "pod" | "container" | "groups");
        self.follows(end, "(") && (known || !list && self.text[end..].starts_with('('))
    }

    fn call(&mut self, word: &str, start: usize, open: usize) -> Parsed<Field> {
        let Some(mut called) = function(word) else {
            let near = nearest(word, FUNCTIONS.iter().map(|(name, _)| *name));
            let hint = near.map_or(String::new(), |near| format!("did you mean `{near}`?"));
            return Err(error(start, format!("unknown function `{word}`"), hint));
        };
        let mut field = self.deeper(Parser::field)?;
        if let Function::Join(separator) = &mut called {
            let comma = self.peek();
            if !self.take(",") {
                return Err(self.unexpected(&comma, "`,` and what to put between the values"));
            }
            *separator = self.quoted()?;
        }
        self.close(")", open)?;
        field.functions.push(called);
        Ok(field)
    }

    /// Behind `event(`: any path, as it stands.
    fn event_path(&mut self, open: usize) -> Parsed<Field> {
        let mut steps = Vec::new();
        if let Placed { token: Token::Word(word), end, .. } = self.peek() {
            self.at = end;
            steps.push(Step::Key(word.to_owned()));
        }
        self.steps(&mut steps)?;
        self.close(")", open)?;
        Ok(Field::of(Root::Event(Path::new(steps))))
    }

    /// Behind `falco(`.
    fn falco(&mut self, open: usize) -> Parsed<Field> {
        let name = self.raw(true)?;
        let mut argument = None;
        let bracket = self.peek();
        if self.take("[") {
            argument = Some(self.raw(true)?);
            self.close("]", bracket.start)?;
        }
        self.close(")", open)?;
        Ok(Field::of(Root::Falco(name, argument)))
    }

    /// Behind `sigma(`.
    fn sigma(&mut self, open: usize) -> Parsed<Field> {
        let mut keys = Vec::new();
        if !self.take(")") {
            loop {
                let bracket = self.peek();
                if self.take("[") {
                    keys.push(self.quoted()?);
                    self.close("]", bracket.start)?;
                } else {
                    keys.push(self.raw(false)?);
                }
                if self.take(")") {
                    break;
                }
                if !self.follows(self.at, "[") && !self.take(".") {
                    let found = self.peek();
                    return Err(self.unmatched(&found, ")", open));
                }
            }
        }
        Ok(Field::of(Root::Dotted(keys)))
    }

    /// A text in quotes, or characters that need none.
    fn raw(&mut self, dots: bool) -> Parsed<String> {
        let here = self.peek();
        if let Token::Text(_) = here.token {
            return self.quoted();
        }
        let rest = &self.text[here.start..];
        let length = rest.find(|c: char| !(is_raw(c) || dots && c == '.')).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.unexpected(&here, "a name"));
        }
        self.at = here.start + length;
        Ok(rest[..length].to_owned())
    }

    fn quoted(&mut self) -> Parsed<String> {
        let here = self.peek();
        match here.token {
            Token::Text(text) => {
                self.at = here.end;
                Ok(text)
            }
            _ => Err(self.unexpected(&here, "a text in quotes")),
        }
    }

    /// What follows a path's first key, without a blank between.
    fn steps(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            let sign = token(self.text, self.at);
            if sign.start != self.at {
                return Ok(());
            }
            let inside = token(self.text, sign.end);
            match (&sign.token, &inside.token) {
                (Token::Sign("."), Token::Word(word)) if inside.start == sign.end => {
                    steps.push(Step::Key((*word).to_owned()));
                    self.at = inside.end;
                }
                (Token::Sign("."), _) => {
                    self.at = sign.end;
                    return Err(self.unexpected(&inside, "a key"));
                }
                (Token::Sign("["), _) => {
                    steps.push(match &inside.token {
                        Token::Sign("*") => Step::Each,
                        Token::Text(key) => Step::Key(key.clone()),
                        Token::Number(_) => match self.text[inside.start..inside.end].parse() {
                            Ok(index) => Step::Index(index),
                            Err(_) => return Err(self.unexpected(&inside, "a whole number")),
                        },
                        _ => return Err(self.unexpected(&inside, "`*`, a number or a key in quotes")),
                    });
                    self.at = inside.end;
                    self.close("]", sign.start)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// What a path without a leading dot means.
    fn root(&mut self, mut steps: Vec<Step>, start: usize) -> Root {
        let dotted =
            steps.iter().map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None });
        let dotted = dotted.collect::<Option<Vec<_>>>().map(|keys| keys.join("."));
        if let Some(name) = dotted {
            if let Some(fact) = FACTS.iter().find(|fact| fact.name == name) {
                return Root::Fact(fact.name.to_owned());
            }
            let alias = ALIASES.iter().find(|alias| alias.name == name);
            if let Some(path) = alias.and_then(|alias| Path::parse(alias.path).ok()) {
                return Root::Event(path);
            }
        }
        let Step::Key(first) = steps[0].clone() else { return Root::Anywhere };
        match (first.as_str(), &steps[1..]) {
            ("object" | "pod" | "container", _) => {
                let path = Path::new(steps.drain(1..));
                match first.as_str() {
                    "object" => Root::Object(path),
                    "pod" => Root::Pod(path),
                    _ => Root::Container(path),
                }
            }
            ("query", [Step::Key(key)]) => Root::Query(key.clone()),
            ("anywhere", []) => Root::Anywhere,
            ("query" | "anywhere", _) => {
                let usage = if first == "query" {
                    "`query.NAME` is one parameter"
                } else {
                    "`anywhere` has nothing inside"
                };
                self.note(error(start, format!("`{first}` is used wrongly"), usage));
                Root::Anywhere
            }
            _ => {
                let path = Path::new(steps);
                if let Err((known, choices)) = event_type(&path) {
                    self.note(unknown_field(start, &path, &known, &choices));
                }
                Root::Event(path)
            }
        }
    }

    /// Notes what is wrong with a test, and lets it stand.
    fn test(&mut self, start: usize, test: Test) -> Expr {
        // Of a field that is wrong itself nothing more can be said.
        if self.checked && !self.errors.iter().any(|error| error.offset >= start) {
            for problem in check::test(&test) {
                self.note(error(start, problem.message, problem.hint));
            }
        }
        Expr::Test(test)
    }

    fn note(&mut self, error: SyntaxError) {
        if self.errors.len() < ERRORS_MAX && !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEPTH_MAX {
            return Err(error(
                self.at,
                format!("nested more than {DEPTH_MAX} deep"),
                "split it into several rules",
            ));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    fn peek(&self) -> Placed<'t> {
        token(self.text, self.at)
    }

    fn peek_word(&self, word: &str) -> bool {
        self.peek().token == Token::Word(word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let here = self.peek();
        let taken = here.token == Token::Word(word);
        if taken {
            self.at = here.end;
        }
        taken
    }

    fn word(&mut self, word: &str) -> Parsed<()> {
        let here = self.peek();
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected(&here, &format!("`{word}`"))) }
    }

    fn take(&mut self, sign: &str) -> bool {
        let here = self.peek();
        let taken = matches!(here.token, Token::Sign(found) if found == sign);
        if taken {
            self.at = here.end;
        }
        taken
    }

    /// Whether this sign is the next thing.
    fn follows(&self, at: usize, sign: &str) -> bool {
        matches!(token(self.text, at).token, Token::Sign(found) if found == sign)
    }

    /// Where it was.
    fn expect(&mut self, sign: &str) -> Parsed<usize> {
        let here = self.peek();
        if self.take(sign) { Ok(here.start) } else { Err(self.unexpected(&here, &format!("`{sign}`"))) }
    }

    fn close(&mut self, sign: &str, open: usize) -> Parsed<()> {
        let here = self.peek();
        if self.take(sign) { Ok(()) } else { Err(self.unmatched(&here, sign, open)) }
    }

    fn unmatched(&self, found: &Placed<'_>, sign: &str, open: usize) -> SyntaxError {
        let mut error = self.unexpected(found, &format!("`{sign}`"));
        if error.hint.is_empty() {
            let before = self.text.get(..open).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = open - before.rfind('\n').map_or(0, |end| end + 1) + 1;
            error.hint = format!("what was opened in line {line} at column {column} is not closed");
        }
        error
    }

    fn unexpected(&self, found: &Placed<'_>, wanted: &str) -> SyntaxError {
        let shown = self.text.get(found.start..found.end).unwrap_or_default();
        let hint = match &found.token {
            Token::Bad(what) => return error(found.start, format!("malformed text: {what}"), ""),
            Token::Sign("=") => "equality is `==`",
            Token::Sign("&&") => "write `and`",
            Token::Sign("||") => "write `or`",
            Token::Word("AND" | "OR" | "NOT") => IN_LOWER_CASE,
            _ => "",
        };
        let message = match found.token {
            Token::End => format!("expected {wanted} at the end"),
            _ => format!("expected {wanted}, found `{}`", shorten(shown)),
        };
        error(found.start, message, hint)
    }
}

const IN_LOWER_CASE: &str = "words of the language are in lower case";

fn error(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> SyntaxError {
    SyntaxError { offset, message: message.into(), hint: hint.into() }
}

fn shorten(text: &str) -> &str {
    let end = text.char_indices().nth(40).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

fn unknown_field(start: usize, path: &Path, known: &str, choices: &[&'static str]) -> SyntaxError {
    let dot = if known.is_empty() { "" } else { "." };
    let depth = known.split(['.', '[']).filter(|part| !part.is_empty()).count();
    let wrong = match path.steps().get(depth) {
        Some(Step::Key(key)) => key.as_str(),
        _ => "",
    };
    let mut names: Vec<&str> = choices.to_vec();
    if known.is_empty() {
        names.extend(FACTS.iter().map(|fact| fact.name));
        names.extend(ALIASES.iter().map(|alias| alias.name));
        names.extend(["object", "pod", "container", "query", "anywhere"]);
        names.extend(EVENT.iter().map(|(name, _)| *name).filter(|name| !name.contains(['.', '['])));
    }
    let whole = path.to_string();
    let near = nearest(wrong, names.iter().copied())
        .map(|near| format!("{known}{dot}{near}"))
        .or_else(|| nearest(&whole, FACTS.iter().map(|fact| fact.name)).map(str::to_owned));
    let list = EVENT.iter().any(|(name, _)| name.strip_prefix(known).is_some_and(|rest| rest == "[*]"));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if list => format!("`{known}` is a list: `{known}[*]`"),
        None if choices.is_empty() && !known.is_empty() => format!("`{known}` has nothing inside"),
        None => {
            "docs/rules/expressions.md lists the fields; inside `some` a path begins with a dot".to_owned()
        }
    };
    error(start, format!("unknown field `{}`", shorten(&whole)), hint)
}

fn relation(sign: &str) -> Option<Compare> {
    Some(match sign {
        "==" => Compare::Equal,
        "<" => Compare::Less,
        "<=" => Compare::LessOrEqual,
        ">" => Compare::Greater,
        ">=" => Compare::GreaterOrEqual,
        "contains" => Compare::Contains,
        "startswith" => Compare::StartsWith,
        "endswith" => Compare::EndsWith,
        _ => return None,
    })
}

/// Operators that come with letters folded: `icontains` (ASCII), `ucontains` (all of Unicode).
const FOLDED: [&str; 6] = ["in", "equals", "contains", "startswith", "endswith", "like"];
const UNFOLDED: [&str; 4] = ["matches", "within", "under", "pmatch"];

fn is_operator(word: &str) -> bool {
    UNFOLDED.contains(&word) || FOLDED.contains(&folding(word).1)
}

fn operators() -> impl Iterator<Item = &'static str> {
    FOLDED.into_iter().chain(UNFOLDED).chain([
        "exists",
        "is",
        "icontains",
        "iin",
        "ilike",
        "istartswith",
        "iendswith",
    ])
}

fn folding(word: &str) -> (Fold, &str) {
    match word.split_at_checked(1) {
        Some(("i", rest)) if FOLDED.contains(&rest) => (Fold::Ascii, rest),
        Some(("u", rest)) if FOLDED.contains(&rest) => (Fold::Unicode, rest),
        _ => (Fold::Exact, word),
    }
}

fn text_of(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Kept here so that the table of short names cannot name what events do not have.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::Type;

    #[test]
    fn short_names_stand_for_what_events_have() {
        for alias in ALIASES {
            let path = Path::parse(alias.path).ok();
            assert!(
                path.is_some_and(|path| !matches!(event_type(&path), Err(_) | Ok(Type::Inside))),
                "{}",
                alias.name
            );
        }
    }
}

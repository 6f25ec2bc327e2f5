//! The text of a condition as a tree.
//!
//! ```text
//! condition   = conj { "or" conj }              behind a keyword: a blank or "("
//! conj        = neg { "and" neg }
//! neg         = { "not" } ( check | "(" condition ")" )
//! check       = left test | macro
//! left        = field | transformer
//! field       = word "." word { "." word } [ "[" argument "]" ]
//! test        = "exists"
//!             | ( "<" "<=" ">" ">=" ) ( number | right )
//!             | string-op ( value | right | ( "oneof" "anyof" "allof" ) list )
//!             | ( "in" "intersects" "pmatch" ) ( list | right )
//! list        = "(" [ value { "," value } ] ")" | word
//! right       = "val(" field ")" | transformer
//! transformer = name "(" argument { "," argument } ")"
//! ```
//! Keywords are keywords only where one can stand: in `ka.verb = not` it is a value.

use std::fmt;

/// How deep a condition may be nested, macros counted. Upstream's limit is 1000; published rules stay below ten.
pub(super) const DEPTH_MAX: usize = 200;

/// A condition. Every `at` is a byte of the text that was parsed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ast {
    Or(Vec<Ast>),
    And(Vec<Ast>),
    Not(Box<Ast>),
    Macro { name: String, at: usize },
    Check { left: Operand, operator: Operator, right: Right, at: usize },
}

/// What a check looks at.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Field { name: String, argument: Option<String>, at: usize },
    Call { name: Transformer, arguments: Vec<Argument>, at: usize },
}

/// What a transformer is given.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    Operand(Operand),
    Text(String),
}

/// What a check compares with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Right {
    Nothing,
    Value(String),
    List(Vec<String>),
    Quantified(Quantity, Vec<String>),
    Operand(Operand),
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($variant),* }

        impl $name {
            pub(super) const ALL: &[$name] = &[$($name::$variant),*];

            pub(super) const fn text(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }
    };
}

words! {
    /// How many of the listed values have to agree.
    Quantity { One = "oneof", Any = "anyof", All = "allof" }
}

words! {
    /// In the order in which they are looked for: the longer one first where one begins with another.
    Operator {
        Exists = "exists",
        LessOrEqual = "<=", Less = "<", GreaterOrEqual = ">=", Greater = ">",
        EqualTwice = "==", Equal = "=", NotEqual = "!=",
        Glob = "glob", GlobFolded = "iglob",
        Contains = "contains", ContainsFolded = "icontains", ContainsBytes = "bcontains",
        StartsWith = "startswith", StartsWithBytes = "bstartswith", EndsWith = "endswith", Regex = "regex",
        Intersects = "intersects", In = "in", PathMatch = "pmatch",
    }
}

words! {
    /// What a value goes through.
    Transformer {
        ToLower = "tolower", ToUpper = "toupper", Base64 = "b64", Basename = "basename", Len = "len", Join = "join",
        Concat = "concat", Getopt = "getopt",
    }
}

/// What the right side of an operator may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arity {
    None,
    Number,
    Text,
    List,
}

impl Operator {
    pub(super) const fn arity(self) -> Arity {
        use Operator as O;
        match self {
            O::Exists => Arity::None,
            O::LessOrEqual | O::Less | O::GreaterOrEqual | O::Greater => Arity::Number,
            O::Intersects | O::In | O::PathMatch => Arity::List,
            _ => Arity::Text,
        }
    }

    /// Whether a blank has to follow: of words, those that take a text.
    fn wants_blank(self) -> bool {
        self.arity() == Arity::Text && self.text().starts_with(|c: char| c.is_ascii_alphabetic())
    }
}

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConditionError {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Reads a whole condition.
pub(super) fn parse(text: &str) -> Result<Ast, ConditionError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let ast = parser.or()?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.left_over());
    }
    Ok(ast)
}

/// Reads the longest field or transformer that `text` begins with, as outputs have it, and says where it ends.
pub(super) fn parse_operand(text: &str) -> Result<(Operand, usize), ConditionError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    match parser.operand(true)? {
        Some(operand) => Ok((operand, parser.at)),
        None => Err(parser.error("expected a field")),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Result<T, E = ConditionError> = std::result::Result<T, E>;

const BLANKS: [char; 5] = [' ', '\t', '\r', '\n', '\u{8}'];

impl<'t> Parser<'t> {
    fn or(&mut self) -> Result<Ast> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let mut any = vec![self.and()?];
        while self.keyword("or")? {
            any.push(self.and()?);
        }
        self.depth -= 1;
        Ok(if any.len() == 1 { any.remove(0) } else { Ast::Or(any) })
    }

    fn and(&mut self) -> Result<Ast> {
        let mut all = vec![self.not()?];
        while self.keyword("and")? {
            all.push(self.not()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Ast::And(all) })
    }

    fn not(&mut self) -> Result<Ast> {
        let mut negated = false;
        while self.keyword("not")? {
            negated = !negated;
        }
        let inner = self.check()?;
        Ok(if negated { Ast::Not(Box::new(inner)) } else { inner })
    }

    fn check(&mut self) -> Result<Ast> {
        self.blanks();
        if self.takes("(") {
            let inner = self.or()?;
            self.blanks();
            return if self.takes(")") { Ok(inner) } else { Err(self.expected_closing()) };
        }
        let at = self.at;
        if let Some(left) = self.operand(false)? {
            return self.test(left, at);
        }
        let name = self.word().to_owned();
        if name.is_empty() {
            return Err(self.error("expected a check, a macro or `(`"));
        }
        self.at += name.len();
        Ok(Ast::Macro { name, at })
    }

    fn test(&mut self, left: Operand, at: usize) -> Result<Ast> {
        self.blanks();
        let Some(operator) = self.operator() else { return Err(self.expected_operator()) };
        let blank = self.blanks();
        if operator.wants_blank() && !blank {
            return Err(self.error(format!("expected a blank behind `{}`", operator.text())));
        }
        let right = match operator.arity() {
            Arity::None => Right::Nothing,
            Arity::Number => match self.right()? {
                Some(operand) => Right::Operand(operand),
                None => Right::Value(self.number()?),
            },
            Arity::Text => match (self.quantity(), self.right()?) {
                (Some(quantity), _) => {
                    self.blanks();
                    Right::Quantified(quantity, self.list()?)
                }
                (None, Some(operand)) => Right::Operand(operand),
                (None, None) => Right::Value(self.value()?),
            },
            Arity::List => match self.right()? {
                Some(operand) => Right::Operand(operand),
                None => Right::List(self.list()?),
            },
        };
        Ok(Ast::Check { left, operator, right, at })
    }

    fn operator(&mut self) -> Option<Operator> {
        let found =
            Operator::ALL.iter().copied().find(|operator| self.rest().starts_with(operator.text()))?;
        self.at += found.text().len();
        Some(found)
    }

    /// `oneof (`, with the list still to come.
    fn quantity(&mut self) -> Option<Quantity> {
        let found = Quantity::ALL.iter().copied().find(|quantity| {
            let behind = self.rest().strip_prefix(quantity.text());
            behind.is_some_and(|behind| behind.trim_start_matches(BLANKS).starts_with('('))
        })?;
        self.at += found.text().len();
        Some(found)
    }

    /// A field or a transformer, if one begins here.
    fn operand(&mut self, in_output: bool) -> Result<Option<Operand>> {
        let at = self.at;
        if let Some(name) = self.transformer() {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(self.error(format!("nested deeper than {DEPTH_MAX} levels")));
            }
            self.at += name.text().len() + 1;
            let mut arguments = Vec::new();
            loop {
                self.blanks();
                if self.takes(")") {
                    break;
                }
                arguments.push(self.argument()?);
                self.blanks();
                if !self.takes(",") && !self.rest().starts_with(')') {
                    return Err(self.expected_closing());
                }
            }
            self.depth -= 1;
            return Ok(Some(Operand::Call { name, arguments, at }));
        }
        let name = self.field_name().to_owned();
        if name.is_empty() {
            return Ok(None);
        }
        self.at += name.len();
        let mut argument = None;
        if self.takes("[") {
            match self.bracketed() {
                Ok(bracketed) => argument = Some(bracketed),
                // In an output, what cannot be an argument is text.
                Err(_) if in_output => self.at = at + name.len(),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Operand::Field { name, argument, at }))
    }

    fn transformer(&self) -> Option<Transformer> {
        let word = self.word();
        let opens = self.rest()[word.len()..].starts_with('(');
        Transformer::ALL.iter().copied().find(|transformer| opens && transformer.text() == word)
    }

    fn argument(&mut self) -> Result<Argument> {
        match self.operand(false)? {
            Some(operand) => Ok(Argument::Operand(operand)),
            None => Ok(Argument::Text(self.value()?)),
        }
    }

    /// What may stand on the right besides values.
    fn right(&mut self) -> Result<Option<Operand>> {
        if self.takes("val(") {
            self.blanks();
            let Some(operand) = self.operand(false)? else {
                return Err(self.error("expected a field in `val(…)`"));
            };
            self.blanks();
            return if self.takes(")") { Ok(Some(operand)) } else { Err(self.expected_closing()) };
        }
        if self.transformer().is_some() { self.operand(false) } else { Ok(None) }
    }

    fn bracketed(&mut self) -> Result<String> {
        let argument = match self.rest().chars().next() {
            Some('"' | '\'') => self.quoted()?,
            _ => {
                let bare = self.rest();
                let end = bare.find(|c| BLANKS.contains(&c) || matches!(c, '[' | ']' | '"' | '\''));
                let bare = &bare[..end.unwrap_or(bare.len())];
                self.at += bare.len();
                bare.to_owned()
            }
        };
        if self.takes("]") { Ok(argument) } else { Err(self.error("expected `]`")) }
    }

    fn list(&mut self) -> Result<Vec<String>> {
        if !self.takes("(") {
            let word = self.word().to_owned();
            if word.is_empty() {
                return Err(self.error("expected a list: `(a, b)`"));
            }
            self.at += word.len();
            return Ok(vec![word]);
        }
        let mut values = Vec::new();
        self.blanks();
        if self.takes(")") {
            return Ok(values);
        }
        loop {
            self.blanks();
            values.push(self.value()?);
            self.blanks();
            if self.takes(")") {
                return Ok(values);
            }
            if !self.takes(",") {
                return Err(self.error("expected `,` or `)`"));
            }
        }
    }

    fn value(&mut self) -> Result<String> {
        if self.rest().starts_with(['"', '\'']) {
            return self.quoted();
        }
        let bare = bare(self.rest());
        if bare.is_empty() {
            return Err(self.error("expected a value"));
        }
        self.at += bare.len();
        Ok(bare.to_owned())
    }

    /// A text between quotes. A quote behind a backslash never ends it.
    fn quoted(&mut self) -> Result<String> {
        let start = self.at;
        let Some(quote) = self.rest().chars().next() else { return Err(self.error("expected a value")) };
        let mut text = String::new();
        let source = self.rest().as_bytes();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                c if c == quote && source[offset - 1] != b'\\' => {
                    self.at = start + offset + 1;
                    return Ok(text);
                }
                '\\' => {
                    let escaped = chars.next().map(|(_, c)| c);
                    let meant = match escaped {
                        Some('b') => '\u{8}',
                        Some('f') => '\u{c}',
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some(' ') => {
                            text.push('\\');
                            text.push(' ');
                            continue;
                        }
                        Some(same @ ('\\' | '/' | '"' | '\'')) => same,
                        Some('x') => {
                            let mut digit = || chars.next().and_then(|(_, c)| c.to_digit(16));
                            match (digit(), digit()) {
                                (Some(high), Some(low)) => {
                                    char::from_u32(16 * high + low).unwrap_or_default()
                                }
                                _ => {
                                    return Err(error_at(
                                        start + offset,
                                        "expected two hex digits behind `\\x`",
                                    ));
                                }
                            }
                        }
                        Some(other) => {
                            let mut error = error_at(start + offset, format!("unknown escape `\\{other}`"));
                            error.hint = Some(format!("write `\\\\{other}` for a backslash and `{other}`"));
                            return Err(error);
                        }
                        None => break,
                    };
                    text.push(meant);
                }
                c => text.push(c),
            }
        }
        Err(error_at(start, format!("this {quote} is not closed")))
    }

    fn number(&mut self) -> Result<String> {
        let rest = self.rest();
        let length = number_length(rest);
        if length == 0 {
            return Err(self.error("expected a number"));
        }
        self.at += length;
        Ok(rest[..length].to_owned())
    }

    fn keyword(&mut self, keyword: &str) -> Result<bool> {
        self.blanks();
        let Some(behind) = self.rest().strip_prefix(keyword) else { return Ok(false) };
        if behind.starts_with(BLANKS) || behind.starts_with('(') {
            self.at += keyword.len();
            return Ok(true);
        }
        self.at += keyword.len();
        Err(self.error(format!("expected a blank or `(` behind `{keyword}`")))
    }

    fn word(&self) -> &'t str {
        let rest = self.rest();
        &rest[..word_length(rest)]
    }

    /// Words with dots between them, two at least.
    fn field_name(&self) -> &'t str {
        let rest = self.rest();
        let first = word_length(rest);
        if first == 0 {
            return "";
        }
        let mut end = first;
        while let Some(behind) = rest[end..].strip_prefix('.') {
            match word_length(behind) {
                0 => break,
                length => end += 1 + length,
            }
        }
        if end > first { &rest[..end] } else { "" }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn takes(&mut self, text: &str) -> bool {
        let takes = self.rest().starts_with(text);
        self.at += if takes { text.len() } else { 0 };
        takes
    }

    fn blanks(&mut self) -> bool {
        let before = self.at;
        self.at = self.text.len() - self.rest().trim_start_matches(BLANKS).len();
        self.at > before
    }

    fn error(&self, message: impl Into<String>) -> ConditionError {
        let message = message.into();
        let found = match self.rest().chars().next() {
            None => "the end".to_owned(),
            Some(c) => {
                let bare: String = bare(self.rest()).chars().take(40).collect();
                if bare.is_empty() { format!("`{}`", c.escape_debug()) } else { format!("`{bare}`") }
            }
        };
        error_at(self.at, format!("{message}, found {found}"))
    }

    fn expected_closing(&self) -> ConditionError {
        self.error("expected `)`")
    }

    fn expected_operator(&self) -> ConditionError {
        let mut error = self.error("expected an operator such as `=`, `in`, `startswith` or `exists`");
        let word = self.word();
        let known = Operator::ALL.iter().map(|operator| operator.text());
        let near = auditward_policy::read::did_you_mean(word, known).filter(|_| !word.is_empty());
        error.hint = near.map(|near| format!("did you mean `{near}`?"));
        error
    }

    fn left_over(&self) -> ConditionError {
        let mut error = self.error("expected `and`, `or` or the end");
        let word = self.word();
        if matches!(word.to_ascii_lowercase().as_str(), "and" | "or" | "not") {
            error.hint = Some("keywords are written in lower case".to_owned());
        }
        error
    }
}

fn error_at(at: usize, message: impl Into<String>) -> ConditionError {
    ConditionError { at, message: message.into(), hint: None }
}

/// What a value without quotes may hold, as far as it goes.
fn bare(text: &str) -> &str {
    let end = text.find(|c| BLANKS.contains(&c) || matches!(c, '(' | ')' | '"' | '\'' | '=' | ','));
    &text[..end.unwrap_or(text.len())]
}

fn word_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn number_length(text: &str) -> usize {
    let digits = |from: usize, hex: bool| {
        text[from..]
            .bytes()
            .take_while(|b| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() })
            .count()
    };
    if text.starts_with("0x") {
        return match digits(2, true) {
            0 => 1,
            count => 2 + count,
        };
    }
    let sign = usize::from(text.starts_with(['+', '-']));
    let whole = digits(sign, false);
    if whole == 0 {
        return 0;
    }
    let mut end = sign + whole;
    if text[end..].starts_with('.') {
        end += 1 + digits(end + 1, false);
    }
    if text[end..].starts_with(['e', 'E']) && text[end + 1..].starts_with(['+', '-']) {
        match digits(end + 2, false) {
            0 => {}
            count => end += 2 + count,
        }
    }
    end
}

/// A text that parses as the same tree.
impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Ast], between: &str| {
            for (i, part) in parts.iter().enumerate() {
                let before = if i == 0 { "" } else { between };
                match part {
                    Ast::Or(_) | Ast::And(_) => write!(f, "{before}({part})")?,
                    _ => write!(f, "{before}{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Ast::Or(any) => joined(f, any, " or "),
            Ast::And(all) => joined(f, all, " and "),
            Ast::Not(inner) => match **inner {
                Ast::Or(_) | Ast::And(_) | Ast::Not(_) => write!(f, "not ({inner})"),
                _ => write!(f, "not {inner}"),
            },
            Ast::Macro { name, .. } => f.write_str(name),
            Ast::Check { left, operator, right, .. } => {
                write!(f, "{left} {}", operator.text())?;
                match right {
                    Right::Nothing => Ok(()),
                    Right::Value(number) if operator.arity() == Arity::Number => write!(f, " {number}"),
                    Right::Value(value) => write!(f, " {}", Quoted(value)),
                    Right::List(values) => write!(f, " {}", Listed(values)),
                    Right::Quantified(quantity, values) => {
                        write!(f, " {} {}", quantity.text(), Listed(values))
                    }
                    Right::Operand(call @ Operand::Call { .. }) => write!(f, " {call}"),
                    Right::Operand(field) => write!(f, " val({field})"),
                }
            }
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Field { name, argument: None, .. } => f.write_str(name),
            Operand::Field { name, argument: Some(argument), .. } => {
                write!(f, "{name}[{}]", Quoted(argument))
            }
            Operand::Call { name, arguments, .. } => {
                write!(f, "{}(", name.text())?;
                for (i, argument) in arguments.iter().enumerate() {
                    let before = if i == 0 { "" } else { ", " };
                    match argument {
                        Argument::Operand(operand) => write!(f, "{before}{operand}")?,
                        Argument::Text(text) => write!(f, "{before}{}", Quoted(text))?,
                    }
                }
                f.write_str(")")
            }
        }
    }
}

struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                // A backslash before the closing quote would keep it from closing.
                '\\' => f.write_str("\\x5c")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

struct Listed<'t>(&'t [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, value) in self.0.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, Quoted(value))?;
        }
        f.write_str(")")
    }
}

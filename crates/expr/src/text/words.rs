//! The language's words.

use crate::{Function, TimePart};

/// An operator, for people.
#[derive(Debug)]
pub struct Operator {
    /// As it is written.
    pub name: &'static str,
    /// What it takes on its right.
    pub takes: &'static str,
    /// When it is true.
    pub meaning: &'static str,
}

/// All of them.
pub static OPERATORS: &[Operator] = &[
    Operator {
        name: "==",
        takes: "a text, number, boolean or field",
        meaning: "the same value; a text is no number. Of two fields: the same text",
    },
    Operator {
        name: "!=",
        takes: "a text, number, boolean or field",
        meaning: "not `==`: true where the field is missing",
    },
    Operator {
        name: "<",
        takes: "a number or field",
        meaning: "less; also `<=`, `>`, `>=`. A text that reads as a number counts as one",
    },
    Operator { name: "in", takes: "a list", meaning: "one of these texts" },
    Operator {
        name: "equals",
        takes: "a text or list",
        meaning: "this text, or a value whose JSON text it is: `\"403\"` equals `403`",
    },
    Operator { name: "contains", takes: "a text, list or field", meaning: "it occurs in the value" },
    Operator { name: "startswith", takes: "a text, list or field", meaning: "the value begins with it" },
    Operator { name: "endswith", takes: "a text, list or field", meaning: "the value ends with it" },
    Operator {
        name: "like",
        takes: "a pattern or list",
        meaning: "`*` is any run of characters, `?` one, `[a-z]` one of these, `\\` takes the next as it is; the whole value",
    },
    Operator {
        name: "matches",
        takes: "a pattern or list",
        meaning: "a regular expression, found anywhere unless `^` and `$` say otherwise",
    },
    Operator {
        name: "within",
        takes: "a list",
        meaning: "an address in one of these networks: `[\"10.0.0.0/8\"]`",
    },
    Operator {
        name: "under",
        takes: "a list",
        meaning: "a path at or below one of these, after `//`, `.` and `..` are resolved",
    },
    Operator { name: "pmatch", takes: "a list", meaning: "the same, with paths taken as they are written" },
    Operator {
        name: "exists",
        takes: "nothing",
        meaning: "there is a value, even `null`; also in front: `exists FIELD`",
    },
    Operator { name: "is null", takes: "nothing", meaning: "there is a value, and it is `null`" },
    Operator {
        name: "text",
        takes: "`==`, `<`, … and a text",
        meaning: "the order of two texts byte by byte, or the same relation of texts",
    },
    Operator {
        name: "number",
        takes: "`==`, `<`, … and a number",
        meaning: "as numbers, also of a text that reads as one",
    },
];

/// What each function does.
pub static FUNCTIONS: &[(&str, &str)] = &[
    ("lower", "ASCII letters in lower case"),
    ("upper", "ASCII letters in upper case"),
    ("base64", "decoded; what is no base64 is dropped"),
    ("basename", "what follows the last `/`"),
    ("length", "bytes of the text"),
    ("count", "how many values there are, also none"),
    ("join", "all values as one text; `join(FIELD, \",\")` puts a comma between them"),
    ("registry", "the registry of an image: `docker.io` where none is named"),
    ("repository", "an image without tag and digest"),
    ("minute", "of a time, UTC"),
    ("hour", "of a time, UTC"),
    ("day", "of the month, UTC"),
    ("week", "of the year, as ISO 8601 counts, UTC"),
    ("month", "of a time, UTC"),
    ("year", "of a time, UTC"),
];

/// The function of that name; of `join`, with nothing between.
pub(crate) fn function(name: &str) -> Option<Function> {
    Some(match name {
        "lower" => Function::Lower,
        "upper" => Function::Upper,
        "base64" => Function::Base64,
        "basename" => Function::Basename,
        "length" => Function::Length,
        "count" => Function::Count,
        "join" => Function::Join(String::new()),
        "registry" => Function::ImageRegistry,
        "repository" => Function::ImageRepository,
        "minute" => Function::TimePart(TimePart::Minute),
        "hour" => Function::TimePart(TimePart::Hour),
        "day" => Function::TimePart(TimePart::Day),
        "week" => Function::TimePart(TimePart::Week),
        "month" => Function::TimePart(TimePart::Month),
        "year" => Function::TimePart(TimePart::Year),
        _ => return None,
    })
}

pub(crate) fn function_name(function: &Function) -> &'static str {
    match function {
        Function::Lower => "lower",
        Function::Upper => "upper",
        Function::Base64 => "base64",
        Function::Basename => "basename",
        Function::Length => "length",
        Function::Count => "count",
        Function::Join(_) => "join",
        Function::ImageRegistry => "registry",
        Function::ImageRepository => "repository",
        Function::TimePart(TimePart::Minute) => "minute",
        Function::TimePart(TimePart::Hour) => "hour",
        Function::TimePart(TimePart::Day) => "day",
        Function::TimePart(TimePart::Week) => "week",
        Function::TimePart(TimePart::Month) => "month",
        Function::TimePart(TimePart::Year) => "year",
    }
}

/// Whether a key is written without quotes.
pub(crate) fn is_plain_key(key: &str) -> bool {
    let mut letters = key.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-'))
}

/// Whether a byte may stand in Sigma's keys and Falco's names without quotes.
pub(crate) fn is_raw(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '/' | ':' | '@' | '~' | '*' | '$')
}

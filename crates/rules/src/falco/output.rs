//! An output text: `%ka.user.name`, `%jevt.value[/stage]`, `%tolower(ka.verb)`, `%20ka.verb`.

use super::condition::{ConditionError, parse_operand};
use super::lower::{Typed, operand};
use crate::{Template, TemplatePart};

/// How wide a field may be made.
const WIDTH_MAX: usize = 1000;

/// An output that is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutputError {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) unknown_field: bool,
}

/// Reads an output: of what follows a `%`, the longest piece that is a field.
pub(super) fn parse(text: &str) -> Result<Template, OutputError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        if !before.is_empty() {
            parts.push(TemplatePart::Text(before.to_owned()));
        }
        let at = text.len() - behind.len();
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let width = match &behind[..digits] {
            "" => None,
            width => {
                Some(width.parse().ok().filter(|width| *width <= WIDTH_MAX).ok_or_else(|| OutputError {
                    at,
                    message: format!("a width of {width} is more than {WIDTH_MAX}"),
                    hint: None,
                    unknown_field: false,
                })?)
            }
        };
        let (typed, length) = longest_field(&behind[digits..])
            .map_err(|error| OutputError { at: at + digits + error.at, ..error })?;
        let name = behind[digits..digits + length].to_owned();
        parts.push(TemplatePart::Field { field: typed.field, name, width });
        rest = &behind[digits + length..];
    }
    if !rest.is_empty() {
        parts.push(TemplatePart::Text(rest.to_owned()));
    }
    Ok(Template { parts })
}

/// `ka.user.name.` ends before its last point, `ka.verb.nonsense` before its last word.
fn longest_field(text: &str) -> Result<(Typed, usize), OutputError> {
    let (found, length) = parse_operand(text).map_err(|error| none(error, text))?;
    let mut first = match operand(&found) {
        Ok(typed) => return Ok((typed, length)),
        Err(problem) => problem,
    };
    let mut shorter = &text[..length];
    while let Some(end) = shorter.rfind('.').filter(|_| !shorter.contains('(')) {
        shorter = &shorter[..end];
        if let Ok((found, length)) = parse_operand(shorter)
            && let Ok(typed) = operand(&found)
        {
            return Ok((typed, length));
        }
    }
    Err(OutputError {
        at: first.at,
        hint: first.hint.take(),
        unknown_field: first.unknown_field,
        message: first.message,
    })
}

fn none(error: ConditionError, text: &str) -> OutputError {
    let lone = !text.starts_with(|c: char| c.is_ascii_alphabetic());
    let hint = "there is no way to write a `%` itself; say `percent`";
    OutputError {
        at: error.at,
        message: if lone { "`%` without a field behind it".to_owned() } else { error.message },
        hint: lone.then(|| hint.to_owned()).or(error.hint),
        unknown_field: false,
    }
}

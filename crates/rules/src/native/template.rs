//! `{user} created {namespace}/{name}`: a text with fields in braces; `{{` is a brace.

use auditward_policy::read::Span;

/// A piece of a template, with where it stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Field(String, Span),
}

/// The pieces, or where and why there are none.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, (Span, &'static str)> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let offset = text.len() - rest.len() + at;
        literal += &rest[..at];
        let doubled = rest[at..].starts_with("{{") || rest[at..].starts_with("}}");
        if doubled {
            literal.push_str(&rest[at..=at]);
            rest = &rest[at + 2..];
            continue;
        }
        if rest[at..].starts_with('}') {
            return Err((offset..offset + 1, "this brace closes nothing; a brace itself is written `}}`"));
        }
        let Some(length) = rest[at..].find('}') else {
            return Err((offset..text.len(), "this brace is not closed; a brace itself is written `{{`"));
        };
        let field = rest[at + 1..at + length].trim();
        if field.is_empty() {
            return Err((offset..offset + length + 1, "there is no field between these braces"));
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        let start = offset + 1 + rest[at + 1..].find(field).unwrap_or_default();
        pieces.push(Piece::Field(field.to_owned(), start..start + field.len()));
        rest = &rest[at + length + 1..];
    }
    literal += rest;
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_braces() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let field = |field: &str, at: usize| Piece::Field(field.to_owned(), at..at + field.len());
        let check = |input: &str, expected: Result<Vec<Piece>, Span>| {
            assert_eq!(pieces(input).map_err(|(span, _)| span), expected, "{input}");
        };
        check("", Ok(vec![]));
        check("a {user} b", Ok(vec![text("a "), field("user", 3), text(" b")]));
        check("{ns}/{name}", Ok(vec![field("ns", 1), text("/"), field("name", 6)]));
        check("{ a }", Ok(vec![field("a", 2)]));
        check("{{a}} ü {b}", Ok(vec![text("{a} ü "), field("b", 10)]));
        check("a}", Err(1..2));
        check("a{b", Err(1..3));
        check("{}", Err(0..2));
    }
}

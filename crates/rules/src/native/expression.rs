//! Where the texts of expressions and fields become trees.

use auditward_expr::{Expr, Field, Literal, Match, Quantifier, Test, text};
use auditward_policy::read::Span;

use super::params::{ParamValue, Scope};

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// Where in the expression's text, in bytes.
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The predicate that a text says.
pub(super) fn parse(source: &str, scope: &Scope) -> Result<Expr, Vec<Mistake>> {
    let parameters = scope.iter().map(|(name, value)| (name.to_owned(), literals(value))).collect();
    text::parse(source, &parameters).map_err(|errors| mistakes(errors, source, 0))
}

/// The field that a text names.
pub(super) fn field(source: &str) -> Result<Field, Vec<Mistake>> {
    const QUESTION: &str = "exists ";
    let question = format!("{QUESTION}{source}");
    match text::parse(&question, &text::Parameters::new()) {
        Ok(Expr::Test(Test { field, quantifier: Quantifier::Any, check: Match::Exists })) => Ok(field),
        Ok(_) => Err(vec![Mistake {
            span: 0..source.len(),
            message: format!("`{source}` is a condition, and a field belongs here"),
            hint: None,
        }]),
        Err(errors) => Err(mistakes(errors, source, QUESTION.len())),
    }
}

fn literals(value: &ParamValue) -> Vec<Literal> {
    match value {
        ParamValue::Texts(texts) => texts.iter().cloned().map(Literal::Text).collect(),
        ParamValue::Text(text) => vec![Literal::Text(text.clone())],
        #[expect(clippy::cast_precision_loss, reason = "thresholds are small")]
        ParamValue::Number(number) => vec![Literal::Number(*number as f64)],
        ParamValue::Bool(value) => vec![Literal::Bool(*value)],
    }
}

/// The mistakes of a text that has `shift` bytes before `source`. The word at each place is what is marked.
fn mistakes(errors: Vec<text::SyntaxError>, source: &str, shift: usize) -> Vec<Mistake> {
    let mistake = |error: text::SyntaxError| {
        let start = error.offset.saturating_sub(shift).min(source.len());
        let rest = source.get(start..).unwrap_or_default();
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
        let length = rest.find(|c| !word(c)).unwrap_or(rest.len()).max(usize::from(!rest.is_empty()));
        let length = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at).max(length);
        Mistake {
            span: start..start + length,
            message: error.message,
            hint: (!error.hint.is_empty()).then_some(error.hint),
        }
    };
    let mut mistakes: Vec<Mistake> = errors.into_iter().map(mistake).collect();
    // What is said twice of a place is said first with the better hint.
    mistakes.dedup_by(|later, first| later.span == first.span);
    mistakes
}

//! One test as a comparison of one column.

use std::sync::Arc;

use auditward_expr::{Compare, CompiledTest, Fold, Literal, Match, Quantifier, Test};
use datafusion::functions_nested::expr_fn::array_has;
use datafusion::logical_expr::{Expr as Sql, lit};
use datafusion::prelude::col;
use datafusion::scalar::ScalarValue;

use super::Part;
use super::ask::Check;
use super::column::{Column, column};

/// A test, or its opposite.
pub(super) fn lower(test: &Test, negated: bool) -> Part {
    let Some(column) = column(&test.field.root).filter(|_| test.field.functions.is_empty()) else {
        return Part::Unknown;
    };
    if matches!(test.check, Match::Field(..)) {
        return Part::Unknown;
    }
    let Some(plain) = positive(column, test) else { return Part::Unknown };
    let name = col(column.name());
    let plain = match (negated, plain) {
        (false, plain) => plain,
        (true, Sql::IsNotNull(inner)) => Sql::IsNull(inner),
        (true, Sql::Literal(ScalarValue::Boolean(Some(yes)), None)) => lit(!yes),
        // Also where there is nothing to compare.
        (true, plain) => (!plain).or(name.is_null()),
    };
    Part::Exact { plain: plain.clone(), odd: odd(column, plain) }
}

/// Of an odd row, a column that is null says nothing, and a list may lack items. Where a text or a number stands it is
/// what the event has.
fn odd(column: Column, plain: Sql) -> Option<Sql> {
    match column {
        Column::List(_) => None,
        Column::Text(name) | Column::Int(name) => Some(plain.or(col(name).is_null())),
    }
}

/// True or null where the test is not so; null is not true.
fn positive(column: Column, test: &Test) -> Option<Sql> {
    let name = col(column.name());
    Some(match (column, &test.check) {
        (Column::List(_), check) => match (test.quantifier, check) {
            (Quantifier::Any, Match::Is(Literal::Text(text)) | Match::Equals(text, Fold::Exact)) => {
                array_has(name, lit(text_value(text)))
            }
            _ => return checked(column, test),
        },
        (_, Match::Exists) => name.is_not_null(),
        (_, Match::Null) => lit(false),
        (Column::Text(_), check) => match check {
            Match::Is(Literal::Text(text)) | Match::Equals(text, Fold::Exact) => {
                name.eq(lit(text_value(text)))
            }
            Match::Is(_) => lit(false),
            Match::In(texts, Fold::Exact) => {
                name.in_list(texts.iter().map(|text| lit(text_value(text))).collect(), false)
            }
            // Says where to look, for pages are in no order of texts; `_` and `%` would mean something else.
            Match::StartsWith(text, Fold::Exact) if !text.contains(['_', '%', '\\']) => {
                name.like(lit(text_value(&format!("{text}%"))))
            }
            Match::Glob(pattern, Fold::Exact) => match pattern.strip_suffix('*') {
                Some(start) if !start.contains(['_', '%', '\\', '*', '?', '[']) => {
                    name.like(lit(text_value(&format!("{start}%"))))
                }
                _ => return checked(column, test),
            },
            Match::TextOrder(compare, text) => match compared(*compare, name, lit(text_value(text))) {
                Some(sql) => sql,
                None => return checked(column, test),
            },
            _ => return checked(column, test),
        },
        (Column::Int(_), check) => match check {
            Match::Is(Literal::Number(number)) => match whole(*number) {
                Some(number) => name.eq(lit(number)),
                None => lit(false),
            },
            Match::Is(_) => lit(false),
            Match::Number(compare, number) => {
                match whole(*number).and_then(|number| compared(*compare, name, lit(number))) {
                    Some(sql) => sql,
                    None => return checked(column, test),
                }
            }
            Match::Equals(text, _) => match text.parse::<i32>() {
                Ok(number) if number.to_string() == *text => name.eq(lit(number)),
                _ => lit(false),
            },
            _ => return checked(column, test),
        },
    })
}

/// The test itself, asked of the column's value.
fn checked(column: Column, test: &Test) -> Option<Sql> {
    let compiled = CompiledTest::new(test).ok()?;
    Some(Check::of(Arc::new(compiled), column))
}

fn compared(compare: Compare, left: Sql, right: Sql) -> Option<Sql> {
    Some(match compare {
        Compare::Equal => left.eq(right),
        Compare::Less => left.lt(right),
        Compare::LessOrEqual => left.lt_eq(right),
        Compare::Greater => left.gt(right),
        Compare::GreaterOrEqual => left.gt_eq(right),
        Compare::Contains | Compare::StartsWith | Compare::EndsWith => return None,
    })
}

/// As the columns have texts, so that nothing has to be cast.
fn text_value(text: &str) -> ScalarValue {
    ScalarValue::Utf8View(Some(text.to_owned()))
}

#[expect(clippy::cast_possible_truncation, clippy::float_cmp, reason = "asked whether nothing is lost")]
fn whole(number: f64) -> Option<i32> {
    let near = number as i32;
    (f64::from(near) == number).then_some(near)
}

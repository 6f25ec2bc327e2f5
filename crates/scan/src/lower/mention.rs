//! Whether a text may occur anywhere in an event, without putting the event together.
//!
//! A column of texts is looked at as it is. One of JSON is looked at as it is spelled: a text that occurs in one of its
//! strings occurs in the spelling as well, unless some character there is written as an escape, and then the answer is
//! "perhaps". Keys are looked at too, which are not meant: "perhaps" again.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowNativeType as _, DataType, Int32Type, TimestampMicrosecondType};
use auditward_event::{EventView, MicroTime};
use auditward_expr::{CompiledTest, Item, Match, Quantifier, Subject, Test};
use auditward_store::{COLUMNS, Column, ColumnType};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::prelude::col;
use memchr::memmem::Finder;

use super::Part;
use super::ask::NOTHING;

/// The same texts in every plain row: `kind` and `apiVersion` have no column.
const ALWAYS: [&str; 2] = ["Event", "audit.k8s.io/v1"];
/// No parts of an event, or twice in the row, or null in a plain one.
const PASSED_OVER: [&str; 7] = ["position", "cluster", "time", "received", "source_ip", "rest", "raw"];

/// A text that occurs anywhere.
pub(super) fn lower(test: &Test) -> Part {
    let Match::Contains(text, _) = &test.check else { return Part::Unknown };
    let spelled_out = |c: char| c == '"' || c == '\\' || c.is_control();
    if test.quantifier != Quantifier::Any || !test.field.functions.is_empty() || text.contains(spelled_out) {
        return Part::Unknown;
    }
    let Ok(compiled) = CompiledTest::new(test) else { return Part::Unknown };
    if ALWAYS.iter().any(|text| occurs(&compiled, text)) {
        return Part::Exact { plain: lit(true), odd: None };
    }
    let only = |characters: &[u8]| text.bytes().all(|byte| characters.contains(&byte));
    let may_say_it = |column: &&Column| match column.kind {
        ColumnType::Text | ColumnType::Json | ColumnType::Texts => true,
        ColumnType::Time => only(b"0123456789+-:.TtZz"),
        ColumnType::Int => only(b"0123456789-"),
        ColumnType::Bytes | ColumnType::Count => false,
    };
    let is_part = |column: &&Column| !PASSED_OVER.contains(&column.name);
    let columns: Vec<_> = COLUMNS.iter().filter(is_part).filter(may_say_it).collect();
    let arguments = columns.iter().map(|column| col(column.name)).collect();
    let kinds = columns.iter().map(|column| column.kind).collect();
    let signature = Signature::variadic_any(Volatility::Immutable);
    let escapes = if text.contains('/') { vec!["\\u", "\\/"] } else { vec!["\\u"] };
    let escapes = escapes.into_iter().map(Finder::new).collect();
    let mention = Mention { signature, test: Arc::new(compiled), kinds, escapes };
    Part::Superset { plain: ScalarUDF::new_from_impl(mention).call(arguments), odd: None }
}

fn occurs(test: &CompiledTest, text: &str) -> bool {
    EventView::parse(NOTHING)
        .is_ok_and(|nothing| test.holds_of(&[Item::Text(Cow::Borrowed(text))], &Subject::new(&nothing)))
}

#[derive(Debug)]
struct Mention {
    signature: Signature,
    test: Arc<CompiledTest>,
    kinds: Vec<ColumnType>,
    /// How a character of what is looked for may be written that is not itself.
    escapes: Vec<Finder<'static>>,
}

impl Mention {
    /// Notes the rows of a column where the text may occur.
    fn look(&self, kind: ColumnType, column: &ArrayRef, found: &mut [bool]) -> Result<()> {
        if column.null_count() == column.len() {
            return Ok(());
        }
        let nothing =
            EventView::parse(NOTHING).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let occurs =
            |text: &str| self.test.holds_of(&[Item::Text(Cow::Borrowed(text))], &Subject::new(&nothing));
        let escaped = |json: &str| self.escapes.iter().any(|escape| escape.find(json.as_bytes()).is_some());
        match kind {
            ColumnType::Json => {
                let column = cast(column, &DataType::Utf8View)?;
                for (text, found) in column.as_string_view().iter().zip(found) {
                    if let Some(text) = text.filter(|_| !*found) {
                        *found = occurs(text) || escaped(text);
                    }
                }
            }
            ColumnType::Text => {
                let column = cast(column, &DataType::Utf8View)?;
                let texts = column.as_string_view();
                let mut answers = Answers::default();
                for (row, found) in found.iter_mut().enumerate() {
                    if !*found && texts.is_valid(row) {
                        *found = answers.of(texts, row, occurs);
                    }
                }
            }
            ColumnType::Texts => {
                let Some(lists) = column.as_list_opt::<i32>() else {
                    found.fill(true);
                    return Ok(());
                };
                let items = cast(lists.values(), &DataType::Utf8View)?;
                let texts = items.as_string_view();
                let mut answers = Answers::default();
                for ((row, found), bounds) in found.iter_mut().enumerate().zip(lists.offsets().windows(2)) {
                    if *found || lists.is_null(row) {
                        continue;
                    }
                    let (first, end) = (bounds[0].as_usize(), bounds[1].as_usize());
                    *found = (first..end).any(|item| texts.is_valid(item) && answers.of(texts, item, occurs));
                }
            }
            ColumnType::Time => {
                let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>() else {
                    found.fill(true);
                    return Ok(());
                };
                for (time, found) in times.iter().zip(found) {
                    if let Some(time) = time.filter(|_| !*found) {
                        *found = occurs(&MicroTime::from_micros(time).to_string());
                    }
                }
            }
            ColumnType::Int => {
                let column = cast(column, &DataType::Int32)?;
                for (number, found) in column.as_primitive::<Int32Type>().iter().zip(found) {
                    if let Some(number) = number.filter(|_| !*found) {
                        *found = occurs(&number.to_string());
                    }
                }
            }
            ColumnType::Bytes | ColumnType::Count => {}
        }
        Ok(())
    }
}

/// What was answered of one array's texts, by where they lie: most columns say the same again and again, and a reader
/// hands out one place for it.
#[derive(Default)]
struct Answers {
    known: [Option<(u128, bool)>; 32],
}

impl Answers {
    fn of(&mut self, texts: &StringViewArray, row: usize, ask: impl Fn(&str) -> bool) -> bool {
        let view = texts.views()[row];
        // Fibonacci's hash of where a long text lies, or of what a short one says.
        #[expect(clippy::cast_possible_truncation, reason = "folded to its two halves, then to five bits")]
        let mixed = ((view >> 64) as u64 ^ view as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59;
        let known = &mut self.known[usize::try_from(mixed).unwrap_or_default()];
        match *known {
            Some((of, answer)) if of == view => answer,
            _ => {
                let answer = ask(texts.value(row));
                *known = Some((view, answer));
                answer
            }
        }
    }
}

impl ScalarUDFImpl for Mention {
    fn name(&self) -> &'static str {
        "event_mentions"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let mut found = vec![false; rows];
        for (kind, column) in self.kinds.iter().zip(arguments.args) {
            self.look(*kind, &column.into_array(rows)?, &mut found)?;
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(found))))
    }
}

/// Two of them are the same only if they are one.
impl PartialEq for Mention {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.test, &other.test)
    }
}

impl Eq for Mention {}

impl Hash for Mention {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.test).hash(state);
    }
}

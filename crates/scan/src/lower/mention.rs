//! Whether a text may occur anywhere in an event, without putting the event together.
//!
//! A column of texts is looked at as it is. One of JSON is looked at as it is spelled: a text that occurs in one of its
//! strings occurs in the spelling as well, unless some character there is written as an escape, and then the answer is
//! "perhaps". Keys are looked at too, which are not meant: "perhaps" again.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, TimestampMicrosecondType};
use auditward_event::{EventView, MicroTime};
use auditward_expr::{CompiledTest, Item, Match, Quantifier, Subject, Test};
use auditward_store::{COLUMNS, ColumnType};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::prelude::col;

use super::Part;

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
    let (Ok(compiled), Ok(nothing)) = (CompiledTest::new(test), EventView::parse(b"{}")) else {
        return Part::Unknown;
    };
    let subject = Subject::new(&nothing);
    if ALWAYS.iter().any(|text| compiled.holds_of(&[Item::Text(Cow::Borrowed(text))], &subject)) {
        return Part::Exact { plain: lit(true), odd: None };
    }
    let slash = text.contains('/');
    let columns: Vec<_> = COLUMNS.iter().filter(|column| !PASSED_OVER.contains(&column.name)).collect();
    let arguments = columns.iter().map(|column| col(column.name)).collect();
    let kinds = columns.iter().map(|column| column.kind).collect();
    let signature = Signature::variadic_any(Volatility::Immutable);
    let mention = Mention { signature, test: Arc::new(compiled), kinds, slash };
    Part::Superset { plain: ScalarUDF::new_from_impl(mention).call(arguments), odd: None }
}

#[derive(Debug)]
struct Mention {
    signature: Signature,
    test: Arc<CompiledTest>,
    kinds: Vec<ColumnType>,
    /// Whether a `/` is looked for, which may be escaped, too.
    slash: bool,
}

impl Mention {
    /// Notes the rows of a column where the text may occur.
    fn look(&self, kind: ColumnType, column: &ArrayRef, found: &mut [bool]) -> Result<()> {
        let nothing = EventView::parse(b"{}").map_err(|error| DataFusionError::External(Box::new(error)))?;
        let occurs = |text: &str| {
            let item = Item::Text(Cow::Borrowed(text));
            self.test.holds_of(&[item], &Subject::new(&nothing))
        };
        let escaped = |json: &str| json.contains("\\u") || self.slash && json.contains("\\/");
        match kind {
            ColumnType::Text | ColumnType::Json => {
                let column = cast(column, &DataType::Utf8View)?;
                for (text, found) in column.as_string_view().iter().zip(found) {
                    if let Some(text) = text.filter(|_| !*found) {
                        *found = occurs(text) || kind == ColumnType::Json && escaped(text);
                    }
                }
            }
            ColumnType::Texts => {
                let Some(lists) = column.as_list_opt::<i32>() else {
                    found.fill(true);
                    return Ok(());
                };
                for (list, found) in lists.iter().zip(found) {
                    if let Some(list) = list.filter(|_| !*found) {
                        let list = cast(&list, &DataType::Utf8View)?;
                        *found = list.as_string_view().iter().flatten().any(occurs);
                    }
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

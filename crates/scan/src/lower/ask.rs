//! Functions of columns that ask `expr`.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use auditward_event::EventView;
use auditward_expr::{Compiled, CompiledTest, Item, Subject};
use auditward_store::columns::Rebuilder;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr as Sql, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::col;
use memchr::memmem::Finder;

use super::column::Column;
use super::spelled::Spelled;

/// What an event is if it is none: nothing is in it.
pub(super) const NOTHING: &[u8] = b"{}";

/// Whether an expression is true of the event that is rebuilt from some columns.
#[derive(Debug)]
pub(crate) struct Ask {
    signature: Signature,
    compiled: Arc<Compiled>,
    columns: Vec<&'static str>,
    /// What a column's text has to contain, and in which column.
    sieves: Vec<(usize, Finder<'static>)>,
}

impl Ask {
    /// `columns`: what the event is rebuilt from; `None`: from all of them. `spelled`: what they have to say for it to be
    /// true.
    pub(crate) fn of(
        compiled: Arc<Compiled>,
        columns: Option<Vec<&'static str>>,
        spelled: &[Spelled],
    ) -> Sql {
        let mut columns = columns.unwrap_or_else(|| {
            let not_the_events = ["position", "cluster", "time", "received", "source_ip"];
            let names = auditward_store::COLUMNS.iter().map(|column| column.name);
            names.filter(|name| !not_the_events.contains(name)).collect()
        });
        // A function has to be called with something.
        if columns.is_empty() {
            columns.push("stage");
        }
        // It is no part of the event, which has the list.
        for column in &mut columns {
            if *column == "source_ip" {
                *column = "source_ips";
            }
        }
        columns.sort_unstable();
        columns.dedup();
        let arguments = columns.iter().map(|name| col(*name)).collect();
        let sieve = |spelled: &Spelled| {
            let place = columns.iter().position(|name| *name == spelled.column)?;
            Some((place, Finder::new(&spelled.key).into_owned()))
        };
        let sieves = spelled.iter().filter_map(sieve).collect();
        let signature = Signature::variadic_any(Volatility::Immutable);
        ScalarUDF::new_from_impl(Ask { signature, compiled, columns, sieves }).call(arguments)
    }

    /// The rows that may be meant, by their columns' texts alone.
    fn sieved(&self, rows: usize, columns: &[ArrayRef]) -> Result<Vec<bool>> {
        let escape = Finder::new("\\u");
        let mut kept = vec![true; rows];
        for (place, key) in &self.sieves {
            let column = cast(&columns[*place], &DataType::Utf8View)?;
            for (text, kept) in column.as_string_view().iter().zip(&mut kept).filter(|(_, kept)| **kept) {
                *kept = text.is_some_and(|text| {
                    let text = text.as_bytes();
                    key.find(text).is_some() || escape.find(text).is_some()
                });
            }
        }
        Ok(kept)
    }
}

impl ScalarUDFImpl for Ask {
    fn name(&self) -> &'static str {
        "event_matches"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let columns = arguments
            .args
            .into_iter()
            .map(|argument| argument.into_array(rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let field = |(name, column): (&&str, &ArrayRef)| Field::new(*name, column.data_type().clone(), true);
        let kept = self.sieved(rows, &columns)?;
        let schema = Schema::new(self.columns.iter().zip(&columns).map(field).collect::<Vec<_>>());
        let batch = RecordBatch::try_new(Arc::new(schema), columns)?;
        let rebuilder = Rebuilder::new(&batch).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut text = Vec::new();
        let answers: Vec<bool> = kept
            .into_iter()
            .enumerate()
            .map(|(row, kept)| {
                if !kept {
                    return false;
                }
                text.clear();
                rebuilder.rebuild(row, &mut text);
                let event = EventView::parse(&text).or_else(|_| EventView::parse(NOTHING));
                event.is_ok_and(|event| self.compiled.holds(&Subject::new(&event)))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(answers))))
    }
}

/// Two of them are the same only if they are one.
impl PartialEq for Ask {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.compiled, &other.compiled) && self.columns == other.columns
    }
}

impl Eq for Ask {}

impl Hash for Ask {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.compiled).hash(state);
        self.columns.hash(state);
    }
}

/// Whether a test is true of the values in one column. Of null it is false, never null.
#[derive(Debug)]
pub(crate) struct Check {
    signature: Signature,
    test: Arc<CompiledTest>,
    column: Column,
}

impl Check {
    pub(crate) fn of(test: Arc<CompiledTest>, column: Column) -> Sql {
        let signature = Signature::any(1, Volatility::Immutable);
        ScalarUDF::new_from_impl(Check { signature, test, column }).call(vec![col(column.name())])
    }

    fn answers(&self, column: &ArrayRef) -> Result<BooleanArray> {
        let nothing =
            EventView::parse(NOTHING).map_err(|error| DataFusionError::External(Box::new(error)))?;
        // It is looked at by tests that compare two fields, and those are not asked here.
        let one = |item: Item<'_>| self.test.holds_of(&[item], &Subject::new(&nothing));
        Ok(match self.column {
            Column::Text(_) => {
                let column = cast(column, &DataType::Utf8View)?;
                let texts = column.as_string_view();
                texts
                    .iter()
                    .map(|text| Some(text.is_some_and(|text| one(Item::Text(Cow::Borrowed(text))))))
                    .collect()
            }
            Column::Int(_) => {
                let column = cast(column, &DataType::Int32)?;
                let numbers = column.as_primitive::<Int32Type>();
                numbers
                    .iter()
                    .map(|number| Some(number.is_some_and(|number| one(Item::Number(f64::from(number))))))
                    .collect()
            }
            Column::List(_) => {
                let lists = column
                    .as_list_opt::<i32>()
                    .ok_or_else(|| DataFusionError::Internal("a list is none".to_owned()))?;
                let mut answers = Vec::with_capacity(lists.len());
                for list in lists.iter() {
                    let Some(list) = list else {
                        answers.push(false);
                        continue;
                    };
                    let list = cast(&list, &DataType::Utf8View)?;
                    let texts: &StringViewArray = list.as_string_view();
                    let items: Vec<Item<'_>> =
                        texts.iter().flatten().map(|text| Item::Text(Cow::Borrowed(text))).collect();
                    answers.push(self.test.holds_of(&items, &Subject::new(&nothing)));
                }
                BooleanArray::from(answers)
            }
        })
    }
}

impl ScalarUDFImpl for Check {
    fn name(&self) -> &'static str {
        "value_matches"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let column = arguments.args.into_iter().next();
        let column = column.ok_or_else(|| DataFusionError::Internal("called with nothing".to_owned()))?;
        Ok(ColumnarValue::Array(Arc::new(self.answers(&column.into_array(rows)?)?)))
    }
}

/// Two of them are the same only if they are one.
impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.test, &other.test) && self.column == other.column
    }
}

impl Eq for Check {}

impl Hash for Check {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.test).hash(state);
        self.column.name().hash(state);
    }
}

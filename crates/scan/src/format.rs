//! Answers of SQL, written down.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch, StringViewBuilder};
use arrow::csv::WriterBuilder as CsvBuilder;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::json::writer::{JsonArray, LineDelimited, Writer as JsonWriter, WriterBuilder as JsonBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use thiserror::Error;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// With a header line; a list as JSON.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
    /// One Parquet file, with zstd.
    Parquet,
}

/// Why an answer was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A value that the format has no words for.
    #[error("could not write a row")]
    Row(#[source] ArrowError),
    /// Who reads it.
    #[error("could not write")]
    Io(#[source] io::Error),
    /// By Parquet's own account.
    #[error("could not write Parquet")]
    Parquet(#[source] ParquetError),
}

impl From<ArrowError> for WriteError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => WriteError::Io(error),
            other => WriteError::Row(other),
        }
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        WriteError::Parquet(error)
    }
}

/// Writes batches to `W`.
pub struct Writer<W: Write + Send>(Inner<W>);

enum Inner<W: Write + Send> {
    Json(JsonWriter<W, JsonArray>),
    Lines(JsonWriter<W, LineDelimited>),
    Csv(Box<arrow::csv::Writer<W>>, SchemaRef),
    Arrow(Box<StreamWriter<W>>),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    /// Begins an answer with these columns; a CSV has its header at once, also if no row follows.
    pub fn new(format: Format, schema: &SchemaRef, out: W) -> Result<Self, WriteError> {
        let json = JsonBuilder::new().with_explicit_nulls(true);
        Ok(Writer(match format {
            Format::Json => Inner::Json(json.build(out)),
            Format::JsonLines => Inner::Lines(json.build(out)),
            Format::Csv => {
                let flat = flat_schema(schema);
                let mut csv = CsvBuilder::new().with_header(true).build(out);
                csv.write(&RecordBatch::new_empty(Arc::clone(&flat)))?;
                Inner::Csv(Box::new(csv), flat)
            }
            Format::Arrow => Inner::Arrow(Box::new(StreamWriter::try_new(out, schema)?)),
            Format::Parquet => {
                let zstd = ZstdLevel::try_new(3).map_or(Compression::UNCOMPRESSED, Compression::ZSTD);
                let properties = WriterProperties::builder().set_compression(zstd).build();
                Inner::Parquet(Box::new(ArrowWriter::try_new(out, Arc::clone(schema), Some(properties))?))
            }
        }))
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        match &mut self.0 {
            Inner::Json(writer) => writer.write(batch)?,
            Inner::Lines(writer) => writer.write(batch)?,
            Inner::Csv(writer, schema) => writer.write(&flat(batch, schema)?)?,
            Inner::Arrow(writer) => writer.write(batch)?,
            Inner::Parquet(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    /// Ends the answer. Without it, it is not whole.
    pub fn finish(self) -> Result<W, WriteError> {
        Ok(match self.0 {
            Inner::Json(mut writer) => {
                writer.finish()?;
                writer.into_inner()
            }
            Inner::Lines(mut writer) => {
                writer.finish()?;
                writer.into_inner()
            }
            Inner::Csv(writer, _) => writer.into_inner(),
            Inner::Arrow(writer) => writer.into_inner()?,
            Inner::Parquet(writer) => writer.into_inner()?,
        })
    }
}

/// The cells of a batch as people read them, row by row; `None` is null.
pub fn cells(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, WriteError> {
    let columns: Vec<ArrayRef> = batch.columns().iter().map(text_if_nested).collect::<Result<_, _>>()?;
    let options = FormatOptions::default();
    let formatters: Vec<ArrayFormatter<'_>> =
        columns.iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<_, _>>()?;
    let cell =
        |row: usize| {
            columns
                .iter()
                .zip(&formatters)
                .map(|(column, formatter)| {
                    if column.is_null(row) {
                        Ok(None)
                    } else {
                        formatter.value(row).try_to_string().map(Some)
                    }
                })
                .collect::<Result<Vec<_>, _>>()
        };
    Ok((0..batch.num_rows()).map(cell).collect::<Result<_, _>>()?)
}

fn flat_schema(schema: &SchemaRef) -> SchemaRef {
    let flat = |field: &Arc<Field>| {
        if field.data_type().is_nested() {
            Arc::new(Field::new(field.name(), DataType::Utf8View, true))
        } else {
            Arc::clone(field)
        }
    };
    Arc::new(Schema::new(schema.fields().iter().map(flat).collect::<Vec<_>>()))
}

fn flat(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(text_if_nested).collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// A list of texts as JSON, anything else that is nested as Arrow shows it.
fn text_if_nested(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !column.data_type().is_nested() {
        return Ok(Arc::clone(column));
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    let mut texts = StringViewBuilder::new();
    for row in 0..column.len() {
        let list = column.as_list_opt::<i32>().filter(|_| column.is_valid(row)).map(|lists| lists.value(row));
        let items = list.as_ref().and_then(|list| list.as_string_view_opt());
        match items {
            Some(items) => {
                let items: Vec<Option<&str>> = items.iter().collect();
                texts.append_value(serde_json::to_string(&items).unwrap_or_default());
            }
            None if column.is_null(row) => texts.append_null(),
            None => texts.append_value(formatter.value(row).try_to_string()?),
        }
    }
    Ok(Arc::new(texts.finish()))
}

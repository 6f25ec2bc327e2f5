//! Small answers, read out of batches.

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use auditward_event::MicroTime;
use datafusion::dataframe::DataFrame;

use crate::ScanError;

/// All rows; for answers whose size is bounded by the question.
pub(crate) async fn all(frame: DataFrame) -> Result<Option<RecordBatch>, ScanError> {
    let batches = frame.collect().await?;
    let Some(first) = batches.first() else { return Ok(None) };
    let rows = concat_batches(&first.schema(), &batches).map_err(|error| ScanError::Store(error.into()))?;
    Ok((rows.num_rows() > 0).then_some(rows))
}

/// The only row.
pub(crate) async fn single(frame: DataFrame) -> Result<Option<RecordBatch>, ScanError> {
    all(frame).await
}

pub(crate) fn moment_at(rows: &RecordBatch, column: usize, row: usize) -> Option<MicroTime> {
    let times = rows.column(column).as_primitive_opt::<TimestampMicrosecondType>()?;
    (row < times.len() && times.is_valid(row)).then(|| MicroTime::from_micros(times.value(row)))
}

/// Of any kind of whole number.
pub(crate) fn numbers(column: &ArrayRef) -> Result<Vec<i64>, ScanError> {
    let column = cast(column, &DataType::Int64).map_err(|error| ScanError::Store(error.into()))?;
    Ok(column.as_primitive::<Int64Type>().values().to_vec())
}

//! Reads one file.

use std::io;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use thiserror::Error;

use super::SelfDescription;
use crate::schema::FORMAT;

/// How large a batch should be at most, by the middle size of the file's rows.
pub const BATCH_BYTES: u64 = 8 << 20;

/// Why a file was not read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No Parquet, or a damaged one.
    #[error("it is no whole Parquet file")]
    Parquet(#[from] ParquetError),
    /// The rows are not to be decoded.
    #[error("its rows are damaged")]
    Rows(#[from] ArrowError),
    /// Parquet, but of somebody else.
    #[error("it is no file of a store: its metadata lack `{0}`")]
    Foreign(&'static str),
    /// Its metadata are not to be read.
    #[error("what it says of itself is damaged")]
    Metadata(#[from] serde_json::Error),
    /// Of a later version.
    #[error("it has format {0}, and the newest that is known here is {FORMAT}")]
    Format(u32),
}

impl ReadError {
    /// Whether the disk did not give the file, which may pass, rather than that there is something wrong in it.
    pub(crate) fn is_refusal(&self) -> bool {
        let ReadError::Parquet(ParquetError::External(error)) = self else { return false };
        error.downcast_ref::<io::Error>().is_some_and(|error| {
            !matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
        })
    }
}

/// The rows of one file, batch by batch, in order of time.
pub struct Reader {
    /// What the file says of itself.
    pub itself: SelfDescription,
    batches: ParquetRecordBatchReader,
}

impl Reader {
    /// Reads the file's end. `rows` is how many rows a batch has at most; fewer if it would be larger than [`BATCH_BYTES`].
    pub fn new<R: ChunkReader + 'static>(file: R, rows: usize) -> Result<Self, ReadError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let metadata = builder.metadata().file_metadata().key_value_metadata();
        let of_key = |key: &'static str| {
            let mut pairs = metadata.into_iter().flatten();
            pairs
                .find(|pair| pair.key == key)
                .and_then(|pair| pair.value.as_deref())
                .ok_or(ReadError::Foreign(key))
        };
        match of_key("auditward.format")?.parse() {
            Ok(format) if format > FORMAT => return Err(ReadError::Format(format)),
            Ok(_) => {}
            Err(_) => return Err(ReadError::Foreign("auditward.format")),
        }
        let groups = builder.metadata().row_groups().iter();
        // A damaged file may say anything of its size.
        let (all, bytes) = groups.fold((0_u64, 0_u64), |(rows, bytes), group| {
            (
                rows.saturating_add(u64::try_from(group.num_rows()).unwrap_or(0)),
                bytes.saturating_add(u64::try_from(group.total_byte_size()).unwrap_or(0)),
            )
        });
        let fit = usize::try_from(BATCH_BYTES.saturating_mul(all) / bytes.max(1)).unwrap_or(usize::MAX);
        let rows = rows.min(fit.max(1));
        let itself = serde_json::from_str(of_key("auditward.segment")?)?;
        Ok(Reader { itself, batches: builder.with_batch_size(rows).build()? })
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.batches.next()?.map_err(ReadError::Rows))
    }
}

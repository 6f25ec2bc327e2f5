//! Writes one file.

use std::io::{self, Write};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::kernels::aggregate::{max, min};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use thiserror::Error;

use super::{Origin, SelfDescription};
use crate::schema::{COLUMNS, ColumnType, FORMAT, schema};

/// A row group is what a bloom filter speaks of, and what a reader holds at least a column of.
const GROUP_ROWS: usize = 1 << 17;
/// Bodies are large; without this a row group of them might not fit into memory.
const GROUP_BYTES: usize = 64 << 20;
/// A page is what is decompressed to read one row of a column: as large as it takes to compress well.
const PAGE_ROWS: usize = 16_384;
const PAGE_BYTES: usize = 1 << 20;
/// How much of a value the statistics hold.
const STATISTICS_BYTES: usize = 48;
const BLOOM_WRONG: f64 = 0.01;

/// How hard it is tried to make a file small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// It is soon put together with others.
    Quick,
    /// It stays.
    Thorough,
}

/// Why a file was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// By Parquet's own account.
    #[error("could not write a Parquet file")]
    Parquet(#[from] ParquetError),
    /// The rows are not as they should be.
    #[error("the rows to be written are not of the store's columns")]
    Rows,
}

/// Takes rows in order of time, writes them to `W`.
pub struct Writer<W: Write + Send> {
    writer: ArrowWriter<Counted<W>>,
    found: Option<Found>,
}

/// What has been seen of the rows.
#[derive(Clone, Copy)]
struct Found {
    rows: u64,
    time: (i64, i64),
    received: (i64, i64),
    position: (u64, u64),
}

impl Found {
    fn of(batch: &RecordBatch) -> Option<Self> {
        let time = |name: &str| {
            let times = batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()?;
            Some((min(times)?, max(times)?))
        };
        let positions = batch.column_by_name("position")?.as_primitive_opt::<UInt64Type>()?;
        let position = (min(positions)?, max(positions)?);
        let rows = batch.num_rows() as u64;
        Some(Found { rows, time: time("time")?, received: time("received")?, position })
    }

    fn and(self, other: Self) -> Self {
        fn wider<T: Ord>(a: (T, T), b: (T, T)) -> (T, T) {
            (a.0.min(b.0), a.1.max(b.1))
        }
        Found {
            rows: self.rows + other.rows,
            time: wider(self.time, other.time),
            received: wider(self.received, other.received),
            position: wider(self.position, other.position),
        }
    }
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file of about so many rows: bloom filters are made that large.
    pub fn new(out: W, rows: u64, effort: Effort) -> Result<Self, WriteError> {
        let out = Counted { out, bytes: 0, hasher: auditward_base::Hasher::default() };
        let properties = properties(rows, effort);
        Ok(Writer { writer: ArrowWriter::try_new(out, schema(), Some(properties))?, found: None })
    }

    /// Adds rows, which must not be earlier than those before.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let found = Found::of(batch).ok_or(WriteError::Rows)?;
        self.writer.write(batch)?;
        self.found = Some(self.found.map_or(found, |before| before.and(found)));
        Ok(())
    }

    /// Ends the file. What it says of itself, its size, its digest, and where it was written to; not synced.
    pub fn finish(
        mut self,
        id: u64,
        cluster: &str,
        origin: Origin,
    ) -> Result<(SelfDescription, u64, String, W), WriteError> {
        let found = self.found.ok_or(WriteError::Rows)?;
        let Found { rows, time, received, position } = found;
        let itself =
            SelfDescription { id, cluster: cluster.to_owned(), rows, time, received, position, origin };
        let text = serde_json::to_string(&itself).map_err(|_| WriteError::Rows)?;
        self.writer.append_key_value_metadata(KeyValue::new("auditward.segment".to_owned(), text));
        let Counted { out, bytes, hasher } = self.writer.into_inner()?;
        Ok((itself, bytes, hasher.finish().to_string(), out))
    }
}

fn properties(rows: u64, effort: Effort) -> WriterProperties {
    let level = match effort {
        Effort::Quick => 1,
        Effort::Thorough => 3,
    };
    let zstd = ZstdLevel::try_new(level).map_or(Compression::UNCOMPRESSED, Compression::ZSTD);
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(format!("auditward {}", env!("CARGO_PKG_VERSION")))
        .set_compression(zstd)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_column_index_truncate_length(Some(STATISTICS_BYTES))
        .set_key_value_metadata(Some(vec![KeyValue::new("auditward.format".to_owned(), FORMAT.to_string())]));
    let mut sorted = Vec::new();
    for (place, column) in COLUMNS.iter().enumerate() {
        let path = ColumnPath::from(column.name);
        if column.bloom {
            // Made as large as its row group could need, then folded to what it does need.
            properties = properties
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_WRONG)
                .set_column_bloom_filter_max_ndv(path.clone(), rows.clamp(64, GROUP_ROWS as u64));
        }
        properties = match (column.name, column.kind) {
            ("time", _) => {
                sorted.push(SortingColumn {
                    column_idx: i32::try_from(place).unwrap_or_default(),
                    descending: false,
                    nulls_first: false,
                });
                numbers(properties, path)
            }
            (_, ColumnType::Time | ColumnType::Count) => numbers(properties, path),
            // As good as never the same twice in a page: a dictionary would only be given up after a while.
            ("audit_id" | "request_object" | "response_object" | "rest" | "raw", kind) => {
                let level =
                    if kind == ColumnType::Text { EnabledStatistics::Page } else { EnabledStatistics::Chunk };
                properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                    .set_column_statistics_enabled(path, level)
            }
            _ => properties,
        };
    }
    properties.set_sorting_columns(Some(sorted)).build()
}

/// Numbers that lie close together.
fn numbers(
    properties: parquet::file::properties::WriterPropertiesBuilder,
    path: ColumnPath,
) -> parquet::file::properties::WriterPropertiesBuilder {
    properties
        .set_column_dictionary_enabled(path.clone(), false)
        .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
}

/// Counts and digests what goes through.
struct Counted<W> {
    out: W,
    bytes: u64,
    hasher: auditward_base::Hasher,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

//! A file of a [`Disk`](auditward_base::disk::Disk) as Parquet wants it.

use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;

use auditward_base::disk::DiskFile;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

const BUFFER_BYTES: usize = 1 << 20;

/// To be read, from several places at once.
pub(crate) struct Chunks {
    file: Arc<dyn DiskFile>,
    bytes: u64,
}

impl Chunks {
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> io::Result<Self> {
        let bytes = file.bytes()?;
        Ok(Chunks { file, bytes })
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(From { file: Arc::clone(&self.file), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // A damaged file may speak of more bytes than there are memory for.
        let end = start.checked_add(length as u64).filter(|end| *end <= self.bytes);
        if end.is_none() {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of {}", self.bytes)));
        }
        let mut bytes = vec![0; length];
        let read = self.file.read_at(start, &mut bytes)?;
        if read < length {
            return Err(ParquetError::EOF(format!("{length} bytes at {start}, and only {read} are there")));
        }
        Ok(bytes.into())
    }
}

/// Reads on from a place.
pub(crate) struct From {
    file: Arc<dyn DiskFile>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.at, into)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// To be written, in large pieces.
pub(crate) struct Appender {
    file: Arc<dyn DiskFile>,
    buffer: Vec<u8>,
}

impl Appender {
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> Self {
        Appender { file, buffer: Vec::with_capacity(BUFFER_BYTES) }
    }

    /// Writes what is left, and makes it stay.
    pub(crate) fn sync(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync()
    }
}

impl Write for Appender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.file.append(&[bytes])?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.file.append(&[&self.buffer])?;
            self.buffer.clear();
        }
        Ok(())
    }
}

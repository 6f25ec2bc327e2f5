//! Lines that are sent together.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::protocol::BatchId;

/// Audit events compress to a tenth at the quickest level; the better ones cost several times as much for a little more.
const LEVEL: Compression = Compression::fast();

/// What is kept of the memory of one batch for the next.
const KEPT_BYTES: usize = 1 << 20;

/// A batch that grows. Lines are compressed as they come, so that only that is held.
pub(super) struct Gathering {
    encoder: GzEncoder<Vec<u8>>,
    digest: Sha256,
    events: u64,
    bytes: u64,
    since: Option<Duration>,
}

/// A batch that is sent.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) body: Vec<u8>,
    pub(super) id: BatchId,
    pub(super) events: u64,
    pub(super) bytes: u64,
}

impl Gathering {
    pub(super) fn new() -> Self {
        Self {
            encoder: GzEncoder::new(Vec::new(), LEVEL),
            digest: Sha256::new(),
            events: 0,
            bytes: 0,
            since: None,
        }
    }

    pub(super) fn push(&mut self, line: &[u8], now: Duration) -> io::Result<()> {
        for part in [line, b"\n"] {
            self.encoder.write_all(part)?;
            self.digest.update(part);
        }
        self.events += 1;
        self.bytes += line.len() as u64 + 1;
        self.since.get_or_insert(now);
        Ok(())
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the first line came.
    pub(super) fn since(&self) -> Option<Duration> {
        self.since
    }

    /// Nothing if there is none.
    pub(super) fn finish(&mut self) -> io::Result<Option<Batch>> {
        if self.events == 0 {
            return Ok(None);
        }
        let full = std::mem::replace(self, Self::new());
        let (events, bytes) = (full.events, full.bytes);
        let mut body = full.encoder.finish()?;
        if body.capacity() > KEPT_BYTES {
            body.shrink_to_fit();
        }
        Ok(Some(Batch { body, id: BatchId::done(full.digest), events, bytes }))
    }
}

impl Batch {
    /// Nothing if it is a single line.
    pub(super) fn halves(&self) -> io::Result<Option<(Batch, Batch)>> {
        if self.events < 2 {
            return Ok(None);
        }
        let mut lines = Vec::new();
        GzDecoder::new(&self.body[..]).read_to_end(&mut lines)?;
        let mut halves = [Gathering::new(), Gathering::new()];
        for (number, line) in (0..).zip(lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())) {
            let half = usize::from(number >= self.events / 2);
            halves[half].push(line, Duration::ZERO)?;
        }
        let [mut first, mut second] = halves;
        Ok(first.finish()?.zip(second.finish()?))
    }
}

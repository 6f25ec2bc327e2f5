//! Lines out of a reader, gzip or not, without ever holding more than asked for.

use std::io::{self, BufRead, BufReader};

use flate2::bufread::MultiGzDecoder;
use memchr::memchr;

/// A stream of lines. Gzip is known by its first byte, which no JSON text starts with.
pub(super) enum Source<R> {
    Unopened(R),
    Plain(R),
    Gzip(Box<BufReader<MultiGzDecoder<R>>>),
    /// Read to its end, or failed.
    Done,
}

/// What a read has brought.
pub(super) struct Read {
    pub(super) bytes: u64,
    pub(super) upto: Upto,
    pub(super) result: io::Result<()>,
}

/// Why a read stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upto {
    /// A line break has been read.
    Line,
    /// There was no more room.
    Limit,
    /// The stream is over.
    End,
}

/// What has been passed over.
pub(super) struct Skipped {
    pub(super) bytes: u64,
    pub(super) line_ended: bool,
    pub(super) result: io::Result<()>,
}

impl<R: BufRead> Source<R> {
    pub(super) const fn new(reader: R) -> Self {
        Source::Unopened(reader)
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Source::Done)
    }

    /// Appends the rest of the line, its break included, but at most `room` bytes.
    pub(super) fn read_line(&mut self, out: &mut Vec<u8>, room: usize) -> Read {
        let mut bytes = 0;
        let (upto, result) = loop {
            let left = room - bytes;
            if left == 0 {
                break (Upto::Limit, Ok(()));
            }
            let (used, ended) = match self.fill() {
                Err(error) => break (Upto::End, Err(error)),
                Ok([]) => break (Upto::End, Ok(())),
                Ok(available) => {
                    let window = &available[..available.len().min(left)];
                    let (line, ended) = first_line(window);
                    out.extend_from_slice(line);
                    (line.len(), ended)
                }
            };
            self.consume(used);
            bytes += used;
            if ended {
                break (Upto::Line, Ok(()));
            }
        };
        if upto == Upto::End {
            *self = Source::Done;
        }
        Read { bytes: bytes as u64, upto, result }
    }

    /// Passes over the rest of the line, its break included.
    pub(super) fn skip_line(&mut self) -> Skipped {
        let mut bytes = 0;
        let result = loop {
            let (used, ended) = match self.fill() {
                Err(error) => break Err(error),
                Ok([]) => break Ok(()),
                Ok(available) => {
                    let (line, ended) = first_line(available);
                    (line.len(), ended)
                }
            };
            self.consume(used);
            bytes += used as u64;
            if ended {
                return Skipped { bytes, line_ended: true, result: Ok(()) };
            }
        };
        *self = Source::Done;
        Skipped { bytes, line_ended: false, result }
    }

    fn fill(&mut self) -> io::Result<&[u8]> {
        self.open()?;
        // Asked twice, because an answer that is borrowed here could not be given up for another try.
        loop {
            let interrupted = match self {
                Source::Plain(reader) => retry(reader.fill_buf())?,
                Source::Gzip(reader) => retry(reader.fill_buf())?,
                Source::Unopened(_) | Source::Done => return Ok(&[]),
            };
            if !interrupted {
                break;
            }
        }
        match self {
            Source::Plain(reader) => reader.fill_buf(),
            Source::Gzip(reader) => reader.fill_buf(),
            Source::Unopened(_) | Source::Done => Ok(&[]),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        while let Source::Unopened(reader) = self {
            let is_gzip = match reader.fill_buf() {
                Ok(start) => start.first() == Some(&0x1f),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if let Source::Unopened(reader) = std::mem::replace(self, Source::Done) {
                *self = if is_gzip {
                    Source::Gzip(Box::new(BufReader::with_capacity(128 << 10, MultiGzDecoder::new(reader))))
                } else {
                    Source::Plain(reader)
                };
            }
        }
        Ok(())
    }

    fn consume(&mut self, used: usize) {
        match self {
            Source::Plain(reader) => reader.consume(used),
            Source::Gzip(reader) => reader.consume(used),
            Source::Unopened(_) | Source::Done => {}
        }
    }
}

/// Whether the call was interrupted and has to be made again.
fn retry(filled: io::Result<&[u8]>) -> io::Result<bool> {
    match filled {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}

/// The bytes up to and including the first line break, and whether there was one.
fn first_line(bytes: &[u8]) -> (&[u8], bool) {
    match memchr(b'\n', bytes) {
        Some(at) => (&bytes[..=at], true),
        None => (bytes, false),
    }
}

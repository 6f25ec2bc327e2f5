//! One data file, frame by frame, over whatever is broken in it.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use auditward_base::disk::DiskFile;

use crate::format::body::Body;
use crate::format::frame::{FRAME_BYTES, Frame, MAGIC};
use crate::format::pack::Unpacker;

/// Reads a data file from `offset` to `end`.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) sequence: u64,
    pub(crate) offset: u64,
    pub(crate) end: u64,
    /// Frames that have no event from this position on are passed over unread.
    pub(crate) from: Option<u64>,
    pub(crate) unpacker: Unpacker,
}

/// What is next in a file.
#[derive(Debug)]
pub(crate) enum Step {
    Good {
        offset: u64,
        frame: Frame,
        body: Body,
    },
    /// No frame, or one that is not what was written.
    Bad(Range<u64>),
}

/// How much is searched at once for the next frame.
const SEARCH_BYTES: usize = 64 << 10;

impl Walk {
    /// Nothing at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Step>> {
        while self.offset < self.end {
            let offset = self.offset;
            let Some(frame) = self.frame(offset)? else {
                self.offset = self.search(offset + 1)?;
                return Ok(Some(Step::Bad(offset..self.offset)));
            };
            if self.from.is_some_and(|from| frame.end() <= from) && frame.bytes() <= self.end - offset {
                self.offset += frame.bytes();
                continue;
            }
            let body = self.body(offset, &frame)?;
            self.offset = offset.saturating_add(frame.bytes()).min(self.end);
            return Ok(Some(match body {
                Some(body) => Step::Good { offset, frame, body },
                None => Step::Bad(offset..self.offset),
            }));
        }
        Ok(None)
    }

    fn frame(&self, offset: u64) -> io::Result<Option<Frame>> {
        let mut head = [0; FRAME_BYTES];
        let whole = self.read(offset, &mut head)?;
        Ok(Frame::read(&head, self.sequence).filter(|_| whole))
    }

    fn body(&mut self, offset: u64, frame: &Frame) -> io::Result<Option<Body>> {
        // Before memory is taken for it.
        if frame.bytes() > self.end - offset {
            return Ok(None);
        }
        let mut text = vec![0; frame.length as usize];
        let whole = self.read(offset + FRAME_BYTES as u64, &mut text)?;
        if !whole || crc32c::crc32c(&text) != frame.body_sum {
            return Ok(None);
        }
        let plain = if frame.packed { self.unpacker.unpack(&text) } else { Some(text) };
        Ok(plain.and_then(|plain| Body::read(plain, frame.count)))
    }

    /// Where the next frame begins, or the end.
    fn search(&self, from: u64) -> io::Result<u64> {
        let mut chunk = vec![0; SEARCH_BYTES + FRAME_BYTES];
        let mut at = from;
        while at < self.end {
            let length = usize::try_from(self.end - at).unwrap_or(usize::MAX).min(chunk.len());
            let length = self.file.read_at(at, &mut chunk[..length])?;
            let text = &chunk[..length];
            let found = (0..length.min(SEARCH_BYTES)).find(|start| {
                text[*start..].starts_with(&MAGIC) && Frame::read(&text[*start..], self.sequence).is_some()
            });
            match found {
                Some(start) => return Ok(at + start as u64),
                None if length < chunk.len() => return Ok(self.end),
                None => at += SEARCH_BYTES as u64,
            }
        }
        Ok(self.end)
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<bool> {
        if (into.len() as u64) > self.end.saturating_sub(offset) {
            return Ok(false);
        }
        Ok(self.file.read_at(offset, into)? == into.len())
    }
}

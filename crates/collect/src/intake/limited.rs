//! A body that ends at its limit, however well it was compressed.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

/// The first byte of gzip, which no JSON text begins with.
const GZIP: u8 = 0x1f;

/// Says how a body ended.
#[derive(Clone, Default)]
pub(super) struct Exceeded(Rc<Cell<bool>>);

impl Exceeded {
    pub(super) fn get(&self) -> bool {
        self.0.get()
    }
}

/// A body, without its compression, up to so many bytes.
pub(super) struct Limited<'b> {
    body: Body<'b>,
    left: usize,
    begun: bool,
    exceeded: Exceeded,
}

enum Body<'b> {
    Plain(&'b [u8]),
    Gzip(Box<BufReader<MultiGzDecoder<&'b [u8]>>>),
}

impl<'b> Limited<'b> {
    pub(super) fn new(body: &'b [u8], limit: usize, exceeded: Exceeded) -> Self {
        let body = match body.first() {
            Some(&GZIP) => {
                Body::Gzip(Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(body))))
            }
            _ => Body::Plain(body),
        };
        Limited { body, left: limit, begun: false, exceeded }
    }
}

impl BufRead for Limited<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let available = match &mut self.body {
            Body::Plain(body) => *body,
            Body::Gzip(body) => body.fill_buf()?,
        };
        // What reads the events would take that off as well, without a limit.
        if !self.begun && available.first() == Some(&GZIP) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "compressed more than once"));
        }
        self.begun = true;
        if self.left == 0 && !available.is_empty() {
            self.exceeded.0.set(true);
        }
        Ok(&available[..available.len().min(self.left)])
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        match &mut self.body {
            Body::Plain(body) => *body = body.get(amount..).unwrap_or_default(),
            Body::Gzip(body) => body.consume(amount),
        }
    }
}

impl Read for Limited<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(out.len());
        out[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

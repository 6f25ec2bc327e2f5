//! Lines on our standard output.

use std::sync::PoisonError;

use super::{Failure, Out, Sender, line};
use crate::config;
use crate::queue::Delivery;

pub(super) struct Stdout {
    format: config::Format,
    out: Out,
}

impl Stdout {
    pub(super) fn new(config: &config::Stdout, out: Out) -> Self {
        Self { format: config.format, out }
    }
}

impl Sender for Stdout {
    fn send(&mut self, delivery: &Delivery, _: i64) -> Result<String, Failure> {
        let lines = line::lines(self.format, delivery);
        // A writer that panicked in another thread has written half a line at worst.
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
        let failed = |error: std::io::Error| {
            Failure::unreachable(format!("could not write to standard output: {error}"))
        };
        written.map(|()| "written".to_owned()).map_err(failed)
    }
}

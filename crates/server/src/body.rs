//! Bodies, held to their size packed and unpacked, to their time, and to the room for all of them together.

use std::io::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::error::Error;
use crate::state::App;

/// A body that is being received or was. It holds its share of the room for bodies until it is dropped.
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    room: Room,
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
}

impl Packing {
    /// What the headers say.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let mut all = headers.get_all(CONTENT_ENCODING).iter();
        let told =
            |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_lowercase();
        match (all.next().map(told).as_deref(), all.next()) {
            (None | Some("" | "identity"), None) => Ok(Self::Plain),
            (Some("gzip" | "x-gzip"), None) => Ok(Self::Gzip),
            (first, _) => Err(Error::Encoding(first.unwrap_or_default().chars().take(80).collect())),
        }
    }
}

/// Receives a body of at most `max` bytes.
pub(crate) async fn receive(
    app: &App,
    headers: &HeaderMap,
    mut body: Body,
    max: usize,
) -> Result<Held, Error> {
    let limits = &app.limits;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max as u64) {
        return Err(too_large(max, "a body"));
    }
    let mut held = Held { bytes: Vec::new(), room: Room::new(app) };
    let end = Instant::now() + limits.body_time;
    loop {
        let patience = limits.stall_time.min(end.saturating_duration_since(Instant::now()));
        let frame = match timeout(patience, body.frame()).await {
            Err(_) => return Err(Error::Unfinished("the body did not come in time".to_owned())),
            Ok(None) => return Ok(held),
            Ok(Some(Err(error))) => return Err(Error::Unfinished(format!("the body broke off: {error}"))),
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers say nothing that we ask for.
        let Ok(data) = frame.into_data() else { continue };
        if held.bytes.len() + data.len() > max {
            return Err(too_large(max, "a body"));
        }
        held.room.grow(held.bytes.len() + data.len())?;
        held.bytes.extend_from_slice(&data);
    }
}

/// Unpacks a body to at most `max` bytes and stops there: a few bytes can unpack to a thousand times as many. It takes
/// time, so it runs on a thread that may block.
pub(crate) fn unpack(held: Held, packing: Packing, max: usize) -> Result<Held, Error> {
    if packing == Packing::Plain {
        return if held.bytes.len() > max { Err(too_large(max, "a body")) } else { Ok(held) };
    }
    let Held { bytes, room } = held;
    let packed = bytes.len();
    let capped = Capped { held: Held { bytes: Vec::new(), room }, packed, max, refused: None };
    let mut decoder = MultiGzDecoder::new(capped);
    let done = decoder.write_all(&bytes).and_then(|()| decoder.try_finish());
    if let Some(error) = decoder.get_mut().refused.take() {
        return Err(error);
    }
    if let Err(error) = done {
        let what = format!("the body is no gzip: {error}");
        return Err(Error::Bad { place: "body", what, hint: None });
    }
    let capped = decoder.finish().map_err(|error| Error::Broken(error.to_string()))?;
    Ok(capped.held)
}

/// Takes what is unpacked, up to a limit and while there is room.
struct Capped {
    held: Held,
    packed: usize,
    max: usize,
    refused: Option<Error>,
}

impl std::io::Write for Capped {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let length = self.held.bytes.len() + data.len();
        let allowed = if length > self.max {
            Err(too_large(self.max, "an unpacked body"))
        } else {
            self.held.room.grow(length + self.packed)
        };
        if let Err(error) = allowed {
            self.refused = Some(error);
            return Err(std::io::Error::other("too large"));
        }
        self.held.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A share of the room for all bodies.
struct Room {
    all: std::sync::Arc<tokio::sync::Semaphore>,
    share: Option<OwnedSemaphorePermit>,
    retry_after: Duration,
}

/// The room is shared out in pieces of so many bytes.
pub(crate) const PIECE: usize = 1024;

impl Room {
    fn new(app: &App) -> Self {
        Self { all: app.bodies.clone(), share: None, retry_after: app.limits.retry_after }
    }

    /// Makes the share large enough, or says that there is no room. It does not wait: whoever waits holds what others
    /// wait for.
    fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        let needed = bytes.div_ceil(PIECE);
        let have = self.share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(more) = needed.checked_sub(have).filter(|more| *more > 0) else { return Ok(()) };
        let busy = || Error::Busy(self.retry_after);
        let more = u32::try_from(more).map_err(|_| busy())?;
        let more = self.all.clone().try_acquire_many_owned(more).map_err(|_| busy())?;
        match &mut self.share {
            Some(share) => share.merge(more),
            None => self.share = Some(more),
        }
        Ok(())
    }
}

fn too_large(max: usize, what: &str) -> Error {
    Error::TooLarge(format!("{what} may have at most {max} bytes"))
}

//! Events out of a stream, whatever its shape.
//!
//! One event a line, a `EventList`, an array, documents one after the other or spread over many lines, gzip of any of
//! them: nothing has to be said beforehand. What is broken is reported with its place and the rest is read on:
//!
//! - The usual case is a line that is a whole object. It is looked at once.
//! - A document that does not end with its line is followed through the grammar of JSON, line by line, until it is
//!   complete or certainly wrong. If wrong, it is one error, and of the lines that it seemed to span those that are whole
//!   events by themselves are still handed out. So one cut line never costs the next, and no byte is read more than a few
//!   times.
//!
//! Invariant: never more than one document is held, and none larger than the reader's limit.

mod source;

use std::io::{self, BufRead};

use memchr::{memchr, memchr_iter};
use thiserror::Error;

use crate::json::{self, Checker, JsonError, JsonProblem};
use crate::value::{Kind, Value};
use crate::view::{EventView, Field, Spans};
use source::{Source, Upto};

/// How large one document (an event, or a list of them) may be unless said otherwise: 64 MiB.
///
/// kube-apiserver sends lists of at most 10 MiB, and an object in etcd is at most 1.5 MiB.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// The events of a stream, in order, with an error for whatever is none.
///
/// ```
/// use auditward_event::Events;
///
/// let log = "{\"kind\":\"Event\",\"verb\":\"get\"}\n{\"kind\":\"Ev\n{\"kind\":\"Event\",\"verb\":\"list\"}\n";
/// let mut events = Events::new(log.as_bytes());
/// while let Some(event) = events.next() {
///     match event {
///         Ok(event) => println!("{}: {}", event.place.line, event.view.verb()),
///         Err(error) => println!("{error}"),
///     }
/// }
/// assert_eq!((events.stats().events, events.stats().broken), (2, 1));
/// ```
pub struct Events<R> {
    source: Source<R>,
    document_bytes_max: usize,
    /// What has been read and not yet been dealt with, and what is being dealt with.
    buf: Vec<u8>,
    /// Bytes of the stream before `buf`.
    base: u64,
    /// Where in `buf` the next document is to be looked for.
    pos: usize,
    /// Whether `buf` ends where a line ends.
    whole_line: bool,
    /// Before this place in `buf` only lines that are events by themselves count: the rest has been reported.
    rescue_until: usize,
    /// The lists whose items are being handed out, the innermost last: at most an `EventList` in an array.
    lists: Vec<List>,
    /// Where in `buf` the line number was counted last, and what it was there.
    counted: Counted,
    failed: Option<io::Error>,
    debris: Debris,
    /// Offset in the stream of the problem that was reported last.
    reported: Option<u64>,
    /// Whether the line that is being read has not been counted yet.
    line_begun: bool,
    stats: Stats,
}

/// An event and where it was found.
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// The event; its raw bytes are [`EventView::as_bytes`].
    pub view: EventView<'a>,
    /// Where it starts.
    pub place: Place,
    /// Whether it is an item of an `EventList`, which needs no `kind` of its own.
    pub in_list: bool,
}

/// A place in a stream, after decompression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Its line, counted from one.
    pub line: u64,
    /// Which byte of that line it is, counted from one.
    pub column: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What a reader has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Lines, blank ones included.
    pub lines: u64,
    /// Bytes, after decompression.
    pub bytes: u64,
    /// Events handed out.
    pub events: u64,
    /// Errors handed out.
    pub broken: u64,
}

/// Something in the stream that is no event.
///
/// After [`ReadError::Io`] there is nothing more; after any other the reader goes on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Not JSON.
    #[error("{at}: {problem}")]
    Broken {
        /// Where the document, or the item of a list, starts.
        start: Place,
        /// Where the problem is.
        at: Place,
        /// What is wrong.
        problem: JsonProblem,
    },
    /// JSON, but no audit event.
    #[error("{start}: not an audit event: {found}")]
    NotAnEvent {
        /// Where it starts.
        start: Place,
        /// What it is instead.
        found: String,
    },
    /// Larger than the limit; skipped up to the end of its line.
    #[error("{start}: skipped, larger than {limit} bytes")]
    TooLong {
        /// Where it starts.
        start: Place,
        /// The reader's limit.
        limit: usize,
    },
    /// The stream itself failed, or its compression is damaged.
    #[error("could not read on after byte {offset}")]
    Io {
        /// Bytes read before, after decompression.
        offset: u64,
        /// Why.
        source: io::Error,
    },
}

impl ReadError {
    /// Where it happened; `None` if the stream itself failed.
    pub fn place(&self) -> Option<Place> {
        match self {
            ReadError::Broken { at, .. } => Some(*at),
            ReadError::NotAnEvent { start, .. } | ReadError::TooLong { start, .. } => Some(*start),
            ReadError::Io { .. } => None,
        }
    }
}

/// The items of an array, or of the `items` of an `EventList`, that are still to be handed out.
#[derive(Clone, Copy)]
struct List {
    /// In `buf`: just after the opening bracket or an item.
    at: usize,
    /// In `buf`: the closing bracket.
    end: usize,
    first: bool,
    of_events: bool,
}

#[derive(Clone, Copy)]
struct Counted {
    at: usize,
    line: u64,
    /// Offset in the stream of the first byte of that line.
    line_start: u64,
}

/// Whether we may stand in what is left of a broken document of many lines, which has been reported as one error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Debris {
    None,
    /// Lines that cannot start a document belong to it.
    Inside,
    /// There was an event since; only closing brackets may still belong to it.
    Behind,
}

/// An event in `buf`.
struct Found {
    spans: Spans,
    start: usize,
    end: usize,
    in_list: bool,
}

/// What a JSON object turned out to be.
enum Sort {
    Event,
    /// Its items, relative to the object.
    List(Option<(usize, usize)>),
    Other(String),
}

impl<R: BufRead> Events<R> {
    /// Reads events from `reader`, with documents of up to [`DOCUMENT_BYTES_MAX`].
    pub fn new(reader: R) -> Self {
        Events::with_limit(reader, DOCUMENT_BYTES_MAX)
    }

    /// Reads events from `reader`; a document of more than `document_bytes_max`, its line break included, is skipped with
    /// an error.
    pub fn with_limit(reader: R, document_bytes_max: usize) -> Self {
        Events {
            source: Source::new(reader),
            document_bytes_max: document_bytes_max.max(1),
            buf: Vec::new(),
            base: 0,
            pos: 0,
            whole_line: true,
            rescue_until: 0,
            lists: Vec::new(),
            counted: Counted { at: 0, line: 1, line_start: 0 },
            failed: None,
            debris: Debris::None,
            reported: None,
            line_begun: false,
            stats: Stats::default(),
        }
    }

    /// The next event or error; `None` at the end of the stream. The event borrows the reader until the next call.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<Result<RawEvent<'_>, ReadError>> {
        match self.advance()? {
            Ok(found) => {
                self.stats.events += 1;
                let place = self.place(found.start);
                let view = EventView::from_spans(&self.buf[found.start..found.end], found.spans);
                Some(Ok(RawEvent { view, place, in_list: found.in_list }))
            }
            Err(error) => {
                self.stats.broken += 1;
                Some(Err(error))
            }
        }
    }

    /// What has been seen so far.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    fn advance(&mut self) -> Option<Result<Found, ReadError>> {
        loop {
            if !self.lists.is_empty() {
                if let Some(item) = self.next_item() {
                    return Some(item);
                }
                continue;
            }
            self.pos = json::skip_space(&self.buf, self.pos);
            if self.pos == self.buf.len() {
                if !self.refill() {
                    return self
                        .failed
                        .take()
                        .map(|source| Err(ReadError::Io { offset: self.stats.bytes, source }));
                }
                continue;
            }
            let next =
                if self.pos < self.rescue_until { self.rescue_line().map(Ok) } else { self.next_document() };
            if next.is_some() {
                return next;
            }
        }
    }

    /// Looks at the document at `pos`. `None` means: go on, there may be items now, or more to look at.
    fn next_document(&mut self) -> Option<Result<Found, ReadError>> {
        let start = self.pos;
        match self.buf[start] {
            b'{' => match Spans::parse(&self.buf[start..]) {
                Ok((spans, length)) => {
                    self.pos = start + length;
                    if self.debris == Debris::Inside {
                        self.debris = Debris::Behind;
                    }
                    self.take(spans, start, self.pos, false)
                }
                Err(error) => self.unfinished(error),
            },
            b'[' => match json::value_end(&self.buf, start) {
                Ok(end) => {
                    self.pos = end;
                    self.push_list(start, end, false);
                    None
                }
                Err(error) => self.unfinished(error.moved_back(start)),
            },
            _ if self.is_debris(start) => {
                self.skip_line();
                None
            }
            _ => {
                let error = match json::value_end(&self.buf, start) {
                    Ok(end) => self.not_an_event(start, describe(Value::of(&self.buf[start..end]))),
                    Err(error) => self.broken(start, error.moved_back(start)),
                };
                self.skip_line();
                Some(Err(error))
            }
        }
    }

    /// The document at `pos` is wrong, or it does not end in `buf`. Reads on as long as it may still become whole.
    fn unfinished(&mut self, error: JsonError) -> Option<Result<Found, ReadError>> {
        if !self.whole_line {
            return self.unfinished_piece(error);
        }
        // Else what stands before it would be held for as long as documents run into each other.
        self.drop_front();
        let start = self.pos;
        let reported = self.reported;
        let mut checker = Checker::new();
        let mut reached = start;
        let (error, wrong_line) = loop {
            match checker.run(&self.buf, reached) {
                Ok(Some(_)) => return self.finished(),
                Ok(None) => reached = self.buf.len(),
                Err(error) => {
                    let wrong_line = memchr::memrchr(b'\n', &self.buf[..error.offset]).map_or(0, |at| at + 1);
                    break (self.broken(start, error.moved_back(start)), wrong_line);
                }
            }
            match self.read_on(start) {
                Upto::Line => {}
                Upto::Limit => {
                    let cut_line = memchr::memrchr(b'\n', &self.buf).map_or(0, |at| at + 1);
                    break (self.too_long(start), cut_line);
                }
                Upto::End => {
                    let end = JsonError::new(self.buf.len() - start, JsonProblem::UnexpectedEnd);
                    break (self.broken(start, end), self.buf.len());
                }
            }
        };
        if wrong_line > start {
            self.debris = Debris::Inside;
        }
        self.skip_line();
        self.rescue_until = wrong_line;
        // The line that a document broke at is looked at by itself, and may say the same again.
        if reported.is_some() && self.reported == reported { None } else { Some(Err(error)) }
    }

    /// The document at `pos` has been checked to its end: now it can be taken.
    fn finished(&mut self) -> Option<Result<Found, ReadError>> {
        let start = self.pos;
        let taken = if self.buf[start] == b'{' {
            Spans::parse(&self.buf[start..]).map(|(spans, length)| (Some(spans), start + length))
        } else {
            json::value_end(&self.buf, start).map(|end| (None, end)).map_err(|e| e.moved_back(start))
        };
        match taken {
            Ok((Some(spans), end)) => {
                self.pos = end;
                self.take(spans, start, end, false)
            }
            Ok((None, end)) => {
                self.pos = end;
                self.push_list(start, end, false);
                None
            }
            Err(error) => {
                let error = self.broken(start, error);
                self.skip_line();
                Some(Err(error))
            }
        }
    }

    /// Whether the line at `start`, which starts no document, belongs to a broken one.
    fn is_debris(&self, start: usize) -> bool {
        let rest = &self.buf[start..];
        let line = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
        match self.debris {
            Debris::None => false,
            Debris::Inside => true,
            Debris::Behind => line.iter().all(|byte| b"]}, \t\r".contains(byte)),
        }
    }

    /// As [`Events::unfinished`], but `buf` holds only the beginning of a line.
    fn unfinished_piece(&mut self, error: JsonError) -> Option<Result<Found, ReadError>> {
        let cut = matches!(
            error.problem,
            JsonProblem::UnexpectedEnd | JsonProblem::UnclosedString | JsonProblem::BadNumber
        );
        if cut && self.pos > 0 {
            // Other documents stood before it: with them gone there may be room for it.
            self.drop_front();
            self.read_on(0);
            return None;
        }
        let error = if cut { self.too_long(self.pos) } else { self.broken(self.pos, error) };
        self.skip_line();
        Some(Err(error))
    }

    /// An event if the line at `pos` is one, whole; otherwise the line is passed over.
    fn rescue_line(&mut self) -> Option<Found> {
        let start = self.pos;
        let line_end = memchr(b'\n', &self.buf[start..]).map_or(self.buf.len(), |at| start + at);
        self.pos = line_end;
        let (spans, length) = Spans::parse(&self.buf[start..line_end]).ok()?;
        let after = json::skip_space(&self.buf[..line_end], start + length);
        let alone =
            after == line_end || &self.buf[after..line_end] == b"," || &self.buf[after..line_end] == b",\r";
        let object = Value::of(&self.buf[start..start + length]);
        let is_event = alone && matches!(sort(&spans, object, false), Sort::Event);
        is_event.then_some(Found { spans, start, end: start + length, in_list: false })
    }

    /// The next item of the innermost list; `None` when that list is done, or another has been opened.
    fn next_item(&mut self) -> Option<Result<Found, ReadError>> {
        let list = *self.lists.last()?;
        let mut at = json::skip_space(&self.buf, list.at);
        if at >= list.end {
            self.lists.pop();
            return None;
        }
        if !list.first {
            if self.buf[at] != b',' {
                self.lists.pop();
                return Some(Err(self.broken(at, JsonError::new(0, JsonProblem::ExpectedComma))));
            }
            at = json::skip_space(&self.buf, at + 1);
        }
        let parsed = match self.buf[at] {
            b'{' => Spans::parse(&self.buf[at..list.end]).map(|(spans, length)| (Some(spans), at + length)),
            _ => json::value_end(&self.buf[..list.end], at)
                .map(|end| (None, end))
                .map_err(|e| e.moved_back(at)),
        };
        let end = match &parsed {
            Ok((_, end)) => Ok(*end),
            Err(_) => json::value_end(&self.buf[..list.end], at),
        };
        match (&end, self.lists.last_mut()) {
            (Ok(end), Some(list)) => (list.at, list.first) = (*end, false),
            _ => drop(self.lists.pop()),
        }
        match parsed {
            Ok((Some(spans), end)) => self.take(spans, at, end, list.of_events),
            Ok((None, end)) => Some(Err(self.not_an_event(at, describe(Value::of(&self.buf[at..end]))))),
            Err(error) => Some(Err(self.broken(at, error))),
        }
    }

    /// Deals with a whole object: an event is found, a list is opened, all else is an error.
    fn take(
        &mut self,
        spans: Spans,
        start: usize,
        end: usize,
        in_list: bool,
    ) -> Option<Result<Found, ReadError>> {
        match sort(&spans, Value::of(&self.buf[start..end]), in_list) {
            Sort::Event => Some(Ok(Found { spans, start, end, in_list })),
            Sort::List(_) if in_list => {
                Some(Err(self.not_an_event(start, "an `EventList` in an `EventList`".into())))
            }
            Sort::List(None) => None,
            Sort::List(Some((from, to))) => {
                self.push_list(start + from, start + to, true);
                None
            }
            Sort::Other(found) => Some(Err(self.not_an_event(start, found))),
        }
    }

    /// Opens the list from bracket to bracket.
    fn push_list(&mut self, start: usize, end: usize, of_events: bool) {
        self.lists.push(List { at: start + 1, end: end - 1, first: true, of_events });
    }

    /// Goes on behind the next line break, wherever it is.
    fn skip_line(&mut self) {
        if let Some(at) = memchr(b'\n', &self.buf[self.pos..]) {
            self.pos += at + 1;
            return;
        }
        self.pos = self.buf.len();
        if self.whole_line {
            return;
        }
        self.drop_front();
        let skipped = self.source.skip_line();
        self.base += skipped.bytes;
        self.note_read(skipped.bytes, skipped.result, skipped.line_ended);
        self.whole_line = true;
        if skipped.line_ended {
            self.counted.line += 1;
            self.counted.line_start = self.base;
        }
    }

    /// Reads the next line into an empty buffer. False at the end of the stream.
    fn refill(&mut self) -> bool {
        self.drop_front();
        let before = self.stats.bytes;
        self.read_on(0);
        if before == 0 && self.buf.starts_with(b"\xef\xbb\xbf") {
            self.pos = 3;
        }
        self.stats.bytes > before
    }

    /// Appends up to the end of the next line, as long as no more than the limit is held from `start` on.
    fn read_on(&mut self, start: usize) -> Upto {
        let room = self.document_bytes_max.saturating_sub(self.buf.len() - start);
        let read = self.source.read_line(&mut self.buf, room);
        let upto = read.upto;
        self.note_read(read.bytes, read.result, upto == Upto::Line);
        self.whole_line = upto != Upto::Limit;
        if read.bytes > 0 && upto == Upto::End { Upto::Line } else { upto }
    }

    fn note_read(&mut self, bytes: u64, result: io::Result<()>, line_ended: bool) {
        self.stats.bytes += bytes;
        self.line_begun |= bytes > 0;
        if line_ended || self.line_begun && self.source.is_done() {
            self.stats.lines += 1;
            self.line_begun = false;
        }
        if let Err(error) = result {
            self.failed = Some(error);
        }
    }

    /// Forgets what stands before `pos`.
    fn drop_front(&mut self) {
        self.count_to(self.pos);
        self.base += self.pos as u64;
        if self.pos == self.buf.len() {
            self.buf.clear();
        } else {
            self.buf.drain(..self.pos);
        }
        self.rescue_until = self.rescue_until.saturating_sub(self.pos);
        self.counted.at = 0;
        self.pos = 0;
    }

    fn broken(&mut self, start: usize, error: JsonError) -> ReadError {
        let at = self.place_after(start + error.offset, start);
        self.reported = Some(at.offset);
        ReadError::Broken { start: self.place(start), at, problem: error.problem }
    }

    fn not_an_event(&mut self, start: usize, found: String) -> ReadError {
        ReadError::NotAnEvent { start: self.place(start), found }
    }

    fn too_long(&mut self, start: usize) -> ReadError {
        ReadError::TooLong { start: self.place(start), limit: self.document_bytes_max }
    }

    /// The place in the stream of a place in `buf`. Places must not go backwards.
    fn place(&mut self, at: usize) -> Place {
        self.count_to(at);
        self.counted.place(self.base, at)
    }

    /// The place of `at`, without moving the count further than `start`.
    fn place_after(&mut self, at: usize, start: usize) -> Place {
        self.count_to(start);
        let mut counted = self.counted;
        counted.advance(&self.buf, self.base, at);
        counted.place(self.base, at)
    }

    fn count_to(&mut self, at: usize) {
        self.counted.advance(&self.buf, self.base, at);
    }
}

impl Counted {
    fn advance(&mut self, buf: &[u8], base: u64, to: usize) {
        for newline in memchr_iter(b'\n', buf.get(self.at..to).unwrap_or_default()) {
            self.line += 1;
            self.line_start = base + (self.at + newline + 1) as u64;
        }
        self.at = self.at.max(to.min(buf.len()));
    }

    fn place(self, base: u64, at: usize) -> Place {
        let offset = base + at as u64;
        Place { offset, line: self.line, column: offset.saturating_sub(self.line_start) + 1 }
    }
}

fn sort(spans: &Spans, object: Value<'_>, in_list: bool) -> Sort {
    let view = EventView::from_spans(object.as_bytes(), *spans);
    let api_version = view.field(Field::ApiVersion);
    // Other things are called `Event` too: the core group's, those of `events.k8s.io`.
    if let Some(version) = api_version.and_then(Value::as_str)
        && !version.starts_with("audit.k8s.io/")
    {
        return Sort::Other(format!("its `apiVersion` is `{}`, not of `audit.k8s.io`", shorten(&version)));
    }
    match view.field(Field::Kind) {
        Some(kind) if kind.is_str("Event") => Sort::Event,
        Some(kind) if kind.is_str("EventList") => Sort::List(items(spans, object)),
        None if in_list => Sort::Event,
        None => Sort::Other("it has no `kind`".to_owned()),
        Some(kind) => {
            Sort::Other(format!("its `kind` is `{}`", shorten(&String::from_utf8_lossy(kind.as_bytes()))))
        }
    }
}

/// Where the array `items` of a list stands in it.
fn items(spans: &Spans, object: Value<'_>) -> Option<(usize, usize)> {
    let (start, end) = spans.items()?;
    (object.as_bytes()[start] == b'[').then_some((start, end))
}

fn describe(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null => "it is `null`",
        Kind::Bool => "it is a boolean",
        Kind::Number => "it is a number",
        Kind::String => "it is a string",
        Kind::Array => "it is an array in a list",
        Kind::Object => "it is another object",
    }
    .to_owned()
}

fn shorten(text: &str) -> String {
    text.trim_matches('"').chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_dealt_with_is_not_held() {
        for line in ["{\n", "[\n", "{\"a\":\n", "[1\n", "{} {\n", "nope\n", "{\"kind\":\"Event\"}[\n"] {
            let text = line.repeat(200_000);
            let mut events = Events::new(text.as_bytes());
            while events.next().is_some() {}
            // Depth is what ends a document of opening brackets alone.
            let most = 4 * json::DEPTH_MAX * line.len();
            assert!(events.buf.capacity() <= most, "{line:?}: {}", events.buf.capacity());
            assert_eq!(events.stats.lines, 200_000);
        }
    }
}

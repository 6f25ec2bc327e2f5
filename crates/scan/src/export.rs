//! Every event that is meant, in order of time, whatever their number: for backtests and copies.
//!
//! Each file is in order already. So files are merged, and one is opened only when the others have come to its first
//! event: memory is that of a few hundred rows for each file whose times overlap.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use auditward_query::Search;
use auditward_store::Segment;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::col;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::engine::Task;
use crate::rows::Question;
use crate::search::hits;
use crate::{Cursor, Hit, Scan, ScanError};

/// So many rows are decoded of a file at a time.
const BATCH_ROWS: usize = 512;
/// So many events are on their way to the reader.
const AHEAD_EVENTS: usize = 256;

/// Events on their way. When it is dropped, reading ends.
#[derive(Debug)]
pub struct Export {
    events: mpsc::Receiver<Result<Hit, ScanError>>,
    /// All events before this position of the journal were there.
    position: u64,
    _task: Task<()>,
}

impl Export {
    /// The next event; `None` at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<Hit, ScanError>> {
        self.events.recv().await
    }

    /// The same on a thread that is no runtime's.
    pub fn wait_next(&mut self) -> Option<Result<Hit, ScanError>> {
        self.events.blocking_recv()
    }

    /// All events before this position of the journal are considered: where a follower goes on.
    pub const fn position(&self) -> u64 {
        self.position
    }
}

impl Scan {
    /// All events that are meant, the first that happened first. There is no time limit.
    pub fn export(&self, search: &Search) -> Result<Export, ScanError> {
        let snapshot = self.inner.store.snapshot();
        let question = self.question(search, &snapshot)?;
        let (sender, events) = mpsc::channel(AHEAD_EVENTS);
        let scan = self.clone();
        let task = self.spawn(async move {
            if let Err(error) = merge(&scan, &question, &sender).await {
                // Whoever hung up does not want to hear it.
                _ = sender.send(Err(error)).await;
            }
        });
        Ok(Export { events, position: snapshot.position, _task: task })
    }
}

async fn merge(
    scan: &Scan,
    question: &Question,
    out: &mpsc::Sender<Result<Hit, ScanError>>,
) -> Result<(), ScanError> {
    let mut unopened = question.rows.segments.clone();
    unopened.sort_by_key(|segment| Reverse((segment.meta.time.0, segment.meta.id)));
    let mut sources = vec![Source::fresh(scan, question).await?];
    let mut heads: BinaryHeap<Reverse<(Cursor, usize)>> = BinaryHeap::new();
    if let Some(key) = sources[0].head().await? {
        heads.push(Reverse((key, 0)));
    }
    loop {
        // A file that begins before what comes next has to be looked into first.
        while let Some(segment) = unopened.pop_if(|segment| {
            heads.peek().is_none_or(|Reverse((key, _))| segment.meta.time.0 <= key.time.as_micros())
        }) {
            let mut source = Source::file(scan, question, &segment).await?;
            if let Some(key) = source.head().await? {
                heads.push(Reverse((key, sources.len())));
            }
            sources.push(source);
        }
        let Some(Reverse((_, place))) = heads.pop() else { return Ok(()) };
        let source = &mut sources[place];
        if let Some(hit) = source.ahead.pop_front()
            && out.send(Ok(hit)).await.is_err()
        {
            return Ok(());
        }
        match source.head().await? {
            Some(key) => heads.push(Reverse((key, place))),
            None => source.rows = None,
        }
    }
}

/// Rows in order of time.
struct Source {
    rows: Option<SendableRecordBatchStream>,
    ahead: VecDeque<Hit>,
}

impl Source {
    async fn file(scan: &Scan, question: &Question, segment: &Arc<Segment>) -> Result<Self, ScanError> {
        let id = segment.meta.id;
        let mut question = question.clone().only(|segment| segment.meta.id == id);
        question.forget_fresh();
        Source::of(scan, &question, true).await
    }

    async fn fresh(scan: &Scan, question: &Question) -> Result<Self, ScanError> {
        Source::of(scan, &question.clone().only(|_| false), false).await
    }

    async fn of(scan: &Scan, question: &Question, sorted: bool) -> Result<Self, ScanError> {
        if question.rows.is_empty() {
            return Ok(Source { rows: None, ahead: VecDeque::new() });
        }
        let context = scan.one_by_one(BATCH_ROWS);
        let mut frame = question.frame_in(&context)?;
        // One thread reads a file from its beginning; odd rows would come after all others.
        if !sorted || question.has_odd() {
            frame = frame.sort(vec![col("time").sort(true, true), col("position").sort(true, true)])?;
        }
        Ok(Source { rows: Some(frame.execute_stream().await?), ahead: VecDeque::new() })
    }

    /// The key of the next event.
    async fn head(&mut self) -> Result<Option<Cursor>, ScanError> {
        while self.ahead.is_empty() {
            let Some(rows) = &mut self.rows else { return Ok(None) };
            match rows.next().await {
                Some(batch) => self.ahead.extend(hits(&batch?)?),
                None => self.rows = None,
            }
        }
        Ok(self.ahead.front().map(Hit::cursor))
    }
}

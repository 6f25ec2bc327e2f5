//! Questions over HTTP → search language → store.

use std::time::{Duration, Instant};

use auditward_query::{Clusters, Search, names, parse};
use auditward_scan::format::{Format, Writer};
use auditward_scan::{Batches, Cursor, Order, Page, Scan, ScanError, facet_fields};
use auditward_server::ports::{
    Batch, Bucket, Cancel, Chunks, Facet, Facets, Failure, FieldInfo, Finding, Found, Histogram, Hit, Live,
    Order as Wanted, Page as WantedPage, Trail,
};
use auditward_store::Store;
use futures_util::future::{Either, select};

use super::keep::{Kept, now};

/// The store, to be asked.
pub(super) struct Questions {
    pub(super) scan: Scan,
    pub(super) store: Store,
    pub(super) kept: Kept,
}

impl Questions {
    /// Waits for an answer, as long as anybody waits for it.
    fn ask<T>(
        &self,
        cancel: &Cancel,
        answer: impl Future<Output = Result<T, ScanError>>,
    ) -> Result<T, Failure> {
        self.scan.wait(async {
            match select(std::pin::pin!(answer), std::pin::pin!(cancel.wait())).await {
                Either::Left((answer, _)) => answer.map_err(|error| failure(&self.store, error)),
                Either::Right(_) => Err(Failure::Cancelled),
            }
        })
    }
}

impl Trail for Questions {
    fn search(&self, query: &str, page: &WantedPage, cancel: &Cancel) -> Result<Found, Failure> {
        let search = search(query)?;
        let after = page.after.as_deref().map(str::parse::<Cursor>).transpose();
        let after = after.map_err(|error| bad(error.to_string(), ""))?;
        let order = match page.order {
            Wanted::Newest => Order::NewestFirst,
            Wanted::Oldest => Order::OldestFirst,
        };
        let found = self.ask(cancel, self.scan.search(&search, Page { after, limit: page.limit, order }))?;
        let events = found.events.into_iter().map(hit).collect::<Result<_, _>>()?;
        Ok(Found { events, next: found.next.map(|cursor| cursor.to_string()) })
    }

    fn count(&self, query: &str, cancel: &Cancel) -> Result<u64, Failure> {
        let search = search(query)?;
        self.ask(cancel, self.scan.count(&search)).map(|counted| counted.events)
    }

    fn histogram(&self, query: &str, buckets: usize, cancel: &Cancel) -> Result<Histogram, Failure> {
        let search = search(query)?;
        let found = self.ask(cancel, self.scan.histogram(&search, buckets))?;
        let bucket =
            |bucket: auditward_scan::Bucket| Bucket { start: bucket.start.to_string(), count: bucket.events };
        Ok(Histogram {
            width: u64::try_from(found.width_micros).unwrap_or_default(),
            buckets: found.buckets.into_iter().map(bucket).collect(),
        })
    }

    fn facets(&self, query: &str, field: &str, limit: usize, cancel: &Cancel) -> Result<Facets, Failure> {
        let search = search(query)?;
        // One more, for those without a value.
        let found = self.ask(cancel, self.scan.facets(&search, field, limit.saturating_add(1)))?;
        let mut facets = Facets { values: Vec::new(), others: found.others, missing: 0 };
        for facet in found.values {
            match facet.value {
                None => facets.missing = facet.events,
                Some(value) if facets.values.len() < limit => {
                    facets.values.push(Facet { value, count: facet.events });
                }
                Some(_) => facets.others += facet.events,
            }
        }
        Ok(facets)
    }

    fn fields(&self) -> Result<Vec<FieldInfo>, Failure> {
        let counted = facet_fields();
        let info = |name: &names::Name| FieldInfo {
            name: name.name.to_owned(),
            kind: format!("{:?}", name.kind).to_lowercase(),
            about: name.meaning.to_owned(),
            facets: counted.contains(&name.name),
        };
        Ok(names::NAMES.iter().map(info).collect())
    }

    fn values(
        &self,
        field: &str,
        prefix: &str,
        limit: usize,
        cancel: &Cancel,
    ) -> Result<Vec<String>, Failure> {
        // More than are wanted, for a field with several values an event yields others beside those that were searched.
        const FACTOR: usize = 4;
        let known = names::find(field).filter(|name| !name.values.is_empty() && name.closed);
        if let Some(name) = known {
            let values = name.values.iter().filter(|value| value.starts_with(prefix));
            return Ok(values.take(limit).map(|value| (*value).to_owned()).collect());
        }
        let query = if prefix.is_empty() { String::new() } else { format!("{field}:{}*", escaped(prefix)) };
        let facets = self.facets(&query, field, limit.saturating_mul(FACTOR), cancel)?;
        let values = facets.values.into_iter().map(|facet| facet.value);
        Ok(values.filter(|value| value.starts_with(prefix)).take(limit).collect())
    }

    fn sql(
        &self,
        text: &str,
        format: auditward_server::ports::Format,
        cancel: &Cancel,
    ) -> Result<Chunks, Failure> {
        use auditward_server::ports::Format as Asked;
        let batches = self.ask(cancel, self.scan.sql(text))?;
        let format = match format {
            Asked::Json => Format::JsonLines,
            Asked::Csv => Format::Csv,
            Asked::Arrow => Format::Arrow,
            Asked::Parquet => Format::Parquet,
        };
        let out = Pieces::default();
        let writer = Writer::new(format, &batches.schema(), out.clone())
            .map_err(|error| Failure::Broken(super::chain(&error)))?;
        Ok(Box::new(Answer { store: self.store.clone(), batches, writer: Some(writer), out }))
    }

    fn event(&self, audit_id: &str, cluster: Option<&str>, cancel: &Cancel) -> Result<Vec<Hit>, Failure> {
        let clusters = cluster.map_or_else(Clusters::all, Clusters::only);
        let found = self.ask(cancel, self.scan.lookup(audit_id, &clusters))?;
        found.events.into_iter().map(hit).collect()
    }

    fn live(&self, query: &str, after: Option<u64>) -> Result<Box<dyn Live>, Failure> {
        let search = search(query)?;
        let position = match after {
            Some(after) => after.saturating_add(1),
            None => self.kept.position(),
        };
        let (scan, store, kept) = (self.scan.clone(), self.store.clone(), self.kept.clone());
        Ok(Box::new(Following { scan, store, kept, search, position }))
    }
}

/// Somebody who follows.
struct Following {
    scan: Scan,
    store: Store,
    kept: Kept,
    search: Search,
    /// The first event that was not looked at.
    position: u64,
}

impl Live for Following {
    fn next(&mut self, max: usize, wait: Duration) -> Result<Batch, Failure> {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !self.kept.wait_beyond(self.position, left) {
                return Ok(Batch { position: self.position.checked_sub(1), ..Batch::default() });
            }
            let followed = self.scan.wait(self.scan.follow(&self.search, self.position, max));
            let (events, next) = followed.map_err(|error| failure(&self.store, error))?;
            self.position = next.max(self.position);
            if !events.is_empty() || Instant::now() >= until {
                let events = events.into_iter().map(hit).collect::<Result<_, _>>()?;
                return Ok(Batch { events, position: self.position.checked_sub(1), skipped: 0 });
            }
        }
    }
}

/// An answer of SQL, written piece by piece.
struct Answer {
    store: Store,
    batches: Batches,
    writer: Option<Writer<Pieces>>,
    out: Pieces,
}

/// What was written and not sent yet.
#[derive(Clone, Default)]
struct Pieces(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Pieces {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl std::io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Iterator for Answer {
    type Item = Result<Vec<u8>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let writer = self.writer.as_mut()?;
            let written = match self.batches.wait_next() {
                Some(Ok(batch)) => writer.write(&batch),
                Some(Err(error)) => {
                    self.writer = None;
                    return Some(Err(failure(&self.store, error)));
                }
                None => self.writer.take()?.finish().map(drop),
            };
            if let Err(error) = written {
                self.writer = None;
                return Some(Err(Failure::Broken(super::chain(&error))));
            }
            let piece = self.out.take();
            if !piece.is_empty() {
                return Some(Ok(piece));
            }
        }
    }
}

fn search(query: &str) -> Result<Search, Failure> {
    parse(query, now()).map_err(|findings| {
        let finding = |finding: auditward_query::Finding| Finding {
            what: finding.message,
            start: finding.span.start,
            end: finding.span.end,
            hint: (!finding.hint.is_empty()).then_some(finding.hint),
        };
        Failure::Bad(findings.into_iter().map(finding).collect())
    })
}

fn hit(hit: auditward_scan::Hit) -> Result<Hit, Failure> {
    Hit::new(hit.position, hit.cluster, hit.event)
}

fn bad(what: String, hint: &str) -> Failure {
    let hint = (!hint.is_empty()).then(|| hint.to_owned());
    Failure::Bad(vec![Finding { what, start: 0, end: 0, hint }])
}

fn failure(store: &Store, error: ScanError) -> Failure {
    if matches!(error, ScanError::Store(_)) {
        // The file is found and set aside, and the next question has an answer.
        store.doubt();
    }
    match error {
        ScanError::Pattern(_) | ScanError::Field(_) | ScanError::Sql(_) => bad(error.to_string(), ""),
        ScanError::Given(given) => Failure::TooMuch(given.to_string()),
        other => Failure::Broken(super::chain(&other)),
    }
}

/// A word of the search language that means itself.
fn escaped(text: &str) -> String {
    let mut word = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if !c.is_alphanumeric() {
            word.push('\\');
        }
        word.push(c);
    }
    word
}

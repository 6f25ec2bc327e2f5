//! What all handlers share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::Identity;
use crate::auth::Guard;
use crate::body::PIECE;
use crate::config::Limits;
use crate::counters::Counters;
use crate::error::Error;
use crate::layers::log::Log;
use crate::listen::Connections;
use crate::ports::{Cancel, Failure, Ports};

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) limits: Limits,
    pub(crate) guard: Guard,
    pub(crate) counters: Counters,
    pub(crate) log: Log,
    /// Room for bodies, in KiB.
    pub(crate) bodies: Arc<Semaphore>,
    pub(crate) lanes: Lanes,
    pub(crate) asking: Shares,
    pub(crate) following: Shares,
    pub(crate) connections: Connections,
    /// True from the moment that the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// How many may do a thing at a time. Each kind has its own, so that slow questions keep neither events nor health from
/// their turn. Every turn holds a thread while it lasts.
pub(crate) struct Lanes {
    pub(crate) intakes: Arc<Semaphore>,
    pub(crate) queries: Arc<Semaphore>,
    pub(crate) brief: Arc<Semaphore>,
    pub(crate) health: Arc<Semaphore>,
    pub(crate) live: Arc<Semaphore>,
}

/// A turn; it is over when this is dropped.
pub(crate) struct Turn {
    _lane: OwnedSemaphorePermit,
    _share: Option<OwnedSemaphorePermit>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Lane<'a> {
    /// Something over the whole trail, by somebody.
    Query(&'a Identity),
    /// Something that is at hand.
    Brief,
    /// How the server is.
    Health,
}

/// Questions at a time that are at hand, and about health.
const BRIEF_MAX: usize = 16;
const HEALTH_MAX: usize = 4;

impl Lanes {
    pub(crate) fn new(limits: &Limits) -> Self {
        let lane = |permits| Arc::new(Semaphore::new(permits));
        Self {
            intakes: lane(limits.intakes_max),
            queries: lane(limits.queries_max),
            brief: lane(BRIEF_MAX),
            health: lane(HEALTH_MAX),
            live: lane(limits.live_max),
        }
    }

    /// Threads that the lanes can hold altogether.
    pub(crate) fn threads_max(limits: &Limits) -> usize {
        limits.intakes_max + limits.queries_max + BRIEF_MAX + HEALTH_MAX + limits.live_max
    }

    fn of(&self, lane: Lane<'_>) -> &Arc<Semaphore> {
        match lane {
            Lane::Query(_) => &self.queries,
            Lane::Brief => &self.brief,
            Lane::Health => &self.health,
        }
    }
}

/// How many turns each who asks may have at a time, so that nobody has all of them.
#[derive(Default)]
pub(crate) struct Shares(Mutex<HashMap<Arc<str>, Arc<Semaphore>>>);

/// Shares that are kept though nobody uses them.
const SHARES_IDLE_MAX: usize = 1_000;

impl Shares {
    /// The share of somebody: so many turns.
    pub(crate) fn of(&self, identity: &Identity, turns: usize) -> Arc<Semaphore> {
        let who: Arc<str> = match identity {
            Identity::Token { id, .. } => id.as_str().into(),
            // No token is called so.
            other => format!("/{}", other.name()).into(),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SHARES_IDLE_MAX {
            // Whoever has a turn or waits for one holds his share.
            all.retain(|_, share| Arc::strong_count(share) > 1);
        }
        Arc::clone(all.entry(who).or_insert_with(|| Arc::new(Semaphore::new(turns))))
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Adds what the server counts and the bounds that it keeps.
    pub(crate) fn write_metrics(&self, out: &mut String) {
        let used = |lane: &Semaphore, max: usize| max.saturating_sub(lane.available_permits());
        let limits = &self.limits;
        let bodies_max = limits.bodies_bytes_max.div_ceil(PIECE);
        let bodies = used(&self.bodies, bodies_max) * PIECE;
        self.counters.write(
            out,
            &[
                ("auditward_http_connections", "Connections that are open.", self.connections.count()),
                ("auditward_http_connections_max", "Connections that may be open.", self.connections.max()),
                ("auditward_http_bodies_bytes", "Bytes of bodies that are being taken.", bodies),
                ("auditward_http_bodies_bytes_max", "Bytes that there is room for.", bodies_max * PIECE),
                (
                    "auditward_http_queries",
                    "Questions that are being answered.",
                    used(&self.lanes.queries, limits.queries_max),
                ),
                ("auditward_http_queries_max", "Questions that may be.", limits.queries_max),
                ("auditward_http_live", "Followers.", used(&self.lanes.live, limits.live_max)),
                ("auditward_http_live_max", "Followers that there may be.", limits.live_max),
            ],
        );
    }

    /// Asks a port: waits for a turn, then for the answer, each for a limited time. When the client goes, or the time is
    /// over, the question is cancelled; its turn ends when the port has truly stopped. `place` is the part of the request
    /// that the port may find fault with.
    pub(crate) async fn ask<T, F>(&self, lane: Lane<'_>, place: &'static str, question: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Ports, &Cancel) -> Result<T, Failure> + Send + 'static,
    {
        let limits = &self.limits;
        let turn = self.turn(lane).await?;
        let (canceller, cancel) = Cancel::new();
        let ports = self.ports.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            question(&ports, &cancel)
        });
        let answer = timeout(limits.query_time, answer).await;
        drop(canceller);
        match answer {
            Ok(Ok(answer)) => answer.map_err(|failure| Error::of(place, failure, limits.retry_after)),
            Ok(Err(_)) => Err(Error::Broken("a question ended in a panic".to_owned())),
            Err(_) => {
                Err(Error::TooMuch(format!("no answer was found within {} s", limits.query_time.as_secs())))
            }
        }
    }

    /// Waits for a turn, for a limited time.
    pub(crate) async fn turn(&self, lane: Lane<'_>) -> Result<Turn, Error> {
        let limits = &self.limits;
        let turn = async {
            // First one's own share: who has used it up waits without keeping others from the lane.
            let share = match lane {
                Lane::Query(who) => {
                    Some(self.asking.of(who, limits.queries_per_identity_max).acquire_owned().await.ok()?)
                }
                Lane::Brief | Lane::Health => None,
            };
            let lane = Arc::clone(self.lanes.of(lane)).acquire_owned().await.ok()?;
            Some(Turn { _lane: lane, _share: share })
        };
        timeout(limits.query_turn, turn).await.ok().flatten().ok_or(Error::Busy(limits.retry_after))
    }
}

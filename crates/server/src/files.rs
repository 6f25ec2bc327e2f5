//! How many files the process may have open. Every connection is one; the journal and the store need some too, and a
//! journal that can't open its next file loses more than a connection.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files kept for everything but connections, where there are that many.
const RESERVE: u64 = 1_024;

/// Raises the limit as far as it goes without asking anybody, and says how many connections that leaves room for.
pub(crate) fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Where it is not raised, there are fewer connections.
        _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit - RESERVE.min(limit / 2)).unwrap_or(usize::MAX)
}

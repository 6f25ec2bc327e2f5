//! Where events go in.

use std::time::Duration;

use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Identity;

/// Takes events and answers for them.
pub trait Intake: Send + Sync {
    /// Takes a body of events of a cluster. The server has checked that the sender may, has unpacked the body and holds
    /// it to its limit; what is in it is this method's to read. It returns `Ok` only when everything in the body will
    /// survive a loss of power: the answer to the sender is 200, and the sender forgets.
    fn take(
        &self,
        cluster: &str,
        sender: &Identity,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Taken, Refusal>;
}

/// What became of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Taken {
    /// Events that are new.
    pub taken: u64,
    /// Events that were there already.
    pub repeated: u64,
}

/// Why a body was not taken as a whole. What of it was taken all the same is known again when it is sent again.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Too much is waiting to be read. The sender tries again: 429 and `Retry-After`.
    #[error("too many events are waiting to be read")]
    Behind {
        /// When to try again. It is told in whole seconds, at least one.
        retry_after: Duration,
    },
    /// The disk is full: 503 and `Retry-After`.
    #[error("the disk is full")]
    DiskFull,
    /// One event, or all together, is more than is taken: 413.
    #[error("{message}")]
    TooLarge {
        /// What is too large, and the limit.
        message: String,
    },
    /// A header that says what the body is can't be right: 400.
    #[error("{message}")]
    Header {
        /// What is wrong.
        message: String,
    },
    /// An event in the body is not what it should be, however often it is sent: 400.
    #[error("{message}")]
    Bad {
        /// What is wrong, and where.
        message: String,
    },
    /// Something broke: 500. The text goes to the log, not to the sender.
    #[error("{0}")]
    Broken(String),
}

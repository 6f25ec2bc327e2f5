//! How an agent speaks to a server.
//!
//! ```text
//! POST /ingest/CLUSTER HTTP/1.1
//! Authorization: Bearer TOKEN            if there is a token
//! Content-Type: application/x-ndjson     an event a line, as kube-apiserver wrote it
//! Content-Encoding: gzip
//! Auditward-Agent: cp1                   who sends: the node's name
//! Auditward-Batch: 9f86d081884c7d65…     32 hexadecimal digits: the same lines have the same id
//! Auditward-Sequence: 4711               counts acknowledged batches of this agent's state file; sent again, it stays
//! ```
//!
//! | answer | meaning | the agent |
//! | --- | --- | --- |
//! | 200, 202, 204 | everything survives a loss of power; `{"taken":N,"repeated":N}` | makes its place durable and goes on |
//! | 409 | this very batch was taken before | the same |
//! | 400, 413, 422 | something in the batch can't be taken | halves it; what is refused by itself is told and passed over |
//! | 429, 503 | behind, or the disk is full; `Retry-After` in seconds | sends the batch again then |
//! | 401, 403, 404 and all else | somebody has to look at it | tells, and sends again after longer and longer pauses |
//!
//! One batch is under way at a time, so batches arrive in the order of the log. A batch that was taken and whose answer was
//! lost is sent again with the same id; after a crash lines may come again in other batches. So the server holds every
//! event against those it has, by its key; the id is a help, not the proof.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// The header that says who sends.
pub const AGENT: &str = "auditward-agent";
/// The header with the batch's id.
pub const BATCH: &str = "auditward-batch";
/// The header with the batch's number.
pub const SEQUENCE: &str = "auditward-sequence";
/// The body's type.
pub const CONTENT_TYPE: &str = "application/x-ndjson";

/// How long a server may make us wait with one answer.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);

/// What a batch is known by: 32 hexadecimal digits of the SHA-256 of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId([u8; 16]);

impl BatchId {
    /// The id of these lines.
    pub fn of(lines: &[u8]) -> Self {
        Self::done(Sha256::new_with_prefix(lines))
    }

    pub(super) fn done(digest: Sha256) -> Self {
        let digest: [u8; 32] = digest.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }
}

impl std::fmt::Display for BatchId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a server said to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is durable.
    Taken {
        /// Events that the server had already.
        repeated: u64,
    },
    /// Something in it can't be taken, however often it is sent.
    Refused {
        /// The status, and what the server said about it.
        why: String,
    },
    /// Not now.
    Later {
        /// The status, and what the server said about it.
        why: String,
        /// When to try again, if the server knows.
        after: Option<Duration>,
    },
}

/// The meaning of an answer's status, `Retry-After` header and body.
pub fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Answer {
    match status {
        200 | 202 | 204 => Answer::Taken { repeated: repeated(body) },
        409 => Answer::Taken { repeated: 0 },
        400 | 413 | 422 => Answer::Refused { why: why(status, body) },
        _ => {
            let after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            Answer::Later { why: why(status, body), after: after.map(|after| after.min(RETRY_AFTER_MAX)) }
        }
    }
}

fn repeated(body: &str) -> u64 {
    #[derive(serde::Deserialize)]
    struct Taken {
        #[serde(default)]
        repeated: u64,
    }
    serde_json::from_str::<Taken>(body).map_or(0, |taken| taken.repeated)
}

/// A stranger's words: a line of them, and not too many.
fn why(status: u16, body: &str) -> String {
    const WORDS_MAX: usize = 300;
    #[derive(serde::Deserialize)]
    struct Problem {
        #[serde(alias = "what", alias = "message", alias = "detail")]
        error: String,
    }
    let told = serde_json::from_str::<Problem>(body).map(|problem| problem.error);
    let words = told.as_deref().unwrap_or(body).trim();
    let words: String = words.chars().take(WORDS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if words.is_empty() { format!("status {status}") } else { format!("status {status}: {words}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_meaning() {
        let taken = |repeated| Answer::Taken { repeated };
        assert_eq!(answer(200, None, r#"{"taken":3,"repeated":2}"#), taken(2));
        assert_eq!(answer(204, None, ""), taken(0));
        assert_eq!(answer(409, None, "whatever"), taken(0));
        assert_eq!(
            answer(400, None, r#"{"error":"line 2 is no event"}"#),
            Answer::Refused { why: "status 400: line 2 is no event".to_owned() }
        );
        assert_eq!(
            answer(400, None, r#"{"what":"line 1, column 9: a string without end","where":"body"}"#),
            Answer::Refused { why: "status 400: line 1, column 9: a string without end".to_owned() }
        );
        let later = |why: &str, after: Option<u64>| Answer::Later {
            why: why.to_owned(),
            after: after.map(Duration::from_secs),
        };
        assert_eq!(answer(429, Some("7"), ""), later("status 429", Some(7)));
        assert_eq!(answer(503, Some("999999"), "a\nb"), later("status 503: a b", Some(600)));
        assert_eq!(answer(401, Some("soon"), ""), later("status 401", None));
        assert_eq!(answer(302, None, ""), later("status 302", None));
    }

    #[test]
    fn the_same_lines_have_the_same_id() {
        assert_eq!(BatchId::of(b"a\n"), BatchId::of(b"a\n"));
        assert_ne!(BatchId::of(b"a\n"), BatchId::of(b"b\n"));
        assert_eq!(BatchId::of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223");
    }
}

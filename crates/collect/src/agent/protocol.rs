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
//! | 200 `{"taken":N,"repeated":N}` | everything survives a loss of power | makes its place durable and goes on |
//! | 400 `{"where":"events",…}`, 413 `{"what":…,"where":…}` | something in the batch can't be taken | halves it; what is refused by itself is told and passed over |
//! | 413 in other words | somebody in between wants less at a time | halves it; a single event is sent again later |
//! | 429, 503 | behind, or the disk is full; `Retry-After` in seconds | sends the batch again then |
//! | all else, 200 and 400 in other words too | somebody has to look at it | tells, and sends again after longer and longer pauses |
//!
//! There may be others between us: a proxy, a portal, another program at the same address. Nothing is given up at their
//! word; an event is forgotten only when a server of ours says that it has it, or that it will never take it.
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
    /// Less of it at a time may be taken.
    TooLarge {
        /// The status, and what was said about it.
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
        200 if let Some(repeated) = repeated(body) => Answer::Taken { repeated },
        400 if place(body).as_deref() == Some("events") => Answer::Refused { why: why(status, body) },
        413 if place(body).is_some() => Answer::Refused { why: why(status, body) },
        413 => Answer::TooLarge { why: why(status, body) },
        200..300 => {
            Answer::Later { why: format!("{}; that is no server of ours", why(status, body)), after: None }
        }
        _ => {
            let after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            Answer::Later { why: why(status, body), after: after.map(|after| after.min(RETRY_AFTER_MAX)) }
        }
    }
}

/// How many events a server of ours had already; `None` if none says so.
fn repeated(body: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Taken {
        #[serde(rename = "taken")]
        _taken: u64,
        repeated: u64,
    }
    serde_json::from_str::<Taken>(body).ok().map(|taken| taken.repeated)
}

/// In which part of the request a server of ours finds fault.
fn place(body: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Problem {
        #[serde(rename = "what")]
        _what: String,
        #[serde(rename = "where")]
        place: String,
    }
    serde_json::from_str::<Problem>(body).ok().map(|problem| problem.place)
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
        let refused = |why: &str| Answer::Refused { why: why.to_owned() };
        assert_eq!(
            answer(400, None, r#"{"what":"line 1, column 9: a string without end","where":"events"}"#),
            refused("status 400: line 1, column 9: a string without end")
        );
        assert_eq!(
            answer(413, None, r#"{"what":"an event is too large","where":"body"}"#),
            refused("status 413: an event is too large")
        );
        let too_large = Answer::TooLarge { why: "status 413: <html>too large</html>".to_owned() };
        assert_eq!(answer(413, None, "<html>too large</html>"), too_large);
        let later = |why: &str, after: Option<u64>| Answer::Later {
            why: why.to_owned(),
            after: after.map(Duration::from_secs),
        };
        assert_eq!(answer(429, Some("7"), ""), later("status 429", Some(7)));
        assert_eq!(answer(503, Some("999999"), "a\nb"), later("status 503: a b", Some(600)));
        assert_eq!(answer(401, Some("soon"), ""), later("status 401", None));
        assert_eq!(answer(302, None, ""), later("status 302", None));
        // Others may stand in between, who neither take events nor decide that they can't be taken.
        assert_eq!(answer(400, None, "<html>bad</html>"), later("status 400: <html>bad</html>", None));
        assert_eq!(
            answer(400, None, r#"{"what":"the body broke off","where":"body"}"#),
            later("status 400: the body broke off", None)
        );
        assert_eq!(answer(409, None, "whatever"), later("status 409: whatever", None));
        for (status, body, said) in [
            (200, "", "status 200"),
            (200, "<html>sign in</html>", "status 200: <html>sign in</html>"),
            (200, r#"{"repeated":1}"#, r#"status 200: {"repeated":1}"#),
            (204, "", "status 204"),
            (202, r#"{"taken":1,"repeated":0}"#, r#"status 202: {"taken":1,"repeated":0}"#),
        ] {
            assert_eq!(
                answer(status, None, body),
                later(&format!("{said}; that is no server of ours"), None)
            );
        }
    }

    #[test]
    fn the_same_lines_have_the_same_id() {
        assert_eq!(BatchId::of(b"a\n"), BatchId::of(b"a\n"));
        assert_ne!(BatchId::of(b"a\n"), BatchId::of(b"b\n"));
        assert_eq!(BatchId::of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223");
    }
}

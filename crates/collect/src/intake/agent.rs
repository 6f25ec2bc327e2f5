//! What an agent says beside its lines, and how a batch that comes again is known.
//!
//! The batch's id and number are kept in the journal as a checkpoint, in the same frame as its events: both are there or
//! neither. So a batch whose answer was lost is answered without being read again. It is a help and no proof: every event
//! is held against those that are there, by its key, however it comes.

use thiserror::Error;

use crate::agent::protocol::{AGENT, BATCH, BatchId, SEQUENCE};

/// How long the name of an agent may be.
const NAME_BYTES_MAX: usize = 253;

/// A batch, as its headers tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentBatch {
    /// Who sends: the node's name.
    pub agent: String,
    /// The same lines have the same id: 32 hexadecimal digits.
    pub id: String,
    /// Counts the batches of this agent; the same batch has the same number.
    pub sequence: u64,
}

/// Headers that no agent of ours sends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("header `{header}` is {problem}; is the agent of another version?")]
pub struct HeaderError {
    /// Which header.
    pub header: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl AgentBatch {
    /// What the headers of a request say; `get` finds one by its name in small letters. `None` if no agent sent it.
    pub fn of<'h>(get: impl Fn(&str) -> Option<&'h str>) -> Result<Option<Self>, HeaderError> {
        let Some(agent) = get(AGENT) else { return Ok(None) };
        let wrong = |header, problem| Err(HeaderError { header, problem });
        let named = agent
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'));
        if agent.is_empty() || agent.len() > NAME_BYTES_MAX || !named {
            return wrong(AGENT, "not the name of a node");
        }
        let Some(id) = get(BATCH) else { return wrong(BATCH, "missing") };
        if id.len() != 32 || !id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return wrong(BATCH, "not 32 hexadecimal digits");
        }
        let Some(sequence) = get(SEQUENCE) else { return wrong(SEQUENCE, "missing") };
        let Ok(sequence) = sequence.parse() else { return wrong(SEQUENCE, "not a number") };
        Ok(Some(AgentBatch { agent: agent.to_owned(), id: id.to_owned(), sequence }))
    }

    /// Whether these are the lines that the agent has sent. A proxy may lose a body or change it, and leave the headers as they
    /// are.
    pub fn is_of(&self, lines: &[u8]) -> bool {
        BatchId::of(lines).to_string() == self.id
    }

    /// Under which name the journal keeps the last batch of this agent for a cluster.
    pub fn source(&self, cluster: &str) -> String {
        format!("agent/{cluster}/{}", self.agent)
    }

    /// What the journal keeps.
    pub fn checkpoint(&self) -> Vec<u8> {
        format!("{} {}", self.sequence, self.id).into_bytes()
    }

    /// Whether this is the batch that the journal has kept last.
    pub fn is_repeated(&self, kept: Option<&[u8]>) -> bool {
        kept.is_some_and(|kept| kept == self.checkpoint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ba7816bf8f01cfea414140de5dae2223";

    fn check(headers: [Option<&str>; 3], expected: Result<Option<u64>, &str>) {
        let names = ["auditward-agent", "auditward-batch", "auditward-sequence"];
        let got =
            AgentBatch::of(|name| names.iter().position(|known| *known == name).and_then(|at| headers[at]));
        let got = got.map(|batch| batch.map(|batch| batch.sequence)).map_err(|error| error.header);
        assert_eq!(got, expected, "{headers:?}");
    }

    #[test]
    fn headers() {
        check([None, Some(ID), Some("1")], Ok(None));
        check([Some("cp1.example"), Some(ID), Some("7")], Ok(Some(7)));
        check([Some(""), Some(ID), Some("7")], Err("auditward-agent"));
        check([Some("a/../b"), Some(ID), Some("7")], Err("auditward-agent"));
        check([Some("a"), None, Some("7")], Err("auditward-batch"));
        check([Some("a"), Some("BA"), Some("7")], Err("auditward-batch"));
        check([Some("a"), Some(ID), None], Err("auditward-sequence"));
        check([Some("a"), Some(ID), Some("-1")], Err("auditward-sequence"));
    }

    #[test]
    fn other_lines_than_were_sent_are_not_the_batch() {
        // What `ID` is the digest of.
        let batch = AgentBatch { agent: "a".to_owned(), id: ID.to_owned(), sequence: 7 };
        assert!(batch.is_of(b"abc"));
        assert!(!batch.is_of(b"abc\n"));
        assert!(!batch.is_of(b""));
    }

    #[test]
    fn a_batch_that_comes_again_is_known() {
        let batch = AgentBatch { agent: "a".to_owned(), id: ID.to_owned(), sequence: 7 };
        assert!(batch.is_repeated(Some(&batch.checkpoint())));
        assert!(!batch.is_repeated(None));
        let next = AgentBatch { sequence: 8, ..batch.clone() };
        assert!(!next.is_repeated(Some(&batch.checkpoint())));
        assert_eq!(batch.source("prod"), "agent/prod/a");
    }
}

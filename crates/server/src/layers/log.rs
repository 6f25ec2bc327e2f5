//! What the server has to say: a line a request, and what broke. No secret is in it: of a request only its path, never
//! its parameters, headers or body; and the path is told only where there is something, as strangers ask for anything.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Takes what the server has to say. It is called on the threads that answer requests, so it must not wait for long.
pub type Log = Arc<dyn Fn(&Said<'_>) + Send + Sync>;

/// Something that the server has to say.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Said<'a> {
    /// A request was answered; a streamed answer may still go on.
    Request {
        /// The request's id, which the answer has in `X-Request-Id`.
        id: &'a str,
        /// Where it came from.
        peer: IpAddr,
        /// Who sent it: a token's or certificate's name.
        who: Option<&'a str>,
        /// Its method.
        method: &'a str,
        /// Its path, or `-` where there is nothing.
        path: &'a str,
        /// The status of the answer.
        status: u16,
        /// How long it took, in microseconds.
        micros: u64,
    },
    /// Something broke while a request was answered.
    Broken {
        /// The request's id.
        id: &'a str,
        /// What broke.
        what: &'a str,
    },
    /// Something else that whoever runs the server should know.
    Trouble {
        /// What.
        what: &'a str,
    },
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { id, peer, who, method, path, status, micros } => {
                let who = who.unwrap_or("-");
                // A token's name is somebody's free text.
                write!(f, "{peer} {} {method} {path} {status} {micros}us {id}", who.escape_debug())
            }
            Self::Broken { id, what } => write!(f, "request {id}: {what}"),
            Self::Trouble { what } => f.write_str(what),
        }
    }
}

//! What an agent remembers: how far the server has acknowledged the log. The file is the old one or the new one at every
//! moment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use auditward_base::disk::{self, Access};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const VERSION: u32 = 1;

/// Larger than any that is written: thousands of logs.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// What was acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How many batches.
    pub sequence: u64,
    /// How far the logs were read with them.
    pub checkpoint: Option<Vec<u8>>,
}

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file could not be read or written.
    #[error("could not {what} the state file `{}`", path.display())]
    Io {
        /// Which of both.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is none of ours.
    #[error("`{}` is no state of an agent: {why}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It tells what another cluster's server has.
    #[error("`{}` is the state of an agent of cluster `{had}`, not `{wanted}`", path.display())]
    OtherCluster {
        /// The file.
        path: PathBuf,
        /// The cluster in it.
        had: String,
        /// The cluster that was asked for.
        wanted: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Text {
    v: u32,
    cluster: String,
    sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tail: Option<Box<RawValue>>,
}

/// The file that is not there is the state of an agent that never sent anything.
pub(super) fn read(path: &Path, cluster: &str) -> Result<State, StateError> {
    let failed = |source| StateError::Io { what: "read", path: path.to_owned(), source };
    let broken = |why: String| StateError::Broken { path: path.to_owned(), why };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => return Err(broken("it is too large".to_owned())),
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(failed)?;
    let text: Text = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    if text.v != VERSION {
        return Err(broken(format!("it is of version {}, and this program reads version {VERSION}", text.v)));
    }
    if text.cluster != cluster {
        let wanted = cluster.to_owned();
        return Err(StateError::OtherCluster { path: path.to_owned(), had: text.cluster, wanted });
    }
    Ok(State { sequence: text.sequence, checkpoint: text.tail.map(|tail| tail.get().as_bytes().to_vec()) })
}

pub(super) fn write(path: &Path, cluster: &str, state: &State) -> Result<(), StateError> {
    let failed = |source| StateError::Io { what: "write", path: path.to_owned(), source };
    let wrong = |error| failed(io::Error::new(io::ErrorKind::InvalidData, error));
    let tail = state.checkpoint.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let tail = tail.map(RawValue::from_string).transpose().map_err(wrong)?;
    let text = Text { v: VERSION, cluster: cluster.to_owned(), sequence: state.sequence, tail };
    let mut bytes = serde_json::to_vec(&text).map_err(wrong)?;
    bytes.push(b'\n');
    disk::write(path, &bytes, Access { mode: 0o600, owner: None }).map_err(failed)
}

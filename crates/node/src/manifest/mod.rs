//! The manifest of kube-apiserver's static pod: read as the kubelet reads it, changed without touching a byte that is
//! not meant.
//!
//! ```text
//! bytes ─► read ─► Manifest ─► pod()       what it says: flags, mounts, probes
//!                     │
//!                     ├─► editable()       may it be changed at all?
//!                     └─► edit(change) ─► plan ─► steps ─► splice ─► prove ─► Edited: text, effects, undo
//! ```
//! Invariant: text in, text out; no I/O. What `edit` hands out has been read again by a parser that the editor does not
//! use: it differs from the original by the planned steps and nothing else, and its undo gives the original's bytes.

mod change;
mod diff;
mod edit;
mod editable;
mod fields;
mod flags;
mod plan;
mod pod;
mod prove;
mod read;
mod refusal;
mod splice;
mod step;
mod syntax;
mod write;

pub use change::{Change, Edited, Effect, HostPath, Splice, Undo};
pub use diff::diff;
pub use flags::{Flag, Flags, Form};
pub use pod::{
    ApiServer, ArgumentList, HostPathType, Launch, Mount, OnNode, Pod, Probe, ProbeKind, Security, Volume,
    VolumeSource,
};
pub use refusal::{Generator, Refusal, Why};

use auditward_policy::read::{Node, Position, position};

/// The largest manifest that is read, in bytes. Real ones have a few kilobytes; the kubelet stops at ten megabytes.
pub const BYTES_MAX: usize = 1 << 20;

/// A file that runs an API server.
#[derive(Clone, Debug)]
pub struct Manifest {
    text: String,
    /// What it says, with places.
    root: Node,
    pod: Pod,
    /// How it looks.
    syntax: syntax::Node,
    /// Where a second document begins.
    second: Option<usize>,
}

impl Manifest {
    /// Reads what the kubelet would: the first document of the file, a pod with a container that runs kube-apiserver.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        read::read(bytes)
    }

    /// The file, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says.
    pub fn pod(&self) -> &Pod {
        &self.pod
    }

    /// Whether it may be changed at all; what stands in the way otherwise, all of it. What stands in the way of one
    /// change alone, [`Manifest::edit`] says.
    pub fn editable(&self) -> Result<(), Vec<Refusal>> {
        editable::check(self)
    }

    /// Makes a change, or says why not; what is so already is left alone.
    pub fn edit(&self, change: &Change) -> Result<Edited, Refusal> {
        edit::edit(self, change)
    }

    /// Takes an edit back: to the byte where the file is as the edit left it, as the opposite change where somebody has
    /// worked on it since.
    pub fn undo(&self, undo: &Undo) -> Result<Edited, Refusal> {
        edit::undo(self, undo)
    }

    fn place(&self, offset: usize) -> Position {
        position(self.text.as_bytes(), offset)
    }
}

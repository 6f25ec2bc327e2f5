//! What is to be different in a manifest, and what came of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::pod::HostPathType;

/// What is to be different. What is so already is left alone, so a change made twice is the change made once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Change {
    /// Flags by name, without dashes: the value to have, or `None` to have none.
    pub flags: BTreeMap<String, Option<String>>,
    /// Paths of the node that the API server is to see, in this order.
    pub mount: Vec<HostPath>,
    /// Paths in the container whose mount is to go, and its volume with it when no other mount uses that.
    pub unmount: Vec<String>,
    /// Annotations of the pod: the value to have, or `None` to have none.
    pub annotations: BTreeMap<String, Option<String>>,
}

/// A path of the node, to be seen by the API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostPath {
    /// The volume's name, where that is still free.
    pub volume: String,
    /// Absolute path on the node.
    pub path: String,
    /// Absolute path in the container.
    pub mount: String,
    /// Whether the container may not write there.
    pub read_only: bool,
    /// What the kubelet is to ask of the path.
    #[serde(default)]
    pub kind: HostPathType,
}

/// A manifest that was changed, proven to be what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The whole new text.
    pub text: String,
    /// What is different, and what was found to be there already.
    pub effects: Vec<Effect>,
    /// The way back: [`super::Manifest::undo`] of it on the new text gives the old one, byte for byte.
    pub undo: Undo,
}

/// The way back from an edit; keep it beside the edited file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Undo {
    /// What to cut out of the new text and put back: exact, for a file that nobody has touched since.
    pub splices: Vec<Splice>,
    /// How long the new text is, in bytes.
    pub length: usize,
    /// The same as a change, for a file that somebody has edited elsewhere meanwhile.
    pub change: Change,
}

/// One stretch of text in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Splice {
    /// Byte offset in the text before any splice is made.
    pub at: usize,
    /// What stands there.
    pub remove: String,
    /// What is to stand there.
    pub insert: String,
}

/// One thing that an edit did or found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// A flag is new.
    FlagAdded {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A flag has another value.
    FlagChanged {
        /// Its name.
        name: String,
        /// Its value before.
        from: String,
        /// Its value now.
        to: String,
        /// Its line before, from 1.
        line: usize,
    },
    /// A flag is gone.
    FlagRemoved {
        /// Its name.
        name: String,
        /// The value it had.
        value: String,
        /// Its line before, from 1.
        line: usize,
        /// Whether it was one of several of this name, and had no effect.
        repeated: bool,
    },
    /// A volume is new.
    VolumeAdded {
        /// Its name.
        name: String,
        /// Its path on the node.
        path: String,
        /// The name that was asked for, where that was taken.
        #[serde(skip_serializing_if = "Option::is_none")]
        instead_of: Option<String>,
    },
    /// A volume that is there already serves.
    VolumeReused {
        /// Its name.
        name: String,
        /// Its path on the node.
        path: String,
    },
    /// A volume is gone.
    VolumeRemoved {
        /// Its name.
        name: String,
    },
    /// A mount is new.
    MountAdded {
        /// Where in the container.
        path: String,
        /// The volume's name.
        volume: String,
        /// Whether the container may not write there.
        read_only: bool,
    },
    /// A mount that is there already covers the path.
    MountReused {
        /// The path that was asked for.
        path: String,
        /// The mount that covers it.
        by: String,
        /// The volume's name.
        volume: String,
    },
    /// A mount is gone.
    MountRemoved {
        /// Where in the container.
        path: String,
    },
    /// An annotation has this value now.
    AnnotationSet {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// Its value before; `None` where there was none.
        from: Option<String>,
    },
    /// An annotation is gone.
    AnnotationRemoved {
        /// Its name.
        name: String,
        /// The value it had.
        value: String,
    },
}

impl Edited {
    /// Whether anything is different.
    pub fn changed(&self) -> bool {
        !self.undo.splices.is_empty()
    }
}

impl Effect {
    /// Whether this is only something that was found to be there.
    pub fn is_reuse(&self) -> bool {
        matches!(self, Self::VolumeReused { .. } | Self::MountReused { .. })
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FlagAdded { name, value } => write!(f, "add flag --{name}={value}"),
            Self::FlagChanged { name, from, to, line } => {
                write!(f, "change flag --{name} from `{from}` to `{to}` (line {line})")
            }
            Self::FlagRemoved { name, value, line, repeated: true } => {
                write!(f, "remove the repeated flag --{name}={value}, which had no effect (line {line})")
            }
            Self::FlagRemoved { name, value, line, repeated: false } => {
                write!(f, "remove flag --{name}={value} (line {line})")
            }
            Self::VolumeAdded { name, path, instead_of: None } => {
                write!(f, "add volume `{name}` for {path} of the node")
            }
            Self::VolumeAdded { name, path, instead_of: Some(taken) } => {
                write!(f, "add volume `{name}` for {path} of the node; the name `{taken}` is taken")
            }
            Self::VolumeReused { name, path } => write!(f, "use volume `{name}`, which is {path} already"),
            Self::VolumeRemoved { name } => write!(f, "remove volume `{name}`"),
            Self::MountAdded { path, volume, read_only } => {
                let access = if *read_only { "read-only" } else { "writable" };
                write!(f, "mount volume `{volume}` at {path}, {access}")
            }
            Self::MountReused { path, by, volume } if path == by => {
                write!(f, "use the mount of volume `{volume}` at {by}")
            }
            Self::MountReused { path, by, volume } => {
                write!(f, "use the mount of volume `{volume}` at {by}, which covers {path}")
            }
            Self::MountRemoved { path } => write!(f, "remove the mount at {path}"),
            Self::AnnotationSet { name, value, from: None } => {
                write!(f, "add annotation {name}: `{value}`")
            }
            Self::AnnotationSet { name, value, from: Some(from) } => {
                write!(f, "change annotation {name} from `{from}` to `{value}`")
            }
            Self::AnnotationRemoved { name, value } => write!(f, "remove annotation {name}: `{value}`"),
        }
    }
}

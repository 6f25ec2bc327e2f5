//! Where a path that the API server uses lies on the machine.

use super::find::{Distribution, Found};

/// A path of the API server's, on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a file of the machine.
    Node {
        path: String,
        /// `Some` where it is mounted into a container.
        mount: Option<MountKind>,
    },
    /// Nowhere that outlives the container.
    Container,
    /// It can't be told.
    Unknown(String),
}

/// How a path gets into the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountKind {
    /// The container may not write there.
    pub read_only: bool,
    /// The file is mounted by itself, not its folder.
    pub single_file: bool,
}

impl Place {
    pub(super) fn of(found: &Found, path: &str) -> Self {
        if !path.starts_with('/') {
            return Self::Unknown(format!("`{path}` is relative to where the API server was started"));
        }
        if let Some(pod) = found.manifest() {
            let pod = pod.manifest.pod();
            return match pod.on_node(path) {
                Some(on) => Self::Node {
                    mount: Some(MountKind {
                        read_only: on.read_only,
                        single_file: on.mount.trim_end_matches('/') == path.trim_end_matches('/'),
                    }),
                    path: on.path,
                },
                None => Self::Container,
            };
        }
        match found.distribution {
            Some(Distribution::Process) => Self::Unknown(
                "what starts the API server is not known, so neither is where its paths lie".to_owned(),
            ),
            _ => Self::Node { path: path.to_owned(), mount: None },
        }
    }
}

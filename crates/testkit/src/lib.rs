//! Real Kubernetes for tests, cheap enough to use often.
//!
//! ```text
//! policy_verdict(text)        does kube-apiserver take this audit policy?      0.2 s   no root, no etcd
//! ApiServer::builder()…       etcd + kube-apiserver on loopback                2 s     no root
//! Node::builder("cp1")…       a kubeadm control-plane node, kubelet and all    10 s    root, packages.txt
//! ```
//!
//! All of them are one Go program that [`Program`] builds once and keeps in the user's cache. Nothing here is a fake:
//! what a test sees is what an operator would see.
//!
//! Invariant: nothing outlives the process that started it, however that process ends (`kill -9` included), except
//! a node that was asked to ([`NodeBuilder::detached`]). Every started process holds the reading end of a pipe
//! whose writing end is ours, and ends when the kernel closes it; what remains on disk is swept by the next start,
//! which knows the dead by their released locks (`slots`).
//!
//! ```no_run
//! let api = auditward_testkit::ApiServer::builder()
//!     .audit_policy("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]")
//!     .start()?;
//! api.kubectl().run(&["create", "namespace", "shop"])?;
//! let log = std::fs::read_to_string(api.audit_log())?;
//! assert!(log.contains("/api/v1/namespaces"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api_server;
mod asking;
mod command;
mod etcd;
mod images;
mod keep;
mod kubeconfig;
mod kubectl;
mod lifeline;
mod node;
mod pki;
mod program;
mod server;
mod slots;
mod start_error;
pub mod story;
mod usage;
mod verdict;
mod wait;

pub use api_server::{ApiServer, ApiServerBuilder};
pub use asking::{AskError, Asked, Asking};
pub use command::{CommandError, copy_program};
pub use kubectl::Kubectl;
pub use node::{Balancer, Node, NodeBuilder, NodeError};
pub use program::{Program, ProgramError};
pub use server::Server;
pub use start_error::StartError;
pub use usage::Usage;
pub use verdict::{Verdict, policy_verdict};

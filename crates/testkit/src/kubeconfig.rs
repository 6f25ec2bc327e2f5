//! The kubeconfigs that we write: one server, one user.

use std::path::Path;

/// A kubeconfig for a user with a static token.
pub(crate) fn with_token(server: &str, authority: &Path, user: &str, token: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: testkit
  cluster:
    server: {server}
    certificate-authority: {authority}
users:
- name: \"{user}\"
  user:
    token: {token}
contexts:
- name: \"{user}@testkit\"
  context:
    cluster: testkit
    user: \"{user}\"
current-context: \"{user}@testkit\"
",
        authority = authority.display(),
    )
}

/// The kubeconfig by which kube-apiserver finds its audit webhook.
pub(crate) fn webhook(url: &str, authority: Option<&Path>) -> String {
    let authority = authority.map(|path| format!("\n    certificate-authority: {}", path.display()));
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: webhook
  cluster:
    server: {url}{authority}
users:
- name: kube-apiserver
contexts:
- name: webhook
  context:
    cluster: webhook
    user: kube-apiserver
current-context: webhook
",
        authority = authority.unwrap_or_default(),
    )
}

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

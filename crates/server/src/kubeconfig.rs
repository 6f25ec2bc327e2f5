//! The file that tells an API server to post its audit events here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ClusterName;

/// The text of the file that `--audit-webhook-config-file` takes. `url` is where this server is reached from the API
/// server, without a path; `authority` is the certificate, PEM, of whoever signed this server's; without one the API
/// server trusts what its machine does. The token is in it, so the file is for its owner alone.
pub fn kubeconfig(cluster: &ClusterName, url: &str, authority: Option<&str>, token: &str) -> String {
    // JSON strings are YAML strings; they can hold anything.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let url = format!("{}/ingest/{cluster}", url.trim_end_matches('/'));
    let authority = authority
        .map(|text| format!("    certificate-authority-data: {}\n", STANDARD.encode(text)))
        .unwrap_or_default();
    let (url, token) = (quoted(&url), quoted(token));
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: auditward
  cluster:
    server: {url}
{authority}users:
- name: audit
  user:
    token: {token}
contexts:
- name: audit
  context:
    cluster: auditward
    user: audit
current-context: audit
"
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn text() {
        let cluster = "prod-eu".parse().unwrap();
        expect![[r#"
            apiVersion: v1
            kind: Config
            clusters:
            - name: auditward
              cluster:
                server: "https://audit.example:9843/ingest/prod-eu"
                certificate-authority-data: LS0tLS1CRUdJTg==
            users:
            - name: audit
              user:
                token: "aw_1_2"
            contexts:
            - name: audit
              context:
                cluster: auditward
                user: audit
            current-context: audit
        "#]]
        .assert_eq(&kubeconfig(&cluster, "https://audit.example:9843/", Some("-----BEGIN"), "aw_1_2"));
        assert!(!kubeconfig(&cluster, "https://a", None, "t").contains("authority"));
    }
}

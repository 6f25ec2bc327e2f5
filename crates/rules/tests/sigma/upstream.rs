//! Upstream's sixteen rules: all load, unchanged.

use std::fs;
use std::path::{Path, PathBuf};

use auditward_rules::sigma::{self, Loaded, Options};
use expect_test::expect;

use super::told;

pub(crate) fn corpus() -> PathBuf {
    std::env::var_os("AUDITWARD_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from)
}

/// Upstream's rules by the names of their files; `None`, and a word, where there is no corpus.
pub(crate) fn rules() -> Option<Loaded> {
    let folder = corpus().join("sigma");
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    if files.is_empty() {
        eprintln!("skipped: no Sigma rules in {}", folder.display());
        return None;
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Some(sigma::load(&files, &Options::default()))
}

#[test]
fn all_load_and_what_is_said_of_them() {
    let Some(loaded) = rules() else { return };
    assert_eq!(loaded.rules.len(), 16);
    assert!(!loaded.has_errors());
    assert!(loaded.rules.iter().all(|rule| rule.enabled && !rule.origin.credit.is_empty()));
    expect![[r#"
        kubernetes_audit_change_admission_controller.yml:33:13: info: `deletecollection` deletes too, and is not asked for
          hint: list both verbs
        kubernetes_audit_change_admission_controller.yml:36:15: info: `replace` is no verb of Kubernetes
        kubernetes_audit_cronjob_modification.yml:30:13: info: `deletecollection` deletes too, and is not asked for
          hint: list both verbs
        kubernetes_audit_cronjob_modification.yml:33:15: info: `replace` is no verb of Kubernetes
        kubernetes_audit_deployment_deleted.yml:20:15: info: `deletecollection` deletes too, and is not asked for
          hint: list both verbs
        kubernetes_audit_events_deleted.yml:23:15: info: `deletecollection` deletes too, and is not asked for
          hint: list both verbs
        kubernetes_audit_exec_into_container.yml:19:15: info: clients open this with `get` too
          hint: `kubectl` sends `get` (WebSocket) since 1.30, `create` (SPDY) before: list both verbs
        kubernetes_audit_potential_enumeration_activity.yml:24:30: warning: the code is a number, so `ALLOW` can never be it
          hint: what the authorizer decided stands in `annotations.authorization.k8s.io/decision`, as `allow` or `forbid`
        kubernetes_audit_rolebinding_modification.yml:26:13: info: `deletecollection` deletes too, and is not asked for
          hint: list both verbs
        kubernetes_audit_rolebinding_modification.yml:29:15: info: `replace` is no verb of Kubernetes
        kubernetes_audit_secrets_modified_or_deleted.yml:23:13: info: `deletecollection` deletes too, and is not asked for
          hint: list both verbs
        kubernetes_audit_secrets_modified_or_deleted.yml:26:15: info: `replace` is no verb of Kubernetes
    "#]].assert_eq(&told(&loaded));
}

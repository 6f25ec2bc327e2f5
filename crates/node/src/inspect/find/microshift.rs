//! `MicroShift`: audits by itself, with `OpenShift`'s profiles; a file only says how much is kept.

use crate::inspect::process::Program;
use crate::inspect::yaml::Document;

use super::{CONFIG_MAX, Candidate, Distribution, Look, Origin, Setting};

const CONFIG: &str = "/etc/microshift/config.yaml";
const STATE: &str = "/var/lib/microshift";
const LOG: &str = "/var/log/kube-apiserver/audit.log";

/// Its keys, the flags they become, and what they are unless set.
const KEYS: [(&str, &str, &str); 3] = [
    ("maxFileAge", "audit-log-maxage", "0"),
    ("maxFiles", "audit-log-maxbackup", "10"),
    ("maxFileSize", "audit-log-maxsize", "200"),
];

pub(super) fn look(look: &mut Look<'_>) -> Option<Candidate> {
    let text = look.file(CONFIG, CONFIG_MAX);
    if text.is_none() && !look.host.exists(STATE) {
        return None;
    }
    let sign = if text.is_some() { CONFIG } else { STATE };
    let document = text.as_deref().and_then(Document::read);
    let key = |key: &str| {
        let document = document.as_ref()?;
        let keys = ["apiServer", "auditLog", key];
        let origin = Origin::File(CONFIG.to_owned(), document.line(document.at(&keys)?));
        Some((document.string(&keys)?, origin))
    };
    let unset = Origin::Builtin(Distribution::MicroShift);
    let (profile, _) = key("profile").unwrap_or(("Default".to_owned(), unset.clone()));
    look.found(sign, format!("audit profile {profile}"));
    let flag =
        |name: &str, (value, origin): (String, Origin)| Setting { name: name.to_owned(), value, origin };
    let mut settings = vec![flag("audit-log-path", (LOG.to_owned(), unset.clone()))];
    for (name, becomes, default) in KEYS {
        settings.push(flag(becomes, key(name).unwrap_or((default.to_owned(), unset.clone()))));
    }
    Some(Candidate {
        distribution: Distribution::MicroShift,
        sign: format!("{sign} is there"),
        program: Program::Microshift,
        settings,
        notes: vec![format!("the policy is MicroShift's own, profile {profile}")],
        version: None,
    })
}

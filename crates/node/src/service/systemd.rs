//! An API server that a unit of its own starts: Kubernetes the hard way, and many installers like it.
//!
//! The unit stays as it is. A drop-in sets the whole command again with the audit flags at its end, where the last one
//! of each counts.

use std::path::{Path, PathBuf};

use super::unit::Unit;
use super::{FileChange, Files, Flags, ServicePlan, ServiceRefusal, is_audit_flag, split_flag, with_paths};

pub(super) const UNIT: &str = "kube-apiserver.service";
const OURS: &str = "/etc/systemd/system/kube-apiserver.service.d/90-auditward.conf";
const POLICY: &str = "/etc/kubernetes/audit/policy.yaml";
const LOG: &str = "/var/log/kubernetes/audit/audit.log";

pub(super) fn plan(files: &dyn Files, flags: &Flags) -> Result<ServicePlan, ServiceRefusal> {
    let ours = PathBuf::from(OURS);
    let unit = Unit::find(files, UNIT)?.ok_or_else(|| ServiceRefusal::Missing {
        problem: format!("there is no unit `{UNIT}`"),
        hint: "name the unit that starts kube-apiserver on this machine so".to_owned(),
    })?;
    let start = unit.exec_start_without(|path| path == ours).ok_or_else(|| ServiceRefusal::Missing {
        problem: format!("`{UNIT}` has no ExecStart"),
        hint: format!("see `systemctl cat {UNIT}`"),
    })?;
    if start.path.file_name() > ours.file_name() && start.path.extension().is_some_and(|end| end == "conf") {
        return Err(ServiceRefusal::unclear(
            &start.path,
            Some(start.line),
            format!("this ExecStart comes after `{OURS}` and would undo it"),
            "rename that file so that it sorts before `90-auditward.conf`",
        ));
    }
    refuse_shells(&start)?;
    let mut notes = Vec::new();
    for word in start.words() {
        let (name, _) = split_flag(&word);
        if word.starts_with("--") && is_audit_flag(&name) {
            notes.push(format!(
                "{}:{}: `{word}` is there already; where it differs, the value at the end of the command counts",
                start.path.display(),
                start.line,
            ));
        }
    }
    let (policy, log) = (PathBuf::from(POLICY), PathBuf::from(LOG));
    let mut command = start.text.trim_end().to_owned();
    for (name, value) in with_paths(flags, &policy, &log) {
        command += &format!(" \\\n  --{name}={}", quoted(&value));
    }
    let after = format!(
        "# Written by `auditward enable`; `auditward disable` removes it.\n\
         # The command of {} with audit flags at its end.\n\
         [Service]\nExecStart=\nExecStart={command}\n",
        start.path.display(),
    );
    let before = files.read(&ours).map_err(|source| ServiceRefusal::Read { path: ours.clone(), source })?;
    Ok(ServicePlan {
        files: vec![FileChange { path: ours, before, after: Some(after.into_bytes()) }],
        policy,
        log,
        user: unit.setting("User").filter(|user| user != "root"),
        unit: UNIT.to_owned(),
        notes,
    })
}

pub(super) fn undo(files: &dyn Files) -> Result<Vec<FileChange>, ServiceRefusal> {
    let path = PathBuf::from(OURS);
    let before = files.read(&path).map_err(|source| ServiceRefusal::Read { path: path.clone(), source })?;
    Ok(vec![FileChange { path, before, after: None }])
}

/// Flags at the end of a shell's command line are not the API server's.
fn refuse_shells(start: &super::unit::Command) -> Result<(), ServiceRefusal> {
    let words = start.words();
    let program =
        words.first().map(|word| word.trim_start_matches(['-', '@', ':', '+', '!'])).unwrap_or_default();
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name == "kube-apiserver" || name == "hyperkube" {
        return Ok(());
    }
    Err(ServiceRefusal::unclear(
        &start.path,
        Some(start.line),
        format!(
            "`{program}` starts the API server here, and what it does with further arguments is not known"
        ),
        "add the audit flags where that program builds the API server's command line",
    ))
}

/// One word of a unit's command, whatever is in it (systemd.service(5), "Command lines").
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

//! MicroK8s: one `kubelite` process reads the API server's flags from a file, a line each.

use std::path::{Path, PathBuf};

use super::{
    FileChange, Files, Flags, ServicePlan, ServiceRefusal, is_audit_flag, read_text, split_flag, with_paths,
};

const ARGS: &str = "/var/snap/microk8s/current/args/kube-apiserver";
/// Flags of the API server that stand here stop the whole node with "unknown flag".
const WRONG_ARGS: &str = "/var/snap/microk8s/current/args/kubelite";
pub(super) const UNIT: &str = "snap.microk8s.daemon-kubelite.service";
/// The snap may not write wherever it likes, and `current` is another folder after each update.
const POLICY: &str = "/var/snap/microk8s/common/audit/policy.yaml";
const LOG: &str = "/var/snap/microk8s/common/audit/log/audit.log";

pub(super) fn plan(files: &dyn Files, flags: &Flags) -> Result<ServicePlan, ServiceRefusal> {
    let args = Path::new(ARGS);
    let before = read_text(files, args)?.ok_or_else(|| ServiceRefusal::Missing {
        problem: format!("there is no file `{ARGS}`"),
        hint: "is the snap `microk8s` installed and set up? See `microk8s status`".to_owned(),
    })?;
    refuse_wrong_file(files)?;
    let (policy, log) = (PathBuf::from(POLICY), PathBuf::from(LOG));
    let mut notes =
        vec![format!("{UNIT} is restarted: the kubelet of this node restarts with it; containers live on")];
    let mut after = before.clone();
    for (name, value) in with_paths(flags, &policy, &log) {
        after = set(&after, &name, &value, &mut notes);
    }
    Ok(ServicePlan {
        files: vec![FileChange {
            path: args.to_owned(),
            before: Some(before.into_bytes()),
            after: Some(after.into_bytes()),
        }],
        policy,
        log,
        user: None,
        unit: UNIT.to_owned(),
        notes,
    })
}

pub(super) fn undo(files: &dyn Files, flags: &Flags) -> Result<Vec<FileChange>, ServiceRefusal> {
    let args = Path::new(ARGS);
    let Some(before) = read_text(files, args)? else { return Ok(Vec::new()) };
    let ours = with_paths(flags, Path::new(POLICY), Path::new(LOG));
    let is_ours = |line: &str| {
        let (name, value) = split_flag(line.trim());
        ours.iter().any(|(flag, set)| *flag == name && value == Some(set.as_str()))
    };
    let after: String = before.split_inclusive('\n').filter(|line| !is_ours(line)).collect();
    Ok(vec![FileChange {
        path: args.to_owned(),
        before: Some(before.into_bytes()),
        after: Some(after.into_bytes()),
    }])
}

/// The text with the flag set: in place of its last line, or as a new last line.
fn set(text: &str, name: &str, value: &str, notes: &mut Vec<String>) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_it = |line: &str| line.trim_start().starts_with("--") && split_flag(line.trim()).0 == name;
    let wanted = format!("--{name}={value}");
    let Some(last) = lines.iter().rposition(|line| is_it(line)) else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
        return format!("{text}{gap}{wanted}{end}");
    };
    let old = lines[last].trim();
    if old == wanted {
        return text.to_owned();
    }
    notes.push(format!("{ARGS}:{}: `{old}` becomes `{wanted}`", last + 1));
    let ending = &lines[last][lines[last].trim_end_matches(['\r', '\n']).len()..];
    let replaced = format!("{wanted}{ending}");
    lines.iter().enumerate().map(|(at, line)| if at == last { replaced.as_str() } else { *line }).collect()
}

fn refuse_wrong_file(files: &dyn Files) -> Result<(), ServiceRefusal> {
    let path = Path::new(WRONG_ARGS);
    let Some(text) = read_text(files, path)? else { return Ok(()) };
    let wrong =
        |line: &&str| line.trim_start().starts_with("--") && is_audit_flag(&split_flag(line.trim()).0);
    let Some((index, line)) = text.lines().enumerate().find(|(_, line)| wrong(line)) else { return Ok(()) };
    Err(ServiceRefusal::unclear(
        path,
        Some(index + 1),
        format!("`{}` is a flag of the API server, and kubelite does not start with it", line.trim()),
        format!("remove that line; the API server's flags belong into `{ARGS}`"),
    ))
}

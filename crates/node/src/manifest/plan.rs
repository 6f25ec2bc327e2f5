//! From what is asked to what must be done: a [`Change`] held against a pod becomes steps, effects and the way back.

use std::collections::BTreeMap;

use super::change::{Change, Effect, HostPath};
use super::flags::{AUDIT_BOOLEANS, Flag, Form, normal};
use super::pod::{Launch, Mount, Pod, Volume, VolumeSource, below, clean};
use super::refusal::{Refusal, Why};
use super::step::{Data, Path, Step};
use super::syntax::Hop;

/// What a change comes to in this pod.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) effects: Vec<Effect>,
    /// The opposite change.
    pub(super) back: Change,
}

/// Works out a change. `has` tells whether there is a value at a path.
pub(super) fn plan(pod: &Pod, change: &Change, has: &dyn Fn(&[Hop]) -> bool) -> Result<Plan, Refusal> {
    let mut planner = Planner { pod, has, plan: Plan::default() };
    planner.flags(&change.flags)?;
    planner.paths(change)?;
    planner.annotations(&change.annotations)?;
    Ok(planner.plan)
}

struct Planner<'p> {
    pod: &'p Pod,
    has: &'p dyn Fn(&[Hop]) -> bool,
    plan: Plan,
}

impl Planner<'_> {
    fn flags(&mut self, wanted: &BTreeMap<String, Option<String>>) -> Result<(), Refusal> {
        let Launch::Listed { list, .. } = &self.pod.api_server.launch else { return Ok(()) };
        let mut added = Vec::new();
        for (name, want) in wanted {
            let name = normal(name);
            let well_named = name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            if !well_named {
                return Err(conflict(
                    format!("`{name}` is no name of a flag"),
                    "leave out the dashes in front",
                ));
            }
            checked(&format!("--{name}"), want.as_deref().unwrap_or_default())?;
            let there: Vec<&Flag> = self.pod.api_server.flags.all(&name).collect();
            match (want, there.split_last()) {
                (None, None) => {}
                (None, Some((last, repeats))) => {
                    for flag in repeats {
                        self.remove_flag(flag, true);
                    }
                    self.remove_flag(last, false);
                    self.plan.back.flags.insert(name, Some(last.meaning().to_owned()));
                }
                (Some(value), None) => {
                    added.extend(self.new_words(&name, value).into_iter().map(Data::Text));
                    self.plan.effects.push(Effect::FlagAdded { name: name.clone(), value: value.clone() });
                    self.plan.back.flags.insert(name, None);
                }
                (Some(value), Some((last, _))) if last.meaning() == value => {}
                (Some(value), Some((last, repeats))) => {
                    for flag in repeats {
                        self.remove_flag(flag, true);
                    }
                    self.replace_flag(last, value);
                    self.plan.back.flags.insert(name, Some(last.meaning().to_owned()));
                }
            }
        }
        if !added.is_empty() {
            self.add_items(&self.container(), list.key(), added);
        }
        Ok(())
    }

    /// A new flag, written as most flags here are. A boolean's value is never a word of its own.
    fn new_words(&self, name: &str, value: &str) -> Vec<String> {
        let flags = &self.pod.api_server.flags;
        let count = |form| flags.iter().filter(|flag| flag.form == form).count();
        let boolean = AUDIT_BOOLEANS.contains(&name) || matches!(value, "true" | "false");
        if count(Form::TwoWords) > count(Form::Joined) && !boolean {
            vec![format!("--{name}"), value.to_owned()]
        } else {
            vec![format!("--{name}={value}")]
        }
    }

    fn replace_flag(&mut self, flag: &Flag, value: &str) {
        let (word, with) = match flag.form {
            Form::TwoWords => (flag.word + 1, value.to_owned()),
            Form::Joined | Form::Bare => (flag.word, format!("{}={value}", flag.spelt)),
        };
        self.plan.steps.push(Step::Replace { at: self.word(word), with });
        self.plan.effects.push(Effect::FlagChanged {
            name: flag.name.clone(),
            from: flag.meaning().to_owned(),
            to: value.to_owned(),
            line: flag.line,
        });
    }

    fn remove_flag(&mut self, flag: &Flag, repeated: bool) {
        let words = if flag.form == Form::TwoWords { 2 } else { 1 };
        for word in flag.word..flag.word + words {
            self.plan.steps.push(Step::Remove { at: self.word(word) });
        }
        self.plan.effects.push(Effect::FlagRemoved {
            name: flag.name.clone(),
            value: flag.meaning().to_owned(),
            line: flag.line,
            repeated,
        });
    }

    /// Where a word of the flags stands.
    fn word(&self, word: usize) -> Path {
        let api = &self.pod.api_server;
        let place = api.first_word + word;
        let (key, index) = match place.checked_sub(api.command_words) {
            Some(index) => ("args", index),
            None => ("command", place),
        };
        below_path(&self.container(), &[Hop::Key(key.into()), Hop::Index(index)])
    }

    fn paths(&mut self, change: &Change) -> Result<(), Refusal> {
        // What the steps so far would have made of the pod.
        let mut pod = self.pod.clone();
        let (mut mounts, mut volumes) = (Vec::new(), Vec::new());
        for path in &change.unmount {
            self.unmount(&mut pod, path);
        }
        for wanted in &change.mount {
            for (what, path) in [("the node", &wanted.path), ("the container", &wanted.mount)] {
                let whole = path.starts_with('/') && !path.split('/').any(|part| part == "..");
                if !whole || path.contains(':') {
                    let message = format!("`{path}` is no path of {what} that can be mounted");
                    return Err(conflict(message, "name an absolute path without `..` and `:`"));
                }
                checked("a path", path)?;
            }
            if let Some(reused) = covered(&pod, wanted)? {
                self.plan.effects.push(reused);
                continue;
            }
            let name = match pod.volumes.iter().find(|volume| is_same(volume, wanted)) {
                Some(volume) => {
                    let (name, path) = (volume.name.clone(), wanted.path.clone());
                    self.plan.effects.push(Effect::VolumeReused { name: name.clone(), path });
                    name
                }
                None => {
                    let name = free_name(&pod, &wanted.volume)?;
                    volumes.push(volume_data(&name, wanted, self.names_first()));
                    let instead_of = (name != wanted.volume).then(|| wanted.volume.clone());
                    let path = wanted.path.clone();
                    self.plan.effects.push(Effect::VolumeAdded {
                        name: name.clone(),
                        path: path.clone(),
                        instead_of,
                    });
                    let source = VolumeSource::HostPath { path, kind: wanted.kind.clone() };
                    pod.volumes.push(Volume { name: name.clone(), source, line: 0 });
                    name
                }
            };
            mounts.push(mount_data(&name, wanted, self.names_first()));
            self.plan.effects.push(Effect::MountAdded {
                path: wanted.mount.clone(),
                volume: name.clone(),
                read_only: wanted.read_only,
            });
            self.plan.back.unmount.push(wanted.mount.clone());
            let (path, read_only) = (wanted.mount.clone(), wanted.read_only);
            pod.api_server.mounts.push(Mount { volume: name, path, read_only, sub_path: None, line: 0 });
        }
        if !mounts.is_empty() {
            self.add_items(&self.container(), "volumeMounts", mounts);
        }
        if !volumes.is_empty() {
            self.add_items(&[Hop::Key("spec".into())], "volumes", volumes);
        }
        Ok(())
    }

    fn unmount(&mut self, pod: &mut Pod, path: &str) {
        let at = |pod: &Pod| pod.api_server.mounts.iter().position(|mount| clean(&mount.path) == clean(path));
        let (Some(now), Some(index)) = (at(pod), at(self.pod)) else { return };
        let mount = pod.api_server.mounts.remove(now);
        let hops = [Hop::Key("volumeMounts".into()), Hop::Index(index)];
        self.plan.steps.push(Step::Remove { at: below_path(&self.container(), &hops) });
        self.plan.effects.push(Effect::MountRemoved { path: mount.path.clone() });
        let original = self.pod.volumes.iter().position(|volume| volume.name == mount.volume);
        let Some(index) = original else { return };
        if let VolumeSource::HostPath { path, kind } = &self.pod.volumes[index].source
            && mount.sub_path.is_none()
        {
            self.plan.back.mount.push(HostPath {
                volume: mount.volume.clone(),
                path: path.clone(),
                mount: mount.path,
                read_only: mount.read_only,
                kind: kind.clone(),
            });
        }
        let used = pod.api_server.mounts.iter().any(|other| other.volume == mount.volume)
            || pod.mounted_elsewhere.contains(&mount.volume);
        if !used {
            pod.volumes.retain(|volume| volume.name != mount.volume);
            let hops = [Hop::Key("volumes".into()), Hop::Index(index)];
            self.plan.steps.push(Step::Remove { at: below_path(&[Hop::Key("spec".into())], &hops) });
            self.plan.effects.push(Effect::VolumeRemoved { name: mount.volume });
        }
    }

    /// Whether mounts here begin with their name, as people write them, or with their path, as kubeadm sorts them.
    fn names_first(&self) -> bool {
        self.pod.api_server.names_first
    }

    fn annotations(&mut self, wanted: &BTreeMap<String, Option<String>>) -> Result<(), Refusal> {
        let metadata = [Hop::Key("metadata".into())];
        let mut added = Vec::new();
        for (name, want) in wanted {
            checked(name, want.as_deref().unwrap_or_default())?;
            checked("an annotation's name", name)?;
            let there = self.pod.annotations.get(name);
            let at = below_path(&metadata, &[Hop::Key("annotations".into()), Hop::Key(name.clone())]);
            match (want, there) {
                (None, None) => continue,
                (Some(value), Some(from)) if value == from => continue,
                (None, Some(from)) => {
                    self.plan.steps.push(Step::Remove { at });
                    let (name, value) = (name.clone(), from.clone());
                    self.plan.effects.push(Effect::AnnotationRemoved { name, value });
                }
                (Some(value), _) => {
                    if there.is_some() {
                        self.plan.steps.push(Step::Replace { at, with: value.clone() });
                    } else {
                        added.push((name.clone(), Data::Text(value.clone())));
                    }
                    let (name, value, from) = (name.clone(), value.clone(), there.cloned());
                    self.plan.effects.push(Effect::AnnotationSet { name, value, from });
                }
            }
            self.plan.back.annotations.insert(name.clone(), there.cloned());
        }
        let annotations = below_path(&metadata, &[Hop::Key("annotations".into())]);
        if added.is_empty() {
        } else if (self.has)(&annotations) {
            for (key, value) in added {
                self.plan.steps.push(Step::Add { map: annotations.clone(), key, value });
            }
        } else {
            let step =
                Step::Add { map: metadata.to_vec(), key: "annotations".into(), value: Data::Map(added) };
            self.plan.steps.push(step);
        }
        Ok(())
    }

    /// Items for the list at `key` of `owner`, which is made when it is not there.
    fn add_items(&mut self, owner: &[Hop], key: &str, items: Vec<Data>) {
        let list = below_path(owner, &[Hop::Key(key.into())]);
        self.plan.steps.push(if (self.has)(&list) {
            Step::Append { list, items }
        } else {
            Step::Add { map: owner.to_vec(), key: key.to_owned(), value: Data::List(items) }
        });
    }

    fn container(&self) -> Path {
        let key = |key: &str| Hop::Key(key.to_owned());
        vec![key("spec"), key("containers"), Hop::Index(self.pod.api_server.index)]
    }
}

/// The mount that serves already; a conflict where what is there rules out what is wanted.
fn covered(pod: &Pod, wanted: &HostPath) -> Result<Option<Effect>, Refusal> {
    let Some(over) = pod.mount_over(&wanted.mount) else { return Ok(None) };
    let on_node = pod.on_node(&wanted.mount);
    let same_place = on_node.as_ref().is_some_and(|there| there.path == clean(&wanted.path));
    if same_place && (wanted.read_only || !over.read_only) {
        let (by, volume) = (over.path.clone(), over.volume.clone());
        return Ok(Some(Effect::MountReused { path: wanted.mount.clone(), by, volume }));
    }
    let mount = &wanted.mount;
    let exact = below(&over.path, mount) == Some("");
    let what = match &on_node {
        Some(there) => there.path.clone(),
        None => format!("volume `{}`", over.volume),
    };
    let hint = "use another path in the container, or change that mount by hand first";
    match (exact, same_place) {
        (true, true) => Err(conflict(
            format!("{mount} is mounted already (line {}), but read-only", over.line),
            "take `readOnly: true` from that mount, or use another path",
        )),
        (true, false) => {
            let message =
                format!("{mount} is a mount already (line {}): of {what}, not of {}", over.line, wanted.path);
            Err(conflict(message, hint))
        }
        (false, false) if over.read_only => {
            let message = format!(
                "{mount} lies in {} (line {}), which is read-only and {what} on the node: nothing can be mounted there",
                over.path, over.line
            );
            Err(conflict(message, hint))
        }
        (false, _) => Ok(None),
    }
}

fn is_same(volume: &Volume, wanted: &HostPath) -> bool {
    matches!(&volume.source, VolumeSource::HostPath { path, kind }
        if clean(path) == clean(&wanted.path) && *kind == wanted.kind)
}

/// The name asked for, or the same with a number.
fn free_name(pod: &Pod, name: &str) -> Result<String, Refusal> {
    if !is_label(name) {
        let hint = "use lower-case letters, digits and dashes, at most 63";
        return Err(conflict(format!("`{name}` is no name of a volume"), hint));
    }
    let taken = |name: &str| pod.volumes.iter().any(|volume| volume.name == name);
    let numbered = (2..=pod.volumes.len() + 2).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken(name) && is_label(name)).ok_or_else(|| {
        conflict(format!("no name like `{name}` is free for a volume"), "ask for a shorter name")
    })
}

/// A DNS label, as the kubelet asks of names.
pub(super) fn is_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn mount_data(volume: &str, wanted: &HostPath, name_first: bool) -> Data {
    let text = |text: &str| Data::Text(text.to_owned());
    let mut entries = vec![("mountPath".to_owned(), text(&wanted.mount)), ("name".to_owned(), text(volume))];
    if name_first {
        entries.reverse();
    }
    if wanted.read_only {
        entries.push(("readOnly".to_owned(), Data::True));
    }
    Data::Map(entries)
}

fn volume_data(name: &str, wanted: &HostPath, name_first: bool) -> Data {
    let text = |text: &str| Data::Text(text.to_owned());
    let mut host = vec![("path".to_owned(), text(&wanted.path))];
    if !wanted.kind.as_str().is_empty() {
        host.push(("type".to_owned(), text(wanted.kind.as_str())));
    }
    let mut entries = vec![("hostPath".to_owned(), Data::Map(host)), ("name".to_owned(), text(name))];
    if name_first {
        entries.reverse();
    }
    Data::Map(entries)
}

fn below_path(path: &[Hop], more: &[Hop]) -> Path {
    [path, more].concat()
}

/// Text that can stand on one line of a manifest.
fn checked(what: &str, text: &str) -> Result<(), Refusal> {
    if text.chars().any(char::is_control) || text.len() > 4096 {
        let message = format!("the value of {what} has control characters or more than 4096 bytes");
        return Err(conflict(message, "give it as one line of text"));
    }
    Ok(())
}

fn conflict(message: String, hint: &str) -> Refusal {
    Refusal::whole(Why::Conflict { message, hint: hint.to_owned() })
}

//! What Falco asks of a pod: `requestObject.spec`, whatever the resource is.

use std::borrow::Cow;

use auditward_event::{Kind, Value};

use super::{picked, step, text};

/// One of the fields about volumes and containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    /// These keys of each volume; the others are left out, so an index counts volumes.
    Volumes(&'static [&'static str]),
    /// The keys of each volume except `name`.
    VolumeTypes,
    /// Whether a volume mounts the path that the argument names, or one under it if that ends in `*`.
    HasHostPath,
    /// Of the first container: its image.
    FirstImage,
    /// Of the first container: its image, cut.
    FirstRepository,
    /// Whether one container is privileged.
    AnyPrivileged,
    /// Of each container.
    Each(Containers, What),
}

/// One of a pod's three lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Containers {
    Ordinary,
    Init,
    Ephemeral,
}

/// What of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A key that each must have: one container without it makes the whole field missing.
    Needed(&'static str),
    /// The image up to its first `:`, then up to its first `@`. A registry's port is cut off with all that follows.
    Repository,
    /// An array joined with blanks; what is no array makes the whole field missing.
    Joined(&'static str),
    /// What stands at these keys; containers without it are left out, so that values do not line up with containers. An
    /// array (`add_capabilities`) is one value: its JSON text.
    At(&'static [&'static str]),
    /// Meant as the container's, else the pod's, else `0`. Reads keys that the API does not have, so it says `0` always.
    Effective(&'static str),
    /// Each port: `hostPort`, else `containerPort`.
    HostPorts,
}

type Values<'a> = Vec<Cow<'a, str>>;

impl Member {
    pub(super) fn values<'a>(self, spec: Value<'a>, argument: Option<&str>) -> Option<Values<'a>> {
        let ordinary = Containers::Ordinary;
        match self {
            Member::Volumes(keys) => {
                let volumes = picked(step(spec, "volumes")?, argument)?;
                Some(volumes.into_iter().filter_map(|volume| at(volume, keys)).map(text::of).collect())
            }
            Member::VolumeTypes => {
                let volumes = picked(step(spec, "volumes")?, argument)?;
                let keys = volumes.into_iter().flat_map(|volume| volume.entries().map(|(key, _)| key));
                Some(keys.filter(|key| key != "name").collect())
            }
            Member::HasHostPath => {
                let wanted = argument?;
                let paths = Member::Volumes(&["hostPath", "path"]).values(spec, None)?;
                let is_it = |path: &Cow<'_, str>| match wanted.strip_suffix('*') {
                    Some(start) => path.starts_with(start) || path == wanted,
                    None => path == wanted,
                };
                Some(vec![truth(paths.iter().any(is_it))])
            }
            Member::FirstImage => What::Needed("image").values(ordinary.of(spec, Some("0"))?, spec),
            Member::FirstRepository => What::Repository.values(ordinary.of(spec, Some("0"))?, spec),
            Member::AnyPrivileged => {
                let privileged = |container| {
                    at(container, &["securityContext", "privileged"]).and_then(Value::as_bool) == Some(true)
                };
                Some(vec![truth(ordinary.of(spec, None)?.into_iter().any(privileged))])
            }
            Member::Each(containers, what) => what.values(containers.of(spec, argument)?, spec),
        }
    }
}

impl Containers {
    fn of<'a>(self, spec: Value<'a>, argument: Option<&str>) -> Option<Vec<Value<'a>>> {
        let key = match self {
            Containers::Ordinary => "containers",
            Containers::Init => "initContainers",
            Containers::Ephemeral => "ephemeralContainers",
        };
        picked(step(spec, key)?, argument)
    }
}

impl What {
    fn values<'a>(self, containers: Vec<Value<'a>>, spec: Value<'a>) -> Option<Values<'a>> {
        let each = containers.into_iter();
        match self {
            What::Needed(key) => each.map(|container| step(container, key).map(text::of)).collect(),
            What::Repository => {
                each.map(|container| Some(repository(text::of(step(container, "image")?)))).collect()
            }
            What::Joined(key) => each.filter_map(|container| step(container, key)).map(joined).collect(),
            What::At(keys) => Some(each.filter_map(|container| at(container, keys)).map(text::of).collect()),
            What::Effective(key) => {
                let of_pod = step(spec, key).map_or(Cow::Borrowed("0"), text::of);
                Some(each.map(|container| step(container, key).map_or(of_pod.clone(), text::of)).collect())
            }
            What::HostPorts => {
                let ports = each.filter_map(|container| step(container, "ports")).flat_map(Value::items);
                let number = |port| step(port, "hostPort").or_else(|| step(port, "containerPort"));
                Some(ports.filter_map(number).map(text::of).collect())
            }
        }
    }
}

fn at<'a>(value: Value<'a>, keys: &[&str]) -> Option<Value<'a>> {
    keys.iter().try_fold(value, |value, key| step(value, key))
}

fn truth(so: bool) -> Cow<'static, str> {
    Cow::Borrowed(if so { "true" } else { "false" })
}

fn repository(image: Cow<'_, str>) -> Cow<'_, str> {
    let end = image.find(':').unwrap_or(image.len());
    let end = image[..end].find('@').unwrap_or(end);
    match image {
        Cow::Borrowed(image) => Cow::Borrowed(&image[..end]),
        Cow::Owned(mut image) => {
            image.truncate(end);
            Cow::Owned(image)
        }
    }
}

fn joined(list: Value<'_>) -> Option<Cow<'_, str>> {
    let words: Vec<Cow<'_, str>> = list.items().map(text::of).collect();
    (list.kind() == Kind::Array).then(|| Cow::Owned(words.join(" ")))
}

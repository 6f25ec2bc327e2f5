//! The API resources that kube-apiserver itself serves, and those that it served once.
//!
//! Two tables, read once: `served.tsv`, taken from the discovery of a real API server, and `removed.tsv`. What is
//! not in them may still exist: custom resources and aggregated APIs are served too, in groups of their own.

use std::sync::LazyLock;

const SERVED: &str = include_str!("served.tsv");
const REMOVED: &str = include_str!("removed.tsv");

/// The release whose resources are listed.
pub const KUBERNETES: &str = "1.36";

/// Groups under `k8s.io` that well-known add-ons serve, so that they are no mistake.
pub const ADD_ON_GROUPS: [&str; 11] = [
    "app.k8s.io",
    "autoscaling.k8s.io",
    "cluster.k8s.io",
    "custom.metrics.k8s.io",
    "external.metrics.k8s.io",
    "gateway.networking.k8s.io",
    "groupsnapshot.storage.k8s.io",
    "metrics.k8s.io",
    "migration.k8s.io",
    "policy.networking.k8s.io",
    "snapshot.storage.k8s.io",
];

/// A resource that kube-apiserver serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResource {
    /// API group; `""` is the core group.
    pub group: &'static str,
    /// Plural name, as requests and policies have it.
    pub resource: &'static str,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// The kind, as manifests have it.
    pub kind: &'static str,
    /// Short names that kubectl knows.
    pub short_names: Vec<&'static str>,
    /// Its versions, the preferred one first.
    pub versions: Vec<ApiVersion>,
    /// Verbs of the resource itself.
    pub verbs: Vec<&'static str>,
    /// Subresources.
    pub subresources: Vec<Subresource>,
}

/// A version in which a resource is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiVersion {
    /// `v1`, `v1beta1`
    pub name: &'static str,
    /// Whether it is served without being switched on.
    pub on_by_default: bool,
}

/// A subresource with the verbs that it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subresource {
    /// `log`, `exec`
    pub name: &'static str,
    /// Verbs.
    pub verbs: Vec<&'static str>,
}

/// A resource that is served no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// API group.
    pub group: &'static str,
    /// Plural name; `*` for whatever else the group held.
    pub resource: &'static str,
    /// The first release without it.
    pub gone_in: &'static str,
    /// Group and resource to name instead.
    pub instead: Option<(&'static str, &'static str)>,
}

impl ApiResource {
    /// The verbs of the resource (`""`) or of one of its subresources; `None` when it has no such subresource.
    pub fn verbs_of(&self, subresource: &str) -> Option<&[&'static str]> {
        if subresource.is_empty() {
            return Some(&self.verbs);
        }
        self.subresources.iter().find(|it| it.name == subresource).map(|it| it.verbs.as_slice())
    }
}

/// Every resource, by group and name.
pub fn all() -> &'static [ApiResource] {
    static ALL: LazyLock<Vec<ApiResource>> = LazyLock::new(|| rows(SERVED).filter_map(served).collect());
    &ALL
}

/// One resource.
pub fn find(group: &str, resource: &str) -> Option<&'static ApiResource> {
    all().iter().find(|it| it.group == group && it.resource == resource)
}

/// The resources of one group.
pub fn in_group(group: &str) -> impl Iterator<Item = &'static ApiResource> {
    all().iter().filter(move |it| it.group == group)
}

/// The groups, each once.
pub fn groups() -> impl Iterator<Item = &'static str> {
    all().chunk_by(|a, b| a.group == b.group).filter_map(|group| group.first()).map(|it| it.group)
}

/// What became of a resource that is served no more.
pub fn removed(group: &str, resource: &str) -> Option<&'static Removed> {
    let of_group = || all_removed().iter().filter(|it| it.group == group);
    of_group().find(|it| it.resource == resource).or_else(|| of_group().find(|it| it.resource == "*"))
}

/// What became of a group that is gone altogether.
pub fn removed_group(group: &str) -> Option<&'static Removed> {
    all_removed().iter().find(|it| it.group == group && it.resource == "*")
}

fn all_removed() -> &'static [Removed] {
    static ALL: LazyLock<Vec<Removed>> = LazyLock::new(|| rows(REMOVED).filter_map(gone).collect());
    &ALL
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split('\t').map(|cell| if cell == "-" { "" } else { cell }).collect())
}

fn served(row: Vec<&'static str>) -> Option<ApiResource> {
    let [group, resource, scope, kind, short_names, versions, verbs, subresources] = row.try_into().ok()?;
    let version = |text: &'static str| match text.strip_suffix('?') {
        Some(name) => ApiVersion { name, on_by_default: false },
        None => ApiVersion { name: text, on_by_default: true },
    };
    let subresource = |text: &'static str| {
        let (name, verbs) = text.split_once('=')?;
        Some(Subresource { name, verbs: list(verbs, ',') })
    };
    Some(ApiResource {
        group,
        resource,
        namespaced: scope == "namespace",
        kind,
        short_names: list(short_names, ','),
        versions: list(versions, ',').into_iter().map(version).collect(),
        verbs: list(verbs, ','),
        subresources: list(subresources, ' ').into_iter().filter_map(subresource).collect(),
    })
}

fn gone(row: Vec<&'static str>) -> Option<Removed> {
    let [group, resource, gone_in, instead] = row.try_into().ok()?;
    let instead =
        instead.split_once(' ').map(|(group, name)| (if group == "core" { "" } else { group }, name));
    Some(Removed { group, resource, gone_in, instead })
}

fn list(cell: &'static str, separator: char) -> Vec<&'static str> {
    cell.split(separator).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        assert_eq!(all().len(), rows(SERVED).count());
        assert_eq!(all_removed().len(), rows(REMOVED).count());
        assert!(all().len() > 70);
        for it in all() {
            assert!(!it.resource.is_empty() && !it.kind.is_empty() && !it.verbs.is_empty(), "{it:?}");
            assert!(!it.versions.is_empty(), "{it:?}");
        }
    }

    #[test]
    fn what_is_known_of_pods() {
        let pods = find("", "pods").unwrap();
        assert!(pods.namespaced);
        assert_eq!((pods.kind, pods.short_names.as_slice()), ("Pod", ["po"].as_slice()));
        assert_eq!(pods.verbs_of("exec"), Some(["get", "create"].as_slice()));
        assert_eq!(pods.verbs_of("shell"), None);
        assert!(!find("", "nodes").unwrap().namespaced);
        assert_eq!(find("", "deployments"), None);
    }

    #[test]
    fn what_is_served_is_not_gone() {
        for it in all_removed() {
            assert_eq!(find(it.group, it.resource), None, "{it:?}");
            if let Some((group, resource)) = it.instead {
                assert!(find(group, resource).is_some(), "{it:?}");
            }
        }
        assert_eq!(removed("extensions", "deployments").unwrap().gone_in, "1.16");
        assert_eq!(removed("extensions", "thirdpartyresources").unwrap().gone_in, "1.22");
        assert_eq!(removed("policy", "poddisruptionbudgets"), None);
        assert_eq!(removed_group("policy"), None);
    }

    #[test]
    fn groups_are_told_once() {
        let groups: Vec<_> = groups().collect();
        assert!(groups.contains(&"") && groups.contains(&"apps"));
        assert!(groups.is_sorted() && groups.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

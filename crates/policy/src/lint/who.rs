//! People and programs as an API server knows them, and what they may ask for, as sets of requests.

use std::collections::BTreeSet;

use super::context::Context;
use crate::api_resources;
use crate::space::{Cube, Groups, Paths, ResourceSet, Space, TargetSet, Users, Words};

/// Somebody with exactly these groups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) name: &'static str,
    groups: &'static [&'static str],
}

/// Somebody with a certificate or a token and nothing else.
pub(super) const ALICE: Who = Who { name: "alice", groups: &["system:authenticated"] };
/// The administrator that kubeadm makes.
pub(super) const ADMIN: Who =
    Who { name: "kubernetes-admin", groups: &["kubeadm:cluster-admins", "system:authenticated"] };
/// The one whom RBAC cannot stop.
pub(super) const SUPER_ADMIN: Who =
    Who { name: "kubernetes-super-admin", groups: &["system:authenticated", "system:masters"] };
/// A pod's account.
pub(super) const ACCOUNT: Who = Who {
    name: "system:serviceaccount:prod:builder",
    groups: &["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:prod"],
};
/// Whoever says nothing of himself.
pub(super) const ANONYMOUS: Who = Who { name: "system:anonymous", groups: &["system:unauthenticated"] };
/// A kubelet.
pub(super) const KUBELET: Who =
    Who { name: "system:node:node-1", groups: &["system:authenticated", "system:nodes"] };
/// The leader of the controller managers.
pub(super) const CONTROLLER_MANAGER: Who =
    Who { name: "system:kube-controller-manager", groups: &["system:authenticated"] };
/// The scheduler.
pub(super) const SCHEDULER: Who = Who { name: "system:kube-scheduler", groups: &["system:authenticated"] };
/// The controller that writes endpoint slices.
pub(super) const ENDPOINTSLICE_CONTROLLER: Who = Who {
    name: "system:serviceaccount:kube-system:endpointslice-controller",
    groups: &["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:kube-system"],
};
/// The controller that writes endpoints.
pub(super) const ENDPOINT_CONTROLLER: Who =
    Who { name: "system:serviceaccount:kube-system:endpoint-controller", ..ENDPOINTSLICE_CONTROLLER };

/// Everyone whose doings an auditor asks about.
pub(super) const PEOPLE: [Who; 5] = [ALICE, ADMIN, SUPER_ADMIN, ACCOUNT, ANONYMOUS];

impl Who {
    /// What in `space` is asked by this one.
    pub(super) fn of(self, cx: &Context<'_>, space: &Space) -> Space {
        // A rule can ask for no other groups than those that some rule names.
        let named: BTreeSet<&str> =
            cx.policy.rules.iter().flat_map(|rule| &rule.user_groups).map(String::as_str).collect();
        let others = named.into_iter().filter(|group| !self.groups.contains(group));
        let none_of = Groups::none_of(others);
        let groups = self.groups.iter().fold(none_of, |all, group| all.and(&Groups::one_of([*group])));
        let by = |mut cube: Cube| {
            cube.users = Users::named(Words::only([self.name]));
            cube.groups = groups.clone();
            cube
        };
        let anywhere = [by(Cube::resources(ResourceSet::any())), by(Cube::paths(Paths::any()))];
        cx.both(space, &anywhere.into_iter().collect())
    }
}

/// Requests for one resource or subresource with these verbs; with all that it serves where there are none.
pub(super) fn asking(group: &str, resource: &str, subresource: &str, verbs: &[&str]) -> Space {
    let served = api_resources::find(group, resource).and_then(|it| it.verbs_of(subresource));
    let verbs = match (verbs, served) {
        ([], Some(served)) => Words::only(served),
        ([], None) => Words::any(),
        (verbs, _) => Words::only(verbs),
    };
    let mut cube = Cube::resources(ResourceSet {
        groups: Words::only([group]),
        resources: Words::only([resource]),
        subresources: Words::only([subresource]),
        ..ResourceSet::any()
    });
    cube.verbs = verbs;
    cube.into()
}

/// GET requests for one path.
pub(super) fn getting(path: &str) -> Space {
    let mut cube = Cube::paths(Paths::exact(path));
    cube.verbs = Words::only(["get"]);
    cube.into()
}

/// The same requests, but only in these namespaces.
pub(super) fn within(space: &Space, namespaces: &[&str]) -> Space {
    let narrowed = space.cubes().iter().cloned().map(|mut cube| {
        if let TargetSet::Resource(of) = &mut cube.target {
            of.namespaces = of.namespaces.and(&Words::only(namespaces));
        }
        cube
    });
    narrowed.collect()
}

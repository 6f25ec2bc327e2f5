//! Every field, by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::pod::{Containers, Member, What};
use super::{Argument, From, Spec, Subject, Time};

/// The field of that name.
pub fn find(name: &str) -> Option<&'static Spec> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Spec>> =
        LazyLock::new(|| FIELDS.iter().map(|field| (field.name, field)).collect());
    BY_NAME.get(name).copied()
}

const fn text(name: &'static str, from: From) -> Spec {
    Spec { name, list: false, argument: Argument::None, from }
}

const fn keyed(name: &'static str, from: From) -> Spec {
    Spec { name, list: false, argument: Argument::Key, from }
}

const fn list(name: &'static str, from: From) -> Spec {
    Spec { name, list: true, argument: Argument::None, from }
}

const fn indexed(name: &'static str, from: From) -> Spec {
    Spec { name, list: true, argument: Argument::Index, from }
}

/// Every field.
#[rustfmt::skip]
pub const FIELDS: &[Spec] = &[
    text("ka.auditid", From::Keys(&["auditID"])),
    text("ka.stage", From::Keys(&["stage"])),
    text("ka.verb", From::Keys(&["verb"])),
    text("ka.uri", From::Keys(&["requestURI"])),
    keyed("ka.uri.param", From::Parameter),
    text("ka.user.name", From::Keys(&["user", "username"])),
    list("ka.user.groups", From::Items(&["user", "groups"])),
    text("ka.impuser.name", From::Keys(&["impersonatedUser", "username"])),
    text("ka.auth.decision", From::Keys(&["annotations", "authorization.k8s.io/decision"])),
    text("ka.auth.reason", From::Keys(&["annotations", "authorization.k8s.io/reason"])),
    text("ka.auth.openshift.decision", From::Keys(&["annotations", "authentication.openshift.io/decision"])),
    text("ka.auth.openshift.username", From::Keys(&["annotations", "authentication.openshift.io/username"])),
    text("ka.validations.admission.policy.failure", From::Keys(&["annotations", "validation.policy.admission.k8s.io/validation_failure"])),
    text("ka.security.pod.violations", From::Keys(&["annotations", "pod-security.kubernetes.io/audit-violations"])),
    text("ka.target.name", From::Keys(&["objectRef", "name"])),
    text("ka.target.namespace", From::Keys(&["objectRef", "namespace"])),
    text("ka.target.resource", From::Keys(&["objectRef", "resource"])),
    text("ka.target.subresource", From::Keys(&["objectRef", "subresource"])),
    text("ka.target.pod.name", From::PodName),
    text("ka.resp.name", From::Keys(&["responseObject", "metadata", "name"])),
    text("ka.response.code", From::Keys(&["responseStatus", "code"])),
    text("ka.response.reason", From::Keys(&["responseStatus", "reason"])),
    text("ka.useragent", From::Keys(&["userAgent"])),
    indexed("ka.sourceips", From::Items(&["sourceIPs"])),
    text("ka.cluster.name", From::Keys(&["annotations", "cluster_name"])),
    text("ka.req.pod.host_network", From::Keys(&["requestObject", "spec", "hostNetwork"])),
    text("ka.req.pod.host_pid", From::Keys(&["requestObject", "spec", "hostPID"])),
    text("ka.req.pod.host_ipc", From::Keys(&["requestObject", "spec", "hostIPC"])),
    text("ka.req.container.host_network", From::Keys(&["requestObject", "spec", "hostNetwork"])),
    text("ka.req.pod.run_as_user", From::Keys(&["requestObject", "spec", "securityContext", "runAsUser"])),
    text("ka.req.pod.run_as_group", From::Keys(&["requestObject", "spec", "securityContext", "runAsGroup"])),
    text("ka.req.pod.fs_group", From::Keys(&["requestObject", "spec", "securityContext", "fsGroup"])),
    list("ka.req.pod.supplemental_groups", From::Items(&["requestObject", "spec", "securityContext", "supplementalGroups"])),
    indexed("ka.req.pod.volumes.hostpath", From::Pod(Member::Volumes(&["hostPath", "path"]))),
    indexed("ka.req.pod.volumes.flexvolume_driver", From::Pod(Member::Volumes(&["flexVolume", "driver"]))),
    indexed("ka.req.pod.volumes.volume_type", From::Pod(Member::VolumeTypes)),
    keyed("ka.req.volume.hostpath", From::Pod(Member::HasHostPath)),
    text("ka.req.container.image", From::Pod(Member::FirstImage)),
    text("ka.req.container.image.repository", From::Pod(Member::FirstRepository)),
    text("ka.req.container.privileged", From::Pod(Member::AnyPrivileged)),
    indexed("ka.req.pod.containers.name", From::Pod(Member::Each(Containers::Ordinary, What::Needed("name")))),
    indexed("ka.req.pod.containers.image", From::Pod(Member::Each(Containers::Ordinary, What::Needed("image")))),
    indexed("ka.req.pod.containers.image.repository", From::Pod(Member::Each(Containers::Ordinary, What::Repository))),
    indexed("ka.req.pod.containers.command", From::Pod(Member::Each(Containers::Ordinary, What::Joined("command")))),
    indexed("ka.req.pod.containers.args", From::Pod(Member::Each(Containers::Ordinary, What::Joined("args")))),
    indexed("ka.req.pod.containers.privileged", From::Pod(Member::Each(Containers::Ordinary, What::At(&["securityContext", "privileged"])))),
    indexed("ka.req.pod.containers.allow_privilege_escalation", From::Pod(Member::Each(Containers::Ordinary, What::At(&["securityContext", "allowPrivilegeEscalation"])))),
    indexed("ka.req.pod.containers.read_only_fs", From::Pod(Member::Each(Containers::Ordinary, What::At(&["securityContext", "readOnlyRootFilesystem"])))),
    indexed("ka.req.pod.containers.run_as_user", From::Pod(Member::Each(Containers::Ordinary, What::At(&["securityContext", "runAsUser"])))),
    indexed("ka.req.pod.containers.run_as_group", From::Pod(Member::Each(Containers::Ordinary, What::At(&["securityContext", "runAsGroup"])))),
    indexed("ka.req.pod.containers.proc_mount", From::Pod(Member::Each(Containers::Ordinary, What::At(&["securityContext", "procMount"])))),
    indexed("ka.req.pod.containers.add_capabilities", From::Pod(Member::Each(Containers::Ordinary, What::At(&["securityContext", "capabilities", "add"])))),
    indexed("ka.req.pod.containers.eff_run_as_user", From::Pod(Member::Each(Containers::Ordinary, What::Effective("runAsUser")))),
    indexed("ka.req.pod.containers.eff_run_as_group", From::Pod(Member::Each(Containers::Ordinary, What::Effective("runAsGroup")))),
    indexed("ka.req.pod.containers.host_port", From::Pod(Member::Each(Containers::Ordinary, What::HostPorts))),
    indexed("ka.req.pod.initContainers.name", From::Pod(Member::Each(Containers::Init, What::Needed("name")))),
    indexed("ka.req.pod.initContainers.image", From::Pod(Member::Each(Containers::Init, What::Needed("image")))),
    indexed("ka.req.pod.initContainers.image.repository", From::Pod(Member::Each(Containers::Init, What::Repository))),
    indexed("ka.req.pod.initContainers.command", From::Pod(Member::Each(Containers::Init, What::Joined("command")))),
    indexed("ka.req.pod.initContainers.args", From::Pod(Member::Each(Containers::Init, What::Joined("args")))),
    indexed("ka.req.pod.initContainers.privileged", From::Pod(Member::Each(Containers::Init, What::At(&["securityContext", "privileged"])))),
    indexed("ka.req.pod.initContainers.allow_privilege_escalation", From::Pod(Member::Each(Containers::Init, What::At(&["securityContext", "allowPrivilegeEscalation"])))),
    indexed("ka.req.pod.initContainers.read_only_fs", From::Pod(Member::Each(Containers::Init, What::At(&["securityContext", "readOnlyRootFilesystem"])))),
    indexed("ka.req.pod.initContainers.run_as_user", From::Pod(Member::Each(Containers::Init, What::At(&["securityContext", "runAsUser"])))),
    indexed("ka.req.pod.initContainers.run_as_group", From::Pod(Member::Each(Containers::Init, What::At(&["securityContext", "runAsGroup"])))),
    indexed("ka.req.pod.initContainers.proc_mount", From::Pod(Member::Each(Containers::Init, What::At(&["securityContext", "procMount"])))),
    indexed("ka.req.pod.initContainers.add_capabilities", From::Pod(Member::Each(Containers::Init, What::At(&["securityContext", "capabilities", "add"])))),
    indexed("ka.req.pod.initContainers.eff_run_as_user", From::Pod(Member::Each(Containers::Init, What::Effective("runAsUser")))),
    indexed("ka.req.pod.initContainers.eff_run_as_group", From::Pod(Member::Each(Containers::Init, What::Effective("runAsGroup")))),
    indexed("ka.req.pod.initContainers.host_port", From::Pod(Member::Each(Containers::Init, What::HostPorts))),
    indexed("ka.req.pod.ephemeralContainers.name", From::Pod(Member::Each(Containers::Ephemeral, What::Needed("name")))),
    indexed("ka.req.pod.ephemeralContainers.image", From::Pod(Member::Each(Containers::Ephemeral, What::Needed("image")))),
    indexed("ka.req.pod.ephemeralContainers.image.repository", From::Pod(Member::Each(Containers::Ephemeral, What::Repository))),
    indexed("ka.req.pod.ephemeralContainers.command", From::Pod(Member::Each(Containers::Ephemeral, What::Joined("command")))),
    indexed("ka.req.pod.ephemeralContainers.args", From::Pod(Member::Each(Containers::Ephemeral, What::Joined("args")))),
    indexed("ka.req.pod.ephemeralContainers.privileged", From::Pod(Member::Each(Containers::Ephemeral, What::At(&["securityContext", "privileged"])))),
    indexed("ka.req.pod.ephemeralContainers.allow_privilege_escalation", From::Pod(Member::Each(Containers::Ephemeral, What::At(&["securityContext", "allowPrivilegeEscalation"])))),
    indexed("ka.req.pod.ephemeralContainers.read_only_fs", From::Pod(Member::Each(Containers::Ephemeral, What::At(&["securityContext", "readOnlyRootFilesystem"])))),
    indexed("ka.req.pod.ephemeralContainers.run_as_user", From::Pod(Member::Each(Containers::Ephemeral, What::At(&["securityContext", "runAsUser"])))),
    indexed("ka.req.pod.ephemeralContainers.run_as_group", From::Pod(Member::Each(Containers::Ephemeral, What::At(&["securityContext", "runAsGroup"])))),
    indexed("ka.req.pod.ephemeralContainers.proc_mount", From::Pod(Member::Each(Containers::Ephemeral, What::At(&["securityContext", "procMount"])))),
    indexed("ka.req.pod.ephemeralContainers.add_capabilities", From::Pod(Member::Each(Containers::Ephemeral, What::At(&["securityContext", "capabilities", "add"])))),
    indexed("ka.req.pod.ephemeralContainers.eff_run_as_user", From::Pod(Member::Each(Containers::Ephemeral, What::Effective("runAsUser")))),
    indexed("ka.req.pod.ephemeralContainers.eff_run_as_group", From::Pod(Member::Each(Containers::Ephemeral, What::Effective("runAsGroup")))),
    list("ka.req.binding.subjects", From::Items(&["requestObject", "subjects"])),
    list("ka.req.binding.subjects.user_names", From::Subjects(Subject::User)),
    list("ka.req.binding.subjects.group_names", From::Subjects(Subject::Group)),
    list("ka.req.binding.subjects.serviceaccount_names", From::Subjects(Subject::ServiceAccount)),
    list("ka.req.binding.subjects.serviceaccount_ns_names", From::Subjects(Subject::ServiceAccountWithNamespace)),
    text("ka.req.binding.role", From::Keys(&["requestObject", "roleRef", "name"])),
    keyed("ka.req.binding.subject.has_name", From::Always("true")),
    list("ka.req.role.rules", From::Items(&["requestObject", "rules"])),
    indexed("ka.req.role.rules.apiGroups", From::RuleItems("apiGroups")),
    indexed("ka.req.role.rules.nonResourceURLs", From::RuleItems("nonResourceURLs")),
    indexed("ka.req.role.rules.verbs", From::RuleItems("verbs")),
    indexed("ka.req.role.rules.resources", From::RuleItems("resources")),
    text("ka.req.service.type", From::Keys(&["requestObject", "spec", "type"])),
    indexed("ka.req.service.ports", From::ServicePorts),
    text("ka.req.configmap.name", From::Keys(&["objectRef", "name"])),
    text("ka.req.configmap.obj", From::Keys(&["requestObject", "data"])),
    keyed("jevt.value", From::Pointer),
    text("jevt.obj", From::Pretty),
    text("jevt.rawtime", From::Time(Time::Nanoseconds)),
    keyed("json.value", From::Pointer),
    text("json.obj", From::Pretty),
    text("json.rawtime", From::Time(Time::Nanoseconds)),
    text("evt.num", From::Never),
    text("evt.time", From::Time(Time::Clock)),
    text("evt.time.s", From::Time(Time::ClockSeconds)),
    text("evt.time.iso8601", From::Time(Time::Iso)),
    text("evt.datetime", From::Time(Time::Date)),
    text("evt.datetime.s", From::Time(Time::DateSeconds)),
    text("evt.rawtime", From::Time(Time::Nanoseconds)),
    text("evt.rawtime.s", From::Time(Time::Seconds)),
    text("evt.rawtime.ns", From::Time(Time::Fraction)),
    text("evt.reltime", From::Never),
    text("evt.reltime.s", From::Never),
    text("evt.reltime.ns", From::Never),
    text("evt.pluginname", From::Always("k8saudit")),
    text("evt.plugininfo", From::Whole),
    text("evt.source", From::Always("k8s_audit")),
    text("evt.is_async", From::Always("false")),
    text("evt.asynctype", From::Never),
    text("evt.hostname", From::Never),
];

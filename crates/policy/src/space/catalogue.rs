//! Real resources, so that a witness is a request that someone could type.
//!
//! Not complete and need not be: a request that fits none of these is still found, and called rare.

/// A resource that an ordinary cluster serves.
pub(super) struct Known {
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    pub(super) namespaced: bool,
    /// What an object of it may be called.
    pub(super) name: &'static str,
    /// Verbs of the resource itself.
    pub(super) verbs: &'static [&'static str],
    /// Subresources and their verbs.
    pub(super) subresources: &'static [(&'static str, &'static [&'static str])],
}

/// Verbs of a resource whose objects are stored.
pub(super) const STORED: &[&str] =
    &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
const REVIEWED: &[&str] = &["create"];
const READ: &[&str] = &["get", "list"];
const READ_WRITE: &[&str] = &["get", "update", "patch"];
const CONNECT: &[&str] = &["create", "get"];
const FORWARD: &[&str] = &["get", "create", "update", "patch", "delete"];

type Subresources = &'static [(&'static str, &'static [&'static str])];

const STATUS: Subresources = &[("status", READ_WRITE)];
const SCALED: Subresources = &[("status", READ_WRITE), ("scale", READ_WRITE)];

const fn row(
    group: &'static str,
    resource: &'static str,
    namespaced: bool,
    name: &'static str,
    verbs: &'static [&'static str],
    subresources: Subresources,
) -> Known {
    Known { group, resource, namespaced, name, verbs, subresources }
}

/// The most telling first.
pub(super) const KNOWN: &[Known] = &[
    row(
        "",
        "pods",
        true,
        "web",
        STORED,
        &[
            ("status", READ_WRITE),
            ("log", &["get"]),
            ("exec", CONNECT),
            ("attach", CONNECT),
            ("portforward", CONNECT),
            ("proxy", FORWARD),
            ("eviction", &["create"]),
            ("binding", &["create"]),
            ("ephemeralcontainers", READ_WRITE),
            ("resize", READ_WRITE),
        ],
    ),
    row("apps", "deployments", true, "web", STORED, SCALED),
    row("", "configmaps", true, "settings", STORED, &[]),
    row("", "secrets", true, "db-password", STORED, &[]),
    row("", "services", true, "web", STORED, &[("status", READ_WRITE), ("proxy", FORWARD)]),
    row("", "nodes", false, "node-1", STORED, &[("status", READ_WRITE), ("proxy", FORWARD)]),
    row("", "namespaces", false, "prod", STORED, &[("status", READ_WRITE), ("finalize", &["update"])]),
    row("", "serviceaccounts", true, "builder", STORED, &[("token", &["create"])]),
    row("", "endpoints", true, "web", STORED, &[]),
    row("", "events", true, "web.17a", STORED, &[]),
    row("", "persistentvolumes", false, "pv-1", STORED, STATUS),
    row("", "persistentvolumeclaims", true, "data", STORED, STATUS),
    row("", "replicationcontrollers", true, "web", STORED, SCALED),
    row("", "resourcequotas", true, "quota", STORED, STATUS),
    row("", "limitranges", true, "limits", STORED, &[]),
    row("", "podtemplates", true, "web", STORED, &[]),
    row("", "bindings", true, "web", REVIEWED, &[]),
    row("", "componentstatuses", false, "scheduler", READ, &[]),
    row("apps", "replicasets", true, "web-1", STORED, SCALED),
    row("apps", "statefulsets", true, "db", STORED, SCALED),
    row("apps", "daemonsets", true, "agent", STORED, STATUS),
    row("apps", "controllerrevisions", true, "db-1", STORED, &[]),
    row("batch", "jobs", true, "migrate", STORED, STATUS),
    row("batch", "cronjobs", true, "backup", STORED, STATUS),
    row("autoscaling", "horizontalpodautoscalers", true, "web", STORED, STATUS),
    row("policy", "poddisruptionbudgets", true, "web", STORED, STATUS),
    row("networking.k8s.io", "ingresses", true, "web", STORED, STATUS),
    row("networking.k8s.io", "networkpolicies", true, "deny-all", STORED, &[]),
    row("networking.k8s.io", "ingressclasses", false, "nginx", STORED, &[]),
    row("rbac.authorization.k8s.io", "roles", true, "reader", STORED, &[]),
    row("rbac.authorization.k8s.io", "rolebindings", true, "readers", STORED, &[]),
    row("rbac.authorization.k8s.io", "clusterroles", false, "reader", STORED, &[]),
    row("rbac.authorization.k8s.io", "clusterrolebindings", false, "readers", STORED, &[]),
    row("authentication.k8s.io", "tokenreviews", false, "", REVIEWED, &[]),
    row("authentication.k8s.io", "selfsubjectreviews", false, "", REVIEWED, &[]),
    row("authorization.k8s.io", "subjectaccessreviews", false, "", REVIEWED, &[]),
    row("authorization.k8s.io", "selfsubjectaccessreviews", false, "", REVIEWED, &[]),
    row("authorization.k8s.io", "selfsubjectrulesreviews", false, "", REVIEWED, &[]),
    row("authorization.k8s.io", "localsubjectaccessreviews", true, "", REVIEWED, &[]),
    row(
        "certificates.k8s.io",
        "certificatesigningrequests",
        false,
        "csr-1",
        STORED,
        &[("status", READ_WRITE), ("approval", READ_WRITE)],
    ),
    row("coordination.k8s.io", "leases", true, "leader", STORED, &[]),
    row("discovery.k8s.io", "endpointslices", true, "web-1", STORED, &[]),
    row("events.k8s.io", "events", true, "web.17a", STORED, &[]),
    row("storage.k8s.io", "storageclasses", false, "fast", STORED, &[]),
    row("storage.k8s.io", "volumeattachments", false, "csi-1", STORED, STATUS),
    row("storage.k8s.io", "csinodes", false, "node-1", STORED, &[]),
    row("storage.k8s.io", "csidrivers", false, "csi", STORED, &[]),
    row("storage.k8s.io", "csistoragecapacities", true, "csi-1", STORED, &[]),
    row("scheduling.k8s.io", "priorityclasses", false, "high", STORED, &[]),
    row("node.k8s.io", "runtimeclasses", false, "gvisor", STORED, &[]),
    row("admissionregistration.k8s.io", "validatingwebhookconfigurations", false, "checks", STORED, &[]),
    row("admissionregistration.k8s.io", "mutatingwebhookconfigurations", false, "sidecars", STORED, &[]),
    row("admissionregistration.k8s.io", "validatingadmissionpolicies", false, "checks", STORED, STATUS),
    row("admissionregistration.k8s.io", "validatingadmissionpolicybindings", false, "checks", STORED, &[]),
    row("apiextensions.k8s.io", "customresourcedefinitions", false, "widgets.example.com", STORED, STATUS),
    row("apiregistration.k8s.io", "apiservices", false, "v1beta1.metrics.k8s.io", STORED, STATUS),
    row("flowcontrol.apiserver.k8s.io", "flowschemas", false, "probes", STORED, STATUS),
    row("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", false, "system", STORED, STATUS),
    row("metrics.k8s.io", "pods", true, "web", READ, &[]),
    row("metrics.k8s.io", "nodes", false, "node-1", READ, &[]),
    row("resource.k8s.io", "resourceclaims", true, "gpu", STORED, STATUS),
];

/// Paths that kube-apiserver serves, the most telling first.
pub(super) const PATHS: &[&str] = &[
    "/healthz",
    "/livez",
    "/readyz",
    "/version",
    "/metrics",
    "/api",
    "/apis",
    "/api/v1",
    "/apis/apps",
    "/apis/apps/v1",
    "/openapi/v2",
    "/openapi/v3",
    "/",
    "/logs",
    "/logs/",
    "/healthz/etcd",
    "/livez/ping",
    "/readyz/ping",
    "/version/",
    "/swagger.json",
    "/debug/pprof/profile",
    "/debug/pprof/",
    "/metrics/slis",
    "/statusz",
    "/flagz",
    "/.well-known/openid-configuration",
    "/openid/v1/jwks",
];

/// HTTP methods, the most ordinary first.
pub(super) const METHODS: &[&str] = &["get", "head", "post", "put", "patch", "delete", "options"];

//! What follows from an event by a definition of ours.
//!
//! One entry of [`FACTS`] and one function for each. A fact that does not apply to an event has no value there.

use std::borrow::Cow;
use std::net::IpAddr;

use auditward_event::{Kind, Stage, Value};

use super::query::parameters;
use crate::check::Type;
use crate::{Item, Parts, Subject};

/// Something that follows from an event.
#[derive(Debug)]
pub struct Fact {
    /// As expressions call it.
    pub name: &'static str,
    /// What its values are.
    pub kind: Type,
    /// What it means; for people.
    pub meaning: &'static str,
    /// What it depends on.
    pub(crate) reads: Parts,
    pub(crate) read: for<'a> fn(&Subject<'a>) -> Option<Item<'a>>,
}

impl Fact {
    /// What it is of an event; `None` where it does not apply.
    pub fn of<'a>(&self, subject: &Subject<'a>) -> Option<Item<'a>> {
        (self.read)(subject)
    }
}

/// All of them.
pub static FACTS: &[Fact] = &[
    Fact {
        name: "actor",
        kind: Type::Text,
        meaning: "who asks: `unauthenticated` (nobody was recognised), `anonymous`, `node` (a kubelet, with its group), \
                  `controlPlane` (API server, scheduler, controller manager, kube-proxy by certificate, the parts of K3s \
                  and RKE2), `controller` (a built-in controller's own account in kube-system), `serviceAccount` (any \
                  other), `bootstrap` (a bootstrap token), `person` (everybody else)",
        reads: Parts::USER,
        read: |s| Some(text(actor(s))),
    },
    Fact {
        name: "changes",
        kind: Type::Bool,
        meaning: "whether the verb is `create`, `update`, `patch`, `delete` or `deletecollection`",
        reads: Parts::VERB,
        read: |s| {
            let verb = s.event().verb();
            Some(Item::Bool(matches!(&*verb, "create" | "update" | "patch" | "delete" | "deletecollection")))
        },
    },
    Fact {
        name: "decision",
        kind: Type::Text,
        meaning: "what authorisation said: `allow` or `forbid`",
        reads: Parts::ANNOTATIONS,
        read: |s| s.event().annotation("authorization.k8s.io/decision").map(Item::Text),
    },
    Fact {
        name: "dryRun",
        kind: Type::Bool,
        meaning: "whether nothing is to be stored: `dryRun=All` in the query or in the body's options",
        reads: Parts::URI.and(Parts::VERB).and(Parts::KIND).and(Parts::REQUEST),
        read: |s| Some(Item::Bool(dry_run(s))),
    },
    Fact {
        name: "exec.command",
        kind: Type::Text,
        meaning: "the command of an exec, its words joined by blanks",
        reads: Parts::KIND.and(Parts::URI),
        read: exec_command,
    },
    Fact {
        name: "exec.interactive",
        kind: Type::Bool,
        meaning: "whether an exec or attach has both an input and a terminal",
        reads: Parts::KIND.and(Parts::URI),
        read: |s| {
            subresource(s, &["exec", "attach"])
                .then(|| Item::Bool(switched_on(s, "stdin") && switched_on(s, "tty")))
        },
    },
    Fact {
        name: "final",
        kind: Type::Bool,
        meaning: "whether the request's result is known with this event: ResponseComplete, Panic, and ResponseStarted \
                  of a refused authentication or of a connection that stays open",
        reads: Parts::STAGE.and(Parts::STATUS).and(LONG_RUNNING),
        read: |s| Some(Item::Bool(is_final(s))),
    },
    Fact {
        name: "grant.binding",
        kind: Type::Text,
        meaning: "the name of the RoleBinding or ClusterRoleBinding by which RBAC allowed the request",
        reads: Parts::ANNOTATIONS,
        read: |s| grant(s).map(|(name, _)| Item::Text(name)),
    },
    Fact {
        name: "grant.namespace",
        kind: Type::Text,
        meaning: "the namespace of that binding, where it is a RoleBinding",
        reads: Parts::ANNOTATIONS,
        read: |s| grant(s)?.1.map(Item::Text),
    },
    Fact {
        name: "impersonated",
        kind: Type::Bool,
        meaning: "whether the request was carried out as somebody else",
        reads: Parts::IMPERSONATED,
        read: |s| {
            let as_whom = s.event().get("impersonatedUser");
            Some(Item::Bool(as_whom.is_some_and(|user| !user.is_null())))
        },
    },
    Fact {
        name: "longRunning",
        kind: Type::Bool,
        meaning: "whether the connection stays open: a watch, exec, attach, portforward, proxy, or a log that is followed",
        reads: LONG_RUNNING,
        read: |s| Some(Item::Bool(long_running(s))),
    },
    Fact {
        name: "node",
        kind: Type::Text,
        meaning: "the node's name, where a node asks",
        reads: Parts::USER,
        read: |s| {
            let user = s.user();
            is_node(s).then(|| rest_of(&user.username, "system:node:")).flatten().map(Item::Text)
        },
    },
    Fact {
        name: "outcome",
        kind: Type::Text,
        meaning: "how it ended: `success` (code below 400), `unauthenticated` (401), `denied` (403, or authorisation \
                  said `forbid`), `failed` (any other code), `none` (no code yet)",
        reads: Parts::STATUS.and(Parts::ANNOTATIONS),
        read: |s| Some(text(outcome(s))),
    },
    Fact {
        name: "patch.kind",
        kind: Type::Text,
        meaning: "of a patch with a body: `json` for a list of operations, `merge` for a part of the object",
        reads: Parts::VERB.and(Parts::REQUEST),
        read: |s| match (&*s.event().verb(), s.event().request_object()?.kind()) {
            ("patch", Kind::Array) => Some(text("json")),
            ("patch", Kind::Object) => Some(text("merge")),
            _ => None,
        },
    },
    Fact {
        name: "path",
        kind: Type::Text,
        meaning: "`requestURI` without its query",
        reads: Parts::URI,
        read: |s| {
            let uri = s.event().get("requestURI")?.as_str()?;
            let end = uri.find('?').unwrap_or(uri.len());
            Some(Item::Text(piece(uri, 0, end)))
        },
    },
    Fact {
        name: "serviceAccount.name",
        kind: Type::Text,
        meaning: "the service account's name, where one asks",
        reads: Parts::USER,
        read: |s| {
            let user = &s.user().username;
            let (namespace, _) = service_account(user)?;
            let start = SERVICE_ACCOUNT.len() + namespace.len() + 1;
            Some(Item::Text(piece(user.clone(), start, user.len())))
        },
    },
    Fact {
        name: "serviceAccount.namespace",
        kind: Type::Text,
        meaning: "the service account's namespace, where one asks",
        reads: Parts::USER,
        read: |s| {
            let user = &s.user().username;
            let (namespace, _) = service_account(user)?;
            let start = SERVICE_ACCOUNT.len();
            let end = start + namespace.len();
            Some(Item::Text(piece(user.clone(), start, end)))
        },
    },
    Fact {
        name: "sourceIP",
        kind: Type::Address,
        meaning: "the address that the connection came from: the last of `sourceIPs`, the only one that a client cannot \
                  make up",
        reads: Parts::ADDRESSES,
        read: |s| s.event().source_ips().last().map(Item::Text),
    },
    Fact {
        name: "sourceScope",
        kind: Type::Text,
        meaning: "where `sourceIP` is: `loopback`, `private` (also link-local and carrier-grade NAT) or `public`",
        reads: Parts::ADDRESSES,
        read: |s| Some(text(scope(address(&s.event().source_ips().last()?)?))),
    },
    Fact {
        name: "userAgent.name",
        kind: Type::Text,
        meaning: "`userAgent` up to the first `/` or blank: `kubectl`, `curl`",
        reads: Parts::USER_AGENT,
        read: |s| {
            let agent = s.event().get("userAgent")?.as_str()?;
            let end = agent.find(['/', ' ']).unwrap_or(agent.len());
            Some(Item::Text(piece(agent, 0, end)))
        },
    },
];

/// The fact of this name.
pub fn find(name: &str) -> Option<&'static Fact> {
    FACTS.iter().find(|fact| fact.name == name)
}

const LONG_RUNNING: Parts = Parts::VERB.and(Parts::KIND).and(Parts::URI);

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// The accounts, all in kube-system, under which kube-controller-manager's own controllers act
/// (`--use-service-account-credentials`, which kubeadm sets): the names in Kubernetes' bootstrap policy for controllers,
/// and those it uses without a role of their own.
const CONTROLLERS: &[&str] = &[
    "attachdetach-controller",
    "bootstrap-signer",
    "certificate-controller",
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemon-set-controller",
    "deployment-controller",
    "device-taint-eviction-controller",
    "disruption-controller",
    "endpoint-controller",
    "endpointslice-controller",
    "endpointslicemirroring-controller",
    "ephemeral-volume-controller",
    "expand-controller",
    "generic-garbage-collector",
    "horizontal-pod-autoscaler",
    "job-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher",
    "legacy-service-account-token-cleaner",
    "namespace-controller",
    "node-controller",
    "persistent-volume-binder",
    "pod-garbage-collector",
    "podcertificaterequestcleaner",
    "pv-protection-controller",
    "pvc-protection-controller",
    "replicaset-controller",
    "replication-controller",
    "resource-claim-controller",
    "resourcequota-controller",
    "root-ca-cert-publisher",
    "route-controller",
    "selinux-warning-controller",
    "service-account-controller",
    "service-cidrs-controller",
    "service-controller",
    "statefulset-controller",
    "storage-version-garbage-collector",
    "storage-version-migrator-controller",
    "token-cleaner",
    "ttl-after-finished-controller",
    "ttl-controller",
    "validatingadmissionpolicy-status-controller",
    "volumeattributesclass-protection-controller",
];

fn text<'a>(text: &'static str) -> Item<'a> {
    Item::Text(Cow::Borrowed(text))
}

/// A piece of a text, borrowed if the text is.
fn piece(text: Cow<'_, str>, start: usize, end: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
        Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
    }
}

fn rest_of<'a>(text: &Cow<'a, str>, prefix: &str) -> Option<Cow<'a, str>> {
    text.strip_prefix(prefix).filter(|rest| !rest.is_empty())?;
    Some(piece(text.clone(), prefix.len(), text.len()))
}

/// Group names matter: only an authenticator adds `system:nodes` and `system:serviceaccounts`, while a certificate's
/// common name may say anything.
fn actor(subject: &Subject<'_>) -> &'static str {
    let user = subject.user();
    match &*user.username {
        "" => "unauthenticated",
        "system:anonymous" => "anonymous",
        "system:apiserver"
        | "system:kube-scheduler"
        | "system:kube-controller-manager"
        | "system:kube-proxy"
        // What K3s and RKE2 have in one process beside those.
        | "system:k3s-controller"
        | "system:k3s-supervisor"
        | "system:rke2-controller"
        | "system:rke2-supervisor" => "controlPlane",
        name if name.starts_with("system:bootstrap:") => "bootstrap",
        name => match service_account(name) {
            Some(("kube-system", name))
                if CONTROLLERS.binary_search(&name).is_ok()
                    && in_group(subject, "system:serviceaccounts") =>
            {
                "controller"
            }
            Some(_) => "serviceAccount",
            None if is_node(subject) => "node",
            None => "person",
        },
    }
}

fn in_group(subject: &Subject<'_>, group: &str) -> bool {
    subject.user().groups().any(|name| name == group)
}

fn is_node(subject: &Subject<'_>) -> bool {
    let name = subject.user().username.strip_prefix("system:node:");
    name.is_some_and(|name| !name.is_empty()) && in_group(subject, "system:nodes")
}

/// Namespace and name.
fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

fn outcome(subject: &Subject<'_>) -> &'static str {
    let event = subject.event();
    match event.response_code() {
        Some(401) => "unauthenticated",
        Some(403) => "denied",
        _ if event.annotation("authorization.k8s.io/decision").as_deref() == Some("forbid") => "denied",
        Some(400..) => "failed",
        Some(1..400) => "success",
        _ => "none",
    }
}

/// Name and namespace of the binding in RBAC's reason: `RBAC: allowed by RoleBinding "name/namespace" of Role "…" to …`. With
/// several that would do RBAC names the first it found. Names cannot hold what Go's `%q` escapes.
fn grant<'a>(subject: &Subject<'a>) -> Option<(Cow<'a, str>, Option<Cow<'a, str>>)> {
    let reason = subject.event().annotation("authorization.k8s.io/reason")?;
    let rest = reason.strip_prefix("RBAC: allowed by ")?;
    let (namespaced, rest) = match rest.strip_prefix("ClusterRoleBinding \"") {
        Some(rest) => (false, rest),
        None => (true, rest.strip_prefix("RoleBinding \"")?),
    };
    let start = reason.len() - rest.len();
    let end = start + rest.find('"')?;
    // A binding's name may hold a `/` no more than a namespace's.
    let Some(slash) = reason[start..end].rfind('/').filter(|_| namespaced) else {
        return Some((piece(reason, start, end), None));
    };
    let slash = start + slash;
    Some((piece(reason.clone(), start, slash), Some(piece(reason, slash + 1, end))))
}

fn dry_run(subject: &Subject<'_>) -> bool {
    let all = |value: Value<'_>| value.items().any(|item| item.is_str("All"));
    let event = subject.event();
    let uri = event.get("requestURI").map_or(&b""[..], Value::as_bytes);
    // Nearly every rule asks, and nearly no request is one.
    if may_name(uri, b"dryRun") && parameters(subject).any(|(name, value)| name == "dryRun" && value == "All")
    {
        return true;
    }
    let Some(body) = event.request_object() else { return false };
    let options = match &*event.verb() {
        "delete" | "deletecollection" => Some(body),
        // An eviction carries the options of the delete that it asks for.
        "create" if subresource(subject, &["eviction"]) => body.get("deleteOptions"),
        _ => None,
    };
    options.and_then(|options| options.get("dryRun")).is_some_and(all)
}

/// Whether a parameter of a URI, as it stands in the text, may have this name of letters: false only if none has.
fn may_name(uri: &[u8], name: &[u8]) -> bool {
    // Letters are `%41` to `%7a`, or `\u0041` to `\u007a`. What is usually escaped, `\u0026` and `%2C`, is none.
    let may_be_letter = |at: usize| match uri.get(at..) {
        Some([b'%', first, ..]) => !matches!(first, b'2' | b'3'),
        Some([b'\\', b'u', b'0', b'0', b'2' | b'3', ..]) => false,
        _ => true,
    };
    memchr::memmem::find(uri, name).is_some() || memchr::memchr2_iter(b'%', b'\\', uri).any(may_be_letter)
}

fn subresource(subject: &Subject<'_>, wanted: &[&str]) -> bool {
    subject.object_ref().is_some_and(|object| wanted.contains(&&*object.subresource))
}

fn exec_command<'a>(subject: &Subject<'a>) -> Option<Item<'a>> {
    if !subresource(subject, &["exec"]) {
        return None;
    }
    let mut words = parameters(subject).filter(|(name, _)| name == "command").map(|(_, value)| value);
    let mut command = words.next()?;
    for word in words {
        let command = command.to_mut();
        command.push(' ');
        command.push_str(&word);
    }
    Some(Item::Text(command))
}

/// As apimachinery reads a boolean of a query: the first value counts, and everything but `false` and `0` is true.
fn switched_on(subject: &Subject<'_>, key: &str) -> bool {
    let value = parameters(subject).find(|(name, _)| name == key).map(|(_, value)| value);
    value.is_some_and(|value| !value.eq_ignore_ascii_case("false") && value != "0")
}

fn long_running(subject: &Subject<'_>) -> bool {
    &*subject.event().verb() == "watch"
        || subresource(subject, &["exec", "attach", "portforward", "proxy"])
        || subresource(subject, &["log"]) && switched_on(subject, "follow")
}

fn is_final(subject: &Subject<'_>) -> bool {
    let event = subject.event();
    match event.stage() {
        Some(Stage::ResponseComplete | Stage::Panic) => true,
        Some(Stage::ResponseStarted) => {
            matches!(event.response_code(), Some(101 | 401)) || long_running(subject)
        }
        Some(Stage::RequestReceived) | None => false,
    }
}

/// An IPv4 address that is written as IPv6 is the IPv4 address.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.split_once('%').map_or(text, |(address, _zone)| address);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn scope(address: IpAddr) -> &'static str {
    let private = match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || first == 100 && second & 0xc0 == 64
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified(),
    };
    match () {
        () if address.is_loopback() => "loopback",
        () if private => "private",
        () => "public",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order_without_doubles() {
        assert!(CONTROLLERS.is_sorted_by(|a, b| a < b));
        assert!(FACTS.is_sorted_by(|a, b| a.name < b.name));
    }
}

//! What can be asked for by name. The reader, its "did you mean", completion and the reference page all come from here.

use std::sync::LazyLock;

use auditward_expr::field::fact::FACTS;

/// A name that a search can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As it is printed: `ns`. Letters match whatever their case.
    pub name: &'static str,
    /// What else it may be called, among it the column's name in SQL.
    pub aliases: &'static [&'static str],
    /// What its values are.
    pub kind: Type,
    /// All values that there are, where they are few; for completion some of many.
    pub values: &'static [&'static str],
    /// Whether no other value exists.
    pub closed: bool,
    /// What it means, for people.
    pub meaning: &'static str,
    /// How it is used.
    pub example: &'static str,
    pub(crate) at: At,
}

/// What the values of a name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A text, compared byte by byte.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// An IP address, asked for by networks.
    Address,
    /// A time.
    Time,
    /// A level, in the order of how much it records.
    Level,
    /// A resource, with its group and subresource if one likes.
    Resource,
    /// Anything, and more may be inside.
    Any,
}

impl Name {
    /// The path in the event where its values are: `objectRef.namespace`. `None` for what is found out otherwise.
    pub const fn path(&self) -> Option<&'static str> {
        match self.at {
            At::Event(path) => Some(path),
            _ => None,
        }
    }
}

impl Type {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Number => "number",
            Type::Bool => "true or false",
            Type::Address => "address",
            Type::Time => "time",
            Type::Level => "level",
            Type::Resource => "resource",
            Type::Any => "any",
        }
    }
}

/// Where it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Event(&'static str),
    Fact,
    /// Paths go on from here.
    Object,
    Pod,
    Container,
    Query,
    Response,
    Annotations,
    Anywhere,
    /// Not of the event: of the whole search.
    Since,
    Until,
    Cluster,
    /// A text in the language of expressions.
    Where,
}

/// Every name, those of facts last.
pub static NAMES: LazyLock<Vec<Name>> = LazyLock::new(|| {
    let mut names = OWN.to_vec();
    for fact in FACTS {
        let values = fact_values(fact.name);
        names.push(Name {
            name: fact.name,
            aliases: &[],
            kind: match fact.kind {
                auditward_expr::Type::Number => Type::Number,
                auditward_expr::Type::Bool => Type::Bool,
                auditward_expr::Type::Address => Type::Address,
                auditward_expr::Type::Time => Type::Time,
                auditward_expr::Type::Any | auditward_expr::Type::Inside => Type::Any,
                auditward_expr::Type::Text => Type::Text,
            },
            values,
            closed: !values.is_empty(),
            meaning: fact.meaning,
            example: "",
            at: At::Fact,
        });
    }
    names
});

/// The name that is called so, or an alias of it.
pub fn find(name: &str) -> Option<&'static Name> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    NAMES.iter().find(|known| is(known.name) || known.aliases.iter().any(|alias| is(alias)))
}

pub(crate) const LEVELS: &[&str] = &["None", "Metadata", "Request", "RequestResponse"];

const fn own(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Type,
    at: At,
    meaning: &'static str,
    example: &'static str,
) -> Name {
    Name { name, aliases, kind, values: &[], closed: false, meaning, example, at }
}

const fn with(mut name: Name, values: &'static [&'static str], closed: bool) -> Name {
    name.values = values;
    name.closed = closed;
    name
}

static OWN: &[Name] = &[
    own(
        "since",
        &["from"],
        Type::Time,
        At::Since,
        "this moment or later, by `stageTimestamp`; for the whole search",
        "since:2h",
    ),
    own(
        "until",
        &["to"],
        Type::Time,
        At::Until,
        "before this moment; for the whole search",
        "until:2026-11-26",
    ),
    own(
        "cluster",
        &[],
        Type::Text,
        At::Cluster,
        "the cluster that the event came from; for the whole search",
        "cluster:(prod OR edge-*)",
    ),
    with(
        own(
            "verb",
            &[],
            Type::Text,
            At::Event("verb"),
            "what was asked for",
            "verb:(create OR update OR patch)",
        ),
        &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
        false,
    ),
    own(
        "resource",
        &["res"],
        Type::Resource,
        At::Event("objectRef.resource"),
        "the resource in plural, `/subresource` and `.group` if one likes",
        "resource:pods/exec",
    ),
    own(
        "subresource",
        &["sub"],
        Type::Text,
        At::Event("objectRef.subresource"),
        "the part of the object that was meant",
        "subresource:status",
    ),
    own(
        "ns",
        &["namespace"],
        Type::Text,
        At::Event("objectRef.namespace"),
        "the object's namespace; nothing for what has none",
        "ns:kube-*",
    ),
    own("name", &[], Type::Text, At::Event("objectRef.name"), "the object's name", "name:db"),
    own(
        "apiGroup",
        &["api_group"],
        Type::Text,
        At::Event("objectRef.apiGroup"),
        "the API group of the resource; nothing for the core group",
        "apiGroup:rbac.authorization.k8s.io",
    ),
    own(
        "version",
        &["api_version"],
        Type::Text,
        At::Event("objectRef.apiVersion"),
        "the version of that group",
        "version:v1beta1",
    ),
    own("user", &["username"], Type::Text, At::Event("user.username"), "who asked", "user:alice*"),
    own(
        "group",
        &["groups", "user_groups"],
        Type::Text,
        At::Event("user.groups[*]"),
        "a group of who asked",
        "group:system:masters",
    ),
    own("uid", &["user_uid"], Type::Text, At::Event("user.uid"), "the uid of who asked", "uid:\"\""),
    own(
        "as",
        &["impersonated_username"],
        Type::Text,
        At::Event("impersonatedUser.username"),
        "as whom it was carried out, where somebody impersonated another",
        "as:*",
    ),
    own(
        "ip",
        &["source_ip", "source_ips"],
        Type::Address,
        At::Event("sourceIPs[*]"),
        "an address that the request came through: one, or a network",
        "ip:10.0.0.0/8",
    ),
    own(
        "agent",
        &["user_agent"],
        Type::Text,
        At::Event("userAgent"),
        "the program that asked, as it calls itself",
        "agent:curl/*",
    ),
    own(
        "code",
        &[],
        Type::Number,
        At::Event("responseStatus.code"),
        "the HTTP status of the answer",
        "code:>=400",
    ),
    own(
        "reason",
        &[],
        Type::Text,
        At::Event("responseStatus.reason"),
        "the reason word of a refusal",
        "reason:Forbidden",
    ),
    own(
        "message",
        &[],
        Type::Text,
        At::Event("responseStatus.message"),
        "what a refusal says",
        "message:*quota*",
    ),
    with(
        own("level", &[], Type::Level, At::Event("level"), "how much was recorded", "level:>=Request"),
        LEVELS,
        true,
    ),
    with(
        own("stage", &[], Type::Text, At::Event("stage"), "when it was recorded", "stage:ResponseComplete"),
        &["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"],
        true,
    ),
    own(
        "id",
        &["audit_id"],
        Type::Text,
        At::Event("auditID"),
        "the request's id; all its stages have it",
        "id:9b5bd0a5-5ab4-4ac9-bd64-e0a0e4bb1e46",
    ),
    own(
        "uri",
        &["request_uri"],
        Type::Text,
        At::Event("requestURI"),
        "what was asked for, with its query",
        "uri:/api/v1/nodes/*/proxy*",
    ),
    own(
        "time",
        &["stage_time"],
        Type::Time,
        At::Event("stageTimestamp"),
        "when the stage was reached; `since` and `until` are quicker",
        "time:<2026-11-26T14:00Z",
    ),
    own(
        "received",
        &["request_received"],
        Type::Time,
        At::Event("requestReceivedTimestamp"),
        "when the request came",
        "received:>=today",
    ),
    own(
        "body",
        &["object"],
        Type::Any,
        At::Object,
        "`body.PATH`: in the object that the request writes, also by a patch of any kind",
        "body.spec.replicas:>10",
    ),
    own(
        "pod",
        &[],
        Type::Any,
        At::Pod,
        "`pod.PATH`: in the pod specification that the request writes, a pod's or a workload's",
        "pod.hostNetwork:true",
    ),
    own(
        "container",
        &[],
        Type::Any,
        At::Container,
        "`container.PATH`: in a container of that, ordinary, init or ephemeral",
        "container.image:*miner*",
    ),
    own(
        "response",
        &["response_object"],
        Type::Any,
        At::Response,
        "`response.PATH`: in the object of the answer",
        "response.kind:Secret",
    ),
    own(
        "query",
        &[],
        Type::Any,
        At::Query,
        "`query.NAME`: a parameter of the request's query",
        "query.fieldManager:kubectl*",
    ),
    own(
        "annotations",
        &["annotation"],
        Type::Any,
        At::Annotations,
        "`annotations.KEY`: what the API server noted about the request",
        "annotations.authorization.k8s.io/reason:*cluster-admin*",
    ),
    own(
        "text",
        &["anywhere"],
        Type::Text,
        At::Anywhere,
        "occurs in any value of the event, bodies included, in small or capital letters; the same as a text alone",
        "text:\"rm -rf\"",
    ),
    own(
        "where",
        &[],
        Type::Text,
        At::Where,
        "an expression of the language of rules",
        "where:'some container (.securityContext.privileged)'",
    ),
];

/// All values of a fact that has few.
fn fact_values(fact: &str) -> &'static [&'static str] {
    match fact {
        "actor" => &[
            "unauthenticated",
            "anonymous",
            "node",
            "controlPlane",
            "controller",
            "serviceAccount",
            "bootstrap",
            "person",
        ],
        "decision" => &["allow", "forbid"],
        "outcome" => &["success", "unauthenticated", "denied", "failed", "none"],
        "patch.kind" => &["json", "merge"],
        "sourceScope" => &["loopback", "private", "public"],
        _ => &[],
    }
}

//! What a user may say of targets. Plain types: which file format they are read from is the caller's.
//!
//! Serde refuses unknown keys; [`Targets::check`] says what else is wrong, all at once.

mod check;
mod hidden;
mod span;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

pub use check::Mistake;
pub use hidden::Hidden;
pub(crate) use hidden::host as url_host;
pub use span::{Span, SpanError};

use crate::glob::Glob;
use crate::notice::Severity;

/// Targets by name. A name is 1 to 64 of `a-z 0-9 - _`: it names the target's file, and metrics carry it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Targets(pub BTreeMap<String, Target>);

/// One place that alerts go to. Exactly one of `stdout`, `file`, `webhook`, `alertmanager`, `falcosidekick` and
/// `syslog` says which.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Target {
    /// Writes to our standard output.
    pub stdout: Option<Stdout>,
    /// Appends to a file.
    pub file: Option<File>,
    /// Posts batches of alerts as JSON.
    pub webhook: Option<Webhook>,
    /// Posts to an Alertmanager, version 2 of its API.
    pub alertmanager: Option<Alertmanager>,
    /// Posts alerts one by one in the form that Falco posts them: for falcosidekick and whatever else understands
    /// Falco.
    pub falcosidekick: Option<Falcosidekick>,
    /// Sends messages by RFC 5424.
    pub syslog: Option<Syslog>,
    /// Only alerts at least this bad. Default: all.
    pub severity: Option<Severity>,
    /// Only alerts of these rules, by the rule's id. Default: all.
    pub rules: Choice,
    /// Only alerts from these clusters. Default: all. Where nobody said the cluster, its name is empty.
    pub clusters: Choice,
    /// Which alerts go together, and how often. Default: what is there goes at once.
    pub group: Group,
    /// What happens when the target does not take an alert.
    pub retry: Retry,
}

/// Names to take and names to leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Choice {
    /// Patterns with `*` and `?`, one of which must match. Default, and when empty: all.
    pub include: Vec<Glob>,
    /// Patterns none of which may match; stronger than `include`.
    pub exclude: Vec<Glob>,
}

/// Which alerts go together, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Group {
    /// Alerts that agree in all of these go together: `cluster`, `rule`, `severity`, or a field of the alert's JSON
    /// such as `user` or `object.namespace`. Default: none, so that all alerts of the target are one group.
    pub by: Vec<String>,
    /// A group is sent no earlier than this after its first alert, so that what belongs together comes together.
    /// Default: 0s.
    pub wait: Span,
    /// A group is sent no earlier than this after it was sent last. Default: 0s.
    pub interval: Span,
    /// Alerts that nobody has acknowledged or closed are told again after this time, at most `repeat_max` times.
    /// Default: never.
    pub repeat: Option<Span>,
    /// How often a group is told again after its last new alert. Default: 10.
    pub repeat_max: u32,
    /// At most so many alerts go in one delivery, 1 to 1000. Default: 100; falcosidekick takes one at a time.
    pub size_max: usize,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            by: Vec::new(),
            wait: Span::ZERO,
            interval: Span::ZERO,
            repeat: None,
            repeat_max: 10,
            size_max: 100,
        }
    }
}

/// What happens when a target does not take an alert.
///
/// A target that cannot be reached, is busy (408, 425, 429, 5xx) or lets us not in (401, 403, 404, 407, a redirect) is
/// tried again for as long as it takes. A delivery that a working target refuses is tried `tries_max` times and then
/// goes to the file of dead letters; so does one that it lets not in for `closed_max`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The wait after a first failure; it doubles from failure to failure, and a random part of up to half is taken
    /// off. Default: 1s.
    pub first: Span,
    /// The longest wait. Default: 5m. A target may ask for longer with `Retry-After`, up to an hour.
    pub longest: Span,
    /// How often a delivery may be refused, at least 1. Default: 8.
    pub tries_max: u32,
    /// How long a delivery may be kept out by 401, 403, 404, 407 or a redirect. Default: 24h.
    pub closed_max: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Span::from_secs(1),
            longest: Span::from_secs(300),
            tries_max: 8,
            closed_max: Span::from_secs(24 * 3600),
        }
    }
}

/// Writes to our standard output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stdout {
    /// A line for people, or the alert's JSON. Default: text.
    pub format: Format,
}

/// Appends to a file, a line an alert; each delivery is synced before it counts as taken. The file may be moved away
/// at any time (logrotate): the next delivery makes a new one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where; its folder must exist. A new file is for its owner alone (0600).
    pub path: PathBuf,
    /// A line for people, or the alert's JSON. Default: json.
    #[serde(default = "Format::json")]
    pub format: Format,
    /// A file that has grown beyond this is renamed to `path.1` (and that to `path.2` …) before more is written. In
    /// bytes. Default: 100 MiB; 0 means never.
    #[serde(default = "File::bytes_max")]
    pub bytes_max: u64,
    /// How many renamed files are kept. Default: 5.
    #[serde(default = "File::keep")]
    pub keep: u32,
}

impl File {
    fn bytes_max() -> u64 {
        100 << 20
    }

    fn keep() -> u32 {
        5
    }
}

/// How an alert is written on a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people: time, severity, cluster, rule, summary.
    #[default]
    Text,
    /// The alert's JSON.
    Json,
}

impl Format {
    fn json() -> Self {
        Self::Json
    }
}

/// Posts batches of alerts as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where to: `https://…` or `http://…`. Only its host is ever shown, for in many services the path is a secret.
    /// Either this or `url_file`.
    #[serde(default)]
    pub url: Option<Hidden>,
    /// A file whose first line is the URL.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// What the body is. Default: alerts.
    #[serde(default)]
    pub body: Body,
    /// Sent as they are. They are never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, Hidden>,
    /// How to reach the server and who we are to it.
    #[serde(default)]
    pub http: Http,
}

/// What a webhook's body is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// `{"version":1,"delivery":…,"target":…,"repeat":…,"test":…,"group":{…},"alerts":[…]}`
    #[default]
    Alerts,
    /// `{"text":…}`, lines for people: what Slack, Mattermost, Rocket.Chat and Google Chat take.
    Text,
}

/// Posts to an Alertmanager. Of several that form a cluster, each is a target of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// Its address, as `http://alertmanager:9093`; `/api/v2/alerts` is added.
    pub url: Hidden,
    /// Further labels, on every alert.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// An alert is a moment, but Alertmanager wants to know when it ends: so long after it was told (again). Default:
    /// 1h.
    #[serde(default = "Alertmanager::hold")]
    pub hold: Span,
    /// How to reach the server and who we are to it.
    #[serde(default)]
    pub http: Http,
}

impl Alertmanager {
    fn hold() -> Span {
        Span::from_secs(3600)
    }
}

/// Posts alerts one by one in the form that Falco posts them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Falcosidekick {
    /// Where to, as `http://falcosidekick:2801/`.
    pub url: Hidden,
    /// Further entries of `output_fields`, on every alert.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// How to reach the server and who we are to it.
    #[serde(default)]
    pub http: Http,
}

/// How to reach a server and who we are to it. Files are read anew when they have changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// The certificates (PEM) that a server's must be signed by; no other is trusted then. Default: the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate (PEM, with what leads to its issuer), for servers that ask for one.
    pub cert_file: Option<PathBuf>,
    /// Its private key (PEM).
    pub key_file: Option<PathBuf>,
    /// A file whose first line is sent as `Authorization: Bearer …`.
    pub token_file: Option<PathBuf>,
    /// With `password_file`, sent as `Authorization: Basic …`.
    pub username: Option<String>,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// How long one delivery may take from the connection to the end of the answer. Default: 30s.
    pub timeout: Span,
    /// A proxy, as `http://proxy:3128`. Default: none; the environment is not asked.
    pub proxy: Option<Hidden>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            ca_file: None,
            cert_file: None,
            key_file: None,
            token_file: None,
            username: None,
            password_file: None,
            timeout: Span::from_secs(30),
            proxy: None,
        }
    }
}

/// Sends messages by RFC 5424. Syslog has no acknowledgements: what the operating system has taken counts as taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// `udp://host:514`, `tcp://host:601` (octet counting, RFC 6587), or `unix:///dev/log`.
    pub address: String,
    /// Default: local0.
    #[serde(default)]
    pub facility: Facility,
    /// The message: a line for people, or the alert's JSON. Default: text.
    #[serde(default)]
    pub format: Format,
    /// What messages say for their host. Default: this machine's name.
    #[serde(default)]
    pub hostname: Option<String>,
    /// What messages say for their program. Default: auditward.
    #[serde(default = "Syslog::app_name")]
    pub app_name: String,
    /// The longest message in bytes, 480 to 65000; of JSON that does not fit, only the line for people is sent.
    /// Default: 8192, as receivers commonly take; RFC 5426 promises 2048 for UDP.
    #[serde(default = "Syslog::bytes_max")]
    pub bytes_max: usize,
    /// How long connecting and writing may take. Default: 30s.
    #[serde(default = "Syslog::timeout")]
    pub timeout: Span,
}

impl Syslog {
    fn app_name() -> String {
        "auditward".to_owned()
    }

    fn bytes_max() -> usize {
        8192
    }

    fn timeout() -> Span {
        Span::from_secs(30)
    }
}

/// Syslog's facilities that are for programs like this.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "syslog's own words")]
pub enum Facility {
    User = 1,
    Daemon = 3,
    Auth = 4,
    Authpriv = 10,
    #[default]
    Local0 = 16,
    Local1 = 17,
    Local2 = 18,
    Local3 = 19,
    Local4 = 20,
    Local5 = 21,
    Local6 = 22,
    Local7 = 23,
}

/// Where a target's alerts go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To<'a> {
    Stdout(&'a Stdout),
    File(&'a File),
    Webhook(&'a Webhook),
    Alertmanager(&'a Alertmanager),
    Falcosidekick(&'a Falcosidekick),
    Syslog(&'a Syslog),
}

impl Target {
    /// What it is, `webhook` for example; the first where several are given, and nothing where none is.
    pub fn kind(&self) -> Option<&'static str> {
        self.to().map(To::kind)
    }

    pub(crate) fn to(&self) -> Option<To<'_>> {
        self.all().next()
    }

    /// For people: the kind and the place, without secrets.
    pub fn place(&self) -> String {
        match self.to() {
            None => "nowhere".to_owned(),
            Some(To::Stdout(_)) => "standard output".to_owned(),
            Some(To::File(file)) => file.path.display().to_string(),
            Some(To::Webhook(Webhook { url: Some(url), .. })) => url.host(),
            Some(To::Webhook(webhook)) => match &webhook.url_file {
                Some(path) => format!("the URL in {}", path.display()),
                None => "nowhere".to_owned(),
            },
            Some(To::Alertmanager(alertmanager)) => alertmanager.url.host(),
            Some(To::Falcosidekick(falcosidekick)) => falcosidekick.url.host(),
            Some(To::Syslog(syslog)) => syslog.address.clone(),
        }
    }

    fn all(&self) -> impl Iterator<Item = To<'_>> {
        [
            self.stdout.as_ref().map(To::Stdout),
            self.file.as_ref().map(To::File),
            self.webhook.as_ref().map(To::Webhook),
            self.alertmanager.as_ref().map(To::Alertmanager),
            self.falcosidekick.as_ref().map(To::Falcosidekick),
            self.syslog.as_ref().map(To::Syslog),
        ]
        .into_iter()
        .flatten()
    }
}

impl To<'_> {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Stdout(_) => "stdout",
            Self::File(_) => "file",
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
            Self::Falcosidekick(_) => "falcosidekick",
            Self::Syslog(_) => "syslog",
        }
    }
}

impl Choice {
    pub(crate) fn takes(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|glob| glob.matches(name)))
            && !self.exclude.iter().any(|glob| glob.matches(name))
    }
}

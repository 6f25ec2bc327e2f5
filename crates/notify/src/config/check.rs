//! What serde cannot see.

use std::fmt;

use super::{Http, Span, Target, Targets, To};

/// Something wrong with the configuration of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where: the keys from the target's name down, as `pager.webhook.url`.
    pub at: String,
    /// What, in a sentence for people.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// More targets than this are refused: each is a thread.
const TARGETS_MAX: usize = 100;
const NAME_MAX: usize = 64;
const BY_MAX: usize = 8;
/// Who has not answered by then does not answer; and a target that is configured anew first waits for its last answer.
const TIMEOUT_MAX: Span = Span::from_secs(300);

impl Targets {
    /// All that is wrong with them; nothing if they can be started. No file is read.
    pub fn check(&self) -> Vec<Mistake> {
        let mut found = Found(Vec::new());
        if self.0.len() > TARGETS_MAX {
            found.add("", format!("there are {} targets; {TARGETS_MAX} can be", self.0.len()));
        }
        for (name, target) in &self.0 {
            let word = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
            if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(word) {
                let what = format!("a target's name is 1 to {NAME_MAX} of `a-z`, `0-9`, `-` and `_`");
                found.add(name, what);
            }
            found.target(name, target);
        }
        found.0
    }
}

struct Found(Vec<Mistake>);

impl Found {
    fn add(&mut self, at: &str, what: impl Into<String>) {
        self.0.push(Mistake { at: at.to_owned(), what: what.into() });
    }

    fn target(&mut self, name: &str, target: &Target) {
        let kinds: Vec<&str> = target.all().map(To::kind).collect();
        match kinds.as_slice() {
            [_] => {}
            [] => self.add(
                name,
                "it must say where to: `stdout`, `file`, `webhook`, `alertmanager`, `falcosidekick` or `syslog`",
            ),
            several => self.add(
                name,
                format!(
                    "it says `{}`; a target goes to one place, so make them several",
                    several.join("` and `")
                ),
            ),
        }
        for to in target.all() {
            self.to(&format!("{name}.{}", to.kind()), to);
        }
        let group = &target.group;
        if group.by.len() > BY_MAX {
            self.add(
                &format!("{name}.group.by"),
                format!("it names {} fields; {BY_MAX} can be", group.by.len()),
            );
        }
        if group.by.iter().any(String::is_empty) {
            self.add(&format!("{name}.group.by"), "it names a field without a name");
        }
        if !(1..=1000).contains(&group.size_max) {
            self.add(&format!("{name}.group.size_max"), "it must be 1 to 1000");
        }
        if group.repeat.is_some_and(|repeat| repeat < Span::from_secs(1)) {
            self.add(&format!("{name}.group.repeat"), "it must be at least `1s`; leave it out for never");
        }
        let retry = &target.retry;
        if retry.first == Span::ZERO || retry.first > retry.longest {
            self.add(&format!("{name}.retry.first"), "it must be more than `0s` and at most `longest`");
        }
        if retry.tries_max == 0 {
            self.add(&format!("{name}.retry.tries_max"), "it must be at least 1");
        }
    }

    fn to(&mut self, at: &str, to: To<'_>) {
        match to {
            To::Stdout(_) => {}
            To::File(file) => {
                if file.path.file_name().is_none() {
                    self.add(&format!("{at}.path"), "it must name a file");
                }
            }
            To::Webhook(webhook) => {
                match (&webhook.url, &webhook.url_file) {
                    (Some(url), None) => self.url(&format!("{at}.url"), url.reveal()),
                    (None, Some(_)) => {}
                    (None, None) => self.add(at, "it must have a `url` or a `url_file`"),
                    (Some(_), Some(_)) => self.add(at, "it has a `url` and a `url_file`; it can have one"),
                }
                for name in webhook.headers.keys() {
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                    if name.is_empty() || !name.bytes().all(plain) {
                        self.add(&format!("{at}.headers"), format!("`{name}` is no name of a header"));
                    }
                }
                self.http(&format!("{at}.http"), &webhook.http);
            }
            To::Alertmanager(alertmanager) => {
                self.url(&format!("{at}.url"), alertmanager.url.reveal());
                for name in alertmanager.labels.keys() {
                    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
                    if !starts || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                        let what = format!("`{name}` is no label: letters, digits and `_`, no digit first");
                        self.add(&format!("{at}.labels"), what);
                    }
                }
                self.http(&format!("{at}.http"), &alertmanager.http);
            }
            To::Falcosidekick(falcosidekick) => {
                self.url(&format!("{at}.url"), falcosidekick.url.reveal());
                self.http(&format!("{at}.http"), &falcosidekick.http);
            }
            To::Syslog(syslog) => {
                if let Err(what) = crate::send::SyslogAddress::parse(&syslog.address) {
                    self.add(&format!("{at}.address"), what);
                }
                if !(480..=65_000).contains(&syslog.bytes_max) {
                    self.add(&format!("{at}.bytes_max"), "it must be 480 to 65000");
                }
                self.timeout(at, syslog.timeout);
            }
        }
    }

    fn url(&mut self, at: &str, url: &str) {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        if host.is_none_or(|host| host.rsplit('@').next().is_none_or(str::is_empty)) {
            self.add(at, "it must be a whole URL: `https://host…` or `http://host…`");
        } else if host.is_some_and(|host| host.contains('@')) {
            self.add(at, "it holds a user; use `http.username` and `http.password_file`");
        } else if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            self.add(at, "it holds a space; write `%20`");
        }
    }

    fn timeout(&mut self, at: &str, timeout: Span) {
        if timeout == Span::ZERO || timeout > TIMEOUT_MAX {
            self.add(&format!("{at}.timeout"), "it must be more than `0s` and at most `5m`");
        }
    }

    fn http(&mut self, at: &str, http: &Http) {
        if http.cert_file.is_some() != http.key_file.is_some() {
            self.add(at, "`cert_file` and `key_file` go together");
        }
        if http.username.is_some() != http.password_file.is_some() {
            self.add(at, "`username` and `password_file` go together");
        }
        if http.token_file.is_some() && http.password_file.is_some() {
            self.add(at, "it has a `token_file` and a `password_file`; only one can be sent");
        }
        self.timeout(at, http.timeout);
        if http.username.as_ref().is_some_and(|user| user.contains(':')) {
            self.add(&format!("{at}.username"), "it must not hold a `:`");
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "reads better in the cases")]
    #[track_caller]
    fn check(config: serde_json::Value, expected: Expect) {
        let seen = match serde_json::from_value::<Targets>(config) {
            Ok(targets) => {
                let mistakes: Vec<String> = targets.check().iter().map(Mistake::to_string).collect();
                mistakes.join("\n")
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&seen);
    }

    #[test]
    fn good_ones() {
        check(
            json!({
                "console": { "stdout": {} },
                "all": { "file": { "path": "/var/log/alerts.json" } },
                "pager": {
                    "webhook": { "url": "https://hooks.example/x", "http": { "token_file": "/run/token" } },
                    "severity": "error",
                    "rules": { "include": ["*"], "exclude": ["secrets-*"] },
                    "group": { "by": ["cluster", "object.namespace"], "wait": "30s", "interval": "5m", "repeat": "4h" },
                },
                "am": { "alertmanager": { "url": "http://127.0.0.1:9093", "labels": { "team": "blue" } } },
                "falco": { "falcosidekick": { "url": "http://127.0.0.1:2801/" } },
                "logs": { "syslog": { "address": "udp://127.0.0.1:514", "facility": "authpriv" } },
            }),
            expect![""],
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        check(
            json!({
                "Pager": { "stdout": {}, "file": { "path": "/" } },
                "none": { "group": { "size_max": 0, "repeat": "0s" }, "retry": { "first": "6m", "tries_max": 0 } },
                "hook": { "webhook": { "url": "hooks.example", "headers": { "a b": "x" }, "http": { "cert_file": "c", "timeout": "0s" } } },
                "user": { "webhook": { "url": "https://me:secret@hooks.example/" } },
                "both": { "webhook": { "url": "https://x/", "url_file": "y" } },
                "am": { "alertmanager": { "url": "http:///x", "labels": { "1a": "" } } },
                "logs": { "syslog": { "address": "udp://", "bytes_max": 10 } },
            }),
            expect![[r#"
                Pager: a target's name is 1 to 64 of `a-z`, `0-9`, `-` and `_`
                Pager: it says `stdout` and `file`; a target goes to one place, so make them several
                Pager.file.path: it must name a file
                am.alertmanager.url: it must be a whole URL: `https://host…` or `http://host…`
                am.alertmanager.labels: `1a` is no label: letters, digits and `_`, no digit first
                both.webhook: it has a `url` and a `url_file`; it can have one
                hook.webhook.url: it must be a whole URL: `https://host…` or `http://host…`
                hook.webhook.headers: `a b` is no name of a header
                hook.webhook.http: `cert_file` and `key_file` go together
                hook.webhook.http.timeout: it must be more than `0s` and at most `5m`
                logs.syslog.address: it must be `udp://host:514`, `tcp://host:601` or `unix:///dev/log`
                logs.syslog.bytes_max: it must be 480 to 65000
                none: it must say where to: `stdout`, `file`, `webhook`, `alertmanager`, `falcosidekick` or `syslog`
                none.group.size_max: it must be 1 to 1000
                none.group.repeat: it must be at least `1s`; leave it out for never
                none.retry.first: it must be more than `0s` and at most `longest`
                none.retry.tries_max: it must be at least 1
                user.webhook.url: it holds a user; use `http.username` and `http.password_file`"#]],
        );
    }

    #[test]
    fn unknown_keys_and_words() {
        check(
            json!({ "a": { "stdout": {}, "sevrity": "error" } }),
            expect![
                "unknown field `sevrity`, expected one of `stdout`, `file`, `webhook`, `alertmanager`, `falcosidekick`, `syslog`, `severity`, `rules`, `clusters`, `group`, `retry`"
            ],
        );
        check(
            json!({ "a": { "stdout": {}, "severity": "bad" } }),
            expect![
                "unknown variant `bad`, expected one of `debug`, `informational`, `notice`, `warning`, `error`, `critical`, `alert`, `emergency`"
            ],
        );
        check(
            json!({ "a": { "stdout": { "format": "xml" } } }),
            expect!["unknown variant `xml`, expected `text` or `json`"],
        );
        check(
            json!({ "a": { "stdout": {}, "group": { "wait": "soon" } } }),
            expect![
                "`soon` is no length of time; one is written `90s`, `5m`, `1h30m` or `7d`, and is at most ten years"
            ],
        );
        check(json!({ "a": { "file": {} } }), expect!["missing field `path`"]);
    }
}

//! The values of a policy, judged as kube-apiserver judges them, in its order and with its words beside ours.
//!
//! Source: `k8s.io/apiserver`, `pkg/apis/audit/validation/validation.go`.

use auditward_event::{Level, Stage};

use super::finding::{Finding, Severity};
use super::go;
use super::raw::{Located, RawGroupResources, RawLevel, RawPolicy, RawRule};
use super::source::{FieldPath, Span};
use super::suggest::did_you_mean;

/// All findings, in the reference's order of evaluation.
pub(super) fn validate(policy: &RawPolicy, findings: &mut Vec<Finding>) {
    let mut validator = Validator { findings };
    validator.stages(&policy.omit_stages);
    for rule in &policy.rules {
        validator.rule(rule);
    }
}

struct Validator<'f> {
    findings: &'f mut Vec<Finding>,
}

impl Validator<'_> {
    fn rule(&mut self, rule: &RawRule) {
        self.level(rule);
        for url in &rule.non_resource_urls {
            self.non_resource_url(url);
        }
        for entry in &rule.resources {
            self.group_resources(rule, entry);
        }
        self.stages(&rule.omit_stages);
        let about_resources = !rule.resources.is_empty() || !rule.namespaces.is_empty();
        if about_resources && !rule.non_resource_urls.is_empty() {
            let path = rule.path.key("nonResourceURLs");
            let value = go::json_list(&values(&rule.non_resource_urls));
            let span = rule.non_resource_urls[0].span.clone();
            self.refuse(
                path.clone(),
                span,
                "a rule is about resources (`resources`, `namespaces`) or about `nonResourceURLs`, never both",
                Some("make two rules of it".to_owned()),
                format!("{path}: Invalid value: {value}: rules cannot apply to both regular resources and non-resource URLs"),
            );
        }
    }

    fn level(&mut self, rule: &RawRule) {
        let path = rule.path.key("level");
        match &rule.level {
            RawLevel::Unreadable => {}
            RawLevel::Absent => {
                let reference = format!("{path}: Required value");
                self.refuse(
                    path,
                    rule.span.clone(),
                    "this rule has no `level`",
                    Some("add one of None, Metadata, Request, RequestResponse".to_owned()),
                    reference,
                );
            }
            RawLevel::Word(word) if word.value.parse::<Level>().is_ok() => {}
            RawLevel::Word(word) => {
                let levels = Level::ALL.map(Level::as_str);
                let hint = did_you_mean(&word.value, levels).map_or_else(
                    || format!("allowed are {}", levels.join(", ")),
                    |meant| format!("did you mean `{meant}`?"),
                );
                let supported = levels.map(go::quote).join(", ");
                let reference = format!(
                    "{path}: Unsupported value: {}: supported values: {supported}",
                    go::json_string(&word.value)
                );
                self.refuse(
                    path,
                    word.span.clone(),
                    &format!("unknown level `{}`", word.value),
                    Some(hint),
                    reference,
                );
            }
        }
    }

    fn non_resource_url(&mut self, url: &Located<String>) {
        let text = &url.value;
        let quoted = go::quote(text);
        if text != "*" && !text.starts_with('/') {
            self.refuse(
                url.path.clone(),
                url.span.clone(),
                &format!("a non-resource URL begins with `/`, this is `{text}`"),
                Some(format!("write `/{}`", text.trim_start_matches('*'))),
                format!(
                    "{}: Invalid value: {quoted}: non-resource URL rules must begin with a '/' character",
                    url.path
                ),
            );
        }
        if text.find('*').is_some_and(|star| star + 1 < text.len()) {
            self.refuse(
                url.path.clone(),
                url.span.clone(),
                &format!("in `{text}` the `*` is not the last character"),
                Some("a path can only be matched from its beginning: keep one `*`, at the end".to_owned()),
                format!(
                    "{}: Invalid value: {quoted}: non-resource URL wildcards '*' must be the final character of the rule",
                    url.path
                ),
            );
        }
    }

    fn group_resources(&mut self, rule: &RawRule, entry: &RawGroupResources) {
        let group = &entry.group.value;
        if group == "*" {
            self.findings.push(Finding {
                severity: Severity::Warning,
                path: entry.group.path.clone(),
                span: entry.group.span.clone(),
                message: "group `*` is refused by Kubernetes 1.35 and older: the API server does not start"
                    .to_owned(),
                hint: Some(
                    "for such a server list the groups, or leave `resources` out of the rule".to_owned(),
                ),
                reference: None,
            });
        } else if !group.is_empty() {
            let messages = subdomain_errors(group);
            if !messages.is_empty() {
                let hint = match group.rsplit_once('/') {
                    Some((without_version, _)) => {
                        format!("write the group without a version: `{without_version}`")
                    }
                    None if group.contains('*') => {
                        "only `*` alone is a wildcard (and only since 1.36)".to_owned()
                    }
                    None if group.chars().any(char::is_uppercase) => {
                        format!("write `{}`", group.to_lowercase())
                    }
                    None => {
                        "a group looks like `apps` or `rbac.authorization.k8s.io`; the core group is `\"\"`"
                            .to_owned()
                    }
                };
                // The reference's path has no index here, so two bad groups in one rule print one line.
                let path = rule.path.key("resources").key("group");
                self.refuse(
                    entry.group.path.clone(),
                    entry.group.span.clone(),
                    &format!("`{group}` is not the name of an API group"),
                    Some(hint),
                    format!("{path}: Invalid value: {}: {}", go::quote(group), messages.join(",")),
                );
            }
        }
        if !entry.resource_names.is_empty() && entry.resources.is_empty() {
            let path = rule.path.key("resources").key("resourceNames");
            let value = go::json_list(&values(&entry.resource_names));
            self.refuse(
                entry.path.key("resourceNames"),
                entry.resource_names[0].span.clone(),
                "`resourceNames` needs at least one entry in `resources`",
                Some("say which resources have these names".to_owned()),
                format!("{path}: Invalid value: {value}: using resourceNames requires at least one resource"),
            );
        }
    }

    fn stages(&mut self, stages: &[Located<String>]) {
        for stage in stages {
            if stage.value.parse::<Stage>().is_ok() {
                continue;
            }
            let known = Stage::ALL.map(Stage::as_str);
            let hint = did_you_mean(&stage.value, known).map_or_else(
                || format!("allowed are {}", known.join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            );
            self.refuse(
                stage.path.clone(),
                stage.span.clone(),
                &format!("unknown stage `{}`", stage.value),
                Some(hint),
                format!(
                    "{}: Invalid value: {}: allowed stages are {}",
                    stage.path,
                    go::quote(&stage.value),
                    known.join(",")
                ),
            );
        }
    }

    fn refuse(
        &mut self,
        path: FieldPath,
        span: Span,
        message: &str,
        hint: Option<String>,
        reference: String,
    ) {
        let severity = Severity::Error;
        let message = message.to_owned();
        self.findings.push(Finding { severity, path, span, message, hint, reference: Some(reference) });
    }
}

fn values(located: &[Located<String>]) -> Vec<String> {
    located.iter().map(|entry| entry.value.clone()).collect()
}

/// Why `name` is no DNS-1123 subdomain, in the reference's words; empty when it is one.
fn subdomain_errors(name: &str) -> Vec<&'static str> {
    let mut errors = Vec::new();
    if name.len() > 253 {
        errors.push("must be no more than 253 characters");
    }
    let label_is_right = |label: &str| {
        let bytes = label.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        bytes.first().is_some_and(inner)
            && bytes.last().is_some_and(inner)
            && bytes.iter().all(|byte| inner(byte) || *byte == b'-')
    };
    if !name.split('.').all(label_is_right) {
        errors.push(concat!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must ",
            "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is ",
            r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ));
    }
    errors
}

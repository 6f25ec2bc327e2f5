//! A policy as YAML that reads back to the same policy.

use crate::model::{GroupResources, Policy, Rule};
use crate::read::API_VERSION;
use crate::stage_set::StageSet;

/// The policy as kube-apiserver takes it, one rule after the other, nothing but what differs from the default.
pub fn print(policy: &Policy) -> String {
    let mut text = format!("apiVersion: {API_VERSION}\nkind: Policy\n");
    stages(&mut text, "", policy.omit_stages);
    if policy.omit_managed_fields {
        text += "omitManagedFields: true\n";
    }
    if policy.rules.is_empty() {
        return text + "rules: []\n";
    }
    text += "rules:\n";
    for rule in &policy.rules {
        print_rule(&mut text, rule);
    }
    text
}

fn print_rule(text: &mut String, rule: &Rule) {
    *text += &format!("- level: {}\n", rule.level);
    list(text, "  ", "users", &rule.users);
    list(text, "  ", "userGroups", &rule.user_groups);
    list(text, "  ", "verbs", &rule.verbs);
    if !rule.resources.is_empty() {
        *text += "  resources:\n";
        for GroupResources { group, resources, resource_names } in &rule.resources {
            *text += &format!("  - group: {}\n", quoted(group));
            list(text, "    ", "resources", resources);
            list(text, "    ", "resourceNames", resource_names);
        }
    }
    list(text, "  ", "namespaces", &rule.namespaces);
    list(text, "  ", "nonResourceURLs", &rule.non_resource_urls);
    stages(text, "  ", rule.omit_stages);
    if let Some(omit) = rule.omit_managed_fields {
        *text += &format!("  omitManagedFields: {omit}\n");
    }
}

fn stages(text: &mut String, indent: &str, stages: StageSet) {
    let names: Vec<&str> = stages.iter().map(auditward_event::Stage::as_str).collect();
    if !names.is_empty() {
        *text += &format!("{indent}omitStages: [{}]\n", names.join(", "));
    }
}

fn list(text: &mut String, indent: &str, key: &str, entries: &[String]) {
    if !entries.is_empty() {
        let entries: Vec<String> = entries.iter().map(|entry| quoted(entry)).collect();
        *text += &format!("{indent}{key}: [{}]\n", entries.join(", "));
    }
}

/// Always in double quotes: a bare `yes`, `1e3` or `*` would be something else in YAML. Whatever is not plain text is
/// written as an escape.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c if u32::from(c) <= 0xffff => quoted += &format!("\\u{:04x}", u32::from(c)),
            c => quoted += &format!("\\U{:08x}", u32::from(c)),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use auditward_event::{Level, Stage};
    use proptest::prelude::*;

    use super::*;
    use crate::read::read;

    fn words() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(
            prop_oneof![any::<String>(), "[a-z:*/]{0,9}", Just("yes".to_owned()), Just("~".to_owned())],
            0..4,
        )
    }

    fn any_stages() -> impl Strategy<Value = StageSet> {
        prop::collection::vec(prop::sample::select(&Stage::ALL[..]), 0..4)
            .prop_map(|list| list.into_iter().collect())
    }

    fn any_rule() -> impl Strategy<Value = Rule> {
        let entry =
            ("([a-z]{1,8}(\\.[a-z]{1,8})?)?|\\*", words(), words()).prop_map(|(group, resources, names)| {
                let resource_names = if resources.is_empty() { Vec::new() } else { names };
                GroupResources { group, resources, resource_names }
            });
        let what = prop_oneof![
            (prop::collection::vec(entry, 0..3), words()).prop_map(|(resources, namespaces)| (
                resources,
                namespaces,
                Vec::new()
            )),
            prop::collection::vec("/[a-z/]{0,9}\\*?", 0..3).prop_map(|urls| (Vec::new(), Vec::new(), urls)),
        ];
        let who = (words(), words(), words());
        (prop::sample::select(&Level::ALL[..]), who, what, any_stages(), any::<Option<bool>>()).prop_map(
            |(level, who, what, omit_stages, omit_managed_fields)| Rule {
                level,
                users: who.0,
                user_groups: who.1,
                verbs: who.2,
                resources: what.0,
                namespaces: what.1,
                non_resource_urls: what.2,
                omit_stages,
                omit_managed_fields,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_printed_reads_back(
            rules in prop::collection::vec(any_rule(), 1..5),
            omit_stages in any_stages(),
            omit_managed_fields: bool,
        ) {
            let policy = Policy { rules, omit_stages, omit_managed_fields };
            let text = print(&policy);
            let reading = read(text.as_bytes());
            prop_assert_eq!(reading.policy, Some(policy), "{}\n{:?}", text, reading.findings);
        }
    }
}

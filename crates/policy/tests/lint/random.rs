//! Policies made at random from words that matter, in block style with comments, in flow style, in JSON: whatever is
//! said of them must be true, and whatever is offered must work.

use auditward_policy::lint::{fix, fix_all, lint};
use auditward_policy::matching::first_failed;
use auditward_policy::read::read;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_is_true_and_what_is_offered_works(policy in policy(), style in select(vec![Style::Block, Style::Flow, Style::Json])) {
        let text = policy.render(style);
        let reading = read(text.as_bytes());
        let parsed = reading.policy.as_ref().expect("a right policy");
        let findings = lint(text.as_bytes(), &reading);
        for finding in &findings {
            prop_assert_ne!(finding.id, "too-complex");
            if let Some(proof) = &finding.witness {
                let plain = proof.request.with(|it| parsed.rules.iter().position(|rule| first_failed(rule, it).is_none()));
                prop_assert_eq!(plain, proof.decided_by, "{}: {}\n{}", finding.id, proof, text);
            }
            if finding.fix.as_ref().is_some_and(|fix| fix.safe) {
                let fixed = fix(text.as_bytes(), std::slice::from_ref(finding));
                prop_assert!(read(&fixed).policy.is_some(), "{}: {}\n{}", finding.id, text, String::from_utf8_lossy(&fixed));
            }
        }
        let fixed = fix_all(text.as_bytes());
        let shown = String::from_utf8_lossy(&fixed.text).into_owned();
        let after = read(&fixed.text);
        let after_policy = after.policy.as_ref().expect("still a right policy");
        let left = lint(&fixed.text, &after);
        prop_assert!(!left.iter().any(|it| it.fix.as_ref().is_some_and(|fix| fix.safe)), "{}\n{}", text, shown);
        prop_assert!(!left.iter().any(|it| it.id == "secret-bodies" || it.id == "token-bodies"), "{}\n{}", text, shown);
        super::only_credentials_are_recorded_at_less(&text, parsed, after_policy);
        if style == Style::Block {
            let kept = text.lines().filter(|line| line.trim_start().starts_with('#'));
            prop_assert!(kept.clone().all(|line| shown.contains(line)), "{}\n{}", text, shown);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Block,
    Flow,
    Json,
}

#[derive(Clone, Debug)]
struct Random {
    omit_stages: Vec<&'static str>,
    rules: Vec<RandomRule>,
}

#[derive(Clone, Debug)]
struct RandomRule {
    level: &'static str,
    /// Key and words; an empty one is left out.
    lists: Vec<(&'static str, Vec<&'static str>)>,
    resources: Vec<(&'static str, Vec<&'static str>, Vec<&'static str>)>,
}

fn policy() -> impl Strategy<Value = Random> {
    (
        subsequence(vec!["RequestReceived", "ResponseStarted", "Panic"], 0..=2),
        prop::collection::vec(rule(), 1..7),
    )
        .prop_map(|(omit_stages, rules)| Random { omit_stages, rules })
}

fn rule() -> impl Strategy<Value = RandomRule> {
    let few = |words: Vec<&'static str>| prop_oneof![4 => Just(Vec::new()), 2 => subsequence(words, 1..=2)];
    let entry = (
        select(vec!["", "apps", "authentication.k8s.io", "coordination.k8s.io"]),
        few(vec![
            "secrets",
            "pods",
            "pods/*",
            "serviceaccounts/token",
            "*",
            "tokenreviews",
            "deployments",
            "leases",
        ]),
        few(vec!["web", "db"]),
    );
    let resources = prop_oneof![1 => Just(Vec::new()), 2 => prop::collection::vec(entry, 1..=2)];
    (
        select(vec!["None", "Metadata", "Request", "RequestResponse"]),
        few(vec!["alice", "system:kube-proxy", "*"]),
        few(vec!["system:authenticated", "system:nodes", "system:masters"]),
        few(vec!["get", "list", "watch", "create", "update", "GET"]),
        few(vec!["", "kube-system", "prod"]),
        few(vec!["/healthz*", "/api", "/livez"]),
        resources,
    )
        .prop_map(|(level, users, groups, verbs, namespaces, urls, resources)| {
            let about_resources = !resources.is_empty() || !namespaces.is_empty();
            let urls = if about_resources { Vec::new() } else { urls };
            let lists = vec![
                ("users", users),
                ("userGroups", groups),
                ("verbs", verbs),
                ("namespaces", namespaces),
                ("nonResourceURLs", urls),
            ];
            // Names need resources.
            let resources = resources
                .into_iter()
                .map(|(group, patterns, names)| {
                    if patterns.is_empty() { (group, patterns, Vec::new()) } else { (group, patterns, names) }
                })
                .collect();
            RandomRule { level, lists, resources }
        })
}

impl Random {
    fn render(&self, style: Style) -> String {
        let rules: Vec<String> =
            self.rules.iter().enumerate().map(|(at, rule)| rule.render(at, style)).collect();
        let stages = words(&self.omit_stages);
        match style {
            Style::Json => format!(
                "{{\"apiVersion\": \"audit.k8s.io/v1\", \"kind\": \"Policy\", \"omitStages\": {stages},\n  \"rules\": [\n    {}\n  ]}}\n",
                rules.join(",\n    ")
            ),
            _ => {
                let stages = if self.omit_stages.is_empty() {
                    String::new()
                } else {
                    format!("omitStages: {stages}\n")
                };
                format!(
                    "# head\napiVersion: audit.k8s.io/v1\nkind: Policy\n{stages}\n# rules\nrules:\n{}# end\n",
                    rules.concat()
                )
            }
        }
    }
}

impl RandomRule {
    fn render(&self, at: usize, style: Style) -> String {
        let resources: Vec<String> = self.resources.iter().map(entry).collect();
        let lists = self.lists.iter().filter(|(_, list)| !list.is_empty());
        if style == Style::Block {
            let mut out = format!("  # about rule {at}\n  - level: {} # its level\n", self.level);
            for (key, list) in lists {
                out += &format!("    {key}: {}\n", words(list));
            }
            if !resources.is_empty() {
                out += "    resources:\n";
            }
            for entry in resources {
                out += &format!("    - {entry}\n");
            }
            return out;
        }
        let mut fields = vec![format!("\"level\": \"{}\"", self.level)];
        fields.extend(lists.map(|(key, list)| format!("\"{key}\": {}", words(list))));
        if !resources.is_empty() {
            fields.push(format!("\"resources\": [{}]", resources.join(", ")));
        }
        let rule = format!("{{{}}}", fields.join(", "));
        if style == Style::Json { rule } else { format!("- {rule}\n") }
    }
}

fn entry((group, patterns, names): &(&str, Vec<&str>, Vec<&str>)) -> String {
    let mut fields = vec![format!("\"group\": \"{group}\"")];
    for (key, list) in [("resources", patterns), ("resourceNames", names)] {
        if !list.is_empty() {
            fields.push(format!("\"{key}\": {}", words(list)));
        }
    }
    format!("{{{}}}", fields.join(", "))
}

fn words(list: &[&str]) -> String {
    let quoted: Vec<String> = list.iter().map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

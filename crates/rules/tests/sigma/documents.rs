//! Documents: headers, log sources, collections, filters, several files.

use auditward_rules::sigma::{self, Options};
use expect_test::{Expect, expect};

use super::{load, show, told};

/// Each rule in a line, then what is said.
fn check(text: &str, expected: &Expect) {
    let loaded = load(text);
    let mut out = String::new();
    for rule in &loaded.rules {
        let enabled = if rule.enabled { "" } else { " (not enabled)" };
        out += &format!("{}{enabled}: {}\n", rule.id, show::trigger(&rule.trigger));
    }
    expected.assert_eq(&(out + &told(&loaded)));
}

#[test]
fn everything_a_header_says() {
    let text = "\
title: Secrets listed
id: 4f6a4b2e-6f1b-4d2b-9a55-0d6d2f6f3c11
name: secrets_listed
status: test
description: |
  Somebody lists secrets.
references: [https://example.com/a, https://example.com/b]
author: Alice
license: DRL-1.1
date: 2026-01-02
tags: [attack.credential-access, attack.t1552.007, attack.privilege_escalation, attack.g0001, cve.2024-1]
logsource: {category: application, product: kubernetes, service: audit}
detection:
  s: {verb: list, objectRef.resource: secrets}
  condition: s
fields: [user.username, hostPath]
falsepositives: [Dashboards]
level: high
own-key: anything
";
    let loaded = load(text);
    assert_eq!(told(&loaded), "");
    expect![[r#"
        Rule {
            id: "4f6a4b2e-6f1b-4d2b-9a55-0d6d2f6f3c11",
            title: "Secrets listed",
            description: "Somebody lists secrets.",
            severity: Error,
            refs: [
                "https://example.com/a",
                "https://example.com/b",
            ],
            attack: Attack {
                tactics: [
                    "credential-access",
                    "privilege-escalation",
                ],
                techniques: [
                    "T1552.007",
                ],
                threat_matrix: [],
            },
            tags: [
                "attack.credential-access",
                "attack.t1552.007",
                "attack.privilege_escalation",
                "attack.g0001",
                "cve.2024-1",
            ],
            enabled: true,
            origin: Origin {
                language: Sigma,
                file: "test.yml",
                line: 1,
                credit: "Alice (DRL-1.1)",
            },
            trigger: Event(
                And(
                    [
                        Test(
                            Test {
                                field: Field {
                                    root: Dotted(
                                        [
                                            "verb",
                                        ],
                                    ),
                                    functions: [],
                                },
                                quantifier: Any,
                                check: Equals(
                                    "list",
                                    Unicode,
                                ),
                            },
                        ),
                        Test(
                            Test {
                                field: Field {
                                    root: Dotted(
                                        [
                                            "objectRef",
                                            "resource",
                                        ],
                                    ),
                                    functions: [],
                                },
                                quantifier: Any,
                                check: Equals(
                                    "secrets",
                                    Unicode,
                                ),
                            },
                        ),
                    ],
                ),
            ),
            group_by: [],
            suppress: None,
            summary: Template {
                parts: [
                    Text(
                        "Secrets listed: ",
                    ),
                    Field {
                        field: Field {
                            root: Event(
                                Path {
                                    steps: [
                                        Key(
                                            "user",
                                        ),
                                        Key(
                                            "username",
                                        ),
                                    ],
                                },
                            ),
                            functions: [],
                        },
                        name: "user.username",
                        width: None,
                    },
                    Text(
                        " ",
                    ),
                    Field {
                        field: Field {
                            root: Event(
                                Path {
                                    steps: [
                                        Key(
                                            "verb",
                                        ),
                                    ],
                                },
                            ),
                            functions: [],
                        },
                        name: "verb",
                        width: None,
                    },
                    Text(
                        " ",
                    ),
                    Field {
                        field: Field {
                            root: Event(
                                Path {
                                    steps: [
                                        Key(
                                            "requestURI",
                                        ),
                                    ],
                                },
                            ),
                            functions: [],
                        },
                        name: "requestURI",
                        width: None,
                    },
                ],
            },
            details: [
                (
                    "user.username",
                    Field {
                        root: Dotted(
                            [
                                "user",
                                "username",
                            ],
                        ),
                        functions: [],
                    },
                ),
                (
                    "hostPath",
                    Field {
                        root: Pod(
                            Path {
                                steps: [
                                    Key(
                                        "volumes",
                                    ),
                                    Each,
                                    Key(
                                        "hostPath",
                                    ),
                                ],
                            },
                        ),
                        functions: [],
                    },
                ),
            ],
            response: "",
            false_positives: [
                "Dashboards",
            ],
        }
    "#]]
    .assert_debug_eq(&loaded.rules[0]);
}

#[test]
fn a_header_with_mistakes_still_loads() {
    check(
        "title: T\nid: 7\nlevel: hihg\nstatus: tests\nfalsepositive: x\ntags: {a: b}\nlogsource: {product: kubernetes}\n\
         detection: {s: {verb: get}, condition: s}\n",
        &expect![[r#"
            7: verb = "get"
            test.yml:2:5: warning: `7` is no UUID
              hint: Sigma asks for a random one
            test.yml:3:8: warning: unknown level `hihg`
              hint: did you mean `high`?
            test.yml:4:9: warning: unknown status `tests`
              hint: did you mean `test`?
            test.yml:5:1: warning: `falsepositive` is no key of Sigma and is ignored
              hint: did you mean `falsepositives`?
            test.yml:6:7: warning: `tags` is a list of texts, and ignored as it is
        "#]],
    );
    check(
        "logsource: {product: kubernetes}\ndetection: {s: {verb: get}, condition: s}\n",
        &expect![[r#"
        test.yml:1:1: error: no `title`
          hint: say in one line what the rule finds
    "#]],
    );
    check(
        "title: T\ndetection: {s: {verb: get}, condition: s}\n",
        &expect![[r#"
        test.yml:1:1: error: no `logsource`
          hint: for audit logs: `product: kubernetes`, `service: audit`
    "#]],
    );
    check(
        "title: T\nlogsource: {product: kubernetes}\n",
        &expect![[r#"
        test.yml:1:1: error: no `detection`
          hint: a rule needs searches and a `condition` under `detection`
    "#]],
    );
    check(
        "title: T\nstatus: deprecated\nlogsource: {product: kubernetes}\ndetection: {s: {verb: get}, condition: s}\n",
        &expect![[r#"
            T (not enabled): verb = "get"
        "#]],
    );
}

#[test]
fn other_log_sources_are_skipped() {
    for source in [
        "product: windows, category: process_creation",
        "product: kubernetes, service: kubelet",
        "category: dns",
    ] {
        let loaded =
            load(&format!("title: T\nlogsource: {{{source}}}\ndetection: {{s: {{a: b}}, condition: s}}\n"));
        assert!(loaded.rules.is_empty() && !loaded.has_errors(), "{source}");
    }
    check(
        "title: T\nlogsource: {product: windows}\ndetection: {s: {a|nonsense: b}, condition: s}\n",
        &expect![[r#"
            test.yml:2:12: warning: skipped: the rule is about other logs (product windows)
              hint: only `product: kubernetes`, alone or with `service: audit`, is read here
        "#]],
    );
}

#[test]
fn collections() {
    let text = "\
action: global
logsource: {product: kubernetes}
level: high
detection:
  condition: s
---
title: One
detection: {s: {verb: get}}
---
title: Two
detection: {s: {verb: list}}
---
action: repeat
title: Three
detection: {s: {objectRef.resource: pods}}
---
action: reset
---
title: Four
";
    check(
        text,
        &expect![[r#"
        One: verb = "get"
        Two: verb = "list"
        Three: (verb = "list" and objectRef.resource = "pods")
        test.yml:19:1: error: no `logsource`
          hint: for audit logs: `product: kubernetes`, `service: audit`
    "#]],
    );
    check(
        "action: repeat\ntitle: T\n",
        &expect![[r#"
        test.yml:1:9: error: `action: repeat` has no rule before it
    "#]],
    );
    check(
        "action: globl\ntitle: T\n",
        &expect![[r#"
        test.yml:1:9: error: unknown action `globl`
          hint: `global`, `repeat` or `reset`
    "#]],
    );
}

#[test]
fn texts_that_are_no_rules() {
    check("", &expect![]);
    check("# nothing\n---\n---\n", &expect![]);
    check(
        "- a\n- b\n",
        &expect![[r#"
        test.yml:1:1: error: a Sigma document is a mapping, with `title`, `logsource` and `detection`
    "#]],
    );
    check(
        "title: [\n",
        &expect![[r#"
        test.yml:2:1: error: not YAML: did not find expected node content
    "#]],
    );
    check(
        "title: A\ntitle: B\nlogsource: {product: kubernetes}\ndetection: {s: {verb: get, verb: list}, condition: s}\n",
        &expect![[r#"
            B: verb = "list"
            test.yml:2:1: warning: key `title` is set twice; this one wins
              hint: for one field with several values write a list
            test.yml:4:28: warning: key `verb` is set twice; this one wins
              hint: for one field with several values write a list
        "#]],
    );
}

#[test]
fn a_text_may_end_in_a_block_scalar_without_a_line_end() {
    let loaded =
        load("logsource: {product: kubernetes}\ndetection: {s: {verb: get}, condition: s}\ntitle: |\n  T");
    assert_eq!(loaded.rules[0].title, "T");
}

const BASE: &str = "\
title: Secrets
name: secrets
logsource: {product: kubernetes}
detection: {s: {objectRef.resource: secrets}, condition: s}
---
title: Pods
name: pods
logsource: {product: kubernetes}
detection: {s: {objectRef.resource: pods}, condition: s}
---
";

#[test]
fn filters() {
    let filter = |rules: &str| {
        format!(
            "{BASE}title: F\nlogsource: {{product: kubernetes}}\n\
             filter: {{rules: {rules}, known: {{user.username: backup}}, condition: not known}}\n"
        )
    };
    check(
        &filter("[secrets]"),
        &expect![[r#"
        secrets: (objectRef.resource = "secrets" and not user.username = "backup")
        pods: objectRef.resource = "pods"
    "#]],
    );
    check(
        &filter("any"),
        &expect![[r#"
        secrets: (objectRef.resource = "secrets" and not user.username = "backup")
        pods: (objectRef.resource = "pods" and not user.username = "backup")
    "#]],
    );
    check(
        &filter("[secret]"),
        &expect![[r#"
        secrets: objectRef.resource = "secrets"
        pods: objectRef.resource = "pods"
        test.yml:13:18: warning: no rule has the id or name `secret`: nothing is left out
          hint: did you mean `secrets`?
    "#]],
    );
    check(
        &format!(
            "{BASE}title: F\nlogsource: {{product: kubernetes}}\nfilter: {{known: {{verb: get}}, condition: not known}}\n"
        ),
        &expect![[r#"
            secrets: objectRef.resource = "secrets"
            pods: objectRef.resource = "pods"
            test.yml:13:9: error: the filter does not say which `rules` it is for
              hint: list ids or names, or say `rules: any`
        "#]],
    );
    check(
        &format!(
            "{BASE}title: F\nlogsource: {{product: aws}}\nfilter: {{rules: any, known: {{verb: get}}, condition: not known}}\n"
        ),
        &expect![[r#"
            secrets: objectRef.resource = "secrets"
            pods: objectRef.resource = "pods"
            test.yml:12:12: warning: skipped: the filter is about other logs (product aws)
              hint: only `product: kubernetes`, alone or with `service: audit`, is read here
        "#]],
    );
}

#[test]
fn files_know_each_other_and_ids_are_told_apart() {
    let other = "title: Again\nid: secrets\nlogsource: {product: kubernetes}\ndetection: {s: {verb: get}, condition: s}\n";
    let filter = "title: F\nlogsource: {product: kubernetes}\nfilter: {rules: pods, k: {verb: get}, condition: not k}\n";
    let files = [("a.yml", filter), ("b.yml", BASE), ("c.yml", other)];
    let loaded = sigma::load(&files, &Options::default());
    let ids: Vec<&str> = loaded.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["secrets", "pods"]);
    expect![[r#"
        c.yml:1:8: error: another rule is `secrets` already, at b.yml:1:8
          hint: give each rule an `id` of its own (a random UUID)
        c.yml:2:5: warning: `secrets` is no UUID
          hint: Sigma asks for a random one
    "#]]
    .assert_eq(&told(&loaded));
}

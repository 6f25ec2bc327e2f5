//! Paths that probes, clients and monitoring ask for all day.

use std::collections::BTreeMap;

use auditward_event::Level;

use crate::lint::context::Context;
use crate::lint::who::{ACCOUNT, ANONYMOUS, Who, getting};
use crate::lint::{Draft, Lint, Proof, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "noise-probes",
    severity: Severity::Warning,
    summary: "health checks, metrics, discovery documents or the version are recorded",
    why: "Kubelet and load balancers ask for `/livez` and `/readyz` every few seconds, monitoring for `/metrics`, clients \
          for `/openapi` at every start. An exact path leaves out those below it: `/livez*` takes both.",
    refs: &["https://kubernetes.io/docs/reference/using-api/health-checks/"],
    check,
};

/// What is asked for, by whom, and whether it is asked for every few seconds.
const PROBES: [(&str, Who, bool); 10] = [
    ("/healthz", ANONYMOUS, true),
    ("/livez", ANONYMOUS, true),
    ("/livez/ping", ANONYMOUS, false),
    ("/readyz", ANONYMOUS, true),
    ("/readyz/ping", ANONYMOUS, false),
    ("/metrics", ACCOUNT, false),
    ("/openapi/v2", ACCOUNT, false),
    ("/openapi/v3", ACCOUNT, false),
    ("/openapi/v3/apis/apps/v1", ACCOUNT, false),
    ("/version", ACCOUNT, false),
];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut recorded: BTreeMap<usize, (Vec<&str>, bool, Option<Proof>)> = BTreeMap::new();
    let mut dropped = 0;
    for (path, who, often) in PROBES {
        for part in cx.decide(&who.of(cx, &getting(path))) {
            match part.rule.filter(|_| cx.level(part.rule) > Level::None) {
                None => dropped += 1,
                Some(rule) => {
                    let (paths, is_often, witness) = recorded.entry(rule).or_default();
                    paths.push(path);
                    *is_often |= often;
                    *witness = witness.take().or_else(|| Context::proof(&part.space, part.rule));
                }
            }
        }
    }
    let draft = |(rule, (paths, often, witness)): (usize, (Vec<&str>, bool, Option<Proof>))| {
        let others = if dropped > 0 { ", while others of the kind are dropped" } else { "" };
        let message = format!("records {}{others}", names::quoted(&paths, "and"));
        let severity = if often { Severity::Warning } else { Severity::Info };
        Draft::rule(rule, message).severity(severity).witness(witness)
    };
    recorded.into_iter().map(draft).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn what_a_list_of_paths_leaves_out() {
        check(
            "noise-probes",
            "- level: Metadata",
            expect![[r#"
            warning rule 1 at 4:3: records `/healthz`, `/livez`, `/livez/ping`, `/readyz`, `/readyz/ping` and 5 more
              system:anonymous (system:unauthenticated): get /healthz: rule 1
        "#]],
        );
        check(
            "noise-probes",
            "- {level: None, nonResourceURLs: [/healthz, /livez, /readyz, /version]}\n- level: Metadata",
            expect![[r#"
                info rule 2 at 5:3: records `/livez/ping`, `/readyz/ping`, `/metrics`, `/openapi/v2`, `/openapi/v3` and 1 more, while others of the kind are dropped
                  system:anonymous (system:unauthenticated): get /livez/ping: rule 2
            "#]],
        );
        check(
            "noise-probes",
            "- {level: None, nonResourceURLs: [/healthz*, /livez*, /readyz*, /version, /openapi*, /metrics]}\n- level: Metadata",
            expect![""],
        );
    }
}

//! CIS 3.2.2, third part.

use super::missing;
use crate::lint::context::Context;
use crate::lint::who::asking;
use crate::lint::{Draft, Lint, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "cis-3-2-2-use-of-pods",
    severity: Severity::Warning,
    summary: "CIS 3.2.2: use of pods/exec, pods/portforward, pods/proxy and services/proxy is recorded",
    why: "They are how people get into what runs, past every review.",
    refs: &["CIS 3.2.2", "https://www.cisecurity.org/benchmark/kubernetes"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    if cx.records_nothing() {
        return Vec::new();
    }
    let kinds = [("pods", "exec"), ("pods", "portforward"), ("pods", "proxy"), ("services", "proxy")];
    let unseen: Vec<_> = kinds
        .into_iter()
        .filter_map(|(resource, sub)| {
            Some((format!("{resource}/{sub}"), missing(cx, &asking("", resource, sub, &[]))?))
        })
        .collect();
    let Some((_, proof)) = unseen.first() else { return Vec::new() };
    let kinds: Vec<&str> = unseen.iter().map(|(pattern, _)| pattern.as_str()).collect();
    let message =
        format!("CIS 3.2.2 asks for all use of {}: some is not recorded", names::quoted(&kinds, "and"));
    vec![Draft::policy(message).witness(Some(proof.clone()))]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn by_either_verb() {
        check("cis-3-2-2-use-of-pods", "- level: Metadata", expect![""]);
        check(
            "cis-3-2-2-use-of-pods",
            "- {level: Metadata, verbs: [create]}",
            expect![[r#"
            warning at 4:1: CIS 3.2.2 asks for all use of `pods/exec`, `pods/portforward`, `pods/proxy` and `services/proxy`: some is not recorded
              alice (system:authenticated): get pods/exec web in default: no rule
        "#]],
        );
    }
}

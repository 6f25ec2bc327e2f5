//! Secrets in recorded bodies.

use super::{SECRETS, findings, keep_out};
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "secret-bodies",
    severity: Severity::Error,
    summary: "requests or responses that hold Secrets are recorded",
    why: "Whoever reads the audit log, its backups or the system it is sent to then has every password and key in it. \
          Metadata says who touched which Secret, and that is enough.",
    refs: &["CIS 3.2.2", "https://kubernetes.io/docs/concepts/security/secrets-good-practices/"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let with_fix = |draft: Draft| match draft.rule {
        Some(rule) => draft.fix(keep_out(cx, rule)),
        None => draft,
    };
    findings(cx, SECRETS, "the contents of Secrets").into_iter().map(with_fix).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn only_bodies_leak() {
        check("secret-bodies", "- level: Metadata", expect![""]);
        // No body of these holds anything.
        check(
            "secret-bodies",
            "- {level: Request, verbs: [get, list, watch, delete], resources: [{resources: [secrets]}]}",
            expect![""],
        );
        check("secret-bodies", "- {level: RequestResponse, verbs: [watch]}\n- level: Metadata", expect![""]);
    }

    #[test]
    fn a_plain_rule_serves_all_that_leak() {
        check(
            "secret-bodies",
            "# all of it\n- level: Request\n  verbs: [create]\n- level: RequestResponse",
            expect![[r#"
                error rule 1 at 5:3: records the contents of Secrets (`secrets` at Request)
                  alice (system:authenticated): create secrets in default: rule 1
                  fix: record secrets and tokenreviews at Metadata before rule 1 (line 5)
                    +# Bodies of these hold credentials: record who asked and when, not what was said.
                    +- level: Metadata
                    +  resources:
                    +  - group: ""
                    +    resources: ["secrets"]
                    +  - group: "authentication.k8s.io"
                    +    resources: ["tokenreviews"]
                error rule 2 at 7:3: records the contents of Secrets (`secrets` at RequestResponse)
                  alice (system:authenticated): get secrets db-password in default: rule 2
                  fix: record secrets and tokenreviews at Metadata before rule 1 (line 5)
                    +# Bodies of these hold credentials: record who asked and when, not what was said.
                    +- level: Metadata
                    +  resources:
                    +  - group: ""
                    +    resources: ["secrets"]
                    +  - group: "authentication.k8s.io"
                    +    resources: ["tokenreviews"]
            "#]],
        );
    }

    #[test]
    fn what_is_dropped_stays_dropped() {
        check(
            "secret-bodies",
            "- level: RequestResponse\n  verbs: [create]\n  namespaces: [prod]\n- level: None\n",
            expect![[r#"
                error rule 1 at 4:3: records the contents of Secrets (`secrets` at RequestResponse)
                  alice (system:authenticated): create secrets in prod: rule 1
                  fix: record secrets, serviceaccounts/token and tokenreviews at Metadata before rule 1 (line 4)
                    +# Bodies of these hold credentials: record who asked and when, not what was said.
                    +- level: Metadata
                    +  verbs: ["create"]
                    +  namespaces: ["prod"]
                    +  resources:
                    +  - group: ""
                    +    resources: ["secrets", "serviceaccounts/token"]
                    +  - group: "authentication.k8s.io"
                    +    resources: ["tokenreviews"]
            "#]],
        );
    }

    #[test]
    fn a_rule_about_secrets_alone_gets_another_level() {
        check(
            "secret-bodies",
            "- {level: Request, resources: [{resources: [secrets]}]}",
            expect![[r#"
            error rule 1 at 4:3: records the contents of Secrets (`secrets` at Request)
              alice (system:authenticated): create secrets in default: rule 1
              fix: record rule 1 (line 4) at Metadata
                -- {level: Request, resources: [{resources: [secrets]}]}
                +- {level: Metadata, resources: [{resources: [secrets]}]}
        "#]],
        );
    }
}

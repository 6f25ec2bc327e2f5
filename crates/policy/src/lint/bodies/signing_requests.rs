//! Certificate signing requests in recorded bodies.

use super::{SIGNING_REQUESTS, findings};
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "csr-bodies",
    severity: Severity::Info,
    summary: "certificate signing requests are recorded in full",
    why: "They hold no private key, but names, groups and issued certificates: who can be who in the cluster. Worth \
          keeping for many, worth knowing for all.",
    refs: &["https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    findings(cx, SIGNING_REQUESTS, "certificate signing requests and the certificates made for them")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn only_bodies_count() {
        check("csr-bodies", "- level: Metadata", expect![""]);
        check(
            "csr-bodies",
            "- {level: Request, verbs: [create]}",
            expect![[r#"
            info rule 1 at 4:3: records certificate signing requests and the certificates made for them (`certificatesigningrequests` of group `certificates.k8s.io` at Request)
              alice (system:authenticated): create certificatesigningrequests.certificates.k8s.io: rule 1
        "#]],
        );
    }
}

//! Tokens in recorded bodies.

use super::{TOKEN_REQUESTS, TOKEN_REVIEWS, findings, keep_out};
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "token-bodies",
    severity: Severity::Error,
    summary: "tokens are recorded: in answers to TokenRequests, in TokenReviews",
    why: "A recorded token is a login for whoever reads the log, until it expires. `serviceaccounts/token` belongs to \
          the core group, so a rule for all of that group takes it too.",
    refs: &[
        "CIS 3.2.2",
        "https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/",
    ],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let requests = findings(cx, TOKEN_REQUESTS, "new tokens of service accounts");
    let reviews = findings(cx, TOKEN_REVIEWS, "tokens under review");
    let with_fix = |draft: Draft| match draft.rule {
        Some(rule) => draft.fix(keep_out(cx, rule)),
        None => draft,
    };
    requests.into_iter().chain(reviews).map(with_fix).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn the_core_group_holds_token_requests() {
        check(
            "token-bodies",
            "- {level: Metadata, resources: [{resources: [secrets, configmaps]}]}\n\
             - {level: RequestResponse, resources: [{group: \"\"}]}\n- level: Metadata",
            expect![[r#"
                error rule 2 at 5:3: records new tokens of service accounts (`serviceaccounts/token` at RequestResponse)
                  alice (system:authenticated): create serviceaccounts/token builder in default: rule 2
                  fix: record serviceaccounts/token at Metadata before rule 2 (line 5)
                    +# Bodies of these hold credentials: record who asked and when, not what was said.
                    +- level: Metadata
                    +  resources:
                    +  - group: ""
                    +    resources: ["serviceaccounts/token"]
            "#]],
        );
        // The question holds no token.
        check(
            "token-bodies",
            "- {level: Request, resources: [{group: \"\"}]}\n- level: Metadata",
            expect![""],
        );
    }

    #[test]
    fn a_review_holds_the_token() {
        check(
            "token-bodies",
            "- {level: Request, resources: [{group: authentication.k8s.io}]}",
            expect![[r#"
                error rule 1 at 4:3: records tokens under review (`tokenreviews` of group `authentication.k8s.io` at Request)
                  alice (system:authenticated): create tokenreviews.authentication.k8s.io: rule 1
                  fix: record tokenreviews at Metadata before rule 1 (line 4)
                    +# Bodies of these hold credentials: record who asked and when, not what was said.
                    +- level: Metadata
                    +  resources:
                    +  - group: "authentication.k8s.io"
                    +    resources: ["tokenreviews"]
            "#]],
        );
    }
}

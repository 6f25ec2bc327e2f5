//! CIS 3.2.1.

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "cis-3-2-1",
    severity: Severity::Error,
    summary: "CIS 3.2.1: a minimal audit policy is created",
    why: "The benchmark's check only looks for the flag. A policy that records nothing meets its letter and not its point.",
    refs: &["CIS 3.2.1", "https://www.cisecurity.org/benchmark/kubernetes"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let nothing = cx.records_nothing();
    nothing.then(|| Draft::policy("CIS 3.2.1 asks for a policy that records something")).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn something_is_enough() {
        check(
            "cis-3-2-1",
            "- level: None",
            expect![[r#"
            error at 4:1: CIS 3.2.1 asks for a policy that records something
        "#]],
        );
        check("cis-3-2-1", "- level: Metadata", expect![""]);
    }
}

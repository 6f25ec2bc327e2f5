//! `ConfigMaps` in recorded bodies.

use super::{CONFIG_MAPS, findings};
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "configmap-bodies",
    severity: Severity::Warning,
    summary: "requests or responses that hold ConfigMaps are recorded",
    why: "ConfigMaps are not meant for credentials and often hold them all the same; they may be a megabyte each. CIS \
          asks for Metadata.",
    refs: &["CIS 3.2.2"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    findings(cx, CONFIG_MAPS, "the contents of ConfigMaps")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn only_bodies_leak() {
        check(
            "configmap-bodies",
            "- {level: Request, verbs: [create, list], resources: [{resources: [configmaps]}]}",
            expect![[r#"
                warning rule 1 at 4:3: records the contents of ConfigMaps (`configmaps` at Request)
                  alice (system:authenticated): create configmaps in default: rule 1
            "#]],
        );
        check("configmap-bodies", "- {level: Request, verbs: [list]}\n- level: Metadata", expect![""]);
    }
}

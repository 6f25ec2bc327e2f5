//! The cluster's own events.

use super::{dropping, recorded};
use crate::lint::context::Context;
use crate::lint::who::{CONTROLLER_MANAGER, KUBELET, SCHEDULER, asking};
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "noise-events",
    severity: Severity::Warning,
    summary: "the cluster's own events are recorded, in one of their two API groups or in both",
    why: "They tell what happened to objects, are written by the thousand and kept elsewhere for those who want them. \
          The scheduler and others write them to group `events.k8s.io`, the kubelet to the core group.",
    refs: &["https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let written = |group: &str| {
        let written = asking(group, "events", "", &["create", "patch"]);
        [KUBELET, CONTROLLER_MANAGER, SCHEDULER].map(|who| who.of(cx, &written))
    };
    let core = recorded(cx, &written(""), "records the cluster's own events");
    let new = recorded(cx, &written("events.k8s.io"), "records the cluster's own events");
    let draft = match (core, new) {
        (None, None) => return Vec::new(),
        (Some(core), Some(_)) => core,
        (None, Some(new)) => {
            let message =
                format!("{}, those of group `events.k8s.io`; the core group's are dropped", new.message);
            Draft { message, ..new }
        }
        (Some(core), None) => {
            let message = format!("{}, those of the core group; `events.k8s.io`'s are dropped", core.message);
            Draft { message, ..core }
        }
    };
    let why = "The cluster's own events, in both of their API groups.";
    vec![dropping(
        cx,
        draft,
        &["create", "update", "patch"],
        &[("", "events"), ("events.k8s.io", "events")],
        why,
    )]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn both_groups() {
        check(
            "noise-events",
            "- level: Metadata",
            expect![[r#"
                warning rule 1 at 4:3: records the cluster's own events at Metadata
                  system:node:node-1 (system:authenticated, system:nodes): create events in default: rule 1
                  maybe: drop events before rule 1 (line 4)
                    +# The cluster's own events, in both of their API groups.
                    +- level: None
                    +  verbs: ["create", "update", "patch"]
                    +  resources:
                    +  - group: ""
                    +    resources: ["events"]
                    +  - group: "events.k8s.io"
                    +    resources: ["events"]
            "#]],
        );
        check(
            "noise-events",
            "- {level: None, resources: [{resources: [events]}]}\n- level: Metadata",
            expect![[r#"
                warning rule 2 at 5:3: records the cluster's own events at Metadata, those of group `events.k8s.io`; the core group's are dropped
                  system:node:node-1 (system:authenticated, system:nodes): create events.events.k8s.io in default: rule 2
                  maybe: drop events before rule 2 (line 5)
                    +# The cluster's own events, in both of their API groups.
                    +- level: None
                    +  verbs: ["create", "update", "patch"]
                    +  resources:
                    +  - group: ""
                    +    resources: ["events"]
                    +  - group: "events.k8s.io"
                    +    resources: ["events"]
            "#]],
        );
        check(
            "noise-events",
            "- {level: None, resources: [{resources: [events]}, {group: events.k8s.io}]}\n- level: Metadata",
            expect![""],
        );
    }
}

//! Addresses of pods behind services.

use super::{dropping, recorded};
use crate::lint::context::Context;
use crate::lint::who::{ENDPOINT_CONTROLLER, ENDPOINTSLICE_CONTROLLER, asking};
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "noise-endpointslices",
    severity: Severity::Info,
    summary: "every change of a service's endpoints by its controllers is recorded",
    why: "The controllers write them anew whenever a pod starts, stops or changes its readiness.",
    refs: &["https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let asked = [
        ENDPOINTSLICE_CONTROLLER.of(cx, &asking("discovery.k8s.io", "endpointslices", "", &["update"])),
        ENDPOINT_CONTROLLER.of(cx, &asking("", "endpoints", "", &["update"])),
    ];
    let message = "records every change of a service's endpoints by their controllers";
    let why = "Endpoints follow the pods; their controllers write them all day.";
    let resources = [("discovery.k8s.io", "endpointslices"), ("", "endpoints")];
    recorded(cx, &asked, message)
        .map(|draft| dropping(cx, draft, &["get", "list", "watch", "update"], &resources, why))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn slices_and_the_older_form() {
        check(
            "noise-endpointslices",
            "- level: Metadata",
            expect![[r#"
            info rule 1 at 4:3: records every change of a service's endpoints by their controllers at Metadata
              system:serviceaccount:kube-system:endpointslice-controller (system:authenticated, system:serviceaccounts, system:serviceaccounts:kube-system): update endpointslices.discovery.k8s.io web-1 in default: rule 1
              maybe: drop endpointslices and endpoints before rule 1 (line 4)
                +# Endpoints follow the pods; their controllers write them all day.
                +- level: None
                +  verbs: ["get", "list", "watch", "update"]
                +  resources:
                +  - group: "discovery.k8s.io"
                +    resources: ["endpointslices"]
                +  - group: ""
                +    resources: ["endpoints"]
        "#]],
        );
        check(
            "noise-endpointslices",
            "- {level: None, verbs: [update], resources: [{group: discovery.k8s.io}]}\n- level: Metadata",
            expect![[r#"
                info rule 2 at 5:3: records every change of a service's endpoints by their controllers at Metadata
                  system:serviceaccount:kube-system:endpoint-controller (system:authenticated, system:serviceaccounts, system:serviceaccounts:kube-system): update endpoints web in default: rule 2
                  maybe: drop endpointslices and endpoints before rule 2 (line 5)
                    +# Endpoints follow the pods; their controllers write them all day.
                    +- level: None
                    +  verbs: ["get", "list", "watch", "update"]
                    +  resources:
                    +  - group: "discovery.k8s.io"
                    +    resources: ["endpointslices"]
                    +  - group: ""
                    +    resources: ["endpoints"]
            "#]],
        );
        check(
            "noise-endpointslices",
            "- {level: None, verbs: [update], resources: [{group: discovery.k8s.io}, {resources: [endpoints]}]}\n- level: Metadata",
            expect![""],
        );
    }
}

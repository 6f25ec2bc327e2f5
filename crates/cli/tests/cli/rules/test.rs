use expect_test::expect;

use super::{RIGHT, WRONG};
use crate::{check, check_with_input};

#[test]
fn every_shipped_rule_passes_its_tests() {
    check(
        "rules test",
        expect![[r#"
            exit 0
            --- stdout
            built-in-identity-by-hand: 11 tests passed
            cloud-proxy-secrets: 5 tests passed
            cluster-secrets-listed: 12 tests passed
            cluster-secrets-read-by-account: 7 tests passed
            credentials-in-configmap: 13 tests passed
            endpoints-changed-by-hand: 5 tests passed
            first-secret-read: 7 tests passed
            log-harvest: 5 tests passed
            node-address-forged: 6 tests passed
            pod-token-from-two-addresses: 6 tests passed
            secret-burst: 7 tests passed
            secret-read-across-namespaces: 6 tests passed
            secret-read-denied-burst: 5 tests passed
            secret-read-denied: 7 tests passed
            secret-read: 8 tests passed
            secret-written: 7 tests passed
            secrets-listed-by-node: 6 tests passed
            secrets-read-by-writing: 16 tests passed
            service-account-habit: 7 tests passed
            admission-guard-removed: 12 tests passed
            admission-guard-weakened: 17 tests passed
            attack-tool: 9 tests passed
            audit-switched-off: 6 tests passed
            breakglass-used: 5 tests passed
            event-deletion: 6 tests passed
            forged-source-address: 7 tests passed
            namespace-guard-removed: 8 tests passed
            new-client-for-user: 5 tests passed
            patch-in-disguise: 9 tests passed
            security-agent-stopped: 15 tests passed
            short-lived-grant: 11 tests passed
            system-pod-lookalike: 9 tests passed
            access-denied: 7 tests passed
            agent-decision-first-seen: 6 tests passed
            curl-client: 10 tests passed
            denied-burst: 6 tests passed
            denied-kinds: 5 tests passed
            internals-read: 8 tests passed
            paths-crawled: 6 tests passed
            recon-sweep: 8 tests passed
            rights-of-others-probed: 7 tests passed
            self-access-burst: 5 tests passed
            self-rights-review: 4 tests passed
            sensitive-kinds-listed: 5 tests passed
            command-in-pod: 8 tests passed
            ephemeral-container: 8 tests passed
            exec-copy-out: 6 tests passed
            exec-download: 14 tests passed
            exec-in-system-namespace: 9 tests passed
            exec-interactive-shell: 8 tests passed
            exec-reads-credentials: 16 tests passed
            exec-reverse-shell: 29 tests passed
            exec-spree: 7 tests passed
            image-from-new-registry: 7 tests passed
            job-by-hand: 6 tests passed
            node-proxy-command: 11 tests passed
            node-proxy: 8 tests passed
            node-shell: 13 tests passed
            pod-by-hand: 8 tests passed
            pod-port-forward: 7 tests passed
            workload-proxy: 6 tests passed
            workload-reverse-shell: 22 tests passed
            workload-runs-download: 14 tests passed
            cluster-dns-changed: 8 tests passed
            collections-deleted: 6 tests passed
            eviction-burst: 6 tests passed
            mass-deletion: 10 tests passed
            miner-indicators: 11 tests passed
            namespace-deleted: 7 tests passed
            node-deleted: 7 tests passed
            nodes-taken-out: 14 tests passed
            quota-removed-then-workloads: 7 tests passed
            replicas-far-up: 7 tests passed
            request-flood: 5 tests passed
            requests-throttled: 6 tests passed
            resource-definition-deleted: 6 tests passed
            storage-deleted: 7 tests passed
            workloads-stopped: 10 tests passed
            access-for-anonymous: 11 tests passed
            access-for-everybody: 8 tests passed
            anonymous-read: 8 tests passed
            anonymous-request: 9 tests passed
            anonymous-write: 7 tests passed
            cluster-identity-from-outside: 9 tests passed
            hostile-address: 5 tests passed
            ingress-injection: 19 tests passed
            ingress-snippet: 9 tests passed
            ingress-without-tls: 6 tests passed
            invalid-credentials-burst: 6 tests passed
            invalid-credentials: 6 tests passed
            sensitive-service-exposed: 10 tests passed
            service-exposed: 9 tests passed
            service-external-address: 9 tests passed
            service-status-address: 8 tests passed
            user-from-new-address: 7 tests passed
            account-in-other-namespace: 7 tests passed
            identity-from-many-addresses: 6 tests passed
            identity-inside-and-outside: 7 tests passed
            admin-subjects-changed: 14 tests passed
            admission-webhook-changed: 10 tests passed
            api-extended: 8 tests passed
            aws-auth-changed: 10 tests passed
            bootstrap-token: 8 tests passed
            certificate-self-approved: 8 tests passed
            client-certificate-approved: 10 tests passed
            cluster-admin-binding: 10 tests passed
            cluster-plumbing-changed: 12 tests passed
            controller-account-used: 10 tests passed
            cronjob-changed: 7 tests passed
            cronjob-created: 7 tests passed
            daemonset-created: 7 tests passed
            daemonset-image-changed: 7 tests passed
            default-account-bound: 10 tests passed
            masters-certificate-refused: 4 tests passed
            node-certificate-by-stranger: 7 tests passed
            node-created-by-stranger: 8 tests passed
            node-joined: 4 tests passed
            role-binding-changed: 9 tests passed
            self-grant: 12 tests passed
            service-account-created: 6 tests passed
            service-account-in-system-namespace: 9 tests passed
            static-pod: 6 tests passed
            strong-role-binding: 15 tests passed
            system-workload-changed: 9 tests passed
            token-long-lived: 7 tests passed
            token-minted: 9 tests passed
            token-of-system-account: 8 tests passed
            token-secret: 7 tests passed
            unknown-static-pod: 7 tests passed
            webhook-outside: 11 tests passed
            webhook-sees-secrets: 8 tests passed
            workload-in-system-namespace: 12 tests passed
            admission-violation: 7 tests passed
            all-powerful-role: 12 tests passed
            dangerous-capabilities: 16 tests passed
            denied-then-granted: 9 tests passed
            escalation-role: 16 tests passed
            grant-refused: 4 tests passed
            grant-then-use: 12 tests passed
            host-network: 9 tests passed
            host-path-volume: 12 tests passed
            host-pid: 9 tests passed
            host-port: 7 tests passed
            impersonation-refused: 5 tests passed
            impersonation: 5 tests passed
            multi-step-compromise: 9 tests passed
            new-admin-identity: 7 tests passed
            node-oversteps: 13 tests passed
            pod-security-lowered: 17 tests passed
            privileged-action-first-seen: 8 tests passed
            privileged-impersonation: 10 tests passed
            privileged-pod: 20 tests passed
            role-aggregated: 7 tests passed
            role-gathers-rules: 5 tests passed
            secret-reading-role: 9 tests passed
            sensitive-host-path: 22 tests passed
            shared-process-namespace: 7 tests passed
            system-role-changed: 15 tests passed
            unconfined-profile: 12 tests passed
            wildcard-role: 8 tests passed
            workload-account-changed: 11 tests passed
            1431 tests of 161 rules: 1431 passed, 0 failed
        "#]],
    );
}

#[test]
fn what_fails_is_shown_with_what_to_do() {
    check_with_input(
        "rules test -o json -",
        RIGHT,
        expect![[r#"
        exit 1
        --- stdout
        [
          {
            "rule": "secret-read-by-hand",
            "file": "<stdin>",
            "tests": [
              {
                "name": "a person",
                "line": 13,
                "match": true,
                "passed": true
              },
              {
                "name": "refused",
                "line": 14,
                "match": true,
                "passed": false,
                "problem": "gave no alert, and should"
              },
              {
                "name": "a list",
                "line": 15,
                "match": false,
                "passed": false,
                "problem": "no event to start from is called `list-secret`",
                "hint": "did you mean `list-secrets`?"
              }
            ]
          }
        ]
    "#]],
    );
}

#[test]
fn a_rule_that_cannot_run() {
    check_with_input(
        "rules test -o json -",
        WRONG,
        expect![[r#"
            exit 1
            --- stdout
            [
              {
                "rule": "secret-read-by-hand",
                "file": "<stdin>",
                "tests": [
                  {
                    "name": "a person",
                    "line": 13,
                    "match": true,
                    "passed": false,
                    "problem": "unknown field `resorce`",
                    "hint": "did you mean `resource`?"
                  },
                  {
                    "name": "refused",
                    "line": 14,
                    "match": false,
                    "passed": false,
                    "problem": "unknown field `resorce`",
                    "hint": "did you mean `resource`?"
                  }
                ]
              }
            ]
            --- stderr
            <stdin>:8:7: error: unknown field `resorce`
              8 |   and resorce == "secrets"
                |       ^^^^^^^
              hint: did you mean `resource`?
            <stdin>:10:12: error: unknown field `usr`
              10 | summary: '{usr} read {name}'
                 |            ^^^
              hint: did you mean `user`?
        "#]],
    );
}

#[test]
fn the_events_of_a_test() {
    check_with_input(
        "rules test --show person -",
        RIGHT,
        expect![[r#"
        exit 0
        --- stdout
        {"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""},"apiVersion":"audit.k8s.io/v1","auditID":"00000000-0000-4000-8000-000000000001","kind":"Event","level":"Request","objectRef":{"apiVersion":"v1","name":"web","namespace":"shop","resource":"secrets"},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z","requestURI":"/api/v1/namespaces/shop/secrets/web","responseStatus":{"code":200,"metadata":{}},"sourceIPs":["10.0.0.17"],"stage":"ResponseComplete","stageTimestamp":"2026-01-01T00:00:00.010000Z","user":{"groups":["developers","system:authenticated"],"username":"alice"},"userAgent":"kubectl/v1.36.3 (linux/amd64) kubernetes/$Format","verb":"get"}
    "#]],
    );
    check_with_input(
        "rules test --show nobody -",
        RIGHT,
        expect![[r#"
        exit 1
    "#]],
    );
}

#[test]
fn what_events_start_from() {
    check(
        "rules test --bases",
        expect![[r#"
        exit 0
        --- stdout
        create-pod
        patch-pod
        create-deployment
        patch-deployment
        scale-deployment
        create-daemonset
        create-job
        create-cronjob
        exec
        attach
        port-forward
        ephemeral-container
        node-proxy
        create-namespace
        delete-namespace
        get-secret
        list-secrets
        create-secret
        create-configmap
        create-service-account
        create-token
        create-role
        create-cluster-role
        create-role-binding
        create-cluster-role-binding
        create-csr
        approve-csr
        create-webhook
        create-service
        create-ingress
        delete-event
        create-rules-review
        create-access-review
        list-pods
        get-version
        no-credentials
    "#]],
    );
}

#[test]
fn a_failure_shows_its_place() {
    check_with_input(
        "rules test -",
        RIGHT,
        expect![[r#"
        exit 1
        --- stdout
        secret-read-by-hand: 2 of 3 tests failed
        <stdin>:14:10: error: refused: gave no alert, and should
          14 | - {name: refused, match: true, event: {from: get-secret, code: 403}}
             |          ^^^^^^^
        <stdin>:15:46: error: a list: no event to start from is called `list-secret`
          15 | - {name: a list, match: false, event: {from: list-secret}}
             |                                              ^^^^^^^^^^^
          hint: did you mean `list-secrets`?
        3 tests of 1 rule: 1 passed, 2 failed
    "#]],
    );
}

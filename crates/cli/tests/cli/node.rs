//! What can be seen of the node's commands without a node.

use expect_test::expect;

use crate::check;

#[test]
fn a_manifest_that_is_none() {
    check(
        "enable --dry-run --manifest examples/policies/recommended.yaml",
        expect![[r#"
        exit 2
        --- stderr
        error: there is no API server here that auditward can change: `examples/policies/recommended.yaml`: line 4, column 7: this is `Policy` of `audit.k8s.io/v1`, not a `Pod` of `v1`, and the kubelet runs nothing else
        hint: a static pod is one object, `apiVersion: v1` and `kind: Pod`
    "#]],
    );
    check(
        "enable --dry-run --manifest no-such-file.yaml",
        expect![[r#"
            exit 2
            --- stderr
            error: there is no API server here that auditward can change: could not read `no-such-file.yaml`: No such file or directory (os error 2)
            hint: name the API server's manifest with --manifest
        "#]],
    );
}

#[test]
fn a_policy_that_kube_apiserver_refuses() {
    check(
        "enable --dry-run --manifest examples/kube-apiserver.yaml --policy examples/kube-apiserver.yaml",
        expect![[r#"
            exit 2
            --- stderr
            examples/kube-apiserver.yaml:2:7: error: this is a `Pod` of `v1`, not an audit policy (kind)
              2 | kind: Pod
                |       ^^^
              hint: if a policy is inside it, take out the part that begins with `apiVersion: audit.k8s.io/v1`
            error: kube-apiserver would refuse `examples/kube-apiserver.yaml`
        "#]],
    );
    check(
        "policy install --dry-run --manifest examples/kube-apiserver.yaml examples/policies/guide.yaml",
        expect![[r#"
            exit 2
            --- stderr
            error: nothing was changed: audit is not on here
            hint: auditward enable --policy FILE
        "#]],
    );
}

#[test]
fn places_that_do_not_fit() {
    let of = |words: &str, expected| {
        check(&format!("enable --dry-run --manifest examples/kube-apiserver.yaml {words}"), expected);
    };
    of(
        "--log-path audit.log",
        expect![[r#"
        exit 2
        --- stderr
        error: nothing was changed: the log's path, `audit.log`, is not an absolute path of a file without `..`, spaces and `$`
        hint: as in /var/log/kubernetes/audit/audit.log
    "#]],
    );
    of(
        "--log-path /var/log/audit.log",
        expect![[r#"
        exit 2
        --- stderr
        error: nothing was changed: `/var/log/audit.log` lies in /var/log, which is not for the API server alone
        hint: give it a folder of its own, as /etc/kubernetes/audit/policy.yaml and /var/log/kubernetes/audit/audit.log have
    "#]],
    );
    of(
        "--log-path /etc/kubernetes/audit/audit.log",
        expect![[r#"
        exit 2
        --- stderr
        error: nothing was changed: the log and the policy would share /etc/kubernetes/audit, and the API server may not write to its policy
        hint: choose another folder with --log-path
    "#]],
    );
    of(
        "--policy-path /etc/kubernetes/pki/deep/../policy.yaml",
        expect![[r#"
        exit 2
        --- stderr
        error: nothing was changed: the policy's path, `/etc/kubernetes/pki/deep/../policy.yaml`, is not an absolute path of a file without `..`, spaces and `$`
        hint: as in /var/log/kubernetes/audit/audit.log
    "#]],
    );
    of(
        "--preset guide --policy examples/policies/guide.yaml",
        expect![[r#"
        exit 2
        --- stderr
        error: the argument '--preset <NAME>' cannot be used with '--policy <FILE>'

        Usage: auditward enable --dry-run --manifest <FILE> --preset <NAME>

        For more information, try '--help'.
    "#]],
    );
}

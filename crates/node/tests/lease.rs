//! The lease and the ClusterConfiguration against a real API server.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say when they are skipped"
)]

use std::path::Path;

use auditward_node::api::{Client, ClusterConfiguration, Held, Holder, Kubeconfig, LeaseError, Request};
use auditward_testkit::{ApiServer, StartError};

fn api_server() -> Option<ApiServer> {
    match ApiServer::builder().start() {
        Ok(server) => Some(server),
        Err(StartError::Program(error)) => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn client(kubeconfig: &Path) -> Client {
    Client::new(&Kubeconfig::read(kubeconfig).unwrap()).unwrap()
}

fn holder(name: &str) -> Holder {
    Holder(name.to_owned())
}

#[test]
fn one_node_at_a_time_and_nobody_overwrites_anybody() {
    let Some(server) = api_server() else { return };
    let kubectl = server.kubectl();
    let admin = client(kubectl.kubeconfig());

    // A certificate works like a token does, and a user without rights is told so.
    let certified = server.kubectl_with_certificate("eve", &["readers"]).unwrap();
    let eve = client(certified.kubeconfig());
    assert_eq!(eve.ask(Request::get("/readyz")).unwrap().body, b"ok");
    let refused = Held::take(&eve, holder("eve")).unwrap_err();
    assert!(matches!(&refused, LeaseError::Api(error) if error.status() == Some(403)), "{refused:?}");

    // The second learns who is first; what the first left when it was killed is its own.
    let first = Held::take(&admin, holder("cp1")).unwrap();
    let second = Held::take(&admin, holder("cp2")).unwrap_err();
    assert!(matches!(&second, LeaseError::Held { holder, .. } if holder == "cp1"), "{second:?}");
    drop(first);
    let again = Held::take(&admin, holder("cp1")).unwrap();
    again.release().unwrap();
    Held::take(&admin, holder("cp2")).unwrap();
    // One that ran out is nobody's.
    let old = r#"{"spec":{"renewTime":"2020-01-01T00:00:00.000000Z"}}"#;
    kubectl
        .run(&["patch", "lease", "auditward-enable", "-n", "kube-system", "--type=merge", "-p", old])
        .unwrap();
    let third = Held::take(&admin, holder("cp3")).unwrap();
    // Somebody else took it meanwhile: it is not given back in their name.
    let theirs = r#"{"spec":{"holderIdentity":"cp4"}}"#;
    kubectl
        .run(&["patch", "lease", "auditward-enable", "-n", "kube-system", "--type=merge", "-p", theirs])
        .unwrap();
    third.release().unwrap();
    let held = kubectl.run(&[
        "get",
        "lease",
        "auditward-enable",
        "-n",
        "kube-system",
        "-o",
        "jsonpath={.spec.holderIdentity}",
    ]);
    assert_eq!(held.unwrap(), "cp4");

    // A ClusterConfiguration that somebody changed since it was read is not written over.
    let literal = "--from-literal=ClusterConfiguration=apiVersion: kubeadm.k8s.io/v1beta4";
    kubectl.run(&["create", "configmap", "kubeadm-config", "-n", "kube-system", literal]).unwrap();
    let read = ClusterConfiguration::read(&admin).unwrap();
    assert_eq!(read.text, "apiVersion: kubeadm.k8s.io/v1beta4");
    let late = ClusterConfiguration::read(&admin).unwrap();
    read.write(&admin, "apiVersion: kubeadm.k8s.io/v1beta4\nmine: true\n").unwrap();
    let conflict = late.write(&admin, "theirs").unwrap_err();
    assert!(format!("{conflict:?}").contains("status: 409"), "{conflict:?}");
}

#[test]
fn a_server_that_is_not_the_named_one_is_not_talked_to() {
    let Some(server) = api_server() else { return };
    let kubeconfig = std::fs::read_to_string(server.kubectl().kubeconfig()).unwrap();
    let path = server.folder().join("other.kubeconfig");
    let other = kubeconfig.replace("    server:", "    tls-server-name: somebody.else\n    server:");
    assert_ne!(other, kubeconfig);
    std::fs::write(&path, other).unwrap();
    let error = client(&path).ask(Request::get("/readyz")).unwrap_err();
    let all = format!("{error:?}");
    assert!(all.contains("NotValidForName") && !all.contains(&server.token("admin")), "{all}");
}

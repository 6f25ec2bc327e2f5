//! The node of the testkit is a real one, and goes when its owner goes.

#![expect(clippy::print_stderr, reason = "times and skipped tests are for the reader of the output")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use auditward_testkit::Node;

/// A node, or none with the reason on standard error.
fn node(name: &str) -> Option<Node> {
    if let Err(reason) = Node::available() {
        eprintln!("skipped: {reason}");
        return None;
    }
    let begun = Instant::now();
    let node = Node::builder(name).start().unwrap_or_else(|e| panic!("{e}"));
    eprintln!("{name} was up in {:?}", begun.elapsed());
    Some(node)
}

#[test]
fn a_node_is_kubeadms() {
    let Some(node) = node("cp1") else { return };
    let kubectl = node.kubectl();
    assert_eq!(kubectl.run(&["get", "nodes", "-o", "name"]).unwrap(), "node/cp1\n");
    // The kubelet tells the API server of its static pods when it gets to it, one after the other.
    for part in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        let pod = format!("pod/{part}-cp1");
        for state in ["--for=create", "--for=condition=Ready"] {
            kubectl.run(&["wait", &pod, "-n", "kube-system", state, "--timeout=60s"]).unwrap();
        }
    }
    assert_eq!(node.exec(&["hostname"]).unwrap(), "cp1\n");
    assert!(node.path("/etc/kubernetes/manifests/kube-apiserver.yaml").exists());
    assert!(!Path::new("/etc/kubernetes/manifests/kube-apiserver.yaml").exists());
    assert_eq!(node.restart_count("kube-apiserver"), Some(0));
    assert!(node.container_log("kube-apiserver").contains("Version: v"));

    // A pod runs, and exec and logs reach into it.
    kubectl.run(&["run", "box", "--image", Node::IMAGE, "--", "sh", "-c", "echo hello; sleep 600"]).unwrap();
    kubectl.run(&["wait", "pod/box", "--for=condition=Ready", "--timeout=60s"]).unwrap();
    assert_eq!(kubectl.run(&["logs", "box"]).unwrap(), "hello\n");
    assert!(kubectl.run(&["exec", "box", "--", "id"]).unwrap().starts_with("uid=0"));

    let second = Node::builder("cp2").joins(&node).start().unwrap_or_else(|e| panic!("{e}"));
    let nodes = second.kubectl().run(&["get", "nodes", "-o", "name"]).unwrap();
    assert_eq!(nodes, "node/cp1\nnode/cp2\n");

    let process = Path::new("/proc").join(node.init_pid().to_string());
    assert!(process.exists());
    drop(second);
    node.stop();
    assert!(!process.exists());
}

/// Not a test of its own: what the next one starts as another process, and kills.
#[test]
#[ignore = "started and killed by killed_leaves_nothing"]
fn victim() {
    let Some(node) = node("victim") else { return };
    println!("\nvictim {} {}", node.init_pid(), node.address());
    std::thread::sleep(Duration::from_mins(10));
}

#[test]
fn killed_leaves_nothing() {
    if let Err(reason) = Node::available() {
        eprintln!("skipped: {reason}");
        return;
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "victim", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let announced = said.find(|line| line.starts_with("victim ")).unwrap();
    let [_, init, address] = announced.split(' ').collect::<Vec<_>>()[..] else { panic!("{announced}") };
    let number: u8 = address.split('.').nth(2).unwrap().parse().unwrap();
    let link = Path::new("/sys/class/net").join(format!("awtk{number}"));
    let process = Path::new("/proc").join(init);
    assert!(process.exists() && link.exists());

    victim.kill().unwrap();
    victim.wait().unwrap();
    let end = Instant::now() + Duration::from_mins(1);
    // A look at the living nodes sweeps away what the dead left on disk.
    while process.exists() || link.exists() || Node::find("victim").unwrap().is_some() {
        assert!(Instant::now() < end, "{} or {} is still there", process.display(), link.display());
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten();
    let group = format!("auditward-{number}");
    let left: Vec<_> = left.map(|entry| entry.path().join(&group)).filter(|path| path.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
}

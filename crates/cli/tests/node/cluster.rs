//! Three control-plane nodes behind a load balancer: one after the other, and nobody who asks notices.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use auditward_node::api::Request;
use auditward_testkit::{Asking, Node};

use super::outage::stranger;
use super::{Machine, eventually};

#[test]
fn one_after_the_other_while_everybody_asks() {
    let Some(mut first) = Machine::start("cp1") else { return };
    let [second, third] = thread::scope(|both| {
        let join = |name: &'static str| {
            let builder = Node::builder(name).joins(&first.node);
            both.spawn(move || Machine::of(builder))
        };
        [join("cp2"), join("cp3")].map(|started| started.join().unwrap())
    });
    let balancer = first.node.balance(&[&second.node, &third.node]).unwrap();
    // With a `controlPlaneEndpoint` an administrator's kubeconfig names the load balancer. On the first node it is the
    // node's own, as others have it.
    for machine in [&second, &third] {
        fs::copy(balancer.kubeconfig(), machine.node.path("/etc/kubernetes/admin.conf")).unwrap();
    }

    // An API server announces itself some seconds after it is ready, and later on a busy machine.
    let announced = [
        "get",
        "-n",
        "default",
        "endpointslice",
        "kubernetes",
        "-o",
        "jsonpath={.endpoints[*].addresses[0]}",
    ];
    eventually("three API servers have announced themselves", || {
        let addresses = balancer.kubectl().run(&announced);
        addresses.is_ok_and(|addresses| addresses.split_whitespace().count() == 3)
    });

    let over = AtomicBool::new(false);
    let asking = Asking::start(balancer.kubeconfig(), 4).unwrap();
    let began = Instant::now();
    let away_max = thread::scope(|all| {
        // Also when something below fails.
        let stop = Stop(&over);
        let watched = all.spawn(|| away_at_once(&[&first, &second, &third], &over));

        let one = all.spawn(|| first.run("enable --yes"));
        eventually("the first node is being changed", || first.manifest() != first.original);
        second.run("enable --yes").ended(
            2,
            &[
                "nothing was changed: another control-plane node is being changed",
                "is held by auditward on cp1",
                "--wait 600",
            ],
        );
        let two = all.spawn(|| second.run("enable --yes --wait 600"));
        one.join().unwrap().ended(0, &["meanwhile cp2 and cp3 answer", "audit is on and proven"]);
        two.join().unwrap().ended(0, &["is held by auditward on cp1", "audit is on and proven"]);
        third.run("enable --yes").ended(0, &["meanwhile cp1 and cp2 answer", "audit is on and proven"]);
        drop(stop);
        watched.join().unwrap()
    });
    let seconds = began.elapsed().as_secs_f64();
    let asked = asking.end().unwrap();
    eprintln!("in {seconds:.1} s: {asked:?}");

    assert_eq!(asked.reads_failed, 0, "{:?}", asked.failures);
    // They did ask all the time, and the restarts did reach them.
    assert!(asked.reads > 1000 && asked.writes > 100, "{asked:?}");
    assert!(asked.slowest < Duration::from_secs(10), "{asked:?}");
    assert_eq!(away_max, 1, "one API server at a time");
    for machine in [&first, &second, &third] {
        assert!(machine.log().contains("configmaps"), "{} has recorded what was asked", machine.node.name());
    }
    let lease = balancer.kubectl().run(&["get", "-n", "kube-system", "lease", "auditward-enable"]);
    assert!(lease.unwrap_err().stderr.contains("NotFound"), "the lease is given back");
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many API servers were not ready at the same time, at most.
fn away_at_once(machines: &[&Machine], over: &AtomicBool) -> usize {
    let clients: Vec<_> = machines.iter().map(|machine| stranger(machine)).collect();
    let mut most = 0;
    while !over.load(Ordering::Relaxed) {
        let away = clients.iter().filter(|client| client.ask(Request::get("/readyz")).is_err()).count();
        most = most.max(away);
        thread::sleep(Duration::from_millis(200));
    }
    most
}

//! For how long an API server is away, and how much of that its port is closed.

use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use auditward_node::api::{Address, ApiError, Client, Kubeconfig, Request};

use super::Machine;

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(50);

/// Asks one API server at its own address, until it is ended.
pub(crate) struct Outage {
    asking: JoinHandle<Away>,
    over: Sender<()>,
}

/// For how long it was away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Away {
    /// From the first answer that was not "ready" until the next that was, added up.
    pub(crate) not_ready: Duration,
    /// The part of it in which nobody took connections.
    pub(crate) refused: Duration,
    /// How often it went away.
    pub(crate) times: u32,
}

impl Outage {
    pub(crate) fn watch(machine: &Machine) -> Self {
        let client = stranger(machine);
        let (over, is_over) = channel();
        let asking = thread::spawn(move || {
            let mut away = Away::default();
            let mut was_ready = true;
            let mut last = Instant::now();
            while is_over.recv_timeout(EVERY).is_err() {
                let asked = client.ask(Request::get("/readyz"));
                let now = Instant::now();
                match &asked {
                    Ok(_) => {}
                    Err(error) => {
                        away.not_ready += now - last;
                        away.times += u32::from(was_ready);
                        if matches!(error, ApiError::Connect { .. }) {
                            away.refused += now - last;
                        }
                    }
                }
                was_ready = asked.is_ok();
                last = now;
            }
            away
        });
        Self { asking, over }
    }

    pub(crate) fn end(self) -> Away {
        _ = self.over.send(());
        self.asking.join().unwrap()
    }
}

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [not_ready, refused] = [self.not_ready, self.refused].map(|time| time.as_secs_f64());
        write!(f, "not ready for {not_ready:.1} s, of which {refused:.1} s refused, {} times", self.times)
    }
}

/// Anybody may ask whether it is ready.
pub(crate) fn stranger(machine: &Machine) -> Client {
    let address = Address { host: machine.node.address(), port: 6443 };
    let authority = machine.node.path("/etc/kubernetes/pki/ca.crt");
    Client::new(&Kubeconfig::anonymous(&authority, address, "kubernetes").unwrap()).unwrap()
}

#[test]
#[ignore = "measures, and asserts only that the commands work"]
fn how_long_the_api_is_away() {
    let Some(machine) = Machine::start("outage") else { return };
    for run in 1..=3 {
        for words in ["enable --yes", "disable --yes --quick"] {
            let outage = Outage::watch(&machine);
            machine.run(words).ended(0, &[]);
            // A lease that is not renewed meanwhile may take the API server down again: that too is seen.
            thread::sleep(Duration::from_secs(2));
            eprintln!("run {run}, {words}: {}", outage.end());
        }
    }
}

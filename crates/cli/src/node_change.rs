//! What every command that changes a node has in common: one at a time, what was left behind first, a word before the API goes
//! away, each step told with its time, and what came of it.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use auditward_base::Lock;
use auditward_node::api::{ApiError, Client, Held, Holder, LeaseError};
use auditward_node::change::{self, Change, ChangeError, Context, Done, Limits, Recovered};
use auditward_node::host::{self, ControlPlane, HostError, STATE};
use auditward_node::inspect::{self, Host};
use auditward_node::peers::{Peer, peers};
use auditward_node::prove::{Probe, Proof, Trail, prove};
use auditward_node::service::{self, Service};
use auditward_node::watch::Site;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::exit::{Failure, context};
use crate::output;

/// How a change is made, as every command that makes one takes it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    /// Do it without asking, though the API server will be away for a while
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// End the old API server at once instead of giving it its 30 seconds
    ///
    /// Its second SIGTERM comes from us. The API is away for about 15 seconds instead of 40, but requests that are under way
    /// are cut off, and a load balancer has no time to notice.
    #[arg(long)]
    pub(crate) quick: bool,
    /// The API server's manifest, where it is not in the kubelet's folder
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// The credentials to ask the API server with, where the node's own lie elsewhere
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// How long the API server may take to be ready before everything is undone, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..=3600))]
    pub(crate) timeout: u64,
    /// How long to wait while another control-plane node is being changed, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) wait: u64,
}

/// What runs the API server here.
pub(crate) enum Runs {
    /// The kubelet, from a manifest.
    Pod(Box<ControlPlane>),
    /// A unit.
    Service(Service),
}

/// A node that is ours to change.
pub(crate) struct Session {
    pub(crate) runs: Runs,
    pub(crate) site: Site,
    args: ChangeArgs,
    stop: Arc<AtomicBool>,
    began: Instant,
    _lock: Option<Lock>,
}

impl ChangeArgs {
    /// The manifest of this node's API server.
    pub(crate) fn find(&self) -> Result<ControlPlane, Failure> {
        ControlPlane::find(self.manifest.as_deref()).map_err(|error| {
            let hint = hint(&error);
            context("there is no API server here that auditward can change")(error).hint(hint)
        })
    }

    /// What runs this node's API server.
    pub(crate) fn look(&self) -> Result<Runs, Failure> {
        if self.manifest.is_some() {
            return Ok(Runs::Pod(Box::new(self.find()?)));
        }
        match inspect::find(&Host::live()).distribution.and_then(service::wanted_service) {
            Some(service) => Ok(Runs::Service(service)),
            None => Ok(Runs::Pod(Box::new(self.find()?))),
        }
    }

    fn site(&self, runs: &Runs) -> Result<Site, Failure> {
        let site = match runs {
            Runs::Pod(pod) => match &self.kubeconfig {
                None => pod.site(true),
                Some(path) => pod.site_with(path),
            },
            Runs::Service(service) => {
                service::site(*service, service::unit(*service), self.kubeconfig.as_deref(), true)
            }
        };
        site.map_err(|error| {
            context("this node has no way to ask its API server")(error)
                .hint("name an administrator's kubeconfig with --kubeconfig")
        })
    }

    /// Takes the node, and finishes or undoes what another run left behind.
    pub(crate) fn begin(self) -> Result<Session, Failure> {
        // What cannot be found now may be found once what was left behind is undone.
        let lock = lock()?;
        let runs = self.look()?;
        let site = self.site(&runs)?;
        let mut session = Session {
            runs,
            site,
            stop: stop_on_signals()?,
            began: Instant::now(),
            _lock: Some(lock),
            args: self,
        };
        if session.recover()? > 0 {
            session.runs = session.args.look()?;
            session.site = session.args.site(&session.runs)?;
        }
        Ok(session)
    }
}

impl Session {
    /// Undoes or finishes what another run left behind; how many there were.
    fn recover(&mut self) -> Result<usize, Failure> {
        let mut tell = teller(self.began);
        let mut context = Context {
            backups: backups(),
            site: &self.site,
            limits: limits(&self.args),
            quick: self.args.quick,
            lease: None,
            stop: &self.stop,
            tell: &mut tell,
        };
        let all = change::recover(&mut context).map_err(|error| failure(&error))?;
        for recovered in &all {
            output::talk(&describe(recovered));
        }
        Ok(all.len())
    }

    /// Whether the API server answers now: a node that is ill already is not to be changed.
    pub(crate) fn must_be_ready(&self) -> Result<(), Failure> {
        self.site.ready().map_err(|reason| {
            Failure::new(format!("the API server is not ready now, before anything was changed: {reason}"))
                .hint("mend it first; `auditward rollback` lists what can be put back")
        })
    }

    /// Asks before the API goes away, in a way that fits the cluster.
    pub(crate) fn consent(&self) -> Result<(), Failure> {
        let for_long = match &self.runs {
            Runs::Pod(_) => format!("for about {} s", if self.args.quick { 15 } else { 40 }),
            Runs::Service(service) => format!("while {} restarts", service::unit(*service)),
        };
        let others = self.others().unwrap_or_else(|error| {
            output::talk(&format!(
                "note: whether there are other API servers could not be asked: {}",
                chain(&error)
            ));
            Vec::new()
        });
        let meanwhile = match &others.iter().map(name).collect::<Vec<_>>()[..] {
            [] => format!(
                "this is the only API server of the cluster: the API will be away {for_long}. Running pods go on; \
                 controllers and schedulers wait"
            ),
            [one] => format!("the API server of this node will be away {for_long}; meanwhile {one} answers"),
            names => format!(
                "the API server of this node will be away {for_long}; meanwhile {} answer",
                names.join(" and ")
            ),
        };
        output::talk(&meanwhile);
        if self.args.yes {
            return Ok(());
        }
        ask("Go on?")
    }

    fn others(&self) -> Result<Vec<Peer>, ApiError> {
        let client = self.cluster_client().unwrap_or_else(|| self.site.client.clone());
        let announced = match &self.runs {
            Runs::Pod(pod) => Some(pod.announced()),
            Runs::Service(_) => None,
        };
        peers(&client, announced.as_deref())
    }

    /// Does the change while we hold the cluster's lease, and says what came of it.
    pub(crate) fn run(&mut self, change: &Change) -> Result<Done, Failure> {
        let mut lease = self.lease()?;
        // Only now: whoever held the lease before us may have been restarting the API server of another node.
        if (change.manifest.is_some() || change.unit.is_some())
            && let Err(refused) = others_must_be_ready(&self.others().unwrap_or_default())
        {
            give_back(lease);
            return Err(refused);
        }
        let mut tell = teller(self.began);
        let mut context = Context {
            backups: backups(),
            site: &self.site,
            limits: limits(&self.args),
            quick: self.args.quick,
            lease: lease.as_mut(),
            stop: &self.stop,
            tell: &mut tell,
        };
        let result = change::run(change, &mut context);
        give_back(lease);
        let done = result.map_err(|error| failure(&error))?;
        for note in &done.notes {
            output::talk(&format!("warning: {note}"));
        }
        Ok(done)
    }

    /// One control-plane node at a time, where the cluster can be asked.
    fn lease(&self) -> Result<Option<Held>, Failure> {
        const AGAIN: Duration = Duration::from_secs(5);
        let Some(client) = self.cluster_client() else { return Ok(None) };
        // The node's name and nothing else: what a run of ours that was killed has left is ours to take, for on this node we
        // are alone by the lock.
        let us = format!("auditward on {}", host::host_name());
        let end = Instant::now() + Duration::from_secs(self.args.wait);
        let mut told = String::new();
        loop {
            match Held::take(&client, Holder(us.clone())) {
                Ok(held) => return Ok(Some(held)),
                Err(error @ LeaseError::Held { .. }) if Instant::now() < end => {
                    let error = error.to_string();
                    if error != told {
                        output::talk(&error);
                        told = error;
                    }
                    thread::sleep(AGAIN);
                }
                Err(error @ LeaseError::Held { .. }) => {
                    return Err(
                        context("nothing was changed")(error).hint("wait until it is done: --wait 600 does")
                    );
                }
                // Without the right to it we go on: the lock of this node still holds.
                Err(error) => {
                    output::talk(&format!("note: {}; going on without it", chain(&error)));
                    return Ok(None);
                }
            }
        }
    }

    /// What runs the API server, where that is the kubelet.
    pub(crate) fn pod(&self) -> Result<&ControlPlane, Failure> {
        match &self.runs {
            Runs::Pod(pod) => Ok(pod),
            Runs::Service(service) => {
                let unit = service::unit(*service);
                Err(Failure::new(format!("nothing was changed: {unit} runs the API server, and no manifest"))
                    .hint("auditward enable --policy FILE installs another policy there"))
            }
        }
    }

    /// Who may change what is the cluster's and not the node's.
    fn cluster_client(&self) -> Option<Client> {
        match &self.runs {
            Runs::Pod(_) => host::cluster_client(),
            Runs::Service(_) => Some(self.site.client.clone()),
        }
    }

    /// Proves that audit works as it is, without any change.
    pub(crate) fn prove(&self, probe: &Probe, trail: &Trail) -> Result<Proof, Failure> {
        let within = limits(&self.args).proof;
        prove(&self.site.client, probe, trail, within, Some(&self.stop))
            .map_err(context("everything is set as asked for, but audit does not work"))
    }

    /// A line of talk with the time since we began.
    pub(crate) fn tell(&self, line: &str) {
        teller(self.began)(line);
    }
}

/// Where changes are recorded.
pub(crate) fn backups() -> PathBuf {
    Path::new(STATE).join("backups")
}

/// One run of ours at a time on this node.
fn lock() -> Result<Lock, Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::new("this needs root").hint("run it with sudo on the control-plane node"));
    }
    let folder = Path::new(STATE);
    std::fs::create_dir_all(folder).map_err(|error| Failure::writing(folder, error))?;
    let us = format!("auditward {}, process {}", env!("CARGO_PKG_VERSION"), process::id());
    Lock::take(&folder.join("lock"), &us).map_err(context("another auditward changes this node"))
}

/// Asks a person; without one, or without a yes, nothing is done.
fn ask(question: &str) -> Result<(), Failure> {
    let refused = || Failure::new("nothing was changed");
    if !io::stdin().is_terminal() {
        return Err(refused().hint("say --yes to do it"));
    }
    _ = write!(io::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(context("could not read the answer"))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(refused()) }
}

fn give_back(lease: Option<Held>) {
    if let Some(lease) = lease
        && let Err(error) = lease.release()
    {
        output::talk(&format!("note: the lease could not be given back and will run out by itself: {error}"));
    }
}

fn others_must_be_ready(others: &[Peer]) -> Result<(), Failure> {
    match others.iter().find_map(|peer| Some((name(peer), peer.not_ready.as_ref()?))) {
        None => Ok(()),
        Some((name, reason)) => {
            Err(Failure::new(format!("nothing was changed: the API server of {name} is not ready: {reason}"))
                .hint("one node at a time: wait until the others are ready"))
        }
    }
}

fn name(peer: &Peer) -> String {
    peer.node.clone().unwrap_or_else(|| peer.address.to_string())
}

fn limits(args: &ChangeArgs) -> Limits {
    Limits { ready: Duration::from_secs(args.timeout), ..Limits::default() }
}

/// SIGINT and SIGTERM end the waiting, and what was begun is undone.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(context("could not listen for signals"))?;
    }
    Ok(stop)
}

/// Lines on stderr with the seconds since we began.
fn teller(began: Instant) -> impl FnMut(&str) {
    move |line| output::talk(&format!("{:6.1} s  {}", began.elapsed().as_secs_f64(), output::visible(line)))
}

fn describe(recovered: &Recovered) -> String {
    let purpose = recovered.purpose.map_or("change", |purpose| purpose.name());
    match &recovered.back {
        None => format!("an earlier {purpose} ({}) had been done; it is kept", recovered.name),
        Some(_) => format!("an earlier {purpose} ({}) had not been finished; it was undone", recovered.name),
    }
}

/// What a person is told of a change that was not done.
fn failure(error: &ChangeError) -> Failure {
    let mut text = error.to_string();
    let hint = match error {
        ChangeError::NotBegun(source) => {
            text = format!("{text}: {}", chain(source));
            Some(format!("{STATE} must be writable"))
        }
        ChangeError::RolledBack { evidence, back, folder, .. } => {
            if let Some(evidence) = evidence {
                output::talk(&said(evidence));
            }
            if back.nudged {
                output::talk(
                    "the manifest is as it was but for one annotation, without which this kubelet would not start the pod",
                );
            }
            Some(if back.left.is_empty() {
                format!("the node is as it was; the journal is {}", folder.display())
            } else {
                format!(
                    "the node is as it was, but {}; the journal is {}",
                    back.left.join(", "),
                    folder.display()
                )
            })
        }
        ChangeError::NotBack { folder, .. } => Some(format!(
            "the old files are in {}; the kubelet's log (journalctl -u kubelet) and /var/log/pods say more",
            folder.display()
        )),
    };
    let failure = Failure::new(text);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The end of what the API server said, indented.
fn said(log: &str) -> String {
    const LINES: usize = 12;
    // The list of all flags, which it prints after a wrong one, says nothing.
    let before_usage = log.split("\nUsage:").next().unwrap_or(log);
    let lines: Vec<&str> = before_usage.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(LINES));
    let lines = last.map(|line| format!("\n  | {}", output::visible(line)));
    lines.fold("what kube-apiserver said last:".to_owned(), |text, line| text + &line)
}

fn hint(error: &HostError) -> String {
    match error {
        HostError::Refused { refusal, .. } => refusal.hint(),
        HostError::Several { .. } => {
            "keep the one that is meant, and move the other out of the folder".to_owned()
        }
        HostError::Elsewhere { right_way, .. } => right_way.clone(),
        HostError::Nothing => {
            "run it on a control-plane node, or name the manifest with --manifest".to_owned()
        }
        HostError::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            "run it with sudo".to_owned()
        }
        HostError::Read { .. } => "name the API server's manifest with --manifest".to_owned(),
    }
}

/// The client by which the cluster's own objects are changed.
pub(crate) fn cluster_client() -> Result<Client, Failure> {
    host::cluster_client().ok_or_else(|| {
        Failure::new("there are no administrator's credentials on this node").hint(
            "/etc/kubernetes/admin.conf or super-admin.conf is needed to change kube-system/kubeadm-config",
        )
    })
}

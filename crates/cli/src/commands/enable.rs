//! `auditward enable`

mod service;

use std::path::{Path, PathBuf};

use auditward_node::api::{ClusterConfiguration, kubeadm};
use auditward_node::change::{Change, Done, NewManifest, Todo};
use auditward_node::host::ControlPlane;
use auditward_node::inspect::{self, Host};
use auditward_node::journal::Purpose;
use auditward_node::plan::{Paths, Plan, PlanError, PolicyText, Settings, Webhook};
use auditward_node::preflight::{self, Preflight};
use auditward_node::prove::{Identity, Probe, Proof, Trail, choose, who_am_i};
use auditward_node::service::wanted_service;
use auditward_node::step::FolderStep;
use auditward_node::watch::Starter;
use auditward_policy::read::BYTES_MAX;
use auditward_policy::{Evaluator, Policy};
use clap::ValueEnum;

use crate::exit::{Exit, Failure, context};
use crate::input::{self, PolicyFile};
use crate::node_change::{ChangeArgs, Runs, Session, cluster_client};
use crate::output::{self, OutputArgs};

/// Turn audit on for this control-plane node, and prove that it is
///
/// Shows what it will do, checks that it can be done, keeps a backup, changes the API server's manifest, waits until the
/// API server is back, makes a request and finds its event in the log. If anything goes wrong on the way, the old
/// manifest is put back, byte for byte. What is set already stays unless another value is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// The policy to install; without it, the one that is installed, or else the recommended one
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    policy: Option<PathBuf>,
    /// A set of values to begin with
    #[arg(long, value_enum, value_name = "NAME")]
    preset: Option<Preset>,
    /// Where the policy is to lie [default: /etc/kubernetes/audit/policy.yaml]
    #[arg(long, value_name = "PATH")]
    policy_path: Option<String>,
    /// Where the log is to go; `-` for the container's own [default: /var/log/kubernetes/audit/audit.log]
    #[arg(long, value_name = "PATH")]
    log_path: Option<String>,
    /// Rotate the log after so many megabytes [default: 100]
    #[arg(long, value_name = "MB")]
    max_size: Option<u32>,
    /// Keep rotated logs for so many days [default: 30]
    #[arg(long, value_name = "DAYS")]
    max_age: Option<u32>,
    /// Keep so many rotated logs [default: 10]
    #[arg(long, value_name = "NUMBER")]
    max_backup: Option<u32>,
    /// How events are written [kube-apiserver's default: json]
    #[arg(long, value_name = "FORMAT", value_parser = ["json", "legacy"])]
    log_format: Option<String>,
    /// Whether requests wait for their events [kube-apiserver's default: blocking]
    #[arg(long, value_name = "MODE", value_parser = ["blocking", "blocking-strict", "batch"])]
    log_mode: Option<String>,
    /// Send events to the webhook of this kubeconfig as well
    #[arg(long, value_name = "FILE")]
    webhook_config: Option<PathBuf>,
    /// Write it into kubeadm's ClusterConfiguration too, so that an upgrade keeps it
    #[arg(long)]
    persist: bool,
    /// With --dry-run: look at a folder that was copied from a machine instead of at this machine
    #[arg(long, value_name = "DIR", requires = "dry_run", conflicts_with = "manifest")]
    root: Option<PathBuf>,
    /// Do it even if no harmless request of ours is recorded by the policy, and so nothing can be proven
    #[arg(long)]
    without_proof: bool,
    /// One more flag for kube-apiserver, as `name=value`
    #[arg(long, value_name = "NAME=VALUE", hide = true, value_parser = name_and_value)]
    extra_arg: Vec<(String, String)>,
    /// Go on in spite of what the checks before say of disks and permissions
    #[arg(long, hide = true)]
    unchecked: bool,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    output: OutputArgs,
}

const HELP: &str = "\
Examples:
  auditward enable --dry-run
  auditward enable --yes
  auditward enable --policy audit-policy.yaml --max-backup 20 --persist
  auditward enable --preset guide

Exit code: 0 audit is on and proven, or there was nothing to do; 1 with --dry-run when something stands in the way;
2 nothing was changed, or what was changed has been rolled back";

/// A set of values to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// What we recommend: the policy records what detections need and keeps credentials out; a month of log
    Recommended,
    /// What the on-premises enablement guide sets, no more and no less
    Guide,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.change.dry_run {
            return self.dry_run();
        }
        let mut session = self.change.clone().begin()?;
        if let Runs::Service(service) = session.runs {
            return self.enable_service(session, service);
        }
        let plan = self.plan(session.pod()?)?;
        if plan.is_done() {
            prove_only(&session, &plan, self.without_proof)?;
            if self.persist {
                persist(&mut session, &plan)?;
            }
            return Ok(Exit::Fine);
        }
        self.show(&plan)?;
        let preflight = Preflight::of(session.pod()?, &plan);
        if !self.unchecked {
            obstacles(&preflight)?;
        }
        session.must_be_ready()?;
        let proof = proof(&session, &plan, self.without_proof)?;
        if plan.restarts() {
            session.consent()?;
        }
        let done = session.run(&change(&plan, Purpose::Enable, proof))?;
        report(&session, &plan, &done)?;
        if self.persist {
            persist(&mut session, &plan)?;
        } else {
            tell_of_kubeadm(&plan);
        }
        Ok(Exit::Fine)
    }

    fn dry_run(&self) -> Result<Exit, Failure> {
        if let Some(root) = &self.root {
            return self.dry_run_at(root);
        }
        match self.change.look()? {
            Runs::Pod(pod) => self.dry_run_pod(&pod),
            Runs::Service(service) => {
                let host = Host::live();
                self.dry_run_service(service, &host, &inspect::find(&host))
            }
        }
    }

    fn dry_run_at(&self, root: &Path) -> Result<Exit, Failure> {
        let host = Host::at(root).map_err(|error| Failure::reading(root, error))?;
        let found = inspect::find(&host);
        let kind = found.distribution.and_then(wanted_service);
        match (kind, found.manifest(), found.distribution) {
            (Some(service), ..) => self.dry_run_service(service, &host, &found),
            (None, Some(pod), _) => {
                let path = root.join(pod.path.trim_start_matches('/'));
                self.dry_run_pod(&ControlPlane {
                    path,
                    manifest: pod.manifest.clone(),
                    distribution: found.distribution,
                })
            }
            (None, None, Some(other)) => {
                Err(Failure::new(format!("nothing here that auditward can change: this is {other}"))
                    .hint(other.right_way()))
            }
            (None, None, None) => {
                Err(Failure::new(format!("nothing in `{}` runs an API server", root.display()))
                    .hint("copy /etc and the distribution's folder below /var from a control-plane node"))
            }
        }
    }

    fn dry_run_pod(&self, control_plane: &ControlPlane) -> Result<Exit, Failure> {
        let plan = self.plan(control_plane)?;
        self.show(&plan)?;
        if self.root.is_some() {
            return Ok(Exit::Fine);
        }
        Ok(tell(&Preflight::of(control_plane, &plan)))
    }

    fn settings(&self, control_plane: &ControlPlane) -> Result<Settings, Failure> {
        let has_policy = control_plane.manifest.pod().api_server.flags.value("audit-policy-file").is_some();
        let base = match self.preset {
            Some(Preset::Recommended) => Settings::recommended(),
            Some(Preset::Guide) => Settings::guide(),
            None if has_policy || self.policy.is_some() => Settings::default(),
            None => Settings::recommended(),
        };
        let policy = match &self.policy {
            Some(path) => Some(policy_text(path)?),
            None => base.policy,
        };
        Ok(Settings {
            policy,
            policy_path: self.policy_path.clone().or(base.policy_path),
            log_path: self.log_path.clone().or(base.log_path),
            max_size: self.max_size.or(base.max_size),
            max_age: self.max_age.or(base.max_age),
            max_backup: self.max_backup.or(base.max_backup),
            format: self.log_format.clone().or(base.format),
            mode: self.log_mode.clone().or(base.mode),
            webhook: self.webhook()?,
            extra: self.extra_arg.clone(),
            policy_mount: base.policy_mount,
            volumes: base.volumes,
        })
    }

    fn webhook(&self) -> Result<Option<Webhook>, Failure> {
        let read = |path: &PathBuf| {
            let text = input::whole(path, BYTES_MAX)?;
            Ok(Webhook { text, origin: path.clone() })
        };
        self.webhook_config.as_ref().map(read).transpose()
    }

    fn plan(&self, control_plane: &ControlPlane) -> Result<Plan, Failure> {
        let host = match &self.root {
            Some(root) => Host::at(root).map_err(|error| Failure::reading(root, error))?,
            None => Host::live(),
        };
        plan(&host, control_plane, &self.settings(control_plane)?)
    }

    fn show(&self, plan: &Plan) -> Result<(), Failure> {
        show(plan, self.output)
    }
}

/// A policy that kube-apiserver accepts, to be installed.
pub(crate) fn policy_text(path: &std::path::Path) -> Result<PolicyText, Failure> {
    let file = PolicyFile::open(path)?;
    file.accepted()?;
    Ok(PolicyText { origin: format!("`{}`", file.name()), text: file.text })
}

/// Works out what to do on this node.
pub(crate) fn plan(host: &Host, control_plane: &ControlPlane, settings: &Settings) -> Result<Plan, Failure> {
    let pod = control_plane.manifest.pod();
    let paths = Paths::of(pod, settings).map_err(refused)?;
    let found = preflight::find(host, &paths).map_err(context("could not look at what is there"))?;
    Plan::new(&control_plane.path, &control_plane.manifest, settings, paths, &found).map_err(refused)
}

/// Prints the plan: data for programs, effects and diff for people.
pub(crate) fn show(plan: &Plan, output: OutputArgs) -> Result<(), Failure> {
    output.print(plan, |_| {
        let effects = plan.effects().iter().fold(String::new(), |all, effect| all + "  " + effect + "\n");
        let warnings = plan.warnings.iter().fold(String::new(), |all, one| all + "warning: " + one + "\n");
        let diff = plan.diff();
        let gap = if diff.is_empty() { "" } else { "\n" };
        format!("{}\n{effects}{gap}{diff}{warnings}", plan.manifest.display())
    })
}

/// Tells what a dry run found in the way.
fn tell(preflight: &Preflight) -> Exit {
    for warning in &preflight.warnings {
        output::talk(&format!("warning: {warning}"));
    }
    for obstacle in &preflight.obstacles {
        output::talk(&format!("in the way: {}\n  hint: {}", obstacle.what, obstacle.hint));
    }
    if preflight.obstacles.is_empty() { Exit::Fine } else { Exit::Found }
}

/// Refuses while anything stands in the way, and tells all of it at once.
pub(crate) fn obstacles(preflight: &Preflight) -> Result<(), Failure> {
    for warning in &preflight.warnings {
        output::talk(&format!("warning: {warning}"));
    }
    let [.., last] = &preflight.obstacles[..] else { return Ok(()) };
    for obstacle in &preflight.obstacles[..preflight.obstacles.len() - 1] {
        output::talk(&format!("error: {}\nhint: {}", obstacle.what, obstacle.hint));
    }
    Err(Failure::new(format!("nothing was changed: {}", last.what)).hint(&last.hint))
}

/// The request that will prove it.
pub(crate) fn proof(
    session: &Session,
    plan: &Plan,
    without: bool,
) -> Result<Option<(Probe, Trail)>, Failure> {
    let trail = match &session.site.starter {
        Starter::Kubelet { pod, pod_logs } => plan.trail(pod_logs, pod),
        Starter::Unit { .. } => Trail::Elsewhere,
    };
    Ok(choose_probe(session, plan.policy.clone(), without)?.map(|probe| (probe, trail)))
}

/// A harmless request that the policy records.
fn choose_probe(session: &Session, policy: Policy, without: bool) -> Result<Option<Probe>, Failure> {
    let who = who_am_i(&session.site.client).unwrap_or_else(Identity::administrator);
    match choose(&Evaluator::new(policy), &who) {
        Some(probe) => Ok(Some(probe)),
        None if without => Ok(None),
        None => Err(Failure::new(format!(
            "nothing was changed: the policy records no harmless request that `{}` could make, so nothing could be proven",
            who.name
        ))
        .hint("add a rule that records reading, as `- level: Metadata` at the end, or say --without-proof")),
    }
}

/// The plan as a change.
pub(crate) fn change(plan: &Plan, purpose: Purpose, proof: Option<(Probe, Trail)>) -> Change {
    let folders = plan.folders.iter().map(|folder| {
        Todo::Folder(FolderStep { path: folder.path.clone(), mode: folder.mode, owner: folder.owner })
    });
    let files = plan.files.iter().map(|file| Todo::File {
        path: file.path.clone(),
        before: file.before.clone(),
        text: Some(file.text.clone()),
        mode: file.mode,
        owner: file.owner,
    });
    let manifest = plan.restarts().then(|| NewManifest {
        path: plan.manifest.clone(),
        before: plan.before.clone(),
        text: plan.edited.text.clone(),
        undo: Some(plan.edited.undo.clone()),
    });
    Change {
        purpose,
        summary: format!("policy {}", plan.digest.short()),
        first: folders.chain(files).collect(),
        manifest,
        unit: None,
        last: Vec::new(),
        proof,
    }
}

/// Nothing is to be changed; whether it works is still worth knowing.
pub(crate) fn prove_only(session: &Session, plan: &Plan, without: bool) -> Result<Exit, Failure> {
    output::talk("everything is set as asked for");
    session.must_be_ready()?;
    let proof =
        proof(session, plan, without)?.map(|(probe, trail)| session.prove(&probe, &trail)).transpose()?;
    conclude(plan, proof.as_ref())?;
    Ok(Exit::Fine)
}

/// Says what came of it.
pub(crate) fn report(session: &Session, plan: &Plan, done: &Done) -> Result<(), Failure> {
    outage(session, done);
    conclude(plan, done.proof.as_ref())
}

/// Says how long the API was away.
fn outage(session: &Session, done: &Done) {
    if let Some(up) = &done.up {
        let away = up.away_after.map_or(0.0, |away| (up.ready_after.saturating_sub(away)).as_secs_f64());
        session.tell(&format!("done; the API was away for {away:.1} s"));
    }
}

fn conclude(plan: &Plan, proof: Option<&Proof>) -> Result<(), Failure> {
    let place = plan.paths.log.as_deref().unwrap_or("the webhook");
    let line = match proof {
        Some(Proof::Recorded { .. }) => format!("audit is on and proven; events go to {place}"),
        Some(Proof::NotHere { .. }) | None => {
            format!("audit is on; that events arrive is not proven; they go to {place}")
        }
    };
    output::write(&format!("{line}\n"))
}

fn tell_of_kubeadm(plan: &Plan) {
    if !plan.restarts() {
        return;
    }
    output::talk(
        "`kubeadm upgrade` writes the manifest anew from kube-system/kubeadm-config. To keep audit on then, add this to its \
         ClusterConfiguration, or run it again with --persist:",
    );
    output::talk(plan.kubeadm.to_string().trim_end());
}

/// Writes flags and volumes into kubeadm's ClusterConfiguration.
fn persist(session: &mut Session, plan: &Plan) -> Result<(), Failure> {
    let client = cluster_client()?;
    let what = "audit is on, but kubeadm was not told, and an upgrade would turn it off";
    let now = ClusterConfiguration::read(&client).map_err(context(what))?;
    let text = kubeadm::with(&now.text, &plan.kubeadm.flags, &plan.kubeadm.volumes).map_err(context(what))?;
    if text == now.text {
        output::talk("kube-system/kubeadm-config has it already");
        return Ok(());
    }
    let change = Change {
        purpose: Purpose::Enable,
        summary: "kubeadm's ClusterConfiguration".to_owned(),
        first: vec![Todo::Cluster { client, before: now.text, text }],
        manifest: None,
        unit: None,
        last: Vec::new(),
        proof: None,
    };
    session.run(&change)?;
    output::talk(
        "every control-plane node needs the policy file before it is upgraded or joins: run `auditward enable` there first",
    );
    Ok(())
}

fn refused(error: PlanError) -> Failure {
    let hint = match &error {
        PlanError::Manifest { refusal, .. } => Some(refusal.hint()),
        PlanError::Policy { origin, text } => {
            // Every place that is wrong, as `policy check` shows it.
            let name = origin.trim_matches('`').to_owned();
            return PolicyFile::of(&PathBuf::from(name), text.clone())
                .accepted()
                .err()
                .unwrap_or_else(|| Failure::new(error.to_string()));
        }
        PlanError::Conflict { hint, .. } => Some(hint.clone()),
    };
    let failure = context("nothing was changed")(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("as name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

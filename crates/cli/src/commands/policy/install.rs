//! `auditward policy install`

use std::path::PathBuf;

use auditward_node::inspect::Host;
use auditward_node::journal::Purpose;
use auditward_node::plan::{Plan, Settings};
use auditward_node::preflight::Preflight;

use crate::commands::enable::{change, obstacles, plan, policy_text, proof, prove_only, report, show};
use crate::exit::{Exit, Failure};
use crate::node_change::ChangeArgs;
use crate::output::OutputArgs;

/// Replace the policy of this control-plane node, and prove that the new one is at work
///
/// kube-apiserver reads its policy once, when it starts. So the file is replaced, the API server is restarted by the digest
/// of the policy in its manifest, and a request shows that the new policy decides. If it does not come back, the old
/// policy is put back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  auditward policy install audit-policy.yaml --dry-run
  auditward policy install audit-policy.yaml --yes

Exit code: 0 the policy is at work, or was already; 1 with --dry-run when something stands in the way;
2 nothing was changed, or what was changed has been rolled back")]
pub(crate) struct Args {
    /// The policy
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Do it even if no harmless request of ours is recorded by the policy, and so nothing can be proven
    #[arg(long)]
    without_proof: bool,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let policy = policy_text(&self.file)?;
        let settings = Settings { policy: Some(policy), ..Settings::default() };
        if self.change.dry_run {
            let control_plane = self.change.find()?;
            let plan = plan(&Host::live(), &control_plane, &settings)?;
            must_be_on(&plan)?;
            show(&plan, self.output)?;
            let preflight = Preflight::of(&control_plane, &plan);
            let found = !preflight.obstacles.is_empty();
            if let Err(failure) = obstacles(&preflight) {
                failure.print();
            }
            return Ok(if found { Exit::Found } else { Exit::Fine });
        }
        let mut session = self.change.begin()?;
        let plan = plan(&Host::live(), session.pod()?, &settings)?;
        must_be_on(&plan)?;
        if plan.is_done() {
            return prove_only(&session, &plan, self.without_proof);
        }
        show(&plan, self.output)?;
        obstacles(&Preflight::of(session.pod()?, &plan))?;
        session.must_be_ready()?;
        let proof = proof(&session, &plan, self.without_proof)?;
        if plan.restarts() {
            session.consent()?;
        }
        let done = session.run(&change(&plan, Purpose::Policy, proof))?;
        report(&session, &plan, &done)?;
        Ok(Exit::Fine)
    }
}

/// Only a policy is replaced here: flags and mounts are for `enable`.
fn must_be_on(plan: &Plan) -> Result<(), Failure> {
    use auditward_node::manifest::Effect;
    let more = plan.edited.effects.iter().any(|effect| {
        matches!(effect, Effect::FlagAdded { name, .. } if name == "audit-policy-file" || name == "audit-log-path")
    });
    if !more {
        return Ok(());
    }
    Err(Failure::new("nothing was changed: audit is not on here").hint("auditward enable --policy FILE"))
}

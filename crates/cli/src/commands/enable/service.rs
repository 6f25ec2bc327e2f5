//! `auditward enable` where a unit runs the API server: k3s, RKE2, MicroK8s, k0s, a systemd service.

use auditward_node::change::{Change, NewConfiguration, Todo};
use auditward_node::inspect::{Found, Host};
use auditward_node::journal::Purpose;
use auditward_node::plan::Settings;
use auditward_node::preflight::Preflight;
use auditward_node::prove::{Probe, Trail};
use auditward_node::service::{Enabling, Service};
use auditward_node::step::FolderStep;

use super::{Args, Preset, choose_probe, obstacles, outage, policy_text, refused};
use crate::exit::{Exit, Failure};
use crate::node_change::Session;
use crate::output;

impl Args {
    pub(super) fn enable_service(&self, mut session: Session, service: Service) -> Result<Exit, Failure> {
        let host = Host::live();
        let enabling = self.enabling(service, &host, &auditward_node::inspect::find(&host))?;
        let trail = Trail::File(enabling.plan.log.clone());
        if enabling.is_done() {
            output::talk("everything is set as asked for");
            session.must_be_ready()?;
            let probe = choose_probe(&session, enabling.policy.clone(), self.without_proof)?;
            let proven = probe.map(|probe| session.prove(&probe, &trail)).transpose()?.is_some();
            conclude(&enabling, proven)?;
            return Ok(Exit::Fine);
        }
        self.show_service(&enabling)?;
        let preflight = Preflight::of_service(&enabling);
        if !self.unchecked {
            obstacles(&preflight)?;
        }
        session.must_be_ready()?;
        let probe = choose_probe(&session, enabling.policy.clone(), self.without_proof)?;
        session.consent()?;
        let done = session.run(&change(&enabling, probe.map(|probe| (probe, trail))))?;
        outage(&session, &done);
        conclude(&enabling, done.proof.is_some())?;
        Ok(Exit::Fine)
    }

    pub(super) fn dry_run_service(
        &self,
        service: Service,
        host: &Host,
        found: &Found,
    ) -> Result<Exit, Failure> {
        let enabling = self.enabling(service, host, found)?;
        if enabling.is_done() {
            output::talk("everything is set as asked for");
            return Ok(Exit::Fine);
        }
        self.show_service(&enabling)?;
        // What stands in the way in a folder says nothing of the machine that it was copied from.
        if !host.is_live() {
            return Ok(Exit::Fine);
        }
        Ok(super::tell(&Preflight::of_service(&enabling)))
    }

    fn enabling(&self, service: Service, host: &Host, found: &Found) -> Result<Enabling, Failure> {
        if self.persist {
            return Err(Failure::new(
                "nothing was changed: --persist is for kubeadm, which does not run here",
            )
            .hint("leave it away; the configuration that is written here stays"));
        }
        let base = match self.preset {
            Some(Preset::Recommended) => Settings::recommended(),
            Some(Preset::Guide) => Settings::guide(),
            None => Settings::default(),
        };
        let settings = Settings {
            policy: self.policy.as_deref().map(policy_text).transpose()?.or(base.policy),
            policy_path: self.policy_path.clone(),
            log_path: self.log_path.clone(),
            max_size: self.max_size.or(base.max_size),
            max_age: self.max_age.or(base.max_age),
            max_backup: self.max_backup.or(base.max_backup),
            format: self.log_format.clone(),
            mode: self.log_mode.clone(),
            webhook: self.webhook()?,
            extra: self.extra_arg.clone(),
            ..Settings::default()
        };
        Enabling::new(service, host, found, &settings).map_err(refused)
    }

    /// Prints the plan: data for programs, effects and diff for people.
    fn show_service(&self, enabling: &Enabling) -> Result<(), Failure> {
        self.output.print(enabling, |_| {
            let effects = enabling.effects().iter().fold(String::new(), |all, one| all + "  " + one + "\n");
            let notes =
                enabling.plan.notes.iter().fold(String::new(), |all, one| all + "note: " + one + "\n");
            let diff = enabling.diff();
            let gap = if diff.is_empty() { "" } else { "\n" };
            format!("{}\n{effects}{gap}{diff}{notes}", enabling.plan.unit)
        })
    }
}

fn change(enabling: &Enabling, proof: Option<(Probe, Trail)>) -> Change {
    let folders = enabling.folders.iter().map(|folder| {
        Todo::Folder(FolderStep { path: folder.path.clone(), mode: folder.mode, owner: folder.owner })
    });
    let files = enabling.writes.iter().map(|file| Todo::File {
        path: file.path.clone(),
        before: file.before.clone(),
        text: Some(file.text.clone()),
        mode: file.mode,
        owner: file.owner,
    });
    Change {
        purpose: Purpose::Enable,
        summary: format!("policy {}", enabling.digest.short()),
        first: folders.chain(files).collect(),
        manifest: None,
        unit: Some(NewConfiguration {
            service: enabling.service,
            unit: enabling.plan.unit.clone(),
            files: enabling.plan.files.clone(),
            settings: enabling.settings.clone(),
            flags: enabling.flags(),
        }),
        last: Vec::new(),
        proof,
    }
}

fn conclude(enabling: &Enabling, proven: bool) -> Result<(), Failure> {
    let place = enabling.plan.log.display();
    output::write(&if proven {
        format!("audit is on and proven; events go to {place}\n")
    } else {
        format!("audit is on; that events arrive is not proven; they go to {place}\n")
    })
}

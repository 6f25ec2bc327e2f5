//! `auditward disable`

use auditward_node::api::{ClusterConfiguration, kubeadm};
use auditward_node::change::Todo;
use auditward_node::journal::Record;
use auditward_node::manifest::diff;
use auditward_node::unwind::{self, UnwindError, Unwound};

use crate::exit::{Exit, Failure, context};
use crate::node_change::{ChangeArgs, backups, cluster_client};
use crate::output;

/// Turn off what `enable` turned on, and nothing else
///
/// A manifest that nobody has edited since becomes what it was, byte for byte. In one that somebody has edited, what enable
/// added is taken out and their edits stay. The audit log is kept. As with `enable`, the API server restarts, and if it does
/// not come back, everything is undone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  auditward disable --dry-run
  auditward disable --yes

Exit code: 0 what enable did is undone; 2 it was not, or has been rolled back")]
pub(crate) struct Args {
    #[command(flatten)]
    change: ChangeArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.change.dry_run {
            let unwound = unwind::disable(&records()?).map_err(refused)?;
            show(&unwound)?;
            return Ok(Exit::Fine);
        }
        let mut session = self.change.begin()?;
        let records = records()?;
        let mut unwound = unwind::disable(&records).map_err(refused)?;
        show(&unwound)?;
        unwound.change.last.extend(cluster(&records)?);
        session.must_be_ready()?;
        if unwound.change.manifest.is_some() || unwound.change.unit.is_some() {
            session.consent()?;
        }
        session.run(&unwound.change)?;
        let how = if unwound.exact {
            "the configuration is what it was, byte for byte"
        } else {
            "what others edited was kept"
        };
        output::write(&format!("what auditward enabled is off; {how}; the audit log is kept\n"))?;
        Ok(Exit::Fine)
    }
}

/// Every change that was made to this node.
pub(crate) fn records() -> Result<Vec<Record>, Failure> {
    Record::all(&backups()).map_err(context("could not read what was done to this node"))
}

/// What would be different, as a diff, and what stays.
pub(crate) fn show(unwound: &Unwound) -> Result<(), Failure> {
    let mut text = String::new();
    if let Some(manifest) = &unwound.change.manifest {
        let name = manifest.path.display().to_string();
        text += &diff(&manifest.before, &manifest.text, &name, &name);
    }
    for file in unwound.change.unit.iter().flat_map(|unit| &unit.files) {
        text += &file.diff();
    }
    for todo in unwound.change.first.iter().chain(&unwound.change.last) {
        text += &match todo {
            Todo::File { path, text: None, .. } => format!("remove {}\n", path.display()),
            Todo::File { path, .. } => format!("put {} back as it was\n", path.display()),
            Todo::RemoveFolder(path) => format!("remove {} if nothing is in it\n", path.display()),
            Todo::Folder(_) | Todo::Cluster { .. } => String::new(),
        };
    }
    for stays in &unwound.stays {
        output::talk(&format!("note: {stays}"));
    }
    if let Some(unit) = &unwound.change.unit {
        text += &format!("restart {}\n", unit.unit);
    }
    output::write(&text)
}

/// kubeadm's ClusterConfiguration without what `enable --persist` wrote there.
fn cluster(records: &[Record]) -> Result<Option<Todo>, Failure> {
    let Some((oldest, newest)) = unwind::cluster_texts(records).map_err(refused)? else { return Ok(None) };
    let what = "could not work out the ClusterConfiguration without audit";
    let client = cluster_client()?;
    let now = ClusterConfiguration::read(&client).map_err(context(what))?;
    let untouched = auditward_base::Digest::of(now.text.as_bytes()).to_string() == newest;
    let text = if untouched {
        oldest
    } else {
        let before = kubeadm::flags(&oldest).map_err(context(what))?;
        let ours = kubeadm::flags(&now.text).map_err(context(what))?;
        let ours = ours.into_keys().filter(|name| name.starts_with("audit-") && !before.contains_key(name));
        let volumes = ["audit", "audit-policy", "audit-log"].map(str::to_owned);
        kubeadm::without(&now.text, &ours.collect::<Vec<_>>(), &volumes).map_err(context(what))?
    };
    Ok((text != now.text).then_some(Todo::Cluster { client, before: now.text, text }))
}

pub(crate) fn refused(error: UnwindError) -> Failure {
    let hint = match &error {
        UnwindError::Nothing => Some("what was turned on by other means is turned off by the same means"),
        UnwindError::NoSuchBackup { .. } => Some("`auditward rollback` lists them"),
        UnwindError::Manifest { .. } => {
            Some("take the lines out by hand; `auditward rollback` shows the backups")
        }
        _ => None,
    };
    let failure = context("nothing was changed")(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

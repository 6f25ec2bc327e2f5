//! The data folder: who may use it, and what is where in it.
//!
//! ```text
//! lock             held by the one process that uses the folder
//! redact.key       the key of the digests that stand for secrets
//! tokens           who may ask what, hashed
//! journal/         events that were acknowledged
//! store/           events as columns
//! alerts/          alerts and what people did with them
//! detect/NAME.json what the engine of a cluster remembers
//! notify/NAME.json how far a target has taken the alerts
//! spare            takes room, until a full disk needs it
//! ```

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditward_base::disk::{Disk as _, OsDisk, Spare};
use auditward_base::{Lock, LockError};
use auditward_store::alerts::{AlertConfig, AlertLog};
use auditward_store::{self as store, Store};

use crate::config;
use crate::exit::{Failure, context};
use crate::output;

/// A data folder that is ours.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    spare: Spare,
    _lock: Lock,
}

/// More than the file takes that a journal begins with: what was appended last, and was not synced.
const SPARE_BYTES: usize = 8 << 20;

impl Folder {
    /// Takes the folder; it is made if it is not there. `who` is what others are told who want it too.
    pub(crate) fn take(path: &Path, who: &str) -> Result<Self, Failure> {
        make(path)?;
        Self::lock(path, who)
    }

    /// Takes a folder that must be there already.
    pub(crate) fn take_existing(path: &Path, who: &str) -> Result<Self, Failure> {
        if path.join("journal").is_dir() {
            return Self::lock(path, who);
        }
        Err(Failure::new(format!("`{}` is no data folder of a server", path.display()))
            .hint("it is what `auditward serve` was given with --data"))
    }

    fn lock(path: &Path, who: &str) -> Result<Self, Failure> {
        let who = format!("{who}, process {}", std::process::id());
        let lock = Lock::take(&path.join("lock"), &who).map_err(|error| {
            let held = matches!(error, LockError::Held { .. });
            let failure = context(format!("could not use the data folder `{}`", path.display()))(error);
            if held { failure.hint("ask its server instead: --server URL") } else { failure }
        })?;
        Ok(Folder { path: path.to_owned(), spare: Spare::new(path, SPARE_BYTES), _lock: lock })
    }

    /// A folder in it, made if it is not there.
    pub(crate) fn room(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        make(&path)?;
        Ok(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where there is no room for what has to be written at a start, the spare file makes some.
    pub(crate) fn make_room(&self) {
        let free = OsDisk.free(&self.path).unwrap_or(u64::MAX);
        if free < SPARE_BYTES as u64 {
            self.spare.give_up(&OsDisk);
        }
    }

    /// Keeps room for the next start, if there is any.
    pub(crate) fn keep_room(&self) {
        self.spare.keep(&OsDisk);
    }
}

/// What is kept for good, open.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) alerts: AlertLog,
}

impl Parts {
    /// Opens both; what was found damaged is said.
    pub(crate) fn open(folder: &Folder, config: &config::Store) -> Result<Self, Failure> {
        let disk = Arc::new(OsDisk);
        let config = store::Config {
            keep_raw: config.keep_raw,
            fresh_age_max: config.seal_after.0,
            retention: retention(config),
            ..store::Config::new(folder.room("store")?)
        };
        let (store, found) =
            Store::open(disk.clone(), config).map_err(context("could not open the store"))?;
        for damage in &found.damaged {
            output::talk(&format!(
                "store: `{}` is damaged and was set aside: {}",
                damage.file, damage.problem
            ));
        }
        let (alerts, found) = AlertLog::open(disk, AlertConfig::new(folder.room("alerts")?))
            .map_err(context("could not open the alert log"))?;
        for damage in &found.damaged {
            output::talk(&format!("alerts: in `{}`: {}", damage.file, damage.problem));
        }
        Ok(Parts { store, alerts })
    }
}

fn retention(config: &config::Store) -> store::Retention {
    let mut retention = store::Retention { others: store::Limits::default(), clusters: BTreeMap::new() };
    for rule in &config.retention {
        let limits = store::Limits { age: rule.age.map(|age| age.0), bytes: rule.size.map(|size| size.0) };
        if rule.cluster == "*" {
            retention.others = limits;
        } else {
            retention.clusters.insert(rule.cluster.clone(), limits);
        }
    }
    retention
}

/// What is in there names people, objects and what was done with them: for the owner alone.
fn make(path: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(context(format!("could not make the folder `{}`", path.display())))
}

//! Doing a change, and undoing it if the API server does not come back as it should.
//!
//! ```text
//! begin journal ─► folders, files ─► manifest ─► wait ─► prove ─► proven ─► the rest ─► kept
//!                        │               │         │       │
//!                        └───────────────┴─────────┴───────┴──► roll back: old bytes, API server answers, rolled-back
//! ```
//! Whoever is killed in between leaves a journal, and [`recover`] does the rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use auditward_base::{Digest, clock};
use auditward_event::MicroTime;

use crate::api::{Client, Held};
use crate::journal::{Ended, Entry, Journal, JournalError, Left, Outcome, Purpose, Record};
use crate::manifest::{Change as Edit, Manifest, Undo};
use crate::plan::audit_flags;
use crate::prove::{Probe, Proof, ProveError, Trail, prove};
use crate::service::{self, FileChange, Service};
use crate::step::{ClusterStep, FileStep, FolderStep, RestartStep, Role, Step, StepError, Undone};
use crate::watch::{Flags, Process, Site, Up, Wanted, WatchError, Watcher, with_causes};

/// The annotation that makes a manifest another pod when old kubelets leave the same one dead.
const NUDGE_ANNOTATION: &str = "auditward.dev/rolled-back-at";

/// Everything that is to be done.
#[derive(Clone, Debug)]
pub struct Change {
    /// What for.
    pub purpose: Purpose,
    /// A line for the journal and for people.
    pub summary: String,
    /// Done first, while the API server runs as it did.
    pub first: Vec<Todo>,
    /// The manifest; for it the API server restarts.
    pub manifest: Option<NewManifest>,
    /// The configuration of a unit instead; it is restarted, and the API server with it.
    pub unit: Option<NewConfiguration>,
    /// Done once the API server runs as it should. That one of these fails undoes nothing.
    pub last: Vec<Todo>,
    /// What proves that audit works; none where it is turned off.
    pub proof: Option<(Probe, Trail)>,
}

/// Something to do besides the manifest.
#[derive(Clone, Debug)]
pub enum Todo {
    /// Make a folder.
    Folder(FolderStep),
    /// Remove a folder if it is empty.
    RemoveFolder(PathBuf),
    /// Write, replace or remove a file.
    File {
        /// Where.
        path: PathBuf,
        /// What it holds now.
        before: Option<Vec<u8>>,
        /// What it shall hold; none removes it.
        text: Option<Vec<u8>>,
        /// Permission bits of a new file.
        mode: u32,
        /// Owner and group of a new file.
        owner: Option<(u32, u32)>,
    },
    /// Change kubeadm's ClusterConfiguration.
    Cluster {
        /// Asks the cluster.
        client: Client,
        /// What it is.
        before: String,
        /// What it shall be.
        text: String,
    },
}

/// The manifest, before and after.
#[derive(Clone, Debug)]
pub struct NewManifest {
    /// The file.
    pub path: PathBuf,
    /// What it holds now.
    pub before: String,
    /// What it shall hold.
    pub text: String,
    /// The way back, where the text was made by an edit.
    pub undo: Option<Undo>,
}

/// A unit's configuration, before and after.
#[derive(Clone, Debug)]
pub struct NewConfiguration {
    /// What kind of unit.
    pub service: Service,
    /// Its name.
    pub unit: String,
    /// The files; a new one has mode 0600, or 0644 where systemd reads it.
    pub files: Vec<FileChange>,
    /// The flags that the files then set, as [`crate::service::undo`] takes them.
    pub settings: service::Flags,
    /// What the API server's process must then have been told.
    pub flags: Flags,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the manifest's replacement until the API server is ready.
    pub ready: Duration,
    /// From the old process's end until a new one is there.
    pub container: Duration,
    /// From the probe request until its event is found.
    pub proof: Duration,
}

impl Default for Limits {
    /// kubeadm too gives each component five minutes.
    fn default() -> Self {
        Self {
            ready: Duration::from_mins(5),
            container: Duration::from_secs(90),
            proof: Duration::from_secs(30),
        }
    }
}

/// Where and how a change is done.
pub struct Context<'a> {
    /// Where changes are recorded: `/var/lib/auditward/backups`.
    pub backups: PathBuf,
    /// Where the API server is seen.
    pub site: &'a Site,
    /// How long things may take.
    pub limits: Limits,
    /// End the old process at once.
    pub quick: bool,
    /// Kept while we wait.
    pub lease: Option<&'a mut Held>,
    /// Set by a signal.
    pub stop: &'a Arc<AtomicBool>,
    /// Is told what happens, a line each.
    pub tell: &'a mut dyn FnMut(&str),
}

/// A change that was done and stays.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its folder with journal and backup.
    pub folder: PathBuf,
    /// How the API server came back, if it was restarted.
    pub up: Option<Up>,
    /// What was proven.
    pub proof: Option<Proof>,
    /// What did not work of the rest, and was left.
    pub notes: Vec<String>,
}

/// Why a change was not done.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Nothing was begun.
    #[error("nothing was changed")]
    NotBegun(#[source] JournalError),
    /// It was begun and undone.
    #[error("rolled back: {why}")]
    RolledBack {
        /// One sentence.
        why: String,
        /// What the API server said, where it said something.
        evidence: Option<String>,
        /// What happened on the way back.
        back: Box<Back>,
        /// The folder with journal and backup.
        folder: PathBuf,
    },
    /// It was begun, and the way back did not work out.
    #[error("{why}; and rolling back failed: {failure}")]
    NotBack {
        /// Why it had to be undone.
        why: String,
        /// Why that did not work.
        failure: String,
        /// The folder with journal and backup.
        folder: PathBuf,
    },
}

/// The way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Back {
    /// What was left as it is, and why.
    pub left: Vec<String>,
    /// How the API server came back, if it had to.
    pub up: Option<Up>,
    /// The manifest has the old content and one more annotation, because an old kubelet left the pod dead.
    pub nudged: bool,
}

/// What kept a change from being done.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Step(#[from] StepError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error(transparent)]
    Prove(#[from] ProveError),
    #[error("the new manifest can't be read: {0}")]
    Manifest(crate::manifest::Refusal),
    #[error("interrupted")]
    Interrupted,
}

impl Trouble {
    fn evidence(&self) -> Option<String> {
        match self {
            Self::Watch(WatchError::Crashed { log, .. }) => Some(log.clone()),
            _ => None,
        }
    }
}

/// Does a change, and undoes it if it does not work out.
pub fn run(change: &Change, context: &mut Context<'_>) -> Result<Done, ChangeError> {
    let begun = Journal::begin(&context.backups, change.purpose, now(), &change.summary);
    let journal = begun.map_err(ChangeError::NotBegun)?;
    let folder = journal.folder().to_owned();
    (context.tell)(&format!("backup and journal: {}", folder.display()));
    let mut work = Work { journal, steps: 0, context };
    match work.forward(change) {
        Ok(done) => Ok(done),
        Err(trouble) => {
            let why = with_causes(&trouble);
            (work.context.tell)(&format!("{why}; rolling back"));
            match work.back(&why) {
                Ok(back) => Err(ChangeError::RolledBack {
                    why,
                    evidence: trouble.evidence(),
                    back: Box::new(back),
                    folder,
                }),
                Err(failure) => Err(ChangeError::NotBack { why, failure: with_causes(&failure), folder }),
            }
        }
    }
}

/// What [`recover`] did about a change that nobody finished.
#[derive(Debug)]
pub struct Recovered {
    /// The change.
    pub name: String,
    /// What it was for.
    pub purpose: Option<Purpose>,
    /// The way back; none where it had been done and only the last line was missing.
    pub back: Option<Back>,
}

/// Changes that nobody finished.
pub fn unfinished(backups: &Path) -> Result<Vec<Record>, JournalError> {
    let mut records = Record::all(backups)?;
    records.retain(|record| record.left() != Left::Nothing);
    Ok(records)
}

/// Finishes or undoes what another run of ours left behind, the newest first.
pub fn recover(context: &mut Context<'_>) -> Result<Vec<Recovered>, ChangeError> {
    let records = unfinished(&context.backups).map_err(ChangeError::NotBegun)?;
    let mut all = Vec::new();
    for record in records.into_iter().rev() {
        let name = record.name();
        let purpose = record.began().map(|began| began.purpose);
        let journal = Journal::resume(&record).map_err(ChangeError::NotBegun)?;
        let folder = journal.folder().to_owned();
        let mut work = Work { journal, steps: 0, context };
        let back = if record.left() == Left::Finish {
            (work.context.tell)(&format!("{name} was done; writing down that it is"));
            work.end(Outcome::Kept, None).map_err(ChangeError::NotBegun)?;
            None
        } else {
            let why = "the run that began it was killed".to_owned();
            (work.context.tell)(&format!("{name} was not finished; undoing it"));
            let back = work.back(&why);
            Some(back.map_err(|failure| ChangeError::NotBack {
                why,
                failure: with_causes(&failure),
                folder,
            })?)
        };
        all.push(Recovered { name, purpose, back });
    }
    Ok(all)
}

struct Work<'a, 'c> {
    journal: Journal,
    /// How many steps have been written down.
    steps: usize,
    context: &'a mut Context<'c>,
}

impl Work<'_, '_> {
    fn forward(&mut self, change: &Change) -> Result<Done, Trouble> {
        for todo in &change.first {
            self.interruption()?;
            self.todo(todo)?;
        }
        self.interruption()?;
        let up = match &change.manifest {
            // What is rolled back from may be what crashes just now.
            Some(manifest) => Some(self.manifest(manifest, change.purpose == Purpose::Rollback)?),
            None => change
                .unit
                .as_ref()
                .map(|unit| self.configure(unit, change.purpose == Purpose::Rollback))
                .transpose()?,
        };
        let proof = match &change.proof {
            Some((probe, trail)) => Some(self.prove(probe, trail)?),
            None => None,
        };
        self.journal.write(&Entry::Proven)?;
        let mut notes = Vec::new();
        for todo in &change.last {
            if let Err(error) = self.todo(todo) {
                notes.push(with_causes(&error));
            }
        }
        let folder = self.journal.folder().to_owned();
        if let Err(error) = self.end(Outcome::Kept, None) {
            notes.push(with_causes(&error));
        }
        Ok(Done { folder, up, proof, notes })
    }

    fn interruption(&self) -> Result<(), Trouble> {
        if self.context.stop.load(Ordering::Relaxed) { Err(Trouble::Interrupted) } else { Ok(()) }
    }

    fn todo(&mut self, todo: &Todo) -> Result<(), Trouble> {
        match todo {
            Todo::Folder(folder) => {
                self.step(Step::Folder(folder.clone()), |_| folder.run())?;
                (self.context.tell)(&format!("made {}", folder.path.display()));
            }
            // Nothing to undo: it is removed only if nothing is in it.
            Todo::RemoveFolder(path) => {
                if fs::remove_dir(path).is_ok() {
                    (self.context.tell)(&format!("removed {}", path.display()));
                }
            }
            Todo::File { path, before, text, mode, owner } => {
                let file = FileStep {
                    role: Role::Policy,
                    path: path.clone(),
                    before: before.as_ref().map(|old| self.journal.save(self.steps, old)).transpose()?,
                    after: text.as_ref().map(|text| Digest::of(text).to_string()),
                    mode: Some(*mode),
                    owner: *owner,
                    undo: None,
                };
                self.step(Step::File(file.clone()), |_| file.run(text.as_deref()))?;
                let what = if text.is_some() { "wrote" } else { "removed" };
                (self.context.tell)(&format!("{what} {}", path.display()));
            }
            Todo::Cluster { client, before, text } => {
                let saved = self.journal.save(self.steps, before.as_bytes())?;
                let step = ClusterStep { before: saved, after: Digest::of(text.as_bytes()).to_string() };
                self.step(Step::Cluster(step.clone()), |_| step.run(client, text))?;
                (self.context.tell)("wrote the ClusterConfiguration in kube-system/kubeadm-config");
            }
        }
        Ok(())
    }

    /// Writes down, does, writes down.
    fn step(&mut self, step: Step, run: impl FnOnce(&Self) -> Result<(), StepError>) -> Result<(), Trouble> {
        let number = self.steps;
        self.journal.write(&Entry::Doing(step))?;
        self.steps += 1;
        run(self)?;
        self.journal.write(&Entry::Done(number))?;
        Ok(())
    }

    fn manifest(&mut self, manifest: &NewManifest, patient: bool) -> Result<Up, Trouble> {
        let new = Manifest::read(manifest.text.as_bytes()).map_err(Trouble::Manifest)?;
        let step = FileStep {
            role: Role::Manifest,
            path: manifest.path.clone(),
            before: Some(self.journal.save(self.steps, manifest.before.as_bytes())?),
            after: Some(Digest::of(manifest.text.as_bytes()).to_string()),
            mode: None,
            owner: None,
            undo: manifest.undo.clone(),
        };
        let before = self.context.site.processes();
        self.step(Step::File(step.clone()), |_| step.run(Some(manifest.text.as_bytes())))?;
        (self.context.tell)(&format!("replaced {}", manifest.path.display()));
        let wanted = Wanted {
            flags: Flags::Exactly(audit_flags(new.pod())),
            within: self.context.limits.ready,
            container_within: self.context.limits.container,
            before,
            old_will_do: is_the_same_pod(&manifest.before, &manifest.text),
            patient,
            quick: self.context.quick,
        };
        let up = self.wait(&wanted, true)?;
        (self.context.tell)("the API server is ready, with the flags of the manifest");
        Ok(up)
    }

    fn configure(&mut self, new: &NewConfiguration, patient: bool) -> Result<Up, Trouble> {
        for file in &new.files {
            let step = FileStep {
                role: Role::Configuration,
                path: file.path.clone(),
                before: file.before.as_ref().map(|old| self.journal.save(self.steps, old)).transpose()?,
                after: file.after.as_ref().map(|text| Digest::of(text).to_string()),
                mode: Some(service::mode(new.service)),
                owner: None,
                undo: None,
            };
            self.step(Step::File(step.clone()), |_| step.run(file.after.as_deref()))?;
            let what = if file.after.is_some() { "wrote" } else { "removed" };
            (self.context.tell)(&format!("{what} {}", file.path.display()));
        }
        self.interruption()?;
        let before = self.context.site.processes();
        let (service, unit) = (new.service, new.unit.clone());
        let step = RestartStep { service, unit, flags: new.settings.clone() };
        self.step(Step::Restart(step.clone()), |_| step.run())?;
        (self.context.tell)(&format!("restarting {}", new.unit));
        let wanted = Wanted { patient, ..self.restarted(new.flags.clone(), before) };
        let up = self.wait(&wanted, true)?;
        (self.context.tell)("the API server is ready again");
        Ok(up)
    }

    fn restarted(&self, flags: Flags, before: Vec<Process>) -> Wanted {
        Wanted {
            flags,
            within: self.context.limits.ready,
            container_within: self.context.limits.container,
            before,
            old_will_do: false,
            patient: false,
            quick: false,
        }
    }

    fn wait(&mut self, wanted: &Wanted, may_be_stopped: bool) -> Result<Up, WatchError> {
        let Context { site, lease, stop, tell, .. } = &mut *self.context;
        let mut keep = || {
            if let Some(lease) = lease {
                lease.keep();
            }
        };
        let stop = may_be_stopped.then_some(&**stop);
        site.wait(wanted, &mut Watcher { tell, stop, meanwhile: &mut keep })
    }

    fn prove(&mut self, probe: &Probe, trail: &Trail) -> Result<Proof, Trouble> {
        let within = self.context.limits.proof;
        let proof = prove(&self.context.site.client, probe, trail, within, Some(self.context.stop))?;
        match &proof {
            Proof::Recorded { request, level, after, .. } => (self.context.tell)(&format!(
                "`{request}` was found in {trail} at {level}, {} ms after it was sent",
                after.as_millis()
            )),
            Proof::NotHere { audit_id } => (self.context.tell)(&format!(
                "events go to a webhook alone: look there for the request with the Audit-ID {audit_id}"
            )),
        }
        Ok(proof)
    }

    /// Puts everything back: what a starting API server reads, then the manifest, then, once it is up, the rest.
    fn back(&mut self, why: &str) -> Result<Back, Trouble> {
        let record = Record::read(self.journal.folder())?;
        let mut back = Back::default();
        let files = || {
            record.steps().into_iter().rev().filter_map(|step| match step {
                Step::File(file) => Some(file),
                _ => None,
            })
        };
        let early = |file: &&FileStep| match file.role {
            Role::Manifest => false,
            Role::Configuration => true,
            Role::Policy => file.before.is_some(),
        };
        for file in files().filter(early) {
            self.undone(file.undo(&record)?, &file.path, &mut back);
        }
        if let Some(restart) = record.restart() {
            let before = self.context.site.processes();
            restart.run()?;
            (self.context.tell)(&format!("restarting {}", restart.unit));
            let wanted = Wanted { patient: true, ..self.restarted(Flags::Any, before) };
            back.up = Some(self.wait(&wanted, false)?);
        }
        for file in files().filter(|file| file.role == Role::Manifest) {
            let before = self.context.site.processes();
            let undone = file.undo(&record)?;
            let left = matches!(undone, Undone::Left(_));
            self.undone(undone, &file.path, &mut back);
            // What somebody else wrote there is not ours to wait for.
            if !left {
                back.up = Some(self.wait_back(&record, file, before, &mut back.nudged)?);
            }
        }
        for file in files().filter(|file| file.role == Role::Policy && file.before.is_none()) {
            self.undone(file.undo(&record)?, &file.path, &mut back);
        }
        for step in record.steps().into_iter().rev() {
            if let Step::Folder(folder) = step {
                self.undone(folder.undo()?, &folder.path, &mut back);
            }
        }
        self.end(Outcome::RolledBack, Some(why.to_owned()))?;
        Ok(back)
    }

    fn undone(&mut self, undone: Undone, path: &Path, back: &mut Back) {
        match undone {
            Undone::AsBefore => (self.context.tell)(&format!("put {} back as it was", path.display())),
            Undone::Nothing => {}
            Undone::Left(why) => {
                (self.context.tell)(&format!("{why}; it is left as it is"));
                back.left.push(why);
            }
        }
    }

    fn wait_back(
        &mut self,
        record: &Record,
        file: &FileStep,
        before: Vec<Process>,
        nudged: &mut bool,
    ) -> Result<Up, Trouble> {
        /// Some kubelets of 1.22 and 1.23 leave a pod dead that they have known before.
        const LEFT_DEAD: Duration = Duration::from_mins(1);
        let Some(saved) = &file.before else { return Err(Trouble::Interrupted) };
        let old = record.saved(saved)?;
        let manifest = Manifest::read(&old).map_err(Trouble::Manifest)?;
        let mut wanted = Wanted {
            flags: Flags::Exactly(audit_flags(manifest.pod())),
            within: self.context.limits.ready,
            container_within: LEFT_DEAD,
            before,
            old_will_do: true,
            patient: true,
            quick: self.context.quick,
        };
        let began = Instant::now();
        let result = self.wait(&wanted, false);
        let Err(WatchError::NoContainer { .. }) = result else { return Ok(result?) };
        (self.context.tell)(
            "the kubelet has not started the old pod again; some of 1.22 and 1.23 don't. Writing it once more with one more annotation",
        );
        let annotations = BTreeMap::from([(NUDGE_ANNOTATION.to_owned(), Some(now().to_string()))]);
        let edited = manifest.edit(&Edit { annotations, ..Edit::default() }).map_err(Trouble::Manifest)?;
        let replaced = auditward_base::disk::replace(&file.path, edited.text.as_bytes());
        replaced.map_err(|source| StepError::Io { what: "replace", path: file.path.clone(), source })?;
        *nudged = true;
        wanted.container_within = self.context.limits.container;
        let up = self.wait(&wanted, false)?;
        Ok(Up { ready_after: began.elapsed(), ..up })
    }

    fn end(&mut self, outcome: Outcome, reason: Option<String>) -> Result<(), JournalError> {
        self.journal.write(&Entry::Ended(Ended { at: now().to_string(), outcome, reason }))
    }
}

/// Whether two manifests differ in comments and layout alone: the kubelet then restarts nothing.
fn is_the_same_pod(one: &str, other: &str) -> bool {
    let pod = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).ok();
    pod(one).is_some_and(|one| pod(other) == Some(one))
}

fn now() -> MicroTime {
    MicroTime::from_micros(clock::micros(clock::now()))
}

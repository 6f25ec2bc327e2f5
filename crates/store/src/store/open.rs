//! From what is on the disk to a store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use auditward_base::Hasher;
use auditward_base::disk::{Disk, DiskFile, Found};

use super::{
    Bin, CATALOGUE, CATALOGUE_BYTES_MAX, Config, Damage, Fresh, Inner, OpenError, Refusal, Segment, State,
    Store, StoreError,
};
use crate::catalogue::{Catalogue, CatalogueError};
use crate::segment::{Chunks, ReadError, Reader, SegmentMeta, SelfDescription};

/// What is put behind the name of a file that cannot be read.
const SET_ASIDE: &str = ".damaged";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// All events before this position of the journal are in files: the reader of the journal goes on here.
    pub position: u64,
    /// Files that cannot be read, now or when the store was opened before. They are kept, as `NAME.damaged`.
    pub damaged: Vec<Damage>,
    /// Files that a crash had left, of which the catalogue knows nothing. They have been removed.
    pub orphans: Vec<String>,
    /// Whether the catalogue was damaged, and was made anew from the files.
    pub catalogue_made: bool,
}

impl Store {
    /// Opens the store of a folder, or begins one. Nobody else may have it open: that is the caller's lock to take.
    pub fn open(disk: Arc<dyn Disk>, config: Config) -> Result<(Store, Recovered), OpenError> {
        let folder = config.folder.clone();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        disk.create_folder(&folder).map_err(failed(&folder))?;
        // What is seen may have been written by a process that did not live to sync it.
        disk.sync_folder(&folder).map_err(failed(&folder))?;
        let files = disk.list(&folder).map_err(failed(&folder))?;
        let mut recovered = Recovered::default();
        recovered.damaged.extend(files.iter().filter_map(set_aside_before));

        let mut files: BTreeMap<String, u64> =
            files.into_iter().map(|file| (file.name, file.bytes)).collect();
        let path = folder.join(CATALOGUE);
        let catalogue = match files.get(CATALOGUE) {
            None => None,
            Some(_) => {
                let bytes = disk.read(&path, CATALOGUE_BYTES_MAX).map_err(failed(&path))?;
                match Catalogue::read(&bytes) {
                    Ok(catalogue) => Some(catalogue),
                    Err(source @ CatalogueError::Version(_)) => {
                        return Err(OpenError::Catalogue { path, source });
                    }
                    Err(error) => {
                        let problem = error.to_string();
                        recovered.damaged.push(Damage { file: CATALOGUE.to_owned(), problem, rows: 0 });
                        let aside = folder.join(format!("{CATALOGUE}{SET_ASIDE}"));
                        disk.rename(&path, &aside).map_err(failed(&path))?;
                        None
                    }
                }
            }
        };
        let (catalogue, known) = match catalogue {
            Some(catalogue) => (catalogue, true),
            // One is written when a store is begun: without it, whole files mean that it is lost.
            None => (from_files(&*disk, &folder, &files, &mut recovered)?, false),
        };
        recovered.catalogue_made = !known && !catalogue.segments.is_empty();
        recovered.position = catalogue.position;
        let beyond = catalogue.beyond();

        let bin = Bin::new(disk);
        let disk = &*bin.disk;
        let mut is_less = false;
        let mut segments = Vec::new();
        for meta in catalogue.segments {
            let there = files.remove(&meta.file);
            let path = folder.join(&meta.file);
            let problem = match there {
                None => Some("it is gone".to_owned()),
                Some(bytes) if bytes != meta.bytes => {
                    Some(format!("it has {bytes} bytes and should have {}", meta.bytes))
                }
                Some(_) => None,
            };
            if let Some(problem) = problem {
                if there.is_some() {
                    set_aside(disk, &path).map_err(failed(&path))?;
                }
                is_less = true;
                recovered.damaged.push(Damage { file: meta.file, problem, rows: meta.rows });
                continue;
            }
            let doomed = AtomicBool::new(false);
            segments.push(Arc::new(Segment { meta, path, bin: Arc::clone(&bin), doomed }));
        }
        let state = State {
            fresh: Fresh::new(catalogue.position, beyond),
            segments,
            position: catalogue.position,
            next_id: catalogue.next_id,
            limbo: Vec::new(),
            refused: BTreeMap::new(),
            damaged: recovered.damaged.clone(),
        };
        let inner = Inner { bin, config, state: Mutex::new(state), work: Mutex::new(()) };
        let store = Store { inner: Arc::new(inner) };
        if !known || is_less {
            let published = store.publish(super::seal::Change::default());
            // A catalogue that names a file too many says so again the next time: a full disk is no reason not to open.
            published.or_else(|error| if known { Ok(()) } else { Err(error) })?;
        }
        // Only now that a catalogue is there which does not know them.
        for name in files.into_keys().filter(|name| is_ours(name)) {
            store.inner.bin.remove(&folder.join(&name));
            recovered.orphans.push(name);
        }
        Ok((store, recovered))
    }

    /// Looks whether a file is what the catalogue says, because reading it has failed. If it is not, it is set aside, and
    /// what is wrong with it is told; if it is, the failure was another's.
    ///
    /// A file that the disk does not give is never set aside: what a disk refuses now it may give later. It is told, and left
    /// out of compaction, and of snapshots if it happens several times in a row, until it is given again.
    pub fn suspect(&self, segment: &Segment) -> Result<Option<Damage>, StoreError> {
        let _work = self.work();
        let id = segment.meta.id;
        if !self.state().segments.iter().any(|known| known.meta.id == id) {
            return Ok(None);
        }
        let told = |problem| Damage { file: segment.meta.file.clone(), problem, rows: segment.meta.rows };
        let damage = match self.examine(segment) {
            Verdict::Whole => {
                self.state().refused.remove(&id);
                return Ok(None);
            }
            Verdict::Damaged(problem) => told(problem),
            Verdict::Refused(problem) => {
                let told = told(problem);
                let mut state = self.state();
                let times = state.refused.get(&id).map_or(1, |before| before.times.saturating_add(1));
                state.refused.insert(id, Refusal { times, told: told.clone() });
                return Ok(Some(told));
            }
        };
        self.publish(super::seal::Change { gone: [id].into(), ..Default::default() })?;
        // It is evidence, perhaps: it is not removed with the last snapshot that holds it.
        segment.doomed.store(false, std::sync::atomic::Ordering::Release);
        // It may be gone altogether.
        _ = set_aside(&*self.inner.bin.disk, &segment.path);
        _ = self.inner.sync_folder();
        self.state().damaged.push(damage.clone());
        Ok(Some(damage))
    }

    /// Reads every file in full, sets aside those that are not what the catalogue says, and tells them.
    pub fn verify(&self) -> Result<Vec<Damage>, StoreError> {
        let segments = self.state().segments.clone();
        let mut damaged = Vec::new();
        for segment in segments {
            damaged.extend(self.suspect(&segment)?);
        }
        Ok(damaged)
    }

    fn examine(&self, segment: &Segment) -> Verdict {
        let disk = &self.inner.bin.disk;
        match disk.open(&segment.path).and_then(|file| digest(&*file)) {
            Ok(digest) if digest == segment.meta.digest => Verdict::Whole,
            Ok(_) => Verdict::Damaged("its digest is not that of what was written".to_owned()),
            // Where the catalogue is gone as well, nobody has removed a file: the whole folder is not there for now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                match disk.open(&self.inner.config.folder.join(CATALOGUE)) {
                    Ok(_) => Verdict::Damaged("it is gone".to_owned()),
                    Err(_) => Verdict::Refused("it is gone, and so is the catalogue".to_owned()),
                }
            }
            Err(error) => Verdict::Refused(format!("it cannot be read: {error}")),
        }
    }
}

/// What is known of a file after it was read in full.
enum Verdict {
    Whole,
    Damaged(String),
    /// The disk did not give it, which may pass.
    Refused(String),
}

/// The names of our files, not those of files set aside.
fn is_ours(name: &str) -> bool {
    let file = name.strip_suffix(".new").unwrap_or(name);
    file.starts_with("events-") && file.ends_with(".parquet") || name == "catalogue.new"
}

fn set_aside(disk: &dyn Disk, path: &Path) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(SET_ASIDE);
    disk.rename(path, Path::new(&name))
}

fn set_aside_before(file: &Found) -> Option<Damage> {
    let name = file.name.strip_suffix(SET_ASIDE)?;
    Some(Damage { file: name.to_owned(), problem: "it was damaged before".to_owned(), rows: 0 })
}

/// The catalogue as the files would have it. Those that are no whole ones of ours are set aside. What the disk refuses, or a
/// later version has written, may be whole: without it the catalogue would be wrong, so the store is not opened.
fn from_files(
    disk: &dyn Disk,
    folder: &Path,
    files: &BTreeMap<String, u64>,
    recovered: &mut Recovered,
) -> Result<Catalogue, OpenError> {
    let mut found = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| {
        is_ours(name) && Path::new(name).extension().is_none_or(|extension| extension != "new")
    }) {
        let path = folder.join(name);
        match describe(disk, &path, name, *bytes) {
            Ok(described) => found.push(described),
            Err(source @ ReadError::Format(_)) => return Err(OpenError::File { path, source }),
            Err(source) if source.is_refusal() => return Err(OpenError::File { path, source }),
            Err(error) => {
                _ = set_aside(disk, &path);
                recovered.damaged.push(Damage { file: name.clone(), problem: error.to_string(), rows: 0 });
            }
        }
    }
    Ok(Catalogue::from_files(found))
}

fn describe(
    disk: &dyn Disk,
    path: &Path,
    name: &str,
    bytes: u64,
) -> Result<(SegmentMeta, SelfDescription), ReadError> {
    let failed = |source: std::io::Error| ReadError::Parquet(source.into());
    let file = disk.open(path).map_err(failed)?;
    let digest = digest(&*file).map_err(failed)?;
    let itself = Reader::new(Chunks::new(file).map_err(failed)?, 1)?.itself;
    let SelfDescription { id, cluster, rows, time, received, position, .. } = itself.clone();
    let file = name.to_owned();
    Ok((SegmentMeta { id, file, cluster, rows, bytes, time, received, position, digest }, itself))
}

fn digest(file: &dyn DiskFile) -> std::io::Result<String> {
    let mut hasher = Hasher::default();
    let mut piece = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let read = file.read_at(at, &mut piece)?;
        if read == 0 {
            return Ok(hasher.finish().to_string());
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        at += read as u64;
    }
}

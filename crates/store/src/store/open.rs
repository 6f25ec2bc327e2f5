//! From what is on the disk to a store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use auditward_base::disk::{Disk, Found, Spare};

use super::examine::digest;
use super::{
    Bin, CATALOGUE, CATALOGUE_BYTES_MAX, Config, Damage, Fresh, Inner, OpenError, Segment, State, Store,
};
use crate::catalogue::{Catalogue, CatalogueError};
use crate::segment::{Chunks, ReadError, Reader, SegmentMeta, SelfDescription, id_of};

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

        // What a crash has left and the disk does not remove now keeps its name. A name that somebody made up must not use
        // up all ids.
        let ids = files.keys().filter_map(|name| id_of(name)).filter(|id| *id < u64::MAX / 2);
        let next_id = ids.map(|id| id + 1).fold(catalogue.next_id, u64::max);
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
            next_id,
            limbo: Vec::new(),
            refused: BTreeMap::new(),
            examined: BTreeMap::new(),
            in_doubt: false,
            damaged: recovered.damaged.clone(),
        };
        let spare = Spare::new(&config.folder, SPARE_BYTES);
        let inner = Inner { bin, config, state: Mutex::new(state), work: Mutex::new(()), spare };
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
}

/// More than the catalogue of some thousand files takes.
const SPARE_BYTES: usize = 1 << 20;

/// The names of our files, not those of files set aside.
fn is_ours(name: &str) -> bool {
    let file = name.strip_suffix(".new").unwrap_or(name);
    file.starts_with("events-") && file.ends_with(".parquet")
        || name == "catalogue.new"
        || name == "spare.new"
}

pub(super) fn set_aside(disk: &dyn Disk, path: &Path) -> std::io::Result<()> {
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

//! A disk in memory that does everything a bad day can bring, under a seed.
//!
//! ```text
//!  programs see          names ──► now        what was written, synced or not
//!  a loss of power keeps durable ► safe       what was synced; of the rest anything, nothing, or torn parts of it
//! ```
//! It is meaner than most real ones: a synced file's name is not durable before its folder is synced, parts of an unsynced
//! write survive in any order, and after a sync that failed the bytes look fine until the power goes.
//!
//! For tests. [`Dice`] is the generator behind it, for tests that want to stay replayable as a whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{Disk, DiskFile, Found};
use super::folder_of;

/// Numbers that look random and are the same for the same seed, on every machine (`splitmix64`).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed, the same numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub const fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.roll() % end }
    }

    /// An index below `end`; 0 if there is none.
    pub fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap_or(0)
    }

    /// True that many times of a million.
    pub const fn chance(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < per_million as u64
    }
}

/// What goes wrong by itself. Nothing, by default.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// How often of a million times an operation fails; a write may have written a part by then.
    pub errors_per_million: u32,
    /// How often of a million times a file's sync fails, on top.
    pub sync_errors_per_million: u32,
    /// How many bytes all files may have together.
    pub capacity: Option<u64>,
}

/// What is gone at a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The process was killed: what it wrote is there, whoever had files open has not.
    Process,
    /// The machine lost its power: what was not synced is there or not, in parts.
    Power,
}

/// See the module. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct FaultyDisk {
    world: Arc<Mutex<World>>,
}

impl FaultyDisk {
    /// An empty disk without faults. It knows the folder `/` and any that is created.
    pub fn new(seed: u64) -> Self {
        let world = World { dice: Dice::new(seed), ..World::default() };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.world().faults = faults;
    }

    /// The machine stops in the middle of that operation, counted from now, 0 being the next one. Then everything fails
    /// until [`Self::restart`].
    pub fn crash_after(&self, operations: u64) {
        let mut world = self.world();
        world.crash_at = Some(world.operations + operations);
    }

    /// Whether the machine has stopped.
    pub fn is_down(&self) -> bool {
        self.world().down
    }

    /// The machine or the process is there again, and open files are not. Faults and planned crashes are over.
    pub fn restart(&self, loss: Loss) {
        let mut world = self.world();
        world.down = false;
        world.crash_at = None;
        world.faults = Faults::default();
        world.epoch += 1;
        if loss == Loss::Power {
            world.lose_power();
        }
        world.forget_nameless();
    }

    /// Changes bits of one byte for good, as a worn disk does. False if the file has no such byte.
    pub fn flip(&self, path: &Path, offset: u64, bits: u8) -> bool {
        let mut world = self.world();
        let Ok(offset) = usize::try_from(offset) else { return false };
        let Some(inode) = world.names.get(path).copied() else { return false };
        let Some(file) = world.files.get_mut(&inode) else { return false };
        let Some(byte) = file.now.get_mut(offset) else { return false };
        *byte ^= bits;
        if let Some(byte) = file.safe.get_mut(offset) {
            *byte ^= bits;
        }
        true
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// The bytes of all files that have a name.
    pub fn used(&self) -> u64 {
        self.world().used()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, inode: u64, epoch: u64) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { disk: self.clone(), inode, epoch })
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world();
        let fate = world.enter()?;
        if world.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        world.folder(folder_of(path))?;
        fate.before()?;
        if world.faults.capacity.is_some_and(|capacity| world.used() >= capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = world.files_made;
        world.files_made += 1;
        world.files.insert(inode, Inode::default());
        world.change(Change { path: path.to_owned(), becomes: Some(inode), was: None });
        fate.after()?;
        Ok(self.handle(inode, world.epoch))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world();
        world.enter()?.whenever()?;
        let inode = *world.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(inode, world.epoch))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Found>> {
        let mut world = self.world();
        world.enter()?.whenever()?;
        world.folder(folder)?;
        let inside = world.names.iter().filter(|(path, _)| path.parent() == Some(folder));
        let found = inside.filter_map(|(path, inode)| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some(Found { name, bytes: world.files.get(inode)?.now.len() as u64 })
        });
        Ok(found.collect())
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.enter()?.whenever()?;
        world.folders.extend(folder.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        let fate = world.enter()?;
        if folder_of(from) != folder_of(to) {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let inode = *world.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        fate.before()?;
        world.change(Change { path: to.to_owned(), becomes: Some(inode), was: Some(from.to_owned()) });
        fate.after()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        let fate = world.enter()?;
        if !world.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        fate.before()?;
        world.change(Change { path: path.to_owned(), becomes: None, was: None });
        fate.after()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut world = self.world();
        let fate = world.enter()?;
        world.folder(folder)?;
        fate.before()?;
        let (here, elsewhere) = std::mem::take(&mut world.pending)
            .into_iter()
            .partition(|change| folder_of(&change.path) == folder);
        world.pending = elsewhere;
        for change in here {
            change.apply(&mut world.durable);
        }
        fate.after()
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        let mut world = self.world();
        world.enter()?.whenever()?;
        world.folder(folder)?;
        let used = world.used();
        Ok(world.faults.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used)))
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    inode: u64,
    epoch: u64,
}

impl FaultyFile {
    fn enter(&self) -> io::Result<(MutexGuard<'_, World>, Fate)> {
        let mut world = self.disk.world();
        let fate = world.enter()?;
        if self.epoch != world.epoch {
            return Err(io::Error::other("opened before the restart"));
        }
        Ok((world, fate))
    }
}

impl DiskFile for FaultyFile {
    fn append(&self, parts: &[&[u8]]) -> io::Result<()> {
        let (mut world, fate) = self.enter()?;
        let bytes = parts.concat();
        let room = world.faults.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(world.used()));
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let part = match fate {
            Fate::Well => room,
            Fate::Before | Fate::After => world.dice.index(room + 1),
        };
        world.file(self.inode)?.now.extend_from_slice(&bytes[..part]);
        fate.whenever()?;
        if part < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let (mut world, fate) = self.enter()?;
        fate.whenever()?;
        let now = &world.file(self.inode)?.now;
        let rest = usize::try_from(offset).ok().and_then(|offset| now.get(offset..)).unwrap_or_default();
        let bytes = rest.len().min(into.len());
        into[..bytes].copy_from_slice(&rest[..bytes]);
        Ok(bytes)
    }

    fn bytes(&self) -> io::Result<u64> {
        let (mut world, fate) = self.enter()?;
        fate.whenever()?;
        Ok(world.file(self.inode)?.now.len() as u64)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let (mut world, fate) = self.enter()?;
        fate.before()?;
        let file = world.file(self.inode)?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        file.now.truncate(bytes);
        file.low = file.low.min(file.now.len());
        file.doubtful =
            file.doubtful.take().filter(|(from, _)| *from < bytes).map(|(from, to)| (from, to.min(bytes)));
        fate.after()
    }

    fn sync(&self) -> io::Result<()> {
        let (mut world, mut fate) = self.enter()?;
        let per_million = world.faults.sync_errors_per_million;
        if world.dice.chance(per_million) {
            fate = Fate::Before;
        }
        let reached = world.dice.chance(500_000);
        let file = world.file(self.inode)?;
        if fate == Fate::Before {
            // The pages count as written from now on, and were not.
            let from = file.doubtful.map_or(file.low, |(from, _)| from.min(file.low));
            if !reached && from < file.now.len() {
                file.doubtful = Some((from, file.now.len()));
            }
        } else {
            file.safe.clone_from(&file.now);
            file.low = file.now.len();
            if let Some((from, to)) = file.doubtful {
                file.safe[from..to].fill(0);
            }
        }
        fate.whenever()
    }
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Well,
    /// It fails and has done nothing.
    Before,
    /// It fails and has done its work nevertheless.
    After,
}

impl Fate {
    fn before(self) -> io::Result<()> {
        if self == Self::Before { Err(failure()) } else { Ok(()) }
    }

    fn after(self) -> io::Result<()> {
        if self == Self::After { Err(failure()) } else { Ok(()) }
    }

    fn whenever(self) -> io::Result<()> {
        if self == Self::Well { Ok(()) } else { Err(failure()) }
    }
}

fn failure() -> io::Error {
    io::Error::other("injected fault")
}

#[derive(Debug, Default)]
struct Inode {
    /// What programs read.
    now: Vec<u8>,
    /// What a loss of power cannot take.
    safe: Vec<u8>,
    /// The shortest that `now` was since `safe` was taken: up to here they are the same.
    low: usize,
    /// What a failed sync left unwritten and no later one will write.
    doubtful: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
struct Change {
    path: PathBuf,
    becomes: Option<u64>,
    /// The name that the file had before, in the same folder.
    was: Option<PathBuf>,
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        if let Some(was) = &self.was {
            names.remove(was);
        }
        match self.becomes {
            Some(inode) => names.insert(self.path.clone(), inode),
            None => names.remove(&self.path),
        };
    }
}

#[derive(Debug)]
struct World {
    dice: Dice,
    faults: Faults,
    names: BTreeMap<PathBuf, u64>,
    durable: BTreeMap<PathBuf, u64>,
    /// What happened to names since their folder was synced, in order.
    pending: Vec<Change>,
    folders: BTreeSet<PathBuf>,
    files: HashMap<u64, Inode>,
    files_made: u64,
    /// Which life this is; files opened in an earlier one are closed.
    epoch: u64,
    operations: u64,
    crash_at: Option<u64>,
    down: bool,
}

impl Default for World {
    fn default() -> Self {
        Self {
            dice: Dice::new(0),
            faults: Faults::default(),
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            folders: BTreeSet::from(["/".into()]),
            files: HashMap::new(),
            files_made: 0,
            epoch: 0,
            operations: 0,
            crash_at: None,
            down: false,
        }
    }
}

impl World {
    /// Every operation begins here.
    fn enter(&mut self) -> io::Result<Fate> {
        if self.down {
            return Err(io::Error::other("the machine is down"));
        }
        let number = self.operations;
        self.operations += 1;
        self.down = self.crash_at == Some(number);
        let fails = self.dice.chance(self.faults.errors_per_million);
        if !self.down && !fails {
            return Ok(Fate::Well);
        }
        Ok(if self.dice.chance(500_000) { Fate::Before } else { Fate::After })
    }

    fn folder(&self, folder: &Path) -> io::Result<()> {
        if self.folders.contains(folder) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn file(&mut self, inode: u64) -> io::Result<&mut Inode> {
        self.files.get_mut(&inode).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn used(&self) -> u64 {
        self.names.values().filter_map(|inode| self.files.get(inode)).map(|file| file.now.len() as u64).sum()
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.pending.push(change);
    }

    fn lose_power(&mut self) {
        // Of each folder's changes some first ones were written; file systems keep their order.
        let mut kept: HashMap<PathBuf, usize> = HashMap::new();
        let pending = std::mem::take(&mut self.pending);
        for change in &pending {
            *kept.entry(folder_of(&change.path).to_owned()).or_default() += 1;
        }
        // In the order of names, or the same seed would roll differently.
        let folders: BTreeSet<PathBuf> = kept.keys().cloned().collect();
        for folder in folders {
            if let Some(count) = kept.get_mut(&folder) {
                *count = self.dice.index(*count + 1);
            }
        }
        for change in pending {
            if let Some(left) = kept.get_mut(folder_of(&change.path)).filter(|left| **left > 0) {
                *left -= 1;
                change.apply(&mut self.durable);
            }
        }
        self.names = self.durable.clone();
        let inodes: BTreeSet<u64> = self.names.values().copied().collect();
        for inode in inodes {
            if let Some(file) = self.files.get_mut(&inode) {
                file.lose_power(&mut self.dice);
            }
        }
    }

    fn forget_nameless(&mut self) {
        // A loss of power may give a name back that was taken away.
        let pending = self.pending.iter().filter_map(|change| change.becomes.as_ref());
        let named: BTreeSet<u64> =
            self.names.values().chain(self.durable.values()).chain(pending).copied().collect();
        self.files.retain(|inode, _| named.contains(inode));
    }
}

impl Inode {
    /// What was synced stays; of what came after: nothing, all, or a torn part.
    fn lose_power(&mut self, dice: &mut Dice) {
        const SECTOR: usize = 512;
        if let Some((from, to)) = self.doubtful.take() {
            self.now[from..to].fill(0);
        }
        let left = match dice.below(4) {
            0 => self.safe.clone(),
            1 => self.now.clone(),
            _ if self.now.len() <= self.low => self.now.clone(),
            way => {
                let new = self.now.len() - self.low;
                let mut torn = self.now[..self.low + dice.index(new + 1)].to_vec();
                if way == 3 {
                    // A later part was written before an earlier one.
                    let hole = self.low + dice.index(torn.len() - self.low + 1);
                    let end = (hole + SECTOR).min(torn.len());
                    torn[hole..end].fill(0);
                }
                torn
            }
        };
        self.low = left.len();
        self.safe.clone_from(&left);
        self.now = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "/data";

    fn disk(seed: u64) -> FaultyDisk {
        let disk = FaultyDisk::new(seed);
        disk.create_folder(Path::new(FOLDER)).unwrap();
        disk
    }

    fn path(name: &str) -> PathBuf {
        Path::new(FOLDER).join(name)
    }

    /// A removal that a loss of power takes back gives a file, not a name without one.
    #[test]
    fn what_comes_back_is_a_file() {
        let mut came_back = 0;
        for seed in 0..50 {
            let disk = disk(seed);
            drop(disk.create(&path("a")).unwrap());
            disk.remove(&path("a")).unwrap();
            disk.restart(Loss::Process);
            disk.restart(Loss::Power);
            let listed = disk.list(Path::new(FOLDER)).unwrap().len();
            assert_eq!(listed, usize::from(disk.create(&path("a")).is_err()), "seed {seed}");
            came_back += listed;
        }
        assert!(came_back > 0);
    }

    #[test]
    fn what_is_synced_survives_and_the_rest_may_not() {
        let mut lengths = BTreeSet::new();
        for seed in 0..200 {
            let disk = disk(seed);
            let file = disk.create(&path("a")).unwrap();
            file.append(&[b"safe"]).unwrap();
            file.sync().unwrap();
            disk.sync_folder(Path::new(FOLDER)).unwrap();
            file.append(&[b"maybe"]).unwrap();
            disk.restart(Loss::Power);
            assert!(file.bytes().is_err(), "a file stays open over a restart");
            let text = disk.read(&path("a"), 100).unwrap();
            assert!(text.starts_with(b"safe"));
            lengths.insert(text.len());
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_name_lives_by_its_folder() {
        let mut there = [0, 0];
        for seed in 0..100 {
            let disk = disk(seed);
            let file = disk.create(&path("a")).unwrap();
            file.append(&[b"x"]).unwrap();
            file.sync().unwrap();
            disk.restart(Loss::Power);
            there[usize::from(disk.open(&path("a")).is_ok())] += 1;
        }
        assert!(there[0] > 20 && there[1] > 20, "{there:?}");
    }

    #[test]
    fn replaced_is_old_or_new_whenever_the_machine_stops() {
        let mut seen = BTreeSet::new();
        for seed in 0..400 {
            let disk = disk(seed);
            disk.replace(&path("a"), &[b"old"]).unwrap();
            disk.crash_after(seed % 8);
            let done = disk.replace(&path("a"), &[b"n", b"ew"]).is_ok();
            disk.restart(if seed % 3 == 0 { Loss::Process } else { Loss::Power });
            let text = disk.read(&path("a"), 100).unwrap();
            assert!(text == b"new" || (text == b"old" && !done), "seed {seed}: {text:?}");
            seen.insert((done, text));
        }
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn bytes_of_a_failed_sync_look_fine_until_the_power_goes() {
        let mut lost = 0;
        for seed in 0..50 {
            let disk = disk(seed);
            let file = disk.create(&path("a")).unwrap();
            disk.sync_folder(Path::new(FOLDER)).unwrap();
            file.append(&[b"one"]).unwrap();
            disk.set_faults(Faults { sync_errors_per_million: 1_000_000, ..Faults::default() });
            file.sync().unwrap_err();
            disk.set_faults(Faults::default());
            file.sync().unwrap();
            assert_eq!(disk.read(&path("a"), 9).unwrap(), b"one");
            disk.restart(Loss::Power);
            lost += u32::from(disk.read(&path("a"), 9).unwrap() == [0, 0, 0]);
        }
        assert!(lost > 10);
    }

    #[test]
    fn a_full_disk_takes_a_part_and_takes_again_when_there_is_room() {
        let disk = disk(3);
        let file = disk.create(&path("a")).unwrap();
        disk.set_faults(Faults { capacity: Some(5), ..Faults::default() });
        assert_eq!(file.append(&[b"four", b"more"]).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.read(&path("a"), 9).unwrap(), b"fourm");
        assert_eq!(disk.free(Path::new(FOLDER)).unwrap(), 0);
        assert_eq!(disk.create(&path("b")).unwrap_err().kind(), io::ErrorKind::StorageFull);
        file.truncate(1).unwrap();
        file.append(&[b"new"]).unwrap();
        assert_eq!(disk.read(&path("a"), 9).unwrap(), b"fnew");
    }

    #[test]
    fn a_flipped_bit_stays_flipped() {
        let disk = disk(4);
        disk.replace(&path("a"), &[b"abc"]).unwrap();
        assert!(disk.flip(&path("a"), 1, 1));
        assert!(!disk.flip(&path("a"), 3, 1));
        disk.restart(Loss::Power);
        assert_eq!(disk.read(&path("a"), 9).unwrap(), b"acc");
    }

    #[test]
    fn the_same_seed_does_the_same() {
        let run = || {
            let disk = disk(7);
            disk.set_faults(Faults { errors_per_million: 300_000, ..Faults::default() });
            let all: Vec<bool> = (0..100).map(|_| disk.replace(&path("a"), &[b"x"]).is_ok()).collect();
            disk.restart(Loss::Power);
            (all, disk.read(&path("a"), 9).ok())
        };
        assert_eq!(run(), run());
    }
}

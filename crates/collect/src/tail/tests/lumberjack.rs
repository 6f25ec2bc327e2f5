//! kube-apiserver's log writer, step by step: what it does to the folder, in the order in which it does it, with a call
//! between any two steps for somebody to look.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// What happened between two steps.
pub(super) enum Step<'a> {
    Moved,
    /// A backup with its lines has gone for good.
    Removed(&'a [u8]),
}

pub(super) struct Lumberjack {
    folder: PathBuf,
    stem: &'static str,
    ext: &'static str,
    pub(super) bytes_max: u64,
    /// 0 is no limit.
    pub(super) backups_max: usize,
    pub(super) compress: bool,
    /// Milliseconds since some day in November.
    pub(super) clock: u64,
    open: Option<(File, u64)>,
}

impl Lumberjack {
    pub(super) fn new(folder: &Path, bytes_max: u64) -> Self {
        let folder = folder.to_owned();
        Lumberjack {
            folder,
            stem: "audit",
            ext: ".log",
            bytes_max,
            backups_max: 0,
            compress: false,
            clock: 1,
            open: None,
        }
    }

    pub(super) fn live(&self) -> PathBuf {
        self.folder.join(format!("{}{}", self.stem, self.ext))
    }

    /// Writes in two parts, as a reader may see it.
    pub(super) fn write(&mut self, bytes: &[u8], halves: usize, between: &mut dyn FnMut(Step<'_>)) {
        let length = bytes.len() as u64;
        assert!(length <= self.bytes_max);
        match &self.open {
            None => match fs::metadata(self.live()) {
                Ok(old) if old.len() + length >= self.bytes_max => self.rotate(between),
                Ok(old) => {
                    let file = File::options().append(true).open(self.live()).unwrap();
                    self.open = Some((file, old.len()));
                    self.clean(between);
                }
                Err(_) => {
                    self.create(0o600);
                    self.clean(between);
                }
            },
            Some((_, size)) if size + length > self.bytes_max => self.rotate(between),
            Some(_) => {}
        }
        let (file, size) = self.open.as_mut().unwrap();
        *size += length;
        let (first, second) = bytes.split_at(halves.min(bytes.len()));
        file.write_all(first).unwrap();
        if !second.is_empty() {
            between(Step::Moved);
            file.write_all(second).unwrap();
        }
        between(Step::Moved);
    }

    /// The API server is started anew: the next write opens the file.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    pub(super) fn rotate(&mut self, between: &mut dyn FnMut(Step<'_>)) {
        self.open = None;
        let mut mode = 0o600;
        if let Ok(old) = fs::metadata(self.live()) {
            mode = old.permissions().mode() & 0o777;
            let backup = self.folder.join(format!("{}-{}{}", self.stem, self.time(), self.ext));
            // Two rotations in one millisecond: the earlier backup is lost.
            let lost = fs::read(&backup).unwrap_or_default();
            fs::rename(self.live(), backup).unwrap();
            between(Step::Removed(&lost));
            // Created for its owner, and then again to be written.
            drop(
                File::options().create(true).truncate(true).write(true).mode(mode).open(self.live()).unwrap(),
            );
            between(Step::Moved);
        }
        self.create(mode);
        between(Step::Moved);
        self.clean(between);
    }

    /// Removals by number, then compression.
    fn clean(&mut self, between: &mut dyn FnMut(Step<'_>)) {
        let mut backups = self.backups();
        // By time: names differ only in it and in their endings.
        backups.sort();
        backups.reverse();
        let plain = |path: &PathBuf| path.to_string_lossy().trim_end_matches(".gz").to_owned();
        let mut kept: Vec<String> = Vec::new();
        let mut keep = Vec::new();
        for path in backups {
            if !kept.contains(&plain(&path)) {
                kept.push(plain(&path));
            }
            if self.backups_max > 0 && kept.len() > self.backups_max {
                let lost = unpacked(&path);
                fs::remove_file(&path).unwrap();
                between(Step::Removed(&lost));
            } else {
                keep.push(path);
            }
        }
        let packed = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "gz");
        for path in keep.into_iter().filter(|path| self.compress && !packed(path)) {
            let bytes = fs::read(&path).unwrap();
            let gzip = PathBuf::from(format!("{}.gz", path.display()));
            let mut file = File::create(&gzip).unwrap();
            between(Step::Moved);
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&bytes).unwrap();
            let packed = encoder.finish().unwrap();
            let (first, second) = packed.split_at(packed.len() / 2);
            file.write_all(first).unwrap();
            between(Step::Moved);
            file.write_all(second).unwrap();
            between(Step::Moved);
            fs::remove_file(&path).unwrap();
            between(Step::Moved);
        }
    }

    pub(super) fn backups(&self) -> Vec<PathBuf> {
        let begins = format!("{}-", self.stem);
        let is = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(&begins);
        fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path()).filter(is).collect()
    }

    fn create(&mut self, mode: u32) {
        let file =
            File::options().create(true).truncate(true).write(true).mode(mode).open(self.live()).unwrap();
        self.open = Some((file, 0));
    }

    fn time(&self) -> String {
        let (seconds, millis) = (self.clock / 1000, self.clock % 1000);
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
        format!(
            "2026-11-{:02}T{:02}-{:02}-{:02}.{millis:03}",
            days + 1,
            hours % 24,
            minutes % 60,
            seconds % 60
        )
    }
}

pub(super) fn unpacked(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|ext| ext == "gz") {
        let mut all = Vec::new();
        std::io::copy(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut all).unwrap();
        return all;
    }
    bytes
}

//! Lines at the end of a file.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use auditward_base::disk;

use super::{Failure, Sender, line};
use crate::config;
use crate::queue::Delivery;

pub(super) struct File {
    config: config::File,
}

impl File {
    pub(super) fn new(config: &config::File) -> Self {
        Self { config: config.clone() }
    }
}

impl Sender for File {
    fn send(&mut self, delivery: &Delivery, _: i64) -> Result<String, Failure> {
        let lines = line::lines(self.config.format, delivery);
        let failed = |error: io::Error| {
            Failure::unreachable(format!("could not append to `{}`: {error}", self.config.path.display()))
        };
        append(&self.config, &lines).map(|()| "written and synced".to_owned()).map_err(failed)
    }
}

/// Durable when it returns. Opened anew each time, so that whoever moves the file away is heard.
pub(crate) fn append(config: &config::File, lines: &str) -> io::Result<()> {
    let path = &config.path;
    rotate(config)?;
    let is_new = !path.try_exists()?;
    let mut file = fs::File::options().create(true).read(true).append(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    let mut text = String::with_capacity(lines.len() + 1);
    if length > 0 && !ends_a_line(&mut file, length)? {
        // What a loss of power left of a line must not swallow the next one.
        text.push('\n');
    }
    text += lines;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // Half of it would be there twice when it is tried again. The first error is the one to tell.
        _ = file.set_len(length);
    }
    written?;
    if is_new { disk::sync_folder(parent(path)) } else { Ok(()) }
}

fn rotate(config: &config::File) -> io::Result<()> {
    let path = &config.path;
    let grown = match fs::metadata(path) {
        Ok(metadata) => metadata.is_file() && metadata.len() >= config.bytes_max,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if config.bytes_max == 0 || !grown {
        return Ok(());
    }
    if config.keep == 0 {
        return disk::remove(path);
    }
    for number in (1..config.keep).rev() {
        rename(&numbered(path, number), &numbered(path, number + 1))?;
    }
    rename(path, &numbered(path, 1))?;
    disk::sync_folder(parent(path))
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn ends_a_line(file: &mut fs::File, length: u64) -> io::Result<bool> {
    let mut last = [0];
    if !file.metadata()?.is_file() {
        return Ok(true);
    }
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}

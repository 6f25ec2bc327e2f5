//! A log that grows: its end is waited at, and when it is rotated the new file is read on.
//!
//! One thread waits for the log, this one for it, but never long: time passes also when nothing happens, and alerts are
//! due by it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use auditward_base::clock;
use auditward_event::{Events, MicroTime, ReadError};

use super::Work;
use super::pipeline::{self, Copied, Read};
use super::place::{LogPlace, When};
use crate::exit::{Failure, context};
use crate::{input, output};

/// How often the end of a file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Events that may wait to be looked at. A slow reader of alerts makes us wait with reading, and nobody else.
const WAITING_MAX: usize = 4096;

/// What comes from the thread that reads.
enum News {
    /// One event, and how far the log is read with it.
    Event(Copied, u64, LogPlace),
    Skipped,
    Broken(String),
    /// After so many bytes the file could not be read on.
    CutOff(u64, io::Error),
    Failed(Failure),
}

/// Reads until the log ends (standard input), a signal comes, or nobody reads the alerts any more.
pub(super) fn run(log: &Path, work: &mut Work) -> Result<Read, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).map_err(context("could not wait for signals"))?;
    }
    let name = input::name(log);
    let (to, news) = sync_channel(WAITING_MAX);
    let before = work.place.logs.get(&name).cloned();
    let path = log.to_owned();
    // Not waited for at the end: it may be waiting for standard input.
    std::thread::spawn(move || follow(&path, before.as_ref(), &to));
    let mut matcher = work.engine.matcher();
    let mut read = Read::default();
    while !stop.load(Ordering::Relaxed) {
        match news.recv_timeout(LOOK_EVERY) {
            Ok(News::Event(event, bytes, place)) => {
                let before = work.place.logs.get(&name);
                if before.is_some_and(|before| before.begins != place.begins) {
                    // With the old file behind us, before the new one: what is done again after a crash is in one file.
                    work.save(When::Now)?;
                }
                read.events += 1;
                read.bytes += bytes + 1;
                work.engine.absorb(&mut event.look(&mut matcher), &mut work.alerts);
                work.place.logs.insert(name.clone(), place);
            }
            Ok(News::Skipped) => read.skipped += 1,
            Ok(News::Broken(message)) => {
                read.broken += 1;
                output::talk(&format!("{name}: {message}"));
            }
            Ok(News::CutOff(offset, error)) => {
                // The one log there is, however often it is tried.
                read.unreadable = 1;
                pipeline::cut_off(&name, offset, error).print();
            }
            Ok(News::Failed(failure)) => return Err(failure),
            Err(RecvTimeoutError::Timeout) => {
                let now = MicroTime::from_micros(clock::micros(clock::now()));
                work.engine.tick(now, &mut work.alerts);
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let any = !work.alerts.is_empty();
        if !work.print()? {
            break;
        }
        if any {
            work.printer.flush()?;
        }
        work.save(When::Sometimes)?;
    }
    Ok(read)
}

/// One file after the other under the same name.
fn follow(path: &Path, before: Option<&LogPlace>, to: &SyncSender<News>) {
    if path.as_os_str() == "-" {
        read(BufReader::new(io::stdin()), before, to);
        return;
    }
    if let Some(rotated) = before.and_then(|before| rotated(path, before))
        && !read(rotated, before, to)
    {
        return;
    }
    loop {
        match Growing::open(path) {
            Ok(file) => {
                if !read(BufReader::with_capacity(1 << 20, file), before, to) {
                    return;
                }
            }
            // Between a rotation and the first event there may be no file.
            Err(error) if error.kind() == io::ErrorKind::NotFound && before.is_some() => {}
            Err(error) => {
                _ = to.send(News::Failed(Failure::reading(path, error)));
                return;
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The file that was being read, if it has another name by now: the rest of it comes first.
fn rotated(path: &Path, before: &LogPlace) -> Option<BufReader<File>> {
    let is_it = |path: &Path| {
        let mut log = Events::new(BufReader::new(File::open(path).ok()?));
        let first = log.next()?.ok()?;
        Some(LogPlace::of(first.view.as_bytes()).begins == before.begins)
    };
    if is_it(path) == Some(true) {
        return None;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let logs = super::logs::in_folder(folder).ok()?;
    let file = logs.into_iter().find(|log| is_it(log) == Some(true))?;
    Some(BufReader::new(File::open(file).ok()?))
}

/// Reads one file to its end. False when nobody listens any more.
fn read(reader: impl BufRead, before: Option<&LogPlace>, to: &SyncSender<News>) -> bool {
    let mut log = Events::new(reader);
    let mut place: Option<LogPlace> = None;
    let mut skip_until = 0;
    while let Some(event) = log.next() {
        let news = match event {
            Ok(event) => {
                let bytes = event.view.as_bytes();
                let place = place.get_or_insert_with(|| {
                    let place = LogPlace::of(bytes);
                    skip_until =
                        before.filter(|b| b.begins == place.begins).map_or(0, |before| before.offset);
                    place
                });
                place.offset = event.place.offset + bytes.len() as u64;
                if event.place.offset < skip_until {
                    News::Skipped
                } else {
                    let mut copied = Copied::default();
                    copied.push(bytes);
                    News::Event(copied, bytes.len() as u64, place.clone())
                }
            }
            Err(ReadError::Io { offset, source }) => News::CutOff(offset, source),
            Err(error) => News::Broken(error.to_string()),
        };
        if to.send(news).is_err() {
            return false;
        }
    }
    true
}

/// A file that ends only when another one has taken its name, or it was cut.
struct Growing {
    path: PathBuf,
    file: File,
    inode: u64,
    read: u64,
}

impl Growing {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let inode = file.metadata()?.ino();
        Ok(Growing { path: path.to_owned(), file, inode, read: 0 })
    }

    /// Whether nothing more will come.
    fn is_over(&self) -> bool {
        match std::fs::metadata(&self.path) {
            Ok(now) => now.ino() != self.inode || now.len() < self.read,
            Err(_) => false,
        }
    }
}

impl io::Read for Growing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            // Asked first: what was written between the two is read, not lost.
            let over = self.is_over();
            let bytes = self.file.read(buf)?;
            self.read += bytes as u64;
            if bytes > 0 || over {
                return Ok(bytes);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

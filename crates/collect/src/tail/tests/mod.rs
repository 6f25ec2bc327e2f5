//! Real files in a real folder, and a writer that does to them what kube-apiserver does.

mod lumberjack;
mod model;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use lumberjack::{Lumberjack, Step};

/// A folder that goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("auditward-tail-{}-{number}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = File::options().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn gzip(&self, name: &str) {
        let bytes = fs::read(self.path(name)).unwrap();
        let file = File::create(self.path(&format!("{name}.gz"))).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap();
        fs::remove_file(self.path(name)).unwrap();
    }

    fn config(&self, pattern: &str) -> Config {
        Config::new([self.path(pattern)])
    }

    fn tailer(&self, pattern: &str) -> Tailer {
        Tailer::new(self.config(pattern), None).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// All lines that are there now, and notes, one word each.
fn read(tailer: &mut Tailer) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut idle = 0;
    // A file is missed only after several looks.
    while idle < 4 {
        let mut then: Vec<String> = Vec::new();
        match tailer.poll().unwrap() {
            Polled::Idle => idle += 1,
            Polled::Lines(lines) => {
                then.extend(lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()));
            }
        }
        out.extend(tailer.notes().into_iter().map(|note| match note.trouble {
            Trouble::Torn { bytes } => format!("[torn {bytes}]"),
            Trouble::TooLong { bytes } => format!("[long {bytes}]"),
            Trouble::Cut => "[cut]".to_owned(),
            Trouble::Broken(_) => "[broken]".to_owned(),
            Trouble::Gone => format!("[gone at {}]", note.offset),
            Trouble::TooManyLogs => "[many]".to_owned(),
        }));
        out.append(&mut then);
    }
    out.join(" ")
}

/// Another tailer that is given the checkpoint.
fn again(folder: &Folder, pattern: &str, tailer: &Tailer) -> Tailer {
    Tailer::new(folder.config(pattern), Some(&tailer.checkpoint())).unwrap()
}

/// Words are lines; `|` does not end its line.
fn lines(words: &str) -> String {
    words.split(' ').map(|word| word.strip_suffix('|').map_or(format!("{word}\n"), str::to_owned)).collect()
}

const OLD: &str = "audit-2026-11-23T04-04-37.558.log";
const NEWER: &str = "audit-2026-11-23T05-04-37.558.log";

#[test]
fn a_line_is_handed_out_when_it_is_whole() {
    let folder = Folder::new();
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "");
    folder.append("audit.log", &lines("a b c|"));
    assert_eq!(read(&mut tailer), "a b");
    folder.append("audit.log", &lines("d e|"));
    assert_eq!(read(&mut tailer), "cd");
    let mut tailer = again(&folder, "audit.log", &tailer);
    assert_eq!(read(&mut tailer), "");
    folder.append("audit.log", "\r\n\n\nf\n");
    assert_eq!(read(&mut tailer), "e f");
}

#[test]
fn rotated_files_come_first_and_once() {
    let folder = Folder::new();
    folder.append(NEWER, &lines("c d"));
    folder.append(OLD, &lines("a b"));
    folder.append("audit.log", &lines("e"));
    folder.append("audit-x.log", &lines("other"));
    folder.gzip(OLD);
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a b c d e");
    folder.gzip(NEWER);
    assert_eq!(read(&mut tailer), "");
    let mut tailer = again(&folder, "audit.log", &tailer);
    assert_eq!(read(&mut tailer), "");
}

#[test]
fn nothing_is_lost_between_a_renaming_and_the_next_file() {
    let folder = Folder::new();
    folder.append("audit.log", &lines("a"));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a");
    folder.append("audit.log", &lines("b"));
    folder.rename("audit.log", OLD);
    assert_eq!(read(&mut tailer), "b");
    folder.append("audit.log", &lines("c"));
    folder.rename("audit.log", NEWER);
    folder.append("audit.log", &lines("d"));
    assert_eq!(read(&mut tailer), "c d");
}

#[test]
fn rotations_while_nobody_looked() {
    let folder = Folder::new();
    folder.append("audit.log", &lines("a b"));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a b");
    let checkpoint = tailer.checkpoint();
    folder.append("audit.log", &lines("c"));
    folder.rename("audit.log", OLD);
    folder.append("audit.log", &lines("d"));
    folder.rename("audit.log", NEWER);
    folder.append("audit.log", &lines("e"));
    for gzip in [None, Some(OLD), Some(NEWER)] {
        if let Some(name) = gzip {
            folder.gzip(name);
        }
        let mut tailer = Tailer::new(folder.config("audit.log"), Some(&checkpoint)).unwrap();
        assert_eq!(read(&mut tailer), "c d e", "{gzip:?}");
    }
    fs::remove_file(folder.path(&format!("{OLD}.gz"))).unwrap();
    let mut tailer = Tailer::new(folder.config("audit.log"), Some(&checkpoint)).unwrap();
    assert_eq!(read(&mut tailer), "d [gone at 4] e");
}

#[test]
fn a_clock_that_goes_back_hides_nothing() {
    let folder = Folder::new();
    folder.append(NEWER, &lines("a"));
    folder.append("audit.log", &lines("b"));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a b");
    folder.append("audit.log", &lines("c"));
    folder.rename("audit.log", OLD);
    folder.append("audit.log", &lines("d"));
    folder.rename("audit.log", "audit-2026-11-23T04-05-00.000.log");
    folder.append("audit.log", &lines("e"));
    assert_eq!(read(&mut again(&folder, "audit.log", &tailer)), "c d e");
    assert_eq!(read(&mut tailer), "c d e");
}

#[test]
fn an_inode_that_is_used_again_is_another_file() {
    let folder = Folder::new();
    folder.append("audit.log", &lines("a b"));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a b");
    // Written anew in place, which keeps the number: what a file system gives to the next file at will.
    fs::write(folder.path("audit.log"), lines("x y z")).unwrap();
    assert_eq!(read(&mut again(&folder, "audit.log", &tailer)), "x y z [gone at 4]");
}

#[test]
fn the_same_beginning_is_not_the_same_file() {
    let folder = Folder::new();
    let forged = "x".repeat(2000);
    folder.append("audit.log", &lines(&format!("{forged}1 {forged}2")));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer).len(), 4003);
    folder.rename("audit.log", OLD);
    folder.append("audit.log", &lines(&format!("{forged}3 {forged}4")));
    folder.rename("audit.log", NEWER);
    folder.append("audit.log", &lines(&format!("{forged}5 {forged}6")));
    assert_eq!(read(&mut again(&folder, "audit.log", &tailer)).len(), 8007);
    folder.gzip(OLD);
    folder.gzip(NEWER);
    assert_eq!(read(&mut again(&folder, "audit.log", &tailer)).len(), 8007);
}

#[test]
fn a_log_that_is_cut_begins_again() {
    let folder = Folder::new();
    folder.append("audit.log", &lines("a b"));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a b");
    fs::write(folder.path("audit.log"), "c\n").unwrap();
    assert_eq!(read(&mut tailer), "[cut] c [gone at 4]");
    // Cut, and longer than before when we look.
    fs::write(folder.path("audit.log"), lines("d e f g")).unwrap();
    assert_eq!(read(&mut tailer), "[cut] d e f g [gone at 2]");
}

#[test]
fn what_was_not_read_before_a_cut_is_taken_from_the_copy() {
    let folder = Folder::new();
    folder.append("audit.log", &lines("a b"));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a b");
    folder.append("audit.log", &lines("c d"));
    fs::copy(folder.path("audit.log"), folder.path("audit.log.1")).unwrap();
    let mut while_copied = again(&folder, "audit.log", &tailer);
    assert_eq!(read(&mut while_copied), "c d");
    fs::write(folder.path("audit.log"), lines("e")).unwrap();
    assert_eq!(read(&mut again(&folder, "audit.log", &tailer)), "c d e");
    assert_eq!(read(&mut while_copied), "[cut] e");
    assert_eq!(read(&mut tailer), "[cut] c d e");
    folder.gzip("audit.log.1");
    folder.rename("audit.log.1.gz", "audit.log.2.gz");
    fs::copy(folder.path("audit.log"), folder.path("audit.log.1")).unwrap();
    fs::write(folder.path("audit.log"), lines("f")).unwrap();
    assert_eq!(read(&mut tailer), "[cut] f");
    assert_eq!(read(&mut while_copied), "[cut] f");
}

#[test]
fn a_log_that_was_copied_and_not_cut_is_read_on() {
    let folder = Folder::new();
    folder.append("audit.log", &lines("a b"));
    fs::copy(folder.path("audit.log"), folder.path("audit.log-20261123")).unwrap();
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a b");
    folder.append("audit.log", &lines("c"));
    assert_eq!(read(&mut tailer), "c");
    folder.append("audit.log", &lines("d"));
    folder.rename("audit.log", OLD);
    folder.append("audit.log", &lines("e"));
    assert_eq!(read(&mut tailer), "d e");
    // The copy can no longer be told from a file that only begins like the log did: rather twice than not at all.
    assert_eq!(read(&mut again(&folder, "audit.log", &tailer)), "a b");
}

#[test]
fn a_hole_that_a_cut_left_is_passed_over() {
    let folder = Folder::new();
    let mut writer = File::create(folder.path("audit.log")).unwrap();
    writer.write_all(lines("aa bb").as_bytes()).unwrap();
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "aa bb");
    // As `truncate --size 0` under a program that does not append but writes where it is.
    File::options().write(true).open(folder.path("audit.log")).unwrap().set_len(0).unwrap();
    writer.write_all(lines("cc").as_bytes()).unwrap();
    assert_eq!(read(&mut tailer), "[cut] cc [gone at 6]");
    writer.write_all(lines("dd").as_bytes()).unwrap();
    assert_eq!(read(&mut tailer), "dd");
}

#[test]
fn a_torn_last_line_is_told_and_a_whole_one_without_end_is_a_line() {
    let folder = Folder::new();
    folder.append(OLD, &lines("a {\"kind\":|"));
    folder.append(NEWER, &lines("b {\"kind\":1}|"));
    folder.append("audit.log", &lines("c"));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "a [torn 8] b {\"kind\":1} c");
    assert_eq!(read(&mut again(&folder, "audit.log", &tailer)), "");
}

#[test]
fn a_file_that_is_written_after_it_was_renamed() {
    let folder = Folder::new();
    folder.append("audit.log", &lines("a"));
    let mut tailer = folder.tailer("audit.log");
    folder.rename("audit.log", "audit.log.1");
    folder.append("audit.log.1", &lines("b"));
    assert_eq!(read(&mut tailer), "a b");
    folder.append("audit.log.1", &lines("c"));
    assert_eq!(read(&mut tailer), "c");
    folder.append("audit.log", &lines("d"));
    assert_eq!(read(&mut tailer), "d");
    folder.append("audit.log.1", &lines("e"));
    assert_eq!(read(&mut again(&folder, "audit.log", &tailer)), "e");
    assert_eq!(read(&mut tailer), "e");
}

#[test]
fn a_line_that_is_too_long_is_told_and_the_next_is_read() {
    let folder = Folder::new();
    let long = "x".repeat(300_000);
    let mut config = folder.config("audit.log");
    (config.chunk_bytes, config.line_bytes_max) = (50_000, 100_000);
    let mut tailer = Tailer::new(config.clone(), None).unwrap();
    folder.append("audit.log", &lines(&format!("a {long}|")));
    assert_eq!(read(&mut tailer), "a");
    folder.append("audit.log", &lines("xx b"));
    assert_eq!(read(&mut tailer), "[long 300003] b");
    folder.append("audit.log", &lines("c"));
    let mut tailer = Tailer::new(config, Some(&tailer.checkpoint())).unwrap();
    assert_eq!(read(&mut tailer), "c");
    // One that is longer than a chunk is no trouble.
    let mut config = folder.config("audit.log");
    config.chunk_bytes = 10;
    let mut tailer = Tailer::new(config, None).unwrap();
    assert_eq!(read(&mut tailer).len(), "a b c ".len() + 300_002);
}

#[test]
fn each_line_that_is_too_long_is_told_and_counted() {
    let folder = Folder::new();
    let mut config = folder.config("audit.log");
    (config.chunk_bytes, config.line_bytes_max) = (50_000, 100_000);
    let mut tailer = Tailer::new(config, None).unwrap();
    let long = |bytes| "x".repeat(bytes);
    folder.append("audit.log", &lines(&format!("{} {} a {}|", long(200_000), long(500_000), long(300_000))));
    assert_eq!(read(&mut tailer), "[long 200001] [long 500001] a");
    assert_eq!(tailer.passed_over(), 2);
    // The last one's end never comes.
    folder.rename("audit.log", OLD);
    folder.append("audit.log", &lines("b c|"));
    assert_eq!(read(&mut tailer), "[long 300000] b");
    // Nor does that of a line that is not.
    folder.rename("audit.log", NEWER);
    folder.append("audit.log", &lines("d"));
    assert_eq!(read(&mut tailer), "[torn 1] d");
    assert_eq!((tailer.passed_over(), tailer.passed_over()), (2, 0));
}

#[test]
fn several_logs_by_pattern_also_later_ones() {
    let folder = Folder::new();
    folder.append("one.log", &lines("1a"));
    folder.append("one-2026-11-23T04-04-37.558.log", &lines("1"));
    let mut tailer = folder.tailer("*.log");
    assert_eq!(read(&mut tailer), "1 1a");
    folder.append("two.log", &lines("2a"));
    folder.append("one.log", &lines("1b"));
    folder.append(".hidden.log", &lines("h"));
    assert_eq!(read(&mut tailer), "2a 1b");
    let mut tailer = again(&folder, "t*.log", &tailer);
    folder.append("one.log", &lines("1c"));
    assert_eq!(read(&mut tailer), "");
    assert_eq!(read(&mut again(&folder, "*", &tailer)), "1c");
    let below = folder.path("b");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("audit.log"), "deep\n").unwrap();
    assert_eq!(read(&mut folder.tailer("?/audit.log")), "deep");
}

#[test]
fn beginning_where_it_is_said() {
    let folder = Folder::new();
    folder.append(OLD, &lines("a"));
    folder.append(NEWER, &lines("b"));
    folder.gzip(OLD);
    folder.append("audit.log", &lines("c d|"));
    let tailer = |start| Tailer::new(Config { start, ..folder.config("audit.log") }, None).unwrap();
    let (mut live, mut end) = (tailer(Start::Live), tailer(Start::End));
    assert_eq!(read(&mut live), "c");
    assert_eq!(read(&mut end), "");
    folder.append("audit.log", &lines("d e"));
    folder.rename("audit.log", "audit-2026-11-24T04-04-37.558.log");
    folder.append("audit.log", &lines("f"));
    assert_eq!(read(&mut again(&folder, "audit.log", &end)), "dd e f");
    assert_eq!(read(&mut live), "dd e f");
    assert_eq!(read(&mut end), "dd e f");
}

#[test]
fn what_cannot_be_unpacked_is_told_once() {
    let folder = Folder::new();
    folder.append(OLD, &lines("a"));
    folder.gzip(OLD);
    let path = folder.path(&format!("{OLD}.gz"));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    fs::write(folder.path("audit-2026-11-23T04-04-38.000.log.gz"), "nonsense").unwrap();
    folder.append("audit.log", &lines("b"));
    let mut tailer = folder.tailer("audit.log");
    let first = read(&mut tailer);
    assert!(first.ends_with("[broken] [broken] b") || first.ends_with("[broken] a [broken] b"), "{first}");
    assert_eq!(read(&mut tailer), "");
    // Whole after all.
    fs::write(&path, whole).unwrap();
    let then = read(&mut tailer);
    assert!(first.contains('a') != then.contains('a'), "{first} {then}");
}

#[test]
fn the_checkpoint_stays_small() {
    let folder = Folder::new();
    for number in 0..300 {
        folder.append(&format!("audit-2026-11-23T04-04-37.{number:03}.log"), &lines(&format!("l{number}")));
    }
    folder.append("audit.log", &lines("live"));
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer).split(' ').count(), 301);
    assert!(tailer.checkpoint().len() < 16 << 10, "{}", tailer.checkpoint().len());
    let mut tailer = again(&folder, "audit.log", &tailer);
    assert_eq!(read(&mut tailer), "");
    folder.rename("audit.log", OLD);
    folder.append("audit.log", &lines("next"));
    assert_eq!(read(&mut tailer), "next");
}

#[test]
fn bytes_that_are_there_are_counted_once() {
    let folder = Folder::new();
    folder.append("audit.log", &lines(&"abc ".repeat(500)));
    let size = fs::metadata(folder.path("audit.log")).unwrap().len();
    let mut config = folder.config("audit.log");
    config.chunk_bytes = 100;
    let mut tailer = Tailer::new(config, None).unwrap();
    let read = match tailer.poll().unwrap() {
        Polled::Lines(lines) => lines.bytes() as u64,
        Polled::Idle => 0,
    };
    assert!(read > 0 && read < size);
    let unread: Vec<_> = tailer.progress().map(|progress| progress.unread_bytes).collect();
    assert_eq!(unread, [size - read]);
}

#[test]
fn errors_change_nothing() {
    let folder = Folder::new();
    fs::create_dir(folder.path("audit.log")).unwrap();
    let mut tailer = folder.tailer("audit.log");
    assert_eq!(read(&mut tailer), "");
    assert!(Tailer::new(folder.config(".."), None).is_err());
    let wrong = Tailer::new(folder.config("a"), Some(b"{")).err().map(|error| error.to_string());
    assert!(wrong.unwrap().starts_with("the checkpoint can't be used"));
    let progress: Vec<_> = tailer.progress().map(|progress| progress.unread_bytes).collect();
    assert_eq!(progress, [0]);
}

#[test]
fn a_log_that_cannot_be_read_does_not_stop_the_others() {
    let folder = Folder::new();
    // A name that is a file where a folder is looked for is only absent; a loop of links is an error.
    std::os::unix::fs::symlink("loop.log", folder.path("loop.log")).unwrap();
    folder.append("one.log", &lines("a b"));
    let mut config = folder.config("loop.log");
    config.patterns.push(folder.path("one.log"));
    config.chunk_bytes = 2;
    let mut tailer = Tailer::new(config, None).unwrap();
    let mut seen = 0;
    let error = loop {
        match tailer.poll() {
            Ok(Polled::Lines(lines)) => seen += lines.iter().count(),
            Ok(Polled::Idle) => unreachable!(),
            Err(error) => break error,
        }
    };
    assert_eq!(seen, 2);
    assert!(matches!(error, TailError::Read { .. }), "{error}");
}

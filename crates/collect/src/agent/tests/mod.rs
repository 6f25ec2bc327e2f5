//! An agent against a server that says what it is told to say, and against real sockets.

mod over_http;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::UnixTime;

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("auditward-agent-{}-{number}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn append(&self, numbers: std::ops::Range<u64>) {
        let mut log = fs::File::options().create(true).append(true).open(self.0.join("audit.log")).unwrap();
        for n in numbers {
            writeln!(log, "{}", event(n)).unwrap();
        }
    }

    fn config(&self) -> Config {
        let tail = tail::Config::new([self.0.join("audit.log")]);
        Config::new(tail, "east".to_owned(), self.0.join("state"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

fn event(n: u64) -> String {
    format!("{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"{n}\"}}")
}

/// What came, and what is to be answered next; without more answers everything is taken.
#[derive(Default)]
struct Server {
    answers: VecDeque<Result<Answer, HttpError>>,
    refuses: BTreeSet<u64>,
    came: Vec<(String, u64, Vec<u64>)>,
}

#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Server>>);

impl Post for Wire {
    fn post(&mut self, batch: &Parcel<'_>) -> Result<Answer, HttpError> {
        let mut server = self.0.borrow_mut();
        let lines = lines(batch.body);
        assert_eq!(lines.len() as u64, batch.events);
        if lines.iter().any(|n| server.refuses.contains(n)) {
            return Ok(Answer::Refused { why: "status 400: no event".to_owned() });
        }
        if let Some(answer) = server.answers.pop_front()
            && !matches!(answer, Ok(Answer::Taken { .. }))
        {
            return answer;
        }
        server.came.push((batch.id.to_string(), batch.sequence, lines));
        Ok(Answer::Taken { repeated: 0 })
    }
}

impl Wire {
    fn came(&self) -> Vec<u64> {
        self.0.borrow().came.iter().flat_map(|(_, _, lines)| lines.clone()).collect()
    }

    fn then(&self, answer: Answer) {
        self.0.borrow_mut().answers.push_back(Ok(answer));
    }
}

fn lines(body: &[u8]) -> Vec<u64> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| EventView::parse(line.as_bytes()).unwrap().audit_id().parse().unwrap()).collect()
}

/// Steps until nothing is left to do, with time that passes as it is asked to.
fn run(agent: &mut Agent<impl Post>, now: &mut Duration) {
    let mut idle = 0;
    while idle < 12 {
        match agent.step(*now).unwrap() {
            Next::Now => idle = 0,
            Next::In(wait) => {
                *now += wait;
                idle = if agent.is_clean() { idle + 1 } else { 0 };
            }
        }
    }
}

fn check(folder: &Folder, wire: &Wire) -> (Counters, Vec<News>) {
    let mut agent = Agent::new(folder.config(), wire.clone(), None, 7).unwrap();
    run(&mut agent, &mut Duration::default());
    (agent.counters(), agent.news())
}

#[test]
fn everything_is_sent_once_and_remembered() {
    let (folder, wire) = (Folder::new(), Wire::default());
    folder.append(0..12_000);
    let (counters, news) = check(&folder, &wire);
    assert_eq!(wire.came(), (0..12_000).collect::<Vec<_>>());
    assert_eq!((counters.events, news), (12_000, Vec::new()));
    let sequences: Vec<u64> = wire.0.borrow().came.iter().map(|(_, sequence, _)| *sequence).collect();
    assert_eq!(sequences, (1..=counters.batches).collect::<Vec<_>>());
    folder.append(12_000..12_003);
    check(&folder, &wire);
    assert_eq!(wire.came().len(), 12_003);
    assert_eq!(wire.0.borrow().came.last().unwrap().1, counters.batches + 1);
}

#[test]
fn at_the_word_of_another_no_event_is_given_up() {
    let (folder, wire) = (Folder::new(), Wire::default());
    folder.append(0..64);
    for _ in 0..12 {
        wire.then(Answer::TooLarge { why: "status 413: <html>".to_owned() });
    }
    let (counters, news) = check(&folder, &wire);
    assert_eq!(wire.came(), (0..64).collect::<Vec<_>>());
    assert_eq!(counters.refused, 0);
    // Six halves, and then the same event over and over.
    assert_eq!(counters.failed, 6);
    assert_eq!(news, [News::Waiting("status 413: <html>".to_owned()), News::Delivered]);
}

#[test]
fn what_cannot_be_remembered_is_waited_for() {
    let (folder, wire) = (Folder::new(), Wire::default());
    let remembered = folder.0.join("agent");
    fs::create_dir(&remembered).unwrap();
    let config = Config { state: remembered.join("state"), ..folder.config() };
    let mut agent = Agent::new(config.clone(), wire.clone(), None, 7).unwrap();
    folder.append(0..3);
    fs::rename(&remembered, folder.0.join("away")).unwrap();
    let mut now = Duration::default();
    for _ in 0..40 {
        if let Next::In(wait) = agent.step(now).unwrap() {
            now += wait;
        }
    }
    folder.append(3..5);
    // Told once, and nothing is sent that a restart would send again.
    assert!(
        matches!(agent.news().as_slice(), [News::Waiting(why)] if why.starts_with("could not write the state"))
    );
    assert!(!agent.is_clean());
    assert_eq!(wire.came(), [0, 1, 2]);

    fs::rename(folder.0.join("away"), &remembered).unwrap();
    run(&mut agent, &mut now);
    assert_eq!(agent.news(), [News::Delivered]);
    assert_eq!(wire.came(), [0, 1, 2, 3, 4]);
    drop(agent);
    run(&mut Agent::new(config, wire.clone(), None, 7).unwrap(), &mut now);
    assert_eq!(wire.came(), [0, 1, 2, 3, 4]);
}

#[test]
fn an_event_behind_a_torn_one_is_sent() {
    let (folder, wire) = (Folder::new(), Wire::default());
    let torn = |n| event(n).replace("\"}", "");
    let lines = [
        format!("\u{feff}{}", event(1)),
        format!("{}{}", torn(90), event(2)),
        format!("{}{}{}", torn(91), torn(92), event(3)),
        format!("{}{} ", torn(93), torn(94)),
        event(4),
        // Only the end of the line was missing; and a body that holds an event.
        format!("{}{}", event(5), event(6)),
        format!("{}{}", event(8), torn(97)),
        format!("{}{}", event(9), "\0".repeat(50)),
        format!("{},", event(10)),
        format!("{}{}{}", event(11), torn(98), event(12)),
        format!("{}{}", torn(95), event(7).replace("\"}", &format!("\",\"requestObject\":{}}}", event(96)))),
    ];
    fs::write(folder.0.join("audit.log"), lines.join("\n") + "\n").unwrap();
    let (counters, news) = check(&folder, &wire);
    assert_eq!(wire.came(), [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 7]);
    assert_eq!((counters.broken, counters.events), (9, 12));
    assert!(news.iter().all(|news| matches!(news, News::Broken { .. })) && news.len() == 9, "{news:?}");
}

#[test]
fn lines_that_are_no_events_are_read_once() {
    let (folder, wire) = (Folder::new(), Wire::default());
    fs::write(folder.0.join("audit.log"), "no\nevents\n").unwrap();
    assert_eq!(check(&folder, &wire).0.broken, 2);
    assert_eq!(check(&folder, &wire).0.broken, 0);
    folder.append(0..1);
    assert_eq!(check(&folder, &wire).0.broken, 0);
    assert_eq!(wire.came(), [0]);
}

#[test]
fn of_two_logs_one_that_cannot_be_read_is_told_of_once() {
    let (folder, wire) = (Folder::new(), Wire::default());
    let other = folder.0.join("other.log");
    // A link to itself.
    std::os::unix::fs::symlink(&other, &other).unwrap();
    let tail = tail::Config::new([other.clone(), folder.0.join("audit.log")]);
    let mut agent = Agent::new(Config { tail, ..folder.config() }, wire.clone(), None, 7).unwrap();
    let mut now = Duration::default();
    for round in 0..5 {
        folder.append(round * 10..round * 10 + 10);
        run(&mut agent, &mut now);
    }
    assert_eq!(wire.came().len(), 50);
    assert!(agent.unreadable().is_some());
    let news = agent.news();
    assert!(matches!(&news[..], [News::Unreadable(_)]), "{news:?}");
    fs::remove_file(&other).unwrap();
    run(&mut agent, &mut now);
    assert_eq!(agent.unreadable(), None);
}

#[test]
fn each_reason_is_told_once_whatever_time_it_is() {
    let (folder, wire) = (Folder::new(), Wire::default());
    folder.append(0..1);
    for second in 0..20 {
        let why = if second % 2 == 0 {
            let expired = rustls::CertificateError::ExpiredContext {
                time: UnixTime::since_unix_epoch(Duration::from_secs(1_764_258_000 + second)),
                not_after: UnixTime::since_unix_epoch(Duration::from_secs(1_764_171_607)),
            };
            rustls::Error::InvalidCertificate(expired).to_string()
        } else {
            "broken pipe".to_owned()
        };
        wire.then(Answer::Later { why, after: None });
    }
    let (counters, news) = check(&folder, &wire);
    assert_eq!((counters.failed, counters.events), (20, 1));
    let [News::Waiting(expired), News::Waiting(broken), News::Delivered] = &news[..] else {
        panic!("{news:?}")
    };
    assert!(expired.contains("1764258000") && expired.contains("seconds ago"), "{expired}");
    assert_eq!(broken, "broken pipe");
}

#[test]
fn what_a_server_does_not_take_is_sent_again() {
    let (folder, wire) = (Folder::new(), Wire::default());
    folder.append(0..3);
    let later = |why: &str, after| Answer::Later { why: why.to_owned(), after };
    wire.then(later("status 429", Some(Duration::from_secs(30))));
    wire.then(later("status 503", None));
    wire.then(later("status 503", None));
    let mut agent = Agent::new(folder.config(), wire.clone(), None, 7).unwrap();
    let mut now = Duration::ZERO;
    run(&mut agent, &mut now);
    assert!(now > Duration::from_secs(30));
    assert_eq!(wire.came(), [0, 1, 2]);
    let waiting = |why: &str| News::Waiting(why.to_owned());
    assert_eq!(agent.news(), [waiting("status 429"), waiting("status 503"), News::Delivered]);
    assert_eq!(agent.counters().failed, 3);
}

#[test]
fn one_bad_event_holds_up_nothing() {
    let (folder, wire) = (Folder::new(), Wire::default());
    wire.0.borrow_mut().refuses.insert(5);
    folder.append(0..10);
    let mut log = fs::File::options().append(true).open(folder.0.join("audit.log")).unwrap();
    log.write_all(b"no event\n").unwrap();
    folder.append(10..12);
    let (counters, news) = check(&folder, &wire);
    assert_eq!(wire.came(), [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
    assert_eq!((counters.refused, counters.broken), (1, 1));
    assert!(matches!(&news[..], [News::Broken { .. }, News::Refused(_)]), "{news:?}");
    // Nothing of it again.
    assert_eq!(check(&folder, &wire).0, Counters::default());
}

#[test]
fn after_a_crash_the_same_lines_have_the_same_id() {
    let (folder, wire) = (Folder::new(), Wire::default());
    folder.append(0..100);
    let before = folder.config().state;
    let mut agent = Agent::new(folder.config(), wire.clone(), None, 7).unwrap();
    let state = fs::read(&before).unwrap();
    run(&mut agent, &mut Duration::default());
    drop(agent);
    // As if the process had died between the answer and the writing.
    fs::write(&before, state).unwrap();
    check(&folder, &wire);
    let came = wire.0.borrow();
    assert_eq!(came.came.len(), 2);
    assert_eq!(came.came[0], came.came[1]);
}

#[test]
fn a_hook_changes_what_leaves_the_node() {
    let (folder, wire) = (Folder::new(), Wire::default());
    folder.append(0..3);
    let hook: Hook = Box::new(|view, out| {
        let n: u64 = view.audit_id().parse().unwrap();
        out.extend_from_slice(event(n + 100).as_bytes());
    });
    let mut agent = Agent::new(folder.config(), wire.clone(), Some(hook), 7).unwrap();
    run(&mut agent, &mut Duration::default());
    assert_eq!(wire.came(), [100, 101, 102]);
}

#[test]
fn a_state_that_is_another_clusters_is_not_used() {
    let (folder, wire) = (Folder::new(), Wire::default());
    check(&folder, &wire);
    let other = Config { cluster: "west".to_owned(), ..folder.config() };
    let error = Agent::new(other, wire.clone(), None, 7).err().unwrap().to_string();
    assert!(error.ends_with("is the state of an agent of cluster `east`, not `west`"), "{error}");
    for wrong in [
        "",
        "{}",
        r#"{"v":9,"cluster":"east","sequence":1}"#,
        r#"{"v":1,"cluster":"east","sequence":1,"tail":{}}"#,
    ] {
        fs::write(folder.config().state, wrong).unwrap();
        assert!(Agent::new(folder.config(), wire.clone(), None, 7).is_err(), "{wrong}");
    }
}

/// Answers that get lost, refusals for now, and processes that die between any two steps.
#[test]
fn nothing_is_lost_whatever_the_way_is_like() {
    for seed in 0..20 {
        let mut random: u64 = seed;
        let mut below = |limit: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % limit
        };
        let (folder, wire) = (Folder::new(), Wire::default());
        let mut written = 0;
        let mut now = Duration::ZERO;
        let small = |folder: &Folder| Config { batch_events_max: 7, ..folder.config() };
        let mut agent = Agent::new(small(&folder), wire.clone(), None, seed).unwrap();
        for _ in 0..400 {
            match below(10) {
                0..3 => {
                    let more = below(9);
                    folder.append(written..written + more);
                    written += more;
                }
                3 => {
                    drop(agent);
                    agent = Agent::new(small(&folder), wire.clone(), None, seed).unwrap();
                }
                4 => wire.then(Answer::Later { why: "status 503".to_owned(), after: None }),
                _ => {
                    if let Next::In(wait) = agent.step(now).unwrap() {
                        now += wait;
                    }
                }
            }
        }
        run(&mut agent, &mut now);
        let mut times: BTreeMap<u64, u64> = BTreeMap::new();
        for n in wire.came() {
            *times.entry(n).or_default() += 1;
        }
        assert_eq!(
            times.keys().copied().collect::<Vec<_>>(),
            (0..written).collect::<Vec<_>>(),
            "seed {seed}"
        );
        // Without a lost answer nothing is sent twice: a death between steps is after the state is written.
        assert!(times.values().all(|times| *times == 1), "seed {seed}");
    }
}

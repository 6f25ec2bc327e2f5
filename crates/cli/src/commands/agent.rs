//! `auditward agent`

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use auditward_base::{Lock, random_id};
use auditward_collect::agent::{Agent, Config, Counters, Hook, Http, HttpConfig, News, Next, Pin};
use auditward_collect::redact::{DigestKey, KeyError, Redactor, Rules};
use auditward_collect::tail::{self, Start};
use clap::ValueEnum;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::exit::{Exit, Failure, context};
use crate::output::{bytes, count, talk, visible};

/// How long a stop may take that waits for a server.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often it is looked for a signal while there is nothing to do.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often the state of things is told to whoever keeps our stderr.
const TELL_EVERY: Duration = Duration::from_mins(10);

/// Send a node's audit log to a server, each event until the server has it
///
/// Follows the log through kube-apiserver's rotations, rotated and compressed files included, and sends compressed batches. The
/// log is the buffer: while the server can't be reached nothing is read, and nothing is lost as long as rotation keeps the
/// files. What the server has acknowledged is remembered in the state file, so that a restart goes on where it was.
/// Without --ca and --pin a server is known by the authorities that the machine trusts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  stopped by a signal, or with --once: everything was sent
  2  wrong usage, or something could not be read or written

Examples:
  auditward agent --server https://audit.example:8443 --cluster east \\
    --log /var/log/kubernetes/audit/audit.log --state /var/lib/auditward-agent/state \\
    --token-file /etc/auditward/agent.token --ca /etc/auditward/ca.crt")]
pub(crate) struct Args {
    /// The server: https://HOST:PORT; http:// only on this machine
    #[arg(long, value_name = "URL")]
    server: String,
    /// Under which name the server keeps the events
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// The audit log, as --audit-log-path says it; several times for several, or with `*` and `?`
    #[arg(long, value_name = "FILE", required = true)]
    log: Vec<PathBuf>,
    /// The file that remembers what the server has acknowledged; its folder must exist
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// The file with the bearer token; it is read again for each batch
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The certificate of the authority that vouches for the server, in PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The SHA-256 of the server's own certificate, as openssl x509 -fingerprint -sha256 prints it
    #[arg(long, value_name = "SHA256")]
    pin: Option<Pin>,
    /// Our own certificate, in PEM, for a server that asks for one
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The key of our certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Replace secrets before they leave the node, by the key in this file, which is made if it isn't there; a server
    /// does it in any case before anything is written
    #[arg(long, value_name = "FILE")]
    redact_key: Option<PathBuf>,
    /// What we are called, if not as the machine
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where to begin when there is no state yet
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = Begin::Oldest)]
    from: Begin,
    /// Send what is there, and end
    #[arg(long)]
    once: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Begin {
    /// With the oldest rotated file
    Oldest,
    /// With the live file's first event
    Live,
    /// With what comes from now on
    End,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The second one ends us at once; nothing is lost by that.
            let listening = signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop));
            listening.map_err(context("could not listen for signals"))?;
            let listening = signal_hook::flag::register(signal, Arc::clone(&stop));
            listening.map_err(context("could not listen for signals"))?;
        }
        let name = match &self.name {
            Some(name) => name.clone(),
            None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        };
        let mut lock = self.state.clone().into_os_string();
        lock.push(".lock");
        let holder = format!("auditward agent, process {}", std::process::id());
        let _lock = Lock::take(lock.as_ref(), &holder).map_err(context("could not use the state file"))?;
        let start = match self.from {
            Begin::Oldest => Start::Oldest,
            Begin::Live => Start::Live,
            Begin::End => Start::End,
        };
        let http = Http::new(HttpConfig {
            server: self.server.clone(),
            cluster: self.cluster.clone(),
            agent: name,
            token_file: self.token_file,
            ca_file: self.ca,
            pin: self.pin,
            cert_and_key: self.cert.zip(self.key),
            timeout: Duration::from_mins(1),
        });
        let http = http.map_err(context("could not begin"))?;
        let tail = tail::Config { start, ..tail::Config::new(self.log) };
        let config = Config::new(tail, self.cluster, self.state);
        let hook = self.redact_key.map(|path| {
            let key = DigestKey::load_or_create(&path)?;
            let mut redactor = Redactor::new(&Rules::default(), &key);
            let hook: Hook = Box::new(move |event, out| out.extend_from_slice(&redactor.redact(event)));
            Ok::<_, KeyError>(hook)
        });
        let hook = hook.transpose().map_err(context("could not redact"))?;
        let seed = random_id().map_err(context("could not get random numbers"))?;
        let seed = seed.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
        let mut agent = Agent::new(config, http, hook, seed).map_err(context("could not begin"))?;
        talk(&format!("sending to {}", visible(&self.server)));
        end_in_time(&stop);
        let went = follow(&mut agent, &stop, self.once);
        tell_news(&mut agent);
        talk(&summary(agent.counters(), agent.unread_bytes()));
        went.map(|()| Exit::Fine)
    }
}

/// Ends the program soon after it was told to stop, also while a server owes it an answer: what was under way is sent again
/// after the next start, and everything on the disk is whole at all times.
fn end_in_time(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_EVERY);
        }
        std::thread::sleep(LAST_WORDS + Duration::from_secs(1));
        talk("stopped without the server's answer: what was under way is sent again after the next start");
        std::process::exit(0);
    });
}

fn follow(agent: &mut Agent<Http>, stop: &AtomicBool, once: bool) -> Result<(), Failure> {
    let began = Instant::now();
    let mut told = began;
    let mut stopped: Option<Instant> = None;
    let mut idle = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            let since = *stopped.get_or_insert_with(Instant::now);
            // What was read is sent, if the server is quick; else it is read again next time.
            if agent.is_clean() || since.elapsed() > LAST_WORDS {
                return Ok(());
            }
            agent.flush().map_err(context("could not go on"))?;
        }
        let next = agent.step(began.elapsed()).map_err(context("could not go on"))?;
        tell_news(agent);
        if told.elapsed() > TELL_EVERY {
            told = Instant::now();
            talk(&summary(agent.counters(), agent.unread_bytes()));
        }
        let Next::In(wait) = next else {
            idle = 0;
            continue;
        };
        if once {
            if agent.is_clean() {
                // A file may be between two names at one look.
                idle += 1;
                if idle > 3 {
                    let unreadable = agent.unreadable().map(Failure::new);
                    return unreadable.map_or(Ok(()), Err);
                }
            }
            agent.flush().map_err(context("could not go on"))?;
        }
        if stopped.is_some() {
            std::thread::sleep(wait.min(LOOK_EVERY));
        }
        let until = Instant::now() + wait;
        while !stop.load(Ordering::Relaxed) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }
}

fn tell_news(agent: &mut Agent<Http>) {
    for news in agent.news() {
        let line = match news {
            News::File(note) => format!("log: {note}"),
            News::Broken { file, offset, why } => {
                format!("log: {}: after byte {offset}: a line is no event: {why}", file.display())
            }
            News::Waiting(why) => format!("waiting: {why}"),
            News::Delivered => "delivered again".to_owned(),
            News::Refused(why) => format!("lost: the server refused an event: {why}"),
            News::Unreadable(why) => format!("waiting: {why}"),
        };
        talk(&visible(&line));
    }
}

fn summary(counters: Counters, unread: u64) -> String {
    let mut line = format!(
        "{} delivered in {} ({}, {} sent)",
        count(counters.events, "event"),
        count(counters.batches, "batch").replace("batchs", "batches"),
        bytes(counters.bytes),
        bytes(counters.sent_bytes)
    );
    for (number, what) in [
        (counters.repeated, "known to the server"),
        (counters.refused, "refused"),
        (counters.broken, "broken"),
        (counters.failed, "failed attempts"),
    ] {
        if number > 0 {
            line += &format!(", {number} {what}");
        }
    }
    if unread > 0 {
        line += &format!(", {} not read yet", bytes(unread));
    }
    line
}

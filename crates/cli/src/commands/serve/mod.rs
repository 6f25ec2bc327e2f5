//! `auditward serve`

mod kubeconfig;
mod targets;
mod token;
mod watch;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Subcommand;

use crate::config::{self, Config, Log};
use crate::exit::{Exit, Failure, context};
use crate::output;
use crate::rule_files::RuleArgs;
use crate::wire::Live;
use watch::Watch;

/// Take in audit events, keep them, look for attacks, answer questions
///
/// Reads audit logs of this machine (--log) and takes what API servers' audit webhooks and agents send. Each event is on disk
/// before it is acknowledged. What the rules find becomes an alert, once; everything can be searched, by `auditward search`
/// and its kin or through the HTTP API. Stops at Ctrl-C; at SIGHUP it reads rules, tokens, certificates and
/// targets of alerts again.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Exit codes:
  0  stopped when it was asked to
  2  could not start: wrong usage, a configuration with mistakes, a folder or an address in use

Examples:
  auditward serve --log /var/log/kubernetes/audit/audit.log
  auditward serve --config /etc/auditward/auditward.yaml
  auditward serve token add --data /var/lib/auditward --role ingest --cluster prod"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Kubeconfig(kubeconfig::Args),
    /// Make, list and revoke tokens of a server
    #[command(subcommand)]
    Token(token::Command),
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// What to do is said in this file; flags overrule it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that holds everything that is kept [default: /var/lib/auditward, or ~/.local/state/auditward]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where requests are answered [default: 127.0.0.1:8440]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// An audit log of this machine, or a pattern with * and ?; what it is rotated to is found beside it
    #[arg(long = "log", value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// The cluster whose logs those of --log are [default: local]
    #[arg(long, requires = "logs", value_name = "NAME")]
    cluster: Option<String>,
    #[command(flatten)]
    rules: RuleArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            None => serve(&self.serve),
            Some(Command::Kubeconfig(args)) => args.run(),
            Some(Command::Token(command)) => command.run(),
        }
    }
}

impl ServeArgs {
    /// What the file says, overruled by the flags.
    fn config(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => config::from_file(path)?,
            None => Config::default(),
        };
        if let Some(data) = &self.data {
            config.data = Some(data.clone());
        }
        if let Some(address) = self.listen {
            config.listen.address = address;
        }
        for path in &self.logs {
            let log = Log::of(path.clone());
            config.collect.logs.push(match &self.cluster {
                Some(cluster) => Log { cluster: cluster.clone(), ..log },
                None => log,
            });
        }
        config.detect.rules.extend(self.rules.paths.iter().cloned());
        config.detect.no_shipped |= self.rules.no_shipped;
        Ok(config)
    }
}

/// How often signals are looked at, and what people see is drawn.
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn serve(args: &ServeArgs) -> Result<Exit, Failure> {
    let signals = Signals::listen()?;
    let config = args.config()?;
    let data = config.data.clone().map_or_else(default_folder, Ok)?;
    let live = Live::start(&data, &config)?;
    let mut watch = Watch::new(&live);
    watch.began(&data, &config);
    sd_notify::notify(&[sd_notify::NotifyState::Ready]).ok();
    while !signals.stop.load(Ordering::Relaxed) {
        if signals.reload.swap(false, Ordering::Relaxed) {
            sd_notify::notify(&[sd_notify::NotifyState::Reloading]).ok();
            reload(args, &live);
            sd_notify::notify(&[sd_notify::NotifyState::Ready]).ok();
        }
        watch.draw();
        std::thread::sleep(LOOK_EVERY);
    }
    sd_notify::notify(&[sd_notify::NotifyState::Stopping]).ok();
    watch.stopping();
    live.stop();
    watch.ended();
    Ok(Exit::Fine)
}

fn reload(args: &ServeArgs, live: &Live) {
    let config = match args.config() {
        Ok(config) => config,
        Err(failure) => {
            return output::talk(&format!("reload: everything stays as it was: {}", failure.chain()));
        }
    };
    for failure in live.reload(&config) {
        output::talk(&format!("reload: this part stays as it was: {}", failure.chain()));
    }
    output::talk(&format!("reload: {}", output::count(live.rules() as u64, "rule")));
}

/// Who is root keeps things where services do, everybody else at home.
pub(crate) fn default_folder() -> Result<PathBuf, Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/auditward"));
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
    match state.or_else(home) {
        Some(state) => Ok(state.join("auditward")),
        None => Err(Failure::new("there is no home folder to keep things in").hint("name one with --data")),
    }
}

/// What other processes ask of us.
struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::flag::{register, register_conditional_default};

        let signals = Signals { stop: Arc::default(), reload: Arc::default() };
        let failed = context("could not listen for signals");
        let listen = || {
            for signal in [SIGINT, SIGTERM] {
                // The second one ends us at once, whatever we are at: nothing acknowledged is lost by that.
                register_conditional_default(signal, signals.stop.clone())?;
                register(signal, signals.stop.clone())?;
            }
            register(SIGHUP, signals.reload.clone())
        };
        listen().map_err(failed)?;
        Ok(signals)
    }
}

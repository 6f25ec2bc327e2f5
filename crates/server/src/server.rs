//! A server: started, reloaded, stopped. It has threads of its own, so whoever starts it need not know of tokio.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use crate::auth::Guard;
use crate::body::PIECE;
use crate::config::{Config, Limits};
use crate::counters::Counters;
use crate::files;
use crate::layers::log::{Log, Said};
use crate::listen::{Connections, Hall, accept};
use crate::ports::Ports;
use crate::routes::routes;
use crate::state::{App, Lanes, Shared, Shares};
use crate::tls::{Reloadable, TlsError};
use crate::tokens::TokensError;

/// A server that answers, until it is stopped or dropped. Dropped, it breaks off what it is doing.
pub struct Server {
    runtime: Option<Runtime>,
    addresses: Vec<SocketAddr>,
    app: App,
    tls: Option<Arc<Reloadable>>,
    stopping: watch::Sender<bool>,
    served: mpsc::Receiver<()>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody should be let in there without a token.
    #[error(
        "there are no tokens in `{}`, and `{address}` can be reached from other machines; make one with \
         `auditward serve token add`, or listen on `127.0.0.1` alone", tokens.display()
    )]
    NoTokens {
        /// Where it was to listen.
        address: SocketAddr,
        /// The file of tokens.
        tokens: PathBuf,
    },
    /// Tokens would travel in the clear.
    #[error(
        "`{0}` can be reached from other machines, and without a certificate tokens and events would travel in the \
         clear; give a certificate and a key, or listen on a loopback address, behind a proxy that ends TLS"
    )]
    NoTls(SocketAddr),
    /// It can't listen there.
    #[error("could not listen on `{address}`")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Nowhere to listen.
    #[error("there is no address to listen on")]
    NoAddress,
    /// The tokens can't be read.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The certificates are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system gives no threads, or no random numbers.
    #[error("could not start")]
    System(#[source] io::Error),
}

impl Server {
    /// Starts one: when this returns it listens. What it has to say goes to `log`.
    pub fn start(config: &Config, ports: Ports, log: Log) -> Result<Self, StartError> {
        let clients = config.tls.as_ref().and_then(|tls| tls.clients.as_ref());
        let certificates = clients.map(|clients| clients.clusters.clone()).unwrap_or_default();
        let guard = Guard::new(&config.tokens, certificates, Arc::clone(&log))?;
        check(config, guard.open())?;
        let tls = config.tls.clone().map(Reloadable::new).transpose()?.map(Arc::new);
        let limits = config.limits.clone();
        let connections_max = limits.connections_max.min(files::connections_max());
        let runtime = runtime(&limits).map_err(StartError::System)?;
        let (stopping, stops) = watch::channel(false);
        let process = auditward_base::random_id().map_err(StartError::System)?[..8].to_owned();
        let app = App::new(Shared {
            ports,
            guard,
            counters: Counters::new(process),
            log,
            bodies: Arc::new(Semaphore::new(limits.bodies_bytes_max.div_ceil(PIECE))),
            lanes: Lanes::new(&limits),
            asking: Shares::default(),
            following: Shares::default(),
            connections: Connections::new(connections_max, limits.connections_per_address_max),
            stopping: stops,
            limits,
        });
        let (serving, served) = mpsc::channel(1);
        let hall = Hall { app: app.clone(), router: routes(&app), tls: tls.clone(), _served: serving };
        let addresses = listen(&runtime, &config.listen, &hall)?;
        Ok(Self { runtime: Some(runtime), addresses, app, tls, stopping, served })
    }

    /// Where it listens, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Reads the file of tokens again. If it can't be used, those that were known stay good.
    pub fn reload_tokens(&self) -> Result<(), TokensError> {
        self.app.guard.reload()
    }

    /// Reads certificates and key again, for new connections. If they can't be used, the old ones stay.
    pub fn reload_certificates(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// Stops: takes in no new connection, lets those end what they are at, and after the deadline breaks off what is
    /// left. It says whether all ended in time. It waits, so it is for a thread that may (none of tokio's).
    pub fn stop(mut self, deadline: Duration) -> bool {
        let Some(runtime) = self.runtime.take() else { return true };
        _ = self.stopping.send(true);
        // The last that is served drops the last sender.
        let ended = runtime.block_on(async { timeout(deadline, self.served.recv()).await.is_ok() });
        if !ended {
            (self.app.log)(&Said::Trouble { what: "requests were broken off to stop in time" });
        }
        runtime.shutdown_timeout(AFTER_DEADLINE);
        ended
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            _ = self.stopping.send(true);
            runtime.shutdown_background();
        }
    }
}

/// How long ports may take to notice that nobody waits any more.
const AFTER_DEADLINE: Duration = Duration::from_secs(2);
/// Threads beside those of the lanes, for what tokio itself wants one for.
const THREADS_SPARE: usize = 16;
/// Threads that only pass bytes on; more would take the processors from those who work.
const WORKERS_MAX: usize = 8;

fn check(config: &Config, open: bool) -> Result<(), StartError> {
    if config.listen.is_empty() {
        return Err(StartError::NoAddress);
    }
    let Some(address) = config.listen.iter().find(|address| !address.ip().to_canonical().is_loopback())
    else {
        return Ok(());
    };
    if open {
        return Err(StartError::NoTokens { address: *address, tokens: config.tokens.clone() });
    }
    if config.tls.is_none() && !config.plain_http { Err(StartError::NoTls(*address)) } else { Ok(()) }
}

fn runtime(limits: &Limits) -> io::Result<Runtime> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, WORKERS_MAX);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(Lanes::threads_max(limits) + THREADS_SPARE)
        .thread_name("http")
        .enable_all()
        .build()
}

fn listen(runtime: &Runtime, at: &[SocketAddr], hall: &Hall) -> Result<Vec<SocketAddr>, StartError> {
    let _inside = runtime.enter();
    let open = |address: SocketAddr| {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok((listener.local_addr()?, TcpListener::from_std(listener)?))
    };
    let open = |address: &SocketAddr| {
        open(*address).map_err(|source| StartError::Listen { address: *address, source })
    };
    // All are open before the first is answered on.
    let listeners = at.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let mut addresses = Vec::new();
    for (address, listener) in listeners {
        addresses.push(address);
        runtime.spawn(accept(listener, hall.clone()));
    }
    Ok(addresses)
}

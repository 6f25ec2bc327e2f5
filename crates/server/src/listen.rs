//! Connections: taken in up to a number, watched, and let go in good order.

mod activity;
mod connections;
mod watched;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::certificate::common_name;
use crate::config::Limits;
use crate::counters::Refused;
use crate::state::App;
use crate::tls::Reloadable;
use activity::{Activity, Verdict};
pub(crate) use connections::Connections;
use connections::{Entry, Place};
use watched::{Busy, Watched};

/// The other end of a connection. It is in the extensions of every request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    /// The common name of its certificate, which an authority of ours has signed.
    pub(crate) certificate: Option<Arc<str>>,
}

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Hall {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) tls: Option<Arc<Reloadable>>,
    /// Each connection holds one: when all are dropped, nobody is served any more.
    pub(crate) _served: mpsc::Sender<()>,
}

/// How long to wait when the system has no more files for connections.
const NO_FILES: Duration = Duration::from_millis(50);
/// Requests at a time on one connection, and the largest head.
const STREAMS_MAX: u32 = 64;
const HEAD_BYTES_MAX: u32 = 32 << 10;
/// How often it is asked whether the other end is there still, where the protocol can ask.
const PING: Duration = Duration::from_secs(30);

/// Takes connections in until the server stops.
pub(crate) async fn accept(listener: TcpListener, hall: Hall) {
    let mut stopping = hall.app.stopping.clone();
    loop {
        let accepted = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => welcome(&hall, stream, address),
            // Somebody gave up before we came to it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                hall.app.counters.refused(Refused::Files);
                sleep(NO_FILES).await;
            }
        }
    }
}

fn welcome(hall: &Hall, stream: TcpStream, address: SocketAddr) {
    let place = match hall.app.connections.enter(address.ip()) {
        Entry::In(place) => place,
        // Closed at once: an answer would cost what there is none of.
        Entry::TooMany => return hall.app.counters.refused(Refused::Total),
        Entry::TooManyFromThere => return hall.app.counters.refused(Refused::Address),
    };
    // An answer is written whole; waiting for more of it helps nobody.
    _ = stream.set_nodelay(true);
    tokio::spawn(attend(hall.clone(), stream, address, place));
}

async fn attend(hall: Hall, stream: TcpStream, address: SocketAddr, place: Place) {
    let _place = place;
    let Some(tls) = &hall.tls else {
        let peer = Peer { address, tls: false, certificate: None };
        return serve(&hall, stream, peer).await;
    };
    let handshake = TlsAcceptor::from(tls.current()).accept(stream);
    match timeout(hall.app.limits.handshake_time, handshake).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let certificate = shown.and_then(|certificate| common_name(certificate)).map(Arc::from);
            serve(&hall, stream, Peer { address, tls: true, certificate }).await;
        }
        // Scanners do this all day long: it is counted, not logged.
        Ok(Err(_)) | Err(_) => hall.app.counters.refused(Refused::Handshake),
    }
}

async fn serve<I>(hall: &Hall, stream: I, peer: Peer)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &hall.app.limits;
    let activity = Arc::new(Activity::new(Instant::now()));
    let service = service_fn(|mut request: Request<Incoming>| {
        let busy = Busy::new(&activity);
        request.extensions_mut().insert(peer.clone());
        let answer = hall.router.clone().oneshot(request.map(|body| busy.arriving(body)));
        async move { Ok::<_, Infallible>(answer.await?.map(|body| busy.until_sent(body))) }
    });
    let builder = builder(limits);
    let stream = Watched::new(stream, Arc::clone(&activity), limits.stall_time);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stopping = hall.app.stopping.clone();
    let mut leaving = false;
    let mut look = Instant::now() + limits.head_time;
    loop {
        tokio::select! {
            // What the other end does wrong is its own business.
            _ = connection.as_mut() => break,
            _ = stopping.wait_for(|stopping| *stopping), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(look) => match activity.verdict(limits, Instant::now()) {
                Verdict::Fine(until) => look = until,
                Verdict::Idle if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                    look = Instant::now() + limits.head_time;
                }
                Verdict::Idle | Verdict::Slow => {
                    hall.app.counters.refused(Refused::Slow);
                    break;
                }
            },
        }
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // `Activity` watches the head more closely; this is the second lock on the door.
    let head = limits.idle_time + limits.head_time;
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD_BYTES_MAX as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .keep_alive_interval(PING)
        .keep_alive_timeout(limits.stall_time);
    builder
}

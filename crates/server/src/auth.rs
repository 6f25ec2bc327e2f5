//! Who asks, and whether they may.
//!
//! There is no password and no default token. Without any token or client certificate the server listens to this machine
//! alone (`Server::start` refuses anything else), and everybody there is `Identity::Local`. From the moment that the
//! first token exists, every request needs one; and it stays so when the last one is revoked.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::{Error, told};
use crate::layers::log::{Log, Said};
use crate::listen::Peer;
use crate::state::App;
use crate::tokens::{Known, TokensError};
use crate::{ClusterName, Identity, Role};

/// How old what we know of the file of tokens may be.
const FRESH: Duration = Duration::from_secs(1);

/// Tells who asks.
pub(crate) struct Guard {
    path: PathBuf,
    certificates: BTreeMap<String, ClusterName>,
    known: RwLock<Arc<Known>>,
    looked: Mutex<Looked>,
    log: Log,
    /// Whether anybody who can reach the server may ask.
    open: RwLock<bool>,
}

struct Looked {
    at: Instant,
    /// The last look found what could not be read, and that was said.
    failed: bool,
    mark: Option<Mark>,
}

/// What tells one version of the file from the next: it is replaced, never written into.
type Mark = (u64, u64, i64, i64);

impl Guard {
    /// Reads the file of tokens.
    pub(crate) fn new(
        path: &Path,
        certificates: BTreeMap<String, ClusterName>,
        log: Log,
    ) -> Result<Self, TokensError> {
        let mark = mark(path);
        let known = Known::read(path)?;
        let open = known.is_empty() && certificates.is_empty();
        Ok(Self {
            path: path.to_owned(),
            certificates,
            known: RwLock::new(Arc::new(known)),
            looked: Mutex::new(Looked { at: Instant::now(), failed: false, mark }),
            log,
            open: RwLock::new(open),
        })
    }

    /// Whether anybody who can reach the server may ask.
    pub(crate) fn open(&self) -> bool {
        *self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of tokens.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Who asks.
    pub(crate) fn identify(&self, authorization: Option<&str>, peer: &Peer) -> Result<Identity, Error> {
        if let Some(text) = authorization {
            let (scheme, token) = text.split_once(' ').ok_or(Error::WrongToken)?;
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(Error::WrongToken);
            }
            return self.known().find(token.trim()).cloned().ok_or(Error::WrongToken);
        }
        if let Some(name) = &peer.certificate
            && let Some(cluster) = self.certificates.get(&**name)
        {
            return Ok(Identity::Certificate { name: name.to_string(), cluster: cluster.clone() });
        }
        // Before asking whether the server is open: the first token may have been made this second.
        self.refresh(Instant::now());
        if self.open() {
            return Ok(Identity::Local);
        }
        Err(peer
            .certificate
            .as_ref()
            .map_or(Error::NoToken, |name| Error::OtherCertificate(name.to_string())))
    }

    /// Looks at the file at once, and says why it could not be read. What was known before stays.
    pub(crate) fn reload(&self) -> Result<(), TokensError> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut looked)
    }

    fn known(&self) -> Arc<Known> {
        self.refresh(Instant::now());
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn refresh(&self, now: Instant) {
        // Whoever comes while another looks goes on with what is known.
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if now.saturating_duration_since(looked.at) < FRESH {
            return;
        }
        looked.at = now;
        // A file that can't be read is looked at again in a second; until then, what was known is.
        match self.look(&mut looked) {
            Ok(()) => looked.failed = false,
            Err(error) if !looked.failed => {
                looked.failed = true;
                (self.log)(&Said::Trouble { what: &format!("{}; the tokens of before count", told(&error)) });
            }
            Err(_) => {}
        }
    }

    fn look(&self, looked: &mut Looked) -> Result<(), TokensError> {
        let mark = mark(&self.path);
        if mark == looked.mark {
            return Ok(());
        }
        let known = Known::read(&self.path)?;
        if !known.is_empty() {
            *self.open.write().unwrap_or_else(PoisonError::into_inner) = false;
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        looked.mark = mark;
        Ok(())
    }
}

/// Lets a request through when whoever sends it has a role; the identity goes with it.
pub(crate) async fn need(
    State((app, role)): State<(App, Option<Role>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let identity = match identify(&app, &request) {
        Ok(identity) => identity,
        Err(error) => return error.into_response(),
    };
    let name = Who(identity.name().into());
    let mut response = match role {
        Some(role) if !identity.may(role) => Error::NotAllowed(role).into_response(),
        _ => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
    };
    response.extensions_mut().insert(name);
    response
}

/// In the extensions of an answer: who asked, for the log.
#[derive(Clone)]
pub(crate) struct Who(pub(crate) Arc<str>);

/// Who sent a request.
pub(crate) fn identify(app: &App, request: &Request) -> Result<Identity, Error> {
    let peer = request.extensions().get::<Peer>().ok_or_else(|| Error::Broken("no peer".to_owned()))?;
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let authorization = match (headers.next(), headers.next()) {
        (None, _) => None,
        (Some(text), None) => Some(text.to_str().map_err(|_| Error::WrongToken)?),
        // Two of them might be read one way here and another way by a proxy in front.
        (Some(_), Some(_)) => return Err(Error::WrongToken),
    };
    app.guard.identify(authorization, peer)
}

fn mark(path: &Path) -> Option<Mark> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

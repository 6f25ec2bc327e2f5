//! Certificates: read, checked, and read anew while connections stay.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::config::{ClientCertificates, Tls};

/// The largest file of certificates, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Why a certificate or key is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file says something that we can't use.
    #[error("`{}`: {what}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Others may read or write what they must not.
    #[error("`{}` has mode {mode:04o}, so {who}; `chmod {} {}` mends that", path.display(), mended, path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Who may do what.
        who: &'static str,
        /// The mode that it should have.
        mended: &'static str,
    },
}

impl Tls {
    /// Whether the files can be used.
    pub fn check(&self) -> Result<(), TlsError> {
        read(self).map(drop)
    }
}

/// What new connections are met with. Those that are there keep what they have.
pub(crate) struct Reloadable {
    tls: Tls,
    current: RwLock<Arc<ServerConfig>>,
}

impl Reloadable {
    pub(crate) fn new(tls: Tls) -> Result<Self, TlsError> {
        let current = RwLock::new(Arc::new(read(&tls)?));
        Ok(Self { tls, current })
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files anew. When something is wrong with them, what was there stays.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let config = Arc::new(read(&self.tls)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}

fn read(tls: &Tls) -> Result<ServerConfig, TlsError> {
    let chain = certificates(&tls.certificate)?;
    let key = key(&tls.key)?;
    let unusable = |error: rustls::Error| TlsError::Unusable {
        path: tls.certificate.clone(),
        what: format!("it can't be used with the key `{}`: {error}", tls.key.display()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match &tls.clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(verifier(clients, provider)?),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Lets those without a certificate in too: they may have a token.
fn verifier(
    clients: &ClientCertificates,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let path = &clients.authorities;
    let unusable = |what: String| TlsError::Unusable { path: path.clone(), what };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    verifier.allow_unauthenticated().build().map_err(|error| unusable(error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (text, mode) = text_of(path)?;
    let path = path.to_owned();
    if mode & 0o002 != 0 {
        return Err(TlsError::Exposed { path, mode, who: "anybody may replace it", mended: "o-w" });
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Err(error) => Err(TlsError::Unusable { path, what: error.to_string() }),
        Ok(none) if none.is_empty() => {
            Err(TlsError::Unusable { path, what: "there is no certificate in it".to_owned() })
        }
        Ok(certificates) => Ok(certificates),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (text, mode) = text_of(path)?;
    let path = path.to_owned();
    // A group may read it: that is how distributions hand keys to services.
    if mode & 0o007 != 0 {
        return Err(TlsError::Exposed { path, mode, who: "anybody may use the key", mended: "o=" });
    }
    if mode & 0o020 != 0 {
        return Err(TlsError::Exposed { path, mode, who: "its group may replace the key", mended: "g-w" });
    }
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|error| TlsError::Unusable { path, what: format!("there is no key in it: {error}") })
}

fn text_of(path: &Path) -> Result<(Vec<u8>, u32), TlsError> {
    let read = || {
        let file = fs::File::open(path)?;
        // Of the file that is read, not of one that is there a moment later.
        let mode = file.metadata()?.mode() & 0o7777;
        let mut text = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, FILE_MAX + 1), &mut text)?;
        Ok((text, mode))
    };
    let (text, mode) = read().map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    if text.len() as u64 > FILE_MAX {
        return Err(TlsError::Unusable { path: path.to_owned(), what: "it is larger than 1 MiB".to_owned() });
    }
    Ok((text, mode))
}

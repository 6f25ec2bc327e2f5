//! TLS as an agent wants it: a server is known by its authority, or by the very certificate that it shows.
//!
//! Only the certificate is looked at by a pin: neither its name nor its end, so that a server's own certificate will do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};
use sha2::{Digest as _, Sha256};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

/// Certificates and keys that are larger are none.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The SHA-256 of a certificate, as `openssl x509 -noout -fingerprint -sha256` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// A text that is no pin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no SHA-256 of a certificate; one has 64 hexadecimal digits, with or without colons")]
pub struct PinError(String);

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let wrong = || PinError(text.chars().take(120).collect());
        // `openssl x509 -fingerprint -sha256` begins its line with what it is.
        let digits = text.rsplit_once('=').map_or(text, |(_, digits)| digits).trim();
        let digits = digits.strip_prefix("sha256:").unwrap_or(digits);
        let digits: Vec<u32> = digits
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16))
            .collect::<Option<_>>()
            .filter(|digits: &Vec<u32>| digits.len() == 64)
            .ok_or_else(wrong)?;
        let mut pin = [0; 32];
        for (byte, pair) in pin.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::try_from(pair[0] * 16 + pair[1]).map_err(|_| wrong())?;
        }
        Ok(Self(pin))
    }
}

/// Which files and which certificate.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsConfig {
    pub(super) ca_file: Option<PathBuf>,
    pub(super) pin: Option<Pin>,
    pub(super) cert_and_key: Option<(PathBuf, PathBuf)>,
}

/// Why TLS can't be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("could not read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{}` has no {what} in PEM", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The parts don't fit together.
    #[error("the certificates can't be used")]
    Config(#[from] rustls::Error),
    /// There is nothing to know a server by.
    #[error(
        "this machine has no list of authorities; name the server's with `--ca`, or its certificate with `--pin`"
    )]
    NoRoots,
}

/// The list of authorities that a distribution keeps: Debian, Fedora, SUSE, Alpine.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

pub(super) fn client(config: &TlsConfig) -> Result<Tls, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let roots = match &config.ca_file {
        Some(path) => Some(roots(path)?),
        None if config.pin.is_some() => None,
        None => Some(SYSTEM.iter().find_map(|path| roots(Path::new(path)).ok()).ok_or(TlsError::NoRoots)?),
    };
    let builder = match (config.pin, roots) {
        (Some(pin), roots) => {
            let by_authority = roots.map(|roots| {
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()
            });
            let by_authority = by_authority
                .transpose()
                .map_err(|error| TlsError::Config(rustls::Error::General(error.to_string())))?;
            let verifier = Pinned { pin, by_authority, provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
        (None, roots) => builder.with_root_certificates(roots.unwrap_or_else(RootCertStore::empty)),
    };
    let config = match &config.cert_and_key {
        Some((cert, key)) => {
            let content = |_| TlsError::Content { path: key.clone(), what: "private key" };
            let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(content)?;
            builder.with_client_auth_cert(certificates(cert)?, private)?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Tls { config: Arc::new(config) })
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates(path)?);
    if added == 0 {
        return Err(TlsError::Content { path: path.to_owned(), what: "certificate of an authority" });
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
    if found.is_empty() {
        return Err(TlsError::Content { path: path.to_owned(), what: "certificate" });
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large for certificates")));
    }
    fs::read(path).map_err(failed)
}

#[derive(Debug)]
struct Pinned {
    pin: Pin,
    by_authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let digest: [u8; 32] = Sha256::digest(end_entity).into();
        if digest != self.pin.0 {
            let shown = digest.iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"));
            let why =
                format!("the server's certificate is not the pinned one, but that with SHA-256 {shown}");
            return Err(rustls::Error::General(why));
        }
        match &self.by_authority {
            Some(verifier) => {
                verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    // That the server has the certificate's key is proven also with a pin.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Puts TLS on a connection, if its URL says so. The client's own way knows no pins.
#[derive(Debug)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| ureq::Error::Tls("the server's name is neither a name nor an address"))?;
        let mut conn = ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)?;
        let transport: Box<dyn Transport> = Box::new(transport);
        let mut sock = TransportAdapter::new(transport, details.current_time.clone());
        sock.set_timeout(details.timeout);
        conn.complete_io(&mut sock)?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream: StreamOwned { conn, sock } })))
    }
}

pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl std::fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        io::Write::write_all(&mut self.stream, output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = io::Read::read(&mut self.stream, input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_as_people_have_them() {
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let pairs: Vec<_> = digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect();
        let pin = digits.parse::<Pin>().unwrap();
        assert_eq!(pairs.join(":").to_uppercase().parse(), Ok(pin));
        assert_eq!(format!("sha256:{digits}").parse(), Ok(pin));
        assert_eq!(format!("sha256 Fingerprint={}", pairs.join(":").to_uppercase()).parse(), Ok(pin));
        assert_eq!(pin.0[0], 0xba);
        for wrong in ["", "ba:78", &digits[1..], &digits.replace('b', "x")] {
            assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
        }
    }
}

//! TLS: who the server is, who the client is, and certificates that are replaced while connections stay.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use auditward_server::{ClientCertificates, Role, Server, StartError, Tls, TlsError};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Answer, connect, hear, say};
use crate::fakes::{Fake, Running, config, folder, ports, token};

pub(crate) type Stream = StreamOwned<ClientConnection, std::net::TcpStream>;

/// An authority and what it signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (der, pem) = (certificate.der().clone(), certificate.pem());
        Self { issuer: Issuer::new(params, key), certificate: der, pem }
    }

    /// A certificate for `localhost` of this common name, and its key.
    pub(crate) fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Writes a certificate for the server into a folder.
    pub(crate) fn write(&self, folder: &Path) -> Tls {
        let (certificate, key) = self.sign("server");
        let tls = Tls { certificate: folder.join("tls.crt"), key: folder.join("tls.key"), clients: None };
        fs::write(&tls.certificate, certificate.pem()).unwrap();
        fs::write(&tls.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&tls.key, fs::Permissions::from_mode(0o600)).unwrap();
        tls
    }
}

/// A connection to a server whose certificate `authority` signed, by a client with a certificate or without.
pub(crate) fn secure(
    address: SocketAddr,
    authority: &Authority,
    client: Option<(rcgen::Certificate, KeyPair)>,
    protocols: &[&str],
) -> Stream {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connect(address))
}

fn ask(stream: &mut Stream, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    say(stream, method, path, headers, b"");
    hear(stream)
}

#[test]
fn a_client_certificate_stands_for_its_cluster() {
    let folder = folder();
    let (server, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let mut tls = server.write(&folder);
    let authorities = folder.join("clients.crt");
    fs::write(&authorities, &clients.pem).unwrap();
    let clusters = [("kube-apiserver".to_owned(), "prod".parse().unwrap())].into();
    tls.clients = Some(ClientCertificates { authorities, clusters });
    let bearer = format!("Bearer {}", token(&folder, Role::Read, None));
    let running = Running::start_in(folder, |config| config.tls = Some(tls));
    let with =
        |signed_by: &Authority, name: &str| secure(running.address, &server, Some(signed_by.sign(name)), &[]);

    let ours = || with(&clients, "kube-apiserver");
    assert_eq!(ask(&mut ours(), "POST", "/ingest/prod", &[]).status, 200);
    assert_eq!(running.fake.taken.lock().unwrap()[0].1, "kube-apiserver");
    assert_eq!(ask(&mut ours(), "POST", "/ingest/other", &[]).status, 403);
    assert_eq!(ask(&mut ours(), "GET", "/api/v1/events", &[]).status, 403);
    // A token says more than a certificate.
    assert_eq!(ask(&mut ours(), "GET", "/api/v1/events", &[("Authorization", &bearer)]).status, 200);
    let answer = ask(&mut with(&clients, "somebody"), "POST", "/ingest/prod", &[]);
    assert!(answer.status == 401 && answer.body.contains("`somebody` is for no cluster"), "{}", answer.body);
    let mut nobody = secure(running.address, &server, None, &[]);
    let answer = ask(&mut nobody, "POST", "/ingest/prod", &[]);
    assert_eq!((answer.status, answer.header("strict-transport-security")), (401, Some("max-age=31536000")));
    // Another authority's certificate ends the handshake, whatever name is in it.
    let mut stranger = with(&strangers, "kube-apiserver");
    _ = stranger.write_all(b"POST /ingest/prod HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert!(stranger.read_to_end(&mut Vec::new()).is_err());
    assert_eq!(running.fake.taken.lock().unwrap().len(), 1);
}

#[test]
fn certificates_are_replaced_and_connections_stay() {
    let folder = folder();
    let (old, new) = (Authority::new(), Authority::new());
    let tls = old.write(&folder);
    let running = Running::start_in(folder, |config| config.tls = Some(tls));
    let mut kept = secure(running.address, &old, None, &[]);
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut buffer = [0; 4096];
    assert_ne!(kept.read(&mut buffer).unwrap(), 0);

    new.write(&running.folder);
    running.server.as_ref().unwrap().reload_certificates().unwrap();
    assert_eq!(ask(&mut secure(running.address, &new, None, &[]), "GET", "/healthz", &[]).status, 200);
    assert_eq!(ask(&mut kept, "GET", "/healthz", &[]).status, 200);

    // What can't be used is not taken, and what was there stays.
    fs::write(running.folder.join("tls.crt"), "no certificate").unwrap();
    let error = running.server.as_ref().unwrap().reload_certificates().unwrap_err();
    assert!(error.to_string().ends_with("tls.crt`: there is no certificate in it"), "{error}");
    assert_eq!(ask(&mut secure(running.address, &new, None, &[]), "GET", "/healthz", &[]).status, 200);
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    let (folder, authority) = (folder(), Authority::new());
    let tls = authority.write(&folder);
    let start = |tls: &Tls| {
        let mut config = config(&folder);
        config.tls = Some(tls.clone());
        Server::start(&config, ports(&Arc::new(Fake::default())), Arc::new(|_: &_| {}))
    };
    for (mode, good) in
        [(0o600, true), (0o640, true), (0o400, true), (0o644, false), (0o660, false), (0o604, false)]
    {
        fs::set_permissions(&tls.key, fs::Permissions::from_mode(mode)).unwrap();
        match start(&tls) {
            Ok(_) => assert!(good, "{mode:o}"),
            Err(StartError::Tls(TlsError::Exposed { mode: found, .. })) => assert!(!good && found == mode),
            Err(error) => panic!("{mode:o}: {error}"),
        }
    }
    fs::set_permissions(&tls.key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&tls.certificate, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(start(&tls), Err(StartError::Tls(TlsError::Exposed { .. }))));
    fs::set_permissions(&tls.certificate, fs::Permissions::from_mode(0o644)).unwrap();
    // Of another certificate.
    fs::write(&tls.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(matches!(start(&tls), Err(StartError::Tls(TlsError::Unusable { .. }))));
    fs::remove_dir_all(&folder).unwrap();
}

/// What API servers speak: HTTP/2, said in its own frames. The answer's head is the first HEADERS frame.
#[test]
fn http_2() {
    let (folder, authority) = (folder(), Authority::new());
    let tls = authority.write(&folder);
    let running = Running::start_in(folder, |config| config.tls = Some(tls));
    let mut stream = secure(running.address, &authority, None, &["h2", "http/1.1"]);
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    said.extend(frame(SETTINGS, 0, 0, b""));
    // :method POST, :scheme https, :path, :authority.
    let mut head = vec![0x83, 0x87, 0x04, 12];
    head.extend(b"/ingest/prod");
    head.extend([0x01, 9]);
    head.extend(b"localhost");
    said.extend(frame(HEADERS, END_HEADERS, 1, &head));
    said.extend(frame(DATA, END_STREAM, 1, b"{}"));
    stream.write_all(&said).unwrap();
    loop {
        let mut start = [0; 9];
        stream.read_exact(&mut start).unwrap();
        let [_, high, low, kind, ..] = start;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        stream.read_exact(&mut payload).unwrap();
        if kind == HEADERS {
            // `:status 200`, the 8th of the names that everybody knows.
            assert_eq!(payload[0], 0x88);
            break;
        }
    }
    assert_eq!(running.fake.taken.lock().unwrap()[0].2, b"{}");
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
    frame.extend(payload);
    frame
}

//! Who is trusted, and who we are to whom.

use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::support::{Alerts, Folder, Server, Stream, ok, start, status};

struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// A certificate and its key.
    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// A server with a certificate of `servers` that asks for one of `clients`, if that is given.
fn server(servers: &Authority, clients: Option<&Authority>) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (certificate, key) = servers.sign("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = match clients {
        None => config.unwrap().with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.unwrap().with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    Server::with([ok()], move |stream: TcpStream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        Some(Box::new(StreamOwned::new(connection, stream)) as Box<dyn Stream>)
    })
}

#[test]
fn only_the_named_authority_is_trusted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (folder, server, feed) = (Folder::new("tls"), server(&theirs, None), Alerts::new());
    let ca = folder.file("ca.pem", &ours.pem);
    let config = json!({ "hook": {
        "webhook": { "url": format!("https://{}/", server.address), "http": { "ca_file": ca } },
        "retry": { "first": "5ms", "longest": "20ms" },
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    let failed = status(&notifier, |status| status.failing > 1).last_error.unwrap();
    assert!(failed.what.contains("invalid peer certificate"), "{}", failed.what);
    assert_eq!(server.seen().len(), 0);
    // Nobody has to restart us for another one to be trusted.
    folder.file("ca.pem", &(ours.pem + &theirs.pem));
    status(&notifier, |status| status.sent == 1);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn without_a_named_authority_the_systems_are_asked() {
    let (folder, server) = (Folder::new("system"), server(&Authority::new(), None));
    let config = json!({ "hook": { "webhook": { "url": format!("https://{}/", server.address) } } });
    let notifier = start(folder.path(), config, &Alerts::new());
    let refused = notifier.test("hook").unwrap().answer.unwrap_err();
    assert!(refused.reason.contains("invalid peer certificate"), "{refused}");
}

#[test]
fn a_server_that_asks_who_we_are_is_told() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let (folder, server) = (Folder::new("mtls"), server(&servers, Some(&clients)));
    let (certificate, key) = clients.sign("auditward", ExtendedKeyUsagePurpose::ClientAuth);
    let ca = folder.file("ca.pem", &servers.pem);
    let (cert, key) =
        (folder.file("cert.pem", &certificate.pem()), folder.file("key.pem", &key.serialize_pem()));
    let url = format!("https://{}/", server.address);
    let config = json!({
        "known": { "webhook": { "url": url, "http": { "ca_file": ca, "cert_file": cert, "key_file": key } } },
        "unknown": { "webhook": { "url": url, "http": { "ca_file": ca } } },
    });
    let notifier = start(folder.path(), config, &Alerts::new());
    assert_eq!(notifier.test("known").unwrap().answer, Ok("HTTP 200".to_owned()));
    // What we see of the refusal depends on who is faster.
    notifier.test("unknown").unwrap().answer.unwrap_err();
    assert_eq!(server.seen().len(), 1);
}

//! Real sockets, with and without TLS.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// What came: the head's lines and the events.
type Came = (Vec<String>, Vec<u64>);

/// A server that gives one answer after the other and then goes away.
struct Listening {
    address: String,
    came: Receiver<Came>,
    thread: JoinHandle<()>,
}

fn serve(answers: Vec<&'static str>, tls: Option<Arc<ServerConfig>>) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (to, came) = channel();
    let thread = std::thread::spawn(move || {
        for answer in answers {
            let (socket, _) = listener.accept().unwrap();
            let result = match &tls {
                Some(config) => {
                    let conn = ServerConnection::new(config.clone()).unwrap();
                    one(StreamOwned::new(conn, socket), answer)
                }
                None => one(socket, answer),
            };
            if let Ok(Some(request)) = result {
                to.send(request).unwrap();
            }
        }
    });
    Listening { address, came, thread }
}

fn one(stream: impl Read + Write, answer: &str) -> std::io::Result<Option<Came>> {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body)?;
    let stream = stream.get_mut();
    stream.write_all(answer.as_bytes())?;
    stream.flush()?;
    Ok(Some((head, lines(&body))))
}

const TAKEN: &str =
    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 24\r\n\r\n{\"taken\":2,\"repeated\":1}\n";
const BEHIND: &str =
    "HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\nretry-after: 3\r\ncontent-length: 0\r\n\r\n";
/// It reads the batch and says nothing.
const NOTHING: &str = "";

fn config(server: String) -> HttpConfig {
    HttpConfig {
        server,
        cluster: "east".to_owned(),
        agent: "cp1".to_owned(),
        token_file: None,
        ca_file: None,
        pin: None,
        cert_and_key: None,
        timeout: Duration::from_secs(10),
    }
}

fn body(n: u64) -> (Vec<u8>, BatchId) {
    let mut gathering = Gathering::new();
    gathering.push(event(n).as_bytes(), Duration::ZERO).unwrap();
    let batch = gathering.finish().unwrap().unwrap();
    (batch.body, batch.id)
}

fn post(http: &mut Http) -> Result<Answer, HttpError> {
    let (body, id) = body(1);
    http.post(&Parcel { body: &body, id, sequence: 4711, events: 1 })
}

#[test]
fn each_answer_over_a_socket() {
    let folder = Folder::new();
    let token_file = folder.0.join("token");
    fs::write(&token_file, "s3cret\n").unwrap();
    let server = serve(vec![TAKEN, BEHIND, NOTHING, TAKEN], None);
    let url = format!("http://{}/audit/", server.address);
    let mut http = Http::new(HttpConfig { token_file: Some(token_file.clone()), ..config(url) }).unwrap();
    assert_eq!(post(&mut http).unwrap(), Answer::Taken { repeated: 1 });
    let later = Answer::Later { why: "status 429".to_owned(), after: Some(Duration::from_secs(3)) };
    assert_eq!(post(&mut http).unwrap(), later);
    fs::write(&token_file, "newer").unwrap();
    let error = post(&mut http).unwrap_err().to_string();
    assert!(error.starts_with("no answer from"), "{error}");
    assert_eq!(post(&mut http).unwrap(), Answer::Taken { repeated: 1 });
    let came: Vec<Came> = server.came.iter().collect();
    server.thread.join().unwrap();
    assert_eq!(came[0].1, [1]);
    let head = came[0].0.join("\n");
    for wanted in [
        "POST /audit/ingest/east HTTP/1.1",
        "content-type: application/x-ndjson",
        "content-encoding: gzip",
        "auditward-agent: cp1",
        "auditward-sequence: 4711",
        &format!("auditward-batch: {}", body(1).1),
        "authorization: Bearer s3cret",
    ] {
        assert!(head.contains(wanted), "{wanted} in {head}");
    }
    assert!(came.last().unwrap().0.join("\n").contains("authorization: Bearer newer"));
    fs::write(&token_file, "two words").unwrap();
    assert!(post(&mut http).unwrap_err().to_string().starts_with("could not read the token"));
}

#[test]
fn servers_that_cannot_be_meant() {
    let check = |server: &str, expect: Option<&str>| {
        let error = Http::new(config(server.to_owned())).err().map(|error| error.to_string());
        match expect {
            Some(expect) => {
                assert!(error.as_ref().is_some_and(|e| e.contains(expect)), "{server}: {error:?}");
            }
            None => assert_eq!(error, None, "{server}"),
        }
    };
    check("http://localhost:9", None);
    check("http://[::1]:9", None);
    check("http://audit.example:9", Some("must not travel without TLS"));
    check("ftp://localhost", Some("must begin with `https://`"));
    check("audit.example", Some("must begin with"));
    check("https://", Some("can't be used"));
    check("http://me:pass@localhost", Some("password"));
    check("http://localhost/?a=b", Some("query"));
    for name in ["", "a/b", "-a", "a b", "ü"] {
        let config = HttpConfig { cluster: name.to_owned(), ..config("http://localhost".to_owned()) };
        assert!(Http::new(config).is_err(), "{name}");
    }
}

struct Keys {
    cert: CertificateDer<'static>,
    pem: PathBuf,
    key: PathBuf,
    der: PrivateKeyDer<'static>,
}

fn keys(folder: &Path, name: &str) -> Keys {
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (pem, key) = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
    fs::write(&pem, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let der = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    Keys { cert: made.cert.der().clone(), pem, key, der }
}

#[test]
fn a_server_is_known_by_its_authority_or_its_certificate() {
    let folder = Folder::new();
    let (ours, other, client) =
        (keys(&folder.0, "ours"), keys(&folder.0, "other"), keys(&folder.0, "client"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = |verifier: Option<&Keys>| {
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match verifier {
            Some(keys) => {
                let mut roots = RootCertStore::empty();
                roots.add(keys.cert.clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
            None => builder.with_no_client_auth(),
        };
        Arc::new(builder.with_single_cert(vec![ours.cert.clone()], ours.der.clone_key()).unwrap())
    };
    let pin = |keys: &Keys| {
        let digest = auditward_base::Digest::of(&keys.cert).to_string();
        Some(digest.parse::<Pin>().unwrap())
    };
    let check = |wants_client: Option<&Keys>, with: HttpConfig, expect: bool| {
        let server = serve(vec![TAKEN], Some(tls(wants_client)));
        let url = format!("https://{}", server.address);
        let mut http = Http::new(HttpConfig { server: url, ..with }).unwrap();
        let answer = post(&mut http);
        assert_eq!(answer.is_ok(), expect, "{answer:?}");
        server.thread.join().unwrap();
        assert_eq!(server.came.iter().count(), usize::from(expect));
        answer.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let plain = || config(String::new());
    let ca = |keys: &Keys| HttpConfig { ca_file: Some(keys.pem.clone()), ..plain() };
    check(None, ca(&ours), true);
    let why = check(None, ca(&other), false);
    let other_file = format!("comes from none of the authorities in `{}`", other.pem.display());
    assert!(why.ends_with(&other_file), "{why}");
    check(None, HttpConfig { pin: pin(&ours), ..plain() }, true);
    check(None, HttpConfig { pin: pin(&other), ..plain() }, false);
    check(None, HttpConfig { pin: pin(&ours), ..ca(&ours) }, true);
    check(None, HttpConfig { pin: pin(&ours), ..ca(&other) }, false);
    let shows =
        |keys: &Keys| HttpConfig { cert_and_key: Some((keys.pem.clone(), keys.key.clone())), ..ca(&ours) };
    check(Some(&client), shows(&client), true);
    check(Some(&client), ca(&ours), false);
    let mixed = HttpConfig { cert_and_key: Some((ours.pem.clone(), client.key.clone())), ..ca(&ours) };
    assert!(Http::new(HttpConfig { server: "https://localhost".to_owned(), ..mixed }).is_err());
    let wrong = HttpConfig { ca_file: Some(ours.key.clone()), ..plain() };
    let error = Http::new(HttpConfig { server: "https://localhost".to_owned(), ..wrong }).err().unwrap();
    assert!(error.to_string().ends_with("has no certificate in PEM"), "{error}");
}

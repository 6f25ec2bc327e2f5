//! Stands between kubectl and `kubectl proxy`, gives every request an Audit-ID of its own, and remembers it.
//!
//! So the test knows each request that was sent, also those of which no event may be written. Each connection
//! carries one request: the tap asks for it to be closed afterwards, and then only has to copy bytes.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) audit_id: String,
    pub(crate) method: String,
    pub(crate) uri: String,
}

/// A listener for one user's requests.
pub(crate) struct Tap {
    pub(crate) address: SocketAddr,
    sent: Arc<Mutex<Vec<Sent>>>,
    proxy: Child,
}

impl Tap {
    /// Begins to listen; what comes is sent on with the credentials of this kubectl.
    pub(crate) fn start(name: &str, mut kubectl: Command) -> Self {
        let mut proxy = kubectl
            .args(["proxy", "--port=0", "--reject-paths=^$", "--accept-paths=.*"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(proxy.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let upstream: SocketAddr = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::<Mutex<Vec<Sent>>>::default();
        let (name, remember) = (name.to_owned(), Arc::clone(&sent));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (name, remember) = (name.clone(), Arc::clone(&remember));
                // A client that goes away is its own affair: whether its request arrived, the log will say.
                thread::spawn(move || _ = forward(&name, &client, upstream, &remember));
            }
        });
        Self { address, sent, proxy }
    }

    /// What was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Sends one request line as it stands, which no decent client would, and waits for the answer's end.
    pub(crate) fn raw(&self, method: &str, uri: &str) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "{method} {uri} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n").unwrap();
        _ = io::copy(&mut stream, &mut io::sink());
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        _ = self.proxy.kill();
        _ = self.proxy.wait();
    }
}

fn forward(
    name: &str,
    client: &TcpStream,
    upstream: SocketAddr,
    remember: &Mutex<Vec<Sent>>,
) -> io::Result<()> {
    let mut from_client = BufReader::new(client.try_clone()?);
    let mut head = Vec::new();
    let mut line = Vec::new();
    while from_client.read_until(b'\n', &mut line)? > 0 {
        let end = line == b"\r\n";
        // Who asks is the proxy's to say.
        let lower = line.to_ascii_lowercase();
        let replaced =
            [&b"connection:"[..], b"authorization:", b"audit-id:"].iter().any(|name| lower.starts_with(name));
        if !end && !replaced {
            head.extend_from_slice(&line);
        }
        line.clear();
        if end {
            break;
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let Some((method, rest)) = text.split_once(' ') else { return Ok(()) };
    let Some((uri, _)) = rest.split_once(" HTTP/") else { return Ok(()) };
    let audit_id = {
        let mut sent = remember.lock().unwrap();
        let audit_id = format!("{name}-{}", sent.len());
        sent.push(Sent { audit_id: audit_id.clone(), method: method.to_owned(), uri: uri.to_owned() });
        audit_id
    };
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(&head)?;
    write!(server, "Audit-ID: {audit_id}\r\nConnection: close\r\n\r\n")?;
    let mut to_server = server.try_clone()?;
    let body = thread::spawn(move || _ = io::copy(&mut from_client, &mut to_server));
    let mut to_client = client.try_clone()?;
    io::copy(&mut server, &mut to_client)?;
    // The answer is complete; that ends the client's half too.
    _ = client.shutdown(std::net::Shutdown::Both);
    _ = body.join();
    Ok(())
}

//! Kubeconfigs: which server, whose certificate it must have, who asks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;

use super::{Address, Client};

/// The largest file that is read, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// What the current context of a kubeconfig says.
#[derive(Clone)]
pub struct Kubeconfig {
    path: PathBuf,
    server: Address,
    name: String,
    authority: Vec<u8>,
    user: User,
}

#[derive(Clone)]
enum User {
    Nobody,
    Token(String),
    Certificate { chain: Vec<u8>, key: Vec<u8> },
}

/// Why a kubeconfig is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// A file could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The kubeconfig, or a file that it names.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It says something that we can't use.
    #[error("`{}`: {what}", path.display())]
    Unusable {
        /// The kubeconfig.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl Kubeconfig {
    /// Reads the current context. Relative paths in it are relative to its folder.
    pub fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let text = read(path)?;
        let wrong = |what: String| KubeconfigError::Unusable { path: path.to_owned(), what };
        let text = String::from_utf8(text).map_err(|_| wrong("not text".to_owned()))?;
        // The reader's own words would show the line, and the line may hold a key.
        let file: File = serde_saphyr::from_str(&text).map_err(|_| wrong("not a kubeconfig".to_owned()))?;
        file.current(path)
    }

    /// Nobody in particular, asking at `server`, whose certificate must be for `name` and signed by `authority` (PEM).
    pub fn anonymous(authority: &Path, server: Address, name: &str) -> Result<Self, KubeconfigError> {
        let path = authority.to_owned();
        Ok(Self { server, name: name.to_owned(), authority: read(authority)?, user: User::Nobody, path })
    }

    pub(super) fn client(&self) -> Result<Client, KubeconfigError> {
        let wrong = |what: &str| KubeconfigError::Unusable { path: self.path.clone(), what: what.to_owned() };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&self.authority) {
            let certificate = certificate.map_err(|_| wrong("the certificate authority is no PEM"))?;
            roots.add(certificate).map_err(|_| wrong("the certificate authority is no certificate"))?;
        }
        if roots.is_empty() {
            return Err(wrong("it names no certificate authority to verify the server by"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| wrong("TLS is not available"))?
            .with_root_certificates(roots);
        let (config, token) = match &self.user {
            User::Nobody => (config.with_no_client_auth(), None),
            User::Token(token) => (config.with_no_client_auth(), Some(token.clone())),
            User::Certificate { chain, key } => {
                let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
                let chain = chain.map_err(|_| wrong("the client's certificate is no PEM"))?;
                let key =
                    PrivateKeyDer::from_pem_slice(key).map_err(|_| wrong("the client's key is no PEM"))?;
                let config = config.with_client_auth_cert(chain, key);
                (config.map_err(|_| wrong("the client's certificate and key can't be used"))?, None)
            }
        };
        let name = ServerName::try_from(self.name.clone());
        let name = name.map_err(|_| wrong("the server's name is neither a name nor an address"))?;
        Ok(Client {
            address: self.server.clone(),
            name,
            tls: Arc::new(config),
            token,
            origin: self.path.clone(),
        })
    }
}

impl std::fmt::Debug for Kubeconfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kubeconfig({} for {})", self.path.display(), self.server)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    clusters: Vec<Named<Cluster>>,
    #[serde(default)]
    users: Vec<Named<RawUser>>,
    #[serde(default)]
    contexts: Vec<Named<Context>>,
    #[serde(default)]
    current_context: String,
}

#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "user", alias = "context", default = "Option::default")]
    value: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    tls_server_name: Option<String>,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawUser {
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<String>,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

impl File {
    fn current(self, path: &Path) -> Result<Kubeconfig, KubeconfigError> {
        let wrong = |what: String| KubeconfigError::Unusable { path: path.to_owned(), what };
        let context = find(self.contexts, &self.current_context)
            .ok_or_else(|| wrong(format!("no context `{}`", self.current_context)))?;
        let cluster = find(self.clusters, &context.cluster)
            .ok_or_else(|| wrong(format!("no cluster `{}`", context.cluster)))?;
        let user = find(self.users, &context.user).unwrap_or_default();
        if cluster.insecure_skip_tls_verify {
            return Err(wrong(
                "`insecure-skip-tls-verify` is set; the server is always verified here".to_owned(),
            ));
        }
        let server = address(&cluster.server)
            .ok_or_else(|| wrong(format!("`{}` is no https:// address", cluster.server)))?;
        let authority = either(path, cluster.certificate_authority_data, cluster.certificate_authority)?;
        let token = either(path, None, user.token_file)?.and_then(|text| String::from_utf8(text).ok());
        let token = user.token.or(token).map(|token| token.trim().to_owned());
        if token.as_ref().is_some_and(|token| token.chars().any(|c| c.is_control() || !c.is_ascii())) {
            return Err(wrong("the token is not one line of plain characters".to_owned()));
        }
        let chain = either(path, user.client_certificate_data, user.client_certificate)?;
        let key = either(path, user.client_key_data, user.client_key)?;
        let user = match (token, chain, key) {
            (_, Some(chain), Some(key)) => User::Certificate { chain, key },
            (Some(token), _, _) => User::Token(token),
            _ => User::Nobody,
        };
        Ok(Kubeconfig {
            path: path.to_owned(),
            name: cluster.tls_server_name.unwrap_or_else(|| server.host.clone()),
            server,
            authority: authority.unwrap_or_default(),
            user,
        })
    }
}

fn find<T>(list: Vec<Named<T>>, name: &str) -> Option<T> {
    list.into_iter().find(|entry| entry.name == name).and_then(|entry| entry.value)
}

/// `https://host:port/…`; the path is not used by any API server that we know of.
fn address(server: &str) -> Option<Address> {
    let rest = server.strip_prefix("https://")?;
    let rest = rest.split('/').next()?;
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(443), str::parse).ok()?;
    (!host.is_empty()).then(|| Address { host: host.to_owned(), port })
}

/// What stands in the kubeconfig itself, or else in the file that it names.
fn either(
    config: &Path,
    data: Option<String>,
    file: Option<PathBuf>,
) -> Result<Option<Vec<u8>>, KubeconfigError> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let data: String = data.split_whitespace().collect();
        let wrong = |_| KubeconfigError::Unusable {
            path: config.to_owned(),
            what: "data that is no base64".to_owned(),
        };
        return STANDARD.decode(data).map(Some).map_err(wrong);
    }
    let Some(file) = file.filter(|file| !file.as_os_str().is_empty()) else { return Ok(None) };
    read(&config.parent().unwrap_or(Path::new("/")).join(file)).map(Some)
}

fn read(path: &Path) -> Result<Vec<u8>, KubeconfigError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|source| KubeconfigError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let path =
            std::env::temp_dir().join(format!("auditward-kubeconfig-{}-{}", std::process::id(), text.len()));
        fs::write(&path, text).unwrap();
        let seen = match Kubeconfig::read(&path).and_then(|config| config.client().map(|_| config)) {
            Ok(config) => format!("{} as {}", config.server, config.name),
            Err(error) => error.to_string().replace(&path.display().to_string(), "FILE"),
        };
        fs::remove_file(&path).unwrap();
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_wrong_is_said_without_what_is_secret() {
        check("a: [", "`FILE`: not a kubeconfig");
        check("{}", "`FILE`: no context ``");
        let of = |cluster: &str, user: &str| {
            format!(
                "clusters: [{{name: c, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n\
                 contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n"
            )
        };
        check(&of("server: 'http://a'", ""), "`FILE`: `http://a` is no https:// address");
        check(
            &of("server: 'https://a', insecure-skip-tls-verify: true", ""),
            "`FILE`: `insecure-skip-tls-verify` is set; the server is always verified here",
        );
        check(
            &of("server: 'https://a'", ""),
            "`FILE`: it names no certificate authority to verify the server by",
        );
        check(
            &of("server: 'https://a', certificate-authority-data: '%%'", ""),
            "`FILE`: data that is no base64",
        );
        check(
            &of("server: 'https://a'", "token: \"secret\\nvalue\""),
            "`FILE`: the token is not one line of plain characters",
        );
    }

    #[test]
    fn addresses() {
        let shown = |text| address(text).map(|address| address.to_string());
        assert_eq!(shown("https://10.0.0.1:6443").as_deref(), Some("10.0.0.1:6443"));
        assert_eq!(shown("https://api.example.com/x").as_deref(), Some("api.example.com:443"));
        assert_eq!(shown("https://[fd00::1]:6443").as_deref(), Some("[fd00::1]:6443"));
        assert_eq!(shown("https://"), None);
        assert_eq!(shown("https://a:b"), None);
        assert_eq!(shown("a:6443"), None);
    }
}

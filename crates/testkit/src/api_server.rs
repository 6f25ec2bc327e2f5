//! kube-apiserver with its etcd, on loopback, for whoever runs the test.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use crate::etcd::Etcd;
use crate::kubectl::Kubectl;
use crate::program::Program;
use crate::slots::{self, Slot};
use crate::start_error::{StartError, last_words, tail};
use crate::{command, keep, kubeconfig, lifeline, pki, wait};

/// How long a server may take to be ready. It takes 2 s; a machine under load takes longer.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// A running API server and its etcd. Both end when this is dropped, or when the process ends.
#[derive(Debug)]
pub struct ApiServer {
    program: &'static Program,
    folder: PathBuf,
    config: PathBuf,
    url: String,
    child: Child,
    // Dropped after the server that writes to it, and before the numbers are free again.
    etcd: Etcd,
    _port: Slot,
    _slot: Slot,
}

/// What an API server shall be like.
#[derive(Debug, Default)]
#[must_use]
pub struct ApiServerBuilder {
    policy: Option<String>,
    users: Vec<(String, Vec<String>)>,
    arguments: Vec<String>,
}

impl ApiServerBuilder {
    /// Audits by this policy into [`ApiServer::audit_log`]. Without it nothing is audited.
    pub fn audit_policy(mut self, text: impl Into<String>) -> Self {
        self.policy = Some(text.into());
        self
    }

    /// One more user, known by a static token ([`ApiServer::token`]). `admin` in `system:masters` is always there.
    pub fn user(mut self, name: &str, groups: &[&str]) -> Self {
        self.users.push((name.to_owned(), groups.iter().map(|&group| group.to_owned()).collect()));
        self
    }

    /// One more argument, as `--audit-log-maxsize=1`. It stands after ours, so it wins over them.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts it and waits until `/readyz` says ok. A server that gives up is reported at once.
    pub fn start(self) -> Result<ApiServer, StartError> {
        let program = Program::get()?;
        let slot = new_folder()?;
        let folder = slot.folder.clone();
        let port = free_port()?;
        let url = format!("https://127.0.0.1:{}", port.number);
        let config = pki::make(program, &folder)?;
        self.write_users(&folder, &url)?;
        let etcd = Etcd::start(program, &folder)?;

        let mut command = base_command(program, &folder, &etcd.url(), port.number);
        self.add_audit(&mut command, &folder)?;
        command.args(&self.arguments);
        let log = log_path(&folder);
        let file = File::create(&log).map_err(StartError::io(&log))?;
        command.stdout(file.try_clone().map_err(StartError::io(&log))?).stderr(file);
        let child = lifeline::attach(&mut command)
            .spawn()
            .map_err(StartError::io(&program.path("kube-apiserver")))?;
        let mut server = ApiServer { program, folder, config, url, child, etcd, _port: port, _slot: slot };
        server.await_ready()?;
        Ok(server)
    }

    fn write_users(&self, folder: &Path, url: &str) -> Result<(), StartError> {
        let authority = folder.join("pki/ca.crt");
        let mut tokens = String::new();
        let admin = ("admin".to_owned(), vec!["system:masters".to_owned()]);
        for (name, groups) in std::iter::once(&admin).chain(&self.users) {
            let token = token_of(name);
            let _ = writeln!(tokens, "{token},{name},{name},\"{}\"", groups.join(","));
            let path = kubeconfig_path(folder, name);
            let text = kubeconfig::with_token(url, &authority, name, &token);
            fs::write(&path, text).map_err(StartError::io(&path))?;
        }
        let path = folder.join("tokens.csv");
        fs::write(&path, tokens).map_err(StartError::io(&path))
    }

    fn add_audit(&self, command: &mut Command, folder: &Path) -> Result<(), StartError> {
        if let Some(policy) = &self.policy {
            let path = folder.join("policy.yaml");
            fs::write(&path, policy).map_err(StartError::io(&path))?;
            command.arg(format!("--audit-policy-file={}", path.display()));
            command.arg(format!("--audit-log-path={}", audit_log_path(folder).display()));
        }
        Ok(())
    }
}

impl ApiServer {
    /// An API server with RBAC, one administrator and no auditing, to be made what the test needs.
    pub fn builder() -> ApiServerBuilder {
        ApiServerBuilder::default()
    }

    /// `https://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Kubectl {
        self.kubectl_as("admin")
    }

    /// kubectl as one of the builder's users, by token.
    pub fn kubectl_as(&self, user: &str) -> Kubectl {
        Kubectl::new(self.program, kubeconfig_path(&self.folder, user))
    }

    /// kubectl as any user, by a client certificate that is made for it now.
    pub fn kubectl_with_certificate(&self, user: &str, groups: &[&str]) -> Result<Kubectl, StartError> {
        let mut command = self.program.command("kubeadm");
        command.args(["kubeconfig", "user", "--client-name", user, "--org", &groups.join(",")]);
        let text = command::run(command.arg("--config").arg(&self.config))?;
        let path = kubeconfig_path(&self.folder, &format!("certificate-{user}"));
        // kubeadm writes the address of its configuration, where nobody is.
        fs::write(&path, text.replace("https://192.0.2.1:6443", &self.url)).map_err(StartError::io(&path))?;
        Ok(Kubectl::new(self.program, path))
    }

    /// The bearer token of `admin` or of one of the builder's users.
    pub fn token(&self, user: &str) -> String {
        token_of(user)
    }

    /// Where the audit events go.
    pub fn audit_log(&self) -> PathBuf {
        audit_log_path(&self.folder)
    }

    /// A file of the certificates, as `ca.crt`, `front-proxy-client.key`.
    pub fn pki(&self, file: &str) -> PathBuf {
        self.folder.join("pki").join(file)
    }

    /// The server's own folder: certificates, kubeconfigs, logs. It goes with the server.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What kube-apiserver has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(log_path(&self.folder)).unwrap_or_default()
    }

    /// The process numbers of kube-apiserver and etcd.
    pub fn pids(&self) -> [u32; 2] {
        [self.child.id(), self.etcd.pid()]
    }

    /// Asks the server to end as an operator would (SIGTERM), waits for it, and ends etcd: everything that was
    /// buffered is then in the audit log. The files stay until the value is dropped.
    pub fn stop(&mut self) -> Result<(), StartError> {
        command::run(Command::new("kill").arg(self.child.id().to_string()))?;
        let over = wait::until(READY_WITHIN, || self.child.try_wait().ok().flatten());
        match over {
            Some(_) => Ok(()),
            None => Err(self.not_ready("it was told to end and goes on".to_owned())),
        }
    }

    fn await_ready(&mut self) -> Result<(), StartError> {
        let mut question = self.program.command("await");
        question.arg(kubeconfig_path(&self.folder, "admin")).arg("/readyz");
        question.arg(format!("{}s", READY_WITHIN.as_secs())).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut asking =
            lifeline::attach(&mut question).spawn().map_err(StartError::io(&self.program.path("await")))?;
        let outcome = wait::until(READY_WITHIN + Duration::from_secs(15), || {
            if let Ok(Some(_)) = self.child.try_wait() {
                let _ = asking.kill();
                let log = self.log();
                return Some(Err(StartError::Refused { reason: last_words(&log), log }));
            }
            match asking.try_wait() {
                Ok(None) => None,
                Ok(Some(status)) if status.success() => Some(Ok(())),
                _ => Some(Err(self.not_ready(String::new()))),
            }
        });
        let said = asking.wait_with_output().map(|o| String::from_utf8_lossy(&o.stderr).into_owned());
        match outcome {
            Some(Err(StartError::NotReady { .. })) | None => Err(self.not_ready(said.unwrap_or_default())),
            Some(outcome) => outcome,
        }
    }

    fn not_ready(&self, last: String) -> StartError {
        StartError::NotReady { what: "kube-apiserver", last, log: tail(&self.log()) }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if keep::wanted()
            && let Ok(kept) = keep::folder("kube-apiserver")
        {
            for file in ["kube-apiserver.log", "etcd.log", "audit.log", "policy.yaml"] {
                let _ = fs::copy(self.folder.join(file), kept.join(file));
            }
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// kube-apiserver with all that it needs but auditing.
pub(crate) fn base_command(program: &Program, folder: &Path, etcd: &str, port: u16) -> Command {
    let mut command = program.command("kube-apiserver");
    let pki = |file: &str| folder.join("pki").join(file).display().to_string();
    command
        .current_dir(folder)
        .arg(format!("--etcd-servers={etcd}"))
        .arg("--bind-address=127.0.0.1")
        .arg("--advertise-address=192.0.2.1")
        .arg(format!("--secure-port={port}"))
        .arg(format!("--tls-cert-file={}", pki("apiserver.crt")))
        .arg(format!("--tls-private-key-file={}", pki("apiserver.key")))
        .arg(format!("--client-ca-file={}", pki("ca.crt")))
        .arg(format!("--cert-dir={}", folder.join("made").display()))
        .arg("--service-account-issuer=https://kubernetes.default.svc.cluster.local")
        .arg(format!("--service-account-signing-key-file={}", pki("sa.key")))
        .arg(format!("--service-account-key-file={}", pki("sa.pub")))
        .arg("--service-cluster-ip-range=10.96.0.0/16")
        .arg("--authorization-mode=Node,RBAC")
        .arg(format!("--token-auth-file={}", folder.join("tokens.csv").display()))
        .arg(format!("--requestheader-client-ca-file={}", pki("front-proxy-ca.crt")))
        .args([
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
        ])
        .arg("--requestheader-group-headers=X-Remote-Group")
        .arg("--requestheader-extra-headers-prefix=X-Remote-Extra-");
    command
}

/// A folder of one's own, after the folders of the dead have gone.
pub(crate) fn new_folder() -> Result<Slot, StartError> {
    static SWEEP: Once = Once::new();
    SWEEP.call_once(|| {
        for number in slots::used("servers").unwrap_or_default() {
            if let Ok(Some(dead)) = Slot::take("servers", number) {
                let _ = fs::remove_dir_all(&dead.folder);
            }
        }
    });
    let place = Path::new("/tmp");
    let slot = Slot::claim("servers", 1..=999, |_| true).map_err(StartError::io(place))?;
    let _ = fs::remove_dir_all(&slot.folder);
    fs::create_dir(&slot.folder).map_err(StartError::io(&slot.folder))?;
    Ok(slot)
}

/// A port that nobody listens on and no other test takes. They lie below those that Linux hands out by itself.
pub(crate) fn free_port() -> Result<Slot, StartError> {
    Slot::claim("ports", 20_000..=29_999, |slot| TcpListener::bind(("127.0.0.1", slot.number)).is_ok())
        .map_err(StartError::io(Path::new("/tmp")))
}

fn kubeconfig_path(folder: &Path, user: &str) -> PathBuf {
    folder.join(format!("{}.kubeconfig", user.replace(['/', ':'], "_")))
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("kube-apiserver.log")
}

fn audit_log_path(folder: &Path) -> PathBuf {
    folder.join("audit.log")
}

fn token_of(user: &str) -> String {
    format!("token-of-{user}")
}

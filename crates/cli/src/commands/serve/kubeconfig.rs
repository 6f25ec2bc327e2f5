//! `auditward serve kubeconfig`

use std::io::Write as _;
use std::path::{Path, PathBuf};

use auditward_server::{ClusterName, kubeconfig};

use crate::exit::{Exit, Failure};
use crate::input;

/// Print the file that tells an API server to send its audit events here
///
/// It goes to a file of its own on the control-plane node, which kube-apiserver is given as
/// --audit-webhook-config-file. A token is in it: keep it readable for its owner alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  printed
  2  wrong usage, or a file could not be read

Example:
  auditward serve kubeconfig prod --url https://audit.example:8440 --ca ca.crt --token-file prod.token > webhook.yaml")]
pub(crate) struct Args {
    /// The cluster whose API server it is
    #[arg(value_name = "CLUSTER")]
    cluster: ClusterName,
    /// How the API server reaches this server
    #[arg(long, default_value = "http://127.0.0.1:8440", value_name = "URL")]
    url: String,
    /// PEM: the authority of this server's certificate; without it, those that the API server's machine trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The file that holds an ingest token of the cluster; not needed for a server without tokens on the same machine
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let authority = self.ca.as_deref().map(text).transpose()?;
        let token = self.token_file.as_deref().map(text).transpose()?.unwrap_or_default();
        let page = kubeconfig(&self.cluster, &self.url, authority.as_deref(), token.trim());
        std::io::stdout().write_all(page.as_bytes())?;
        Ok(Exit::Fine)
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    const BYTES_MAX: usize = 1 << 20;
    String::from_utf8(input::whole(path, BYTES_MAX)?)
        .map_err(|_| Failure::new(format!("`{}` is not text", path.display())))
}

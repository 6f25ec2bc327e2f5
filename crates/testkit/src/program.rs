//! The one Go program that is every part of a control plane, built once and kept.
//!
//! ```text
//! ${XDG_CACHE_HOME:-~/.cache}/auditward/testkit/VERSION-HASH/
//!   hyperkube                        kube-apiserver, kubectl, kubeadm, kubelet, etcd … are links to it
//!   pause  await  ask  image         small ones of our own, see their sources in ../hyperkube
//! ```
//!
//! HASH is over the sources, so a changed source is another folder and nothing is ever half new. The folder is made under
//! a file lock, beside, and renamed: it is whole or it is not there. A cold build takes about five minutes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::command::{self, CommandError};
use crate::keep;

/// The Kubernetes that is built unless `AUDITWARD_K8S_VERSION` names another.
const KUBERNETES: &str = "1.36.3";

const SOURCES: [(&str, &str); 8] = [
    ("main.go", include_str!("../hyperkube/main.go")),
    ("lifeline/lifeline.go", include_str!("../hyperkube/lifeline/lifeline.go")),
    ("pause/main.go", include_str!("../hyperkube/pause/main.go")),
    ("await/main.go", include_str!("../hyperkube/await/main.go")),
    ("ask/main.go", include_str!("../hyperkube/ask/main.go")),
    ("image/main.go", include_str!("../hyperkube/image/main.go")),
    ("go.mod", include_str!("../hyperkube/go.mod")),
    ("go.sum", include_str!("../hyperkube/go.sum")),
];

const PARTS: [&str; 7] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeadm", "kubectl", "kubelet"];

/// The built programs of one Kubernetes version.
#[derive(Debug)]
pub struct Program {
    folder: PathBuf,
    version: String,
}

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where to keep it.
    #[error("no folder to keep the Kubernetes programs in; set `HOME` or `XDG_CACHE_HOME`")]
    NoCache,
    /// Go is missing, or the build failed.
    #[error("could not build the Kubernetes programs")]
    Build(#[source] CommandError),
    /// The cache could not be read or written.
    #[error("could not keep the Kubernetes programs in `{}`", path.display())]
    Cache {
        /// The folder of the cache.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Program {
    /// The program, built now if this machine never did. Blocks meanwhile, as do other processes that ask.
    pub fn get() -> Result<&'static Self, &'static ProgramError> {
        static PROGRAM: OnceLock<Result<Program, ProgramError>> = OnceLock::new();
        PROGRAM.get_or_init(Self::find_or_build).as_ref()
    }

    /// The version of Kubernetes, as `1.36.3`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The path of `kube-apiserver`, `kubectl`, `kubeadm`, `kubelet`, `etcd` ….
    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.join(part)
    }

    /// The folder that holds them all, to be put into a `PATH`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn command(&self, part: &str) -> Command {
        Command::new(self.path(part))
    }

    fn find_or_build() -> Result<Self, ProgramError> {
        let version = std::env::var("AUDITWARD_K8S_VERSION").unwrap_or_else(|_| KUBERNETES.to_owned());
        let cache = cache().ok_or(ProgramError::NoCache)?;
        let name = format!("{version}-{:016x}", hash_of_sources());
        let folder = cache.join(&name);
        if !folder.exists() {
            let kept = |source| ProgramError::Cache { path: cache.clone(), source };
            fs::create_dir_all(&cache).map_err(kept)?;
            let lock = File::create(cache.join(format!("{name}.lock"))).map_err(kept)?;
            lock.lock().map_err(kept)?;
            if !folder.exists() {
                build(&version, &cache.join(format!("{name}.new")), &folder).map_err(|e| match e {
                    BuildError::Command(e) => ProgramError::Build(e),
                    BuildError::Io(e) => kept(e),
                })?;
            }
        }
        Ok(Self { folder, version })
    }
}

enum BuildError {
    Command(CommandError),
    Io(io::Error),
}

impl From<io::Error> for BuildError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<CommandError> for BuildError {
    fn from(e: CommandError) -> Self {
        Self::Command(e)
    }
}

fn build(version: &str, new: &Path, folder: &Path) -> Result<(), BuildError> {
    keep::say(&format!("testkit: building Kubernetes {version}; a first time takes about five minutes"));
    if new.exists() {
        fs::remove_dir_all(new)?;
    }
    let sources = new.join("src");
    for (name, text) in SOURCES {
        let path = sources.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&sources))?;
        fs::write(path, text)?;
    }
    let go = |arguments: &[&str]| {
        command::run(Command::new("go").args(arguments).current_dir(&sources).env("CGO_ENABLED", "0"))
    };
    if version != KUBERNETES {
        let about = go(&["mod", "download", "-json", &format!("k8s.io/kubernetes@v{version}")])?;
        fs::write(sources.join("go.mod"), go_mod(version, &fs::read_to_string(go_mod_path(&about))?))?;
        fs::remove_file(sources.join("go.sum"))?;
        go(&["mod", "tidy"])?;
    }
    let minor = version.split('.').nth(1).unwrap_or_default();
    let stamp = "-X k8s.io/component-base/version";
    let flags = format!(
        "-s -w {stamp}.gitVersion=v{version} {stamp}.gitMajor=1 {stamp}.gitMinor={minor} {stamp}.gitTreeState=clean"
    );
    let out = new.to_string_lossy().into_owned() + "/";
    go(&[
        "build",
        "-trimpath",
        "-ldflags",
        &flags,
        "-o",
        &out,
        ".",
        "./pause",
        "./await",
        "./ask",
        "./image",
    ])?;
    for part in PARTS {
        std::os::unix::fs::symlink("hyperkube", new.join(part))?;
    }
    fs::rename(new, folder)?;
    Ok(())
}

/// The `GoMod` field of what `go mod download -json` prints.
fn go_mod_path(about: &str) -> &str {
    about
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"GoMod\": \"")?.split('"').next())
        .unwrap_or_default()
}

/// A go.mod for another version. `k8s.io/kubernetes` replaces its staging modules by folders that its module zip
/// lacks: each is pointed at the published module of the same minor version.
fn go_mod(version: &str, theirs: &str) -> String {
    let published = version.strip_prefix("1.").unwrap_or(version);
    let replaced = theirs
        .lines()
        .filter_map(|line| line.trim().split_once(" => ./staging/"))
        .fold(String::new(), |all, (module, _)| {
            all + "\t" + module + " => " + module + " v0." + published + "\n"
        });
    format!(
        "module auditward.dev/testkit/hyperkube\n\ngo 1.24\n\nrequire k8s.io/kubernetes v{version}\n\n\
         replace (\n{replaced})\n"
    )
}

fn cache() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
    };
    Some(base.join("auditward/testkit"))
}

/// FNV-1a, for it is the same on every machine and with every compiler.
fn hash_of_sources() -> u64 {
    SOURCES
        .iter()
        .flat_map(|(name, text)| name.bytes().chain(text.bytes()))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_gets_its_own_staging_modules() {
        let theirs = "module k8s.io/kubernetes\nreplace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n)\n";
        let ours = go_mod("1.34.4", theirs);
        assert!(ours.contains("require k8s.io/kubernetes v1.34.4\n"), "{ours}");
        assert!(ours.contains("\tk8s.io/api => k8s.io/api v0.34.4\n"), "{ours}");
    }

    #[test]
    fn the_sources_pin_the_version_we_name() {
        let (_, text) = SOURCES[6];
        assert!(text.contains(&format!("k8s.io/kubernetes v{KUBERNETES}\n")), "{text}");
    }
}

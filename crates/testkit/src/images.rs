//! The container images of a node, made from the programs of this machine: nothing is pulled.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::command::{self, CommandError};
use crate::program::Program;

/// The image for pods of tests: busybox, with a shell.
pub(crate) const BUSYBOX: &str = "localhost/busy:1";

const PARTS: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];
const APPLETS: [&str; 10] = ["sh", "sleep", "cat", "id", "echo", "ls", "wget", "ps", "true", "false"];

/// Docker archives, ready for `ctr images import`.
#[derive(Debug)]
pub(crate) struct Images {
    pub(crate) archives: Vec<PathBuf>,
    /// The name under which the pause image is in its archive.
    pub(crate) pause: String,
}

/// What went wrong in making them.
#[derive(Debug)]
pub(crate) enum ImageError {
    Command(CommandError),
    Io(io::Error),
}

impl From<io::Error> for ImageError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<CommandError> for ImageError {
    fn from(e: CommandError) -> Self {
        Self::Command(e)
    }
}

impl Images {
    /// The images, made now if they never were, beside the program they are made from.
    pub(crate) fn get(program: &Program, busybox: &Path) -> Result<Self, ImageError> {
        let version = format!("v{}", program.version());
        // The names as kubeadm writes them into its manifests.
        let names = command::run(program.command("kubeadm").args([
            "config",
            "images",
            "list",
            "--kubernetes-version",
            &version,
        ]))?;
        let name_of =
            |part: &str| names.lines().find(|n| n.contains(&format!("/{part}:"))).unwrap_or_default();
        let pause = name_of("pause").to_owned();

        let folder = program.path("images");
        let lock = File::create(program.path("images.lock"))?;
        lock.lock()?;
        if !folder.exists() {
            let new = program.path("images.new");
            if new.exists() {
                fs::remove_dir_all(&new)?;
            }
            fs::create_dir(&new)?;
            let make = |file: &str, names: &str, entrypoint: &str, files: Vec<String>| {
                let mut image = program.command("image");
                image.arg(new.join(file)).args([names, entrypoint]).args(files);
                command::run(&mut image)
            };
            let pause_program = format!("{}:/pause", program.path("pause").display());
            make("pause.tar", &pause, "/pause", vec![pause_program])?;
            let links = |target: &str, folder: &str, names: &[&str]| -> Vec<String> {
                names.iter().map(|name| format!("@{target}:{folder}/{name}")).collect()
            };
            let mut files = vec![format!("{}:/bin/busybox", busybox.display())];
            files.extend(links("busybox", "/bin", &APPLETS));
            make("busybox.tar", BUSYBOX, "", files)?;
            let mut files = vec![format!("{}:/usr/local/bin/hyperkube", program.path("hyperkube").display())];
            files.extend(links("hyperkube", "/usr/local/bin", &PARTS));
            make("kubernetes.tar", &PARTS.map(name_of).join(","), "", files)?;
            fs::rename(&new, &folder)?;
        }
        let archives = ["pause.tar", "busybox.tar", "kubernetes.tar"].map(|file| folder.join(file)).into();
        Ok(Self { archives, pause })
    }
}

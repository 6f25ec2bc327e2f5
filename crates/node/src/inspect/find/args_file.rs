//! Snaps: one flag a line in a file, `${SNAP_DATA}` put in, `#` for comments. The process itself shows nothing.

use crate::inspect::process::Program;
use crate::inspect::unit;
use crate::manifest::Flags;

use super::{CONFIG_MAX, Candidate, Distribution, Look, Origin, audit_settings, how_many};

struct Snap {
    distribution: Distribution,
    program: Program,
    args: &'static str,
    data: &'static str,
    common: &'static str,
}

const SNAPS: [Snap; 2] = [
    Snap {
        distribution: Distribution::MicroK8s,
        program: Program::Kubelite,
        args: "/var/snap/microk8s/current/args/kube-apiserver",
        data: "/var/snap/microk8s/current",
        common: "/var/snap/microk8s/common",
    },
    Snap {
        distribution: Distribution::CanonicalK8s,
        program: Program::KubeApiserver,
        args: "/var/snap/k8s/common/args/kube-apiserver",
        data: "/var/snap/k8s/current",
        common: "/var/snap/k8s/common",
    },
];

pub(super) fn look(look: &mut Look<'_>) -> Vec<Candidate> {
    SNAPS.iter().filter_map(|snap| snap.look(look)).collect()
}

impl Snap {
    fn look(&self, look: &mut Look<'_>) -> Option<Candidate> {
        let text = look.file(self.args, CONFIG_MAX)?;
        let text = String::from_utf8_lossy(&text);
        let mut words = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.starts_with('#') {
                let line = line.replace("${SNAP_DATA}", self.data).replace("$SNAP_DATA", self.data);
                let line = line.replace("${SNAP_COMMON}", self.common).replace("$SNAP_COMMON", self.common);
                words.extend(unit::split(&line).into_iter().map(|word| (word, at + 1)));
            }
        }
        let flags = Flags::parse(words.iter().map(|(word, line)| (word.as_str(), *line)));
        let settings = audit_settings(&flags, |flag| Origin::File(self.args.to_owned(), flag.line));
        look.found(self.args, how_many(&settings));
        Some(Candidate {
            distribution: self.distribution,
            sign: format!("{} holds its flags", self.args),
            program: self.program,
            settings,
            notes: Vec::new(),
            version: None,
        })
    }
}

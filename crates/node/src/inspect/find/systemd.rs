//! An API server as a systemd service: "the hard way" and much that is older.

use crate::inspect::process::Program;
use crate::inspect::unit::{self, Word};
use crate::manifest::Flags;

use super::{Candidate, Distribution, Look, Origin, audit_settings, how_many};

const SERVICE: &str = "kube-apiserver";

pub(super) fn look(look: &mut Look<'_>) -> Option<Candidate> {
    let words = unit::command(look, SERVICE)?;
    let started = words.iter().position(|word| is_api_server(&word.text))?;
    let hyperkube = words[started].text.ends_with("hyperkube");
    let place = &words[started];
    let behind: &[Word] = &words[started + 1 + usize::from(hyperkube)..];
    let flags = Flags::parse(behind.iter().map(|word| (word.text.as_str(), word.line)));
    let settings = audit_settings(&flags, |flag| {
        // Lines repeat across files; the word itself knows its own.
        let file = behind.get(flag.word).map_or(place.path.as_str(), |word| word.path.as_str());
        Origin::File(file.to_owned(), flag.line)
    });
    look.found(&place.path, format!("starts kube-apiserver, {}", how_many(&settings)));
    Some(Candidate {
        distribution: Distribution::Systemd,
        sign: format!("{} starts kube-apiserver", place.path),
        program: Program::KubeApiserver,
        settings,
        notes: Vec::new(),
        version: None,
    })
}

fn is_api_server(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("kube-apiserver" | "hyperkube"))
}

//! k0s: `k0s controller` starts kube-apiserver with `spec.api.extraArgs`, then `rawArgs`.

use auditward_policy::read::Node;

use crate::inspect::process::Program;
use crate::inspect::yaml::{self, Document};
use crate::manifest::Flags;

use super::{CONFIG_MAX, Candidate, Distribution, Look, Origin, audit_settings, how_many, settings_by_name};

const CONFIG: &str = "/etc/k0s/k0s.yaml";
/// What a controller has without a configuration of its own.
const STATE: &str = "/var/lib/k0s/pki/ca.key";

pub(super) fn look(look: &mut Look<'_>) -> Option<Candidate> {
    let text = look.file(CONFIG, CONFIG_MAX);
    let mut way = Candidate {
        distribution: Distribution::K0s,
        sign: format!("{CONFIG} configures it"),
        program: Program::K0s,
        settings: Vec::new(),
        notes: Vec::new(),
        version: None,
    };
    let Some(text) = text else {
        return look.host.exists(STATE).then(|| {
            look.found(STATE, "a controller's key");
            Candidate { sign: format!("{STATE} is a k0s controller's"), ..way }
        });
    };
    let Some(document) = Document::read(&text) else {
        look.found(CONFIG, "no YAML");
        way.notes.push(format!("{CONFIG} is no YAML"));
        return Some(way);
    };
    way.settings = settings_by_name(&document, &["spec", "api", "extraArgs"], CONFIG);
    let raw: Vec<&Node> = document.at(&["spec", "api", "rawArgs"]).map(yaml::items).unwrap_or_default();
    let words: Vec<(String, usize)> =
        raw.iter().filter_map(|node| Some((yaml::scalar(node)?, document.line(node)))).collect();
    let flags = Flags::parse(words.iter().map(|(word, line)| (word.as_str(), *line)));
    way.settings.extend(audit_settings(&flags, |flag| Origin::File(CONFIG.to_owned(), flag.line)));
    look.found(CONFIG, how_many(&way.settings));
    Some(way)
}

//! What a file asks of the engine and of its plugins.

use auditward_policy::read::{Node, Value, did_you_mean};

use super::items::{Noted, Reader, Result};
use crate::Weight;

/// As which engine this poses: the one that was read when this was written.
const ENGINE: Version = Version(0, 63, 0);

/// As which plugins, by the names and versions that were read.
const PLUGINS: [(&str, Version); 6] = [
    ("k8saudit", Version(0, 18, 0)),
    ("k8saudit-eks", Version(0, 12, 0)),
    ("k8saudit-gke", Version(0, 9, 0)),
    ("k8saudit-aks", Version(0, 6, 0)),
    ("k8saudit-ovh", Version(0, 6, 0)),
    ("json", Version(0, 7, 3)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u64, u64, u64);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let version = Version(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }
}

/// `15` or `0.31.0`.
pub(super) fn engine(reader: &mut Reader<'_>, node: &Node) -> Result<()> {
    let text = reader.text(node, "required_engine_version")?;
    let version = text.parse().ok().map(|minor| Version(0, minor, 0)).or_else(|| Version::parse(&text));
    let Some(version) = version else {
        return reader.wrong("LOAD_ERR_YAML_VALIDATE", node, format!("`{text}` is no engine version"));
    };
    if version > ENGINE {
        let message =
            format!("asks for engine version {text}; rules up to 0.{}.{} are read here", ENGINE.1, ENGINE.2);
        return reader.wrong("LOAD_ERR_VALIDATE", node, message);
    }
    Ok(())
}

/// A list of requirements; each is met by its plugin or by one of its alternatives.
pub(super) fn plugins(reader: &mut Reader<'_>, node: &Node) -> Result<()> {
    let Value::List(requirements) = &node.value else {
        return reader.wrong("LOAD_ERR_YAML_VALIDATE", node, "`required_plugin_versions` is a list");
    };
    for requirement in requirements {
        let mut names: Vec<String> = Vec::new();
        let mut met = met(reader, requirement, &mut names)?;
        let alternatives = requirement.get("alternatives");
        if let Some(Node { value: Value::List(alternatives), .. }) = alternatives {
            for alternative in alternatives {
                met |= self::met(reader, alternative, &mut names)?;
            }
        } else if let Some(other) = alternatives {
            return reader.wrong("LOAD_ERR_YAML_VALIDATE", other, "`alternatives` is a list");
        }
        if !met {
            let message =
                format!("needs plugin `{}` at a version that is not read here", names.join("` or `"));
            let finding = reader.note(Weight::Error, "LOAD_ERR_VALIDATE", requirement.span.clone(), message);
            let known = PLUGINS.map(|(name, Version(a, b, c))| format!("{name} {a}.{b}.{c}"));
            let near =
                did_you_mean(&names[0], PLUGINS.map(|(name, _)| name)).filter(|near| *near != names[0]);
            finding.hint = Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("read here: {}", known.join(", ")),
            });
            return Err(Noted);
        }
    }
    Ok(())
}

/// The same major version, and not older.
fn met(reader: &mut Reader<'_>, node: &Node, names: &mut Vec<String>) -> Result<bool> {
    let (Some(name), Some(version)) = (node.get("name"), node.get("version")) else {
        return reader.wrong("LOAD_ERR_YAML_VALIDATE", node, "a plugin is required by `name` and `version`");
    };
    let (name_text, version_text) = (reader.text(name, "name")?, reader.text(version, "version")?);
    let Some(wanted) = Version::parse(&version_text) else {
        return reader.wrong("LOAD_ERR_YAML_VALIDATE", version, format!("`{version_text}` is no version"));
    };
    if names.contains(&name_text) {
        return reader.wrong(
            "LOAD_ERR_VALIDATE",
            name,
            format!("`{name_text}` stands twice in one requirement"),
        );
    }
    let met =
        PLUGINS.iter().any(|(known, have)| *known == name_text && have.0 == wanted.0 && *have >= wanted);
    names.push(name_text);
    Ok(met)
}

//! Paths at or under other paths.

use regex::Regex;

use crate::Fold;
use crate::pattern;

/// A path that others are under.
#[derive(Debug)]
pub(crate) struct Ancestor {
    components: Vec<Component>,
}

#[derive(Debug)]
enum Component {
    Is(String),
    Glob(Regex),
}

impl Ancestor {
    pub(crate) fn new(path: &str, clean: bool) -> Result<Self, String> {
        let component = |text: &str| {
            Ok(if pattern::is_glob(text) {
                Component::Glob(pattern::glob(text, Fold::Exact)?)
            } else {
                Component::Is(text.to_owned())
            })
        };
        let components = split(path, clean).into_iter().map(component).collect::<Result<_, String>>()?;
        Ok(Ancestor { components })
    }
}

/// Whether `path` is at or under one of these.
pub(crate) fn any_above(ancestors: &[Ancestor], path: &str, clean: bool) -> bool {
    if clean && !path.starts_with('/') {
        return false;
    }
    let components = split(path, clean);
    ancestors.iter().any(|ancestor| {
        components.len() >= ancestor.components.len()
            && ancestor.components.iter().zip(&components).all(|(wanted, component)| match wanted {
                Component::Is(text) => text == component,
                Component::Glob(pattern) => pattern.is_match(component),
            })
    })
}

/// The components of a path. Cleaned: without empty ones and `.`, and `..` takes away the one before it. As it is
/// written: the empty one in front of the first `/` too, but none behind the last.
fn split(path: &str, clean: bool) -> Vec<&str> {
    if !clean {
        return path.strip_suffix('/').unwrap_or(path).split('/').collect();
    }
    let mut out = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

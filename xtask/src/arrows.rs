//! Which crate may use which: `cargo metadata` against the picture in ARCHITECTURE.md.
//!
//! The picture is the code block there that is tagged `arrows`, a line a crate, by the names of their folders:
//!
//! ```text
//! cli -> event policy
//! policy -> event
//! event ->
//! ```
//! Every dependency (not those of tests only) must stand in the picture, everything in the picture must be real, and every
//! crate has its line. Further, no crate in [`PURE`] may reach, by whatever way, one that does I/O by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Crates that are functions of what they are handed.
const PURE: [&str; 5] = ["detect", "event", "expr", "policy", "rules"];

/// What a pure crate has no use for: these wait, or talk to a network.
const NOT_PURE: [&str; 18] = [
    "async-io",
    "async-std",
    "curl",
    "futures",
    "futures-core",
    "futures-util",
    "h2",
    "hyper",
    "mio",
    "quinn",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tower",
    "tungstenite",
    "ureq",
];

/// Crate → crates it uses, by folder.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Everything that does not agree, a line each.
pub(crate) fn check() -> Result<(), String> {
    let page = fs::read_to_string(crate::root().join("ARCHITECTURE.md"))
        .map_err(|error| format!("could not read ARCHITECTURE.md: {error}"))?;
    let metadata = metadata()?;
    let mut wrong = differences(&drawn(&page)?, &real(&metadata));
    wrong.extend(impure(&metadata));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn metadata() -> Result<Value, String> {
    let output = crate::cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .map_err(|error| format!("could not start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata says no JSON: {error}"))
}

/// The arrows that the page draws.
fn drawn(page: &str) -> Result<Arrows, String> {
    let mut arrows = Arrows::new();
    for line in block(page).ok_or("ARCHITECTURE.md has no code block tagged `arrows`")? {
        let (from, to) = line
            .split_once("->")
            .ok_or_else(|| format!("ARCHITECTURE.md: `{line}` should read `CRATE -> CRATE CRATE …`"))?;
        let to = to.split_whitespace().map(str::to_owned).collect();
        if arrows.insert(from.trim().to_owned(), to).is_some() {
            return Err(format!("ARCHITECTURE.md: two lines for `{}`", from.trim()));
        }
    }
    Ok(arrows)
}

fn block(page: &str) -> Option<Vec<&str>> {
    let mut lines = page.lines().skip_while(|line| *line != "```arrows");
    lines.next()?;
    Some(lines.take_while(|line| *line != "```").filter(|line| !line.trim().is_empty()).collect())
}

/// The arrows that Cargo.toml files draw.
fn real(metadata: &Value) -> Arrows {
    let ours: Vec<&Value> =
        list(&metadata["packages"]).iter().filter(|package| package["source"].is_null()).collect();
    let folders: BTreeMap<&str, String> =
        ours.iter().filter_map(|package| Some((package["name"].as_str()?, folder(package)?))).collect();
    ours.iter()
        .filter_map(|package| {
            let uses = list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"] != "dev" && dependency["path"].is_string())
                .filter_map(|dependency| folders.get(dependency["name"].as_str()?).cloned())
                .collect();
            Some((folder(package)?, uses))
        })
        .collect()
}

fn folder(package: &Value) -> Option<String> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    Some(manifest.parent()?.file_name()?.to_str()?.to_owned())
}

fn differences(drawn: &Arrows, real: &Arrows) -> Vec<String> {
    let mut wrong = Vec::new();
    for (from, to) in real {
        match drawn.get(from) {
            None => wrong.push(format!("`{from}` has no line in ARCHITECTURE.md")),
            Some(shown) => wrong.extend(
                to.difference(shown)
                    .map(|to| format!("`{from}` uses `{to}`, which ARCHITECTURE.md does not allow")),
            ),
        }
    }
    for (from, to) in drawn {
        match real.get(from) {
            None => wrong.push(format!("ARCHITECTURE.md has a line for `{from}`, which is no crate")),
            Some(used) => wrong.extend(
                to.difference(used)
                    .map(|to| format!("ARCHITECTURE.md draws `{from} -> {to}`, which is not so")),
            ),
        }
    }
    wrong
}

/// What a pure crate reaches and should not.
fn impure(metadata: &Value) -> Vec<String> {
    let names: BTreeMap<&str, &str> = list(&metadata["packages"])
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let mut wrong = Vec::new();
    for package in list(&metadata["packages"]).iter().filter(|package| package["source"].is_null()) {
        let (Some(folder), Some(id)) = (folder(package), package["id"].as_str()) else { continue };
        if !PURE.contains(&folder.as_str()) {
            continue;
        }
        let reached = reachable(id, &nodes);
        let names = reached.iter().filter_map(|id| names.get(id));
        wrong.extend(names.filter(|name| NOT_PURE.contains(name)).map(|name| {
            format!("`{folder}` reaches `{name}`, but it does no I/O: is this the right crate for it?")
        }));
    }
    wrong
}

/// All that a package is built from, itself included; what only tests use is not.
fn reachable<'m>(from: &'m str, nodes: &BTreeMap<&'m str, &'m Value>) -> BTreeSet<&'m str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(id) = next.pop() {
        if !reached.insert(id) {
            continue;
        }
        let Some(node) = nodes.get(id) else { continue };
        next.extend(
            list(&node["deps"])
                .iter()
                .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"))
                .filter_map(|dep| dep["pkg"].as_str()),
        );
    }
    reached
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_the_truth() {
        check().unwrap();
    }

    fn compare(drawn_lines: &str, real_lines: &str, expected: &[&str]) {
        let arrows = |lines: &str| drawn(&format!("text\n```arrows\n{lines}\n```\nmore")).unwrap();
        assert_eq!(differences(&arrows(drawn_lines), &arrows(real_lines)), expected);
    }

    #[test]
    fn both_directions_are_compared() {
        compare("a -> b\nb ->", "a -> b\nb ->", &[]);
        compare("a ->\nb ->", "a -> b\nb ->", &["`a` uses `b`, which ARCHITECTURE.md does not allow"]);
        compare("a -> b\nb ->", "a ->\nb ->", &["ARCHITECTURE.md draws `a -> b`, which is not so"]);
        compare("a ->", "a ->\nb ->", &["`b` has no line in ARCHITECTURE.md"]);
        compare("a ->\nb ->", "a ->", &["ARCHITECTURE.md has a line for `b`, which is no crate"]);
    }

    #[test]
    fn a_missing_or_broken_picture_is_told() {
        assert!(drawn("no block").is_err());
        assert!(drawn("```arrows\na b\n```").is_err());
        assert!(drawn("```arrows\na -> b\na -> c\n```").is_err());
    }

    /// `event` uses `x`, which uses `tokio`; `cli` may.
    #[test]
    fn what_a_pure_crate_reaches_by_way_of_another_counts() {
        let package = |name: &str, source: Option<&str>| serde_json::json!({ "id": name, "name": name, "source": source, "manifest_path": format!("/w/crates/{name}/Cargo.toml") });
        let uses = |from: &str, to: &str, kind: Option<&str>| serde_json::json!({ "id": from, "deps": [{ "pkg": to, "dep_kinds": [{ "kind": kind }] }] });
        let metadata = |kind| {
            serde_json::json!({
                "packages": [package("event", None), package("cli", None), package("x", Some("r")), package("tokio", Some("r"))],
                "resolve": { "nodes": [uses("event", "x", kind), uses("x", "tokio", None), uses("cli", "tokio", None)] },
            })
        };
        assert_eq!(impure(&metadata(None)).len(), 1);
        assert_eq!(impure(&metadata(Some("build"))).len(), 1);
        assert_eq!(impure(&metadata(Some("dev"))), Vec::<String>::new());
    }
}

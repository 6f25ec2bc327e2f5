//! The table of API resources is what a real kube-apiserver tells of itself: this writes it (`UPDATE_EXPECT=1`) and holds
//! it to that.

use std::collections::{BTreeMap, BTreeSet};

use auditward_policy::api_resources::KUBERNETES;
use auditward_testkit::{ApiServer, ApiServerBuilder, Kubectl, Program};
use expect_test::expect_file;
use serde_json::Value;

const HEAD: &str = "\
# The API resources that kube-apiserver itself serves, from the discovery of a running one (v1.36.3):
# /api/v1 and /apis/*/* once with --runtime-config=api/all=true and all alpha and beta features on, once with nothing
# set. A version with `?` behind it was only there in the first run: it must be switched on.
#
# Columns, one tab apart, `-` where there is nothing:
# group\tresource\tscope\tkind\tshort names\tversions\tverbs\tsubresources with their verbs
";

const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

#[test]
fn the_table_is_the_discovery_of_a_real_server() {
    match Program::get() {
        Ok(program) if program.version().starts_with(&format!("{KUBERNETES}.")) => {}
        Ok(program) => {
            return eprintln!("skipped: the table is of {KUBERNETES}, this is {}", program.version());
        }
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI must have a real kube-apiserver: {error}");
            return eprintln!("skipped: {error}");
        }
    }
    let all = ApiServer::builder()
        .arg("--runtime-config=api/all=true")
        .arg("--feature-gates=AllAlpha=true,AllBeta=true");
    let on: BTreeSet<_> =
        discover(ApiServer::builder()).into_iter().map(|it| (it.group, it.version, it.name)).collect();
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for it in discover(all) {
        let mark =
            if on.contains(&(it.group.clone(), it.version.clone(), it.name.clone())) { "" } else { "?" };
        let (resource, subresource) = it.name.split_once('/').unwrap_or((&it.name, ""));
        let row = rows.entry((it.group.clone(), resource.to_owned())).or_default();
        if subresource.is_empty() {
            row.versions.push(format!("{}{mark}", it.version));
            row.verbs.extend(it.verbs);
            row.namespaced = it.namespaced;
            row.kind = it.kind;
            row.short_names = it.short_names;
        } else {
            row.subresources.entry(subresource.to_owned()).or_default().extend(it.verbs);
        }
    }
    let lines: String = rows.iter().map(|((group, resource), row)| row.line(group, resource)).collect();
    expect_file!["../../src/api_resources/served.tsv"].assert_eq(&format!("{HEAD}{lines}"));
}

#[derive(Default)]
struct Row {
    namespaced: bool,
    kind: String,
    short_names: Vec<String>,
    versions: Vec<String>,
    verbs: BTreeSet<String>,
    subresources: BTreeMap<String, BTreeSet<String>>,
}

impl Row {
    fn line(&self, group: &str, resource: &str) -> String {
        let scope = if self.namespaced { "namespace" } else { "cluster" };
        let subresources: Vec<String> =
            self.subresources.iter().map(|(name, verbs)| format!("{name}={}", in_order(verbs))).collect();
        let cells = [
            group.to_owned(),
            resource.to_owned(),
            scope.to_owned(),
            self.kind.clone(),
            self.short_names.join(","),
            self.versions.join(","),
            in_order(&self.verbs),
            subresources.join(" "),
        ];
        cells.map(|cell| if cell.is_empty() { "-".to_owned() } else { cell }).join("\t") + "\n"
    }
}

fn in_order(verbs: &BTreeSet<String>) -> String {
    assert!(verbs.iter().all(|verb| VERBS.contains(&verb.as_str())), "{verbs:?}");
    VERBS.into_iter().filter(|verb| verbs.contains(*verb)).collect::<Vec<_>>().join(",")
}

struct Discovered {
    group: String,
    version: String,
    /// With its subresource.
    name: String,
    namespaced: bool,
    kind: String,
    short_names: Vec<String>,
    verbs: Vec<String>,
}

fn discover(server: ApiServerBuilder) -> Vec<Discovered> {
    let api = server.start().unwrap();
    let kubectl = api.kubectl();
    let mut places = vec![(String::new(), "v1".to_owned(), "/api/v1".to_owned())];
    for group in list(&get(&kubectl, "/apis"), "groups") {
        for version in list(&group, "versions") {
            let (group, version) = (text(&group, "name"), text(&version, "version"));
            places.push((group.clone(), version.clone(), format!("/apis/{group}/{version}")));
        }
    }
    let mut found = Vec::new();
    for (group, version, path) in places {
        for resource in list(&get(&kubectl, &path), "resources") {
            let words =
                |key: &str| list(&resource, key).iter().map(|it| it.as_str().unwrap().to_owned()).collect();
            found.push(Discovered {
                group: group.clone(),
                version: version.clone(),
                name: text(&resource, "name"),
                namespaced: resource["namespaced"].as_bool().unwrap(),
                kind: text(&resource, "kind"),
                short_names: words("shortNames"),
                verbs: words("verbs"),
            });
        }
    }
    found
}

fn get(kubectl: &Kubectl, path: &str) -> Value {
    serde_json::from_str(&kubectl.run(&["get", "--raw", path]).unwrap()).unwrap()
}

fn list(value: &Value, key: &str) -> Vec<Value> {
    value[key].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

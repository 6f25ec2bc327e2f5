//! What kubeadm will write into the manifest next time: the `kubeadm-config` ConfigMap.
//!
//! An upgrade renders the API server's manifest anew from the ClusterConfiguration in it, and what is only in the
//! manifest is gone. Two forms: v1beta3 has `extraArgs` as a map, v1beta4 as a list of names and values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ApiError, Client, Request};

const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
const KEY: &str = "ClusterConfiguration";

/// The ClusterConfiguration as it stands in the cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfiguration {
    map: Value,
    /// Its text.
    pub text: String,
}

/// Why it can't be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KubeadmConfigError {
    /// The API server did not let us, or does not have it.
    #[error("could not use the ConfigMap kube-system/kubeadm-config")]
    Api(#[from] ApiError),
    /// It is not what kubeadm writes.
    #[error("the ClusterConfiguration in kube-system/kubeadm-config {0}")]
    Odd(String),
}

/// One directory or file that kubeadm shall mount: `extraVolumes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraVolume {
    /// Its name in the pod.
    pub name: String,
    /// Where it is on the node.
    pub host_path: String,
    /// Where it is in the pod.
    pub mount_path: String,
    /// Whether the pod may only read it.
    pub read_only: bool,
    /// `DirectoryOrCreate`, `File` …
    pub path_type: String,
}

impl ClusterConfiguration {
    /// Reads it from the cluster.
    pub fn read(client: &Client) -> Result<Self, KubeadmConfigError> {
        let map: Value = client.get(PATH)?;
        let text = map["data"][KEY].as_str();
        let text = text.ok_or_else(|| KubeadmConfigError::Odd("is missing".to_owned()))?.to_owned();
        Ok(Self { map, text })
    }

    /// Writes another text in its place, unless somebody changed it since it was read.
    pub fn write(&self, client: &Client, text: &str) -> Result<(), KubeadmConfigError> {
        let mut map = self.map.clone();
        map["data"][KEY] = Value::from(text);
        // The resource version that was read goes with it: compare and swap.
        client.ask(Request::with_body("PUT", PATH, &map))?;
        Ok(())
    }
}

/// The text with these flags and volumes added or replaced; the same text if they are there already.
///
/// kubeadm itself writes keys in alphabetical order and no comments, and so does this.
pub fn with(
    text: &str,
    flags: &[(String, String)],
    volumes: &[ExtraVolume],
) -> Result<String, KubeadmConfigError> {
    change(text, |server, list| {
        set_flags(server, list, flags)?;
        let mut all = take_list(server, "extraVolumes")?;
        for volume in volumes {
            let value = json!({
                "name": volume.name,
                "hostPath": volume.host_path,
                "mountPath": volume.mount_path,
                "readOnly": volume.read_only,
                "pathType": volume.path_type,
            });
            all.retain(|old| old["name"] != value["name"] && old["mountPath"] != value["mountPath"]);
            all.push(value);
        }
        server.insert("extraVolumes".to_owned(), Value::from(all));
        Ok(())
    })
}

/// The text without these flags and without the volumes of these names.
pub fn without(text: &str, flags: &[String], volumes: &[String]) -> Result<String, KubeadmConfigError> {
    change(text, |server, list| {
        if list {
            let mut all = take_list(server, "extraArgs")?;
            all.retain(|flag| flags.iter().all(|name| flag["name"] != name.as_str()));
            put_unless_empty(server, "extraArgs", Value::from(all));
        } else if let Some(Value::Object(mut all)) = server.remove("extraArgs") {
            all.retain(|name, _| !flags.contains(name));
            put_unless_empty(server, "extraArgs", Value::from(all));
        }
        let mut all = take_list(server, "extraVolumes")?;
        all.retain(|volume| volumes.iter().all(|name| volume["name"] != name.as_str()));
        put_unless_empty(server, "extraVolumes", Value::from(all));
        Ok(())
    })
}

/// What to add, as one would write it: for people who will do it themselves.
pub fn snippet(text: Option<&str>, flags: &[(String, String)], volumes: &[ExtraVolume]) -> String {
    let list = text.and_then(|text| parse(text).ok()).is_none_or(|root| is_list(&root).unwrap_or(true));
    let mut out = "apiServer:\n  extraArgs:\n".to_owned();
    for (name, value) in flags {
        if list {
            out += &format!("  - {{name: {name}, value: {value:?}}}\n");
        } else {
            out += &format!("    {name}: {value:?}\n");
        }
    }
    out += "  extraVolumes:\n";
    for v in volumes {
        out += &format!(
            "  - {{name: {}, hostPath: {}, mountPath: {}, readOnly: {}, pathType: {}}}\n",
            v.name, v.host_path, v.mount_path, v.read_only, v.path_type
        );
    }
    out
}

fn change(
    text: &str,
    edit: impl FnOnce(&mut Map<String, Value>, bool) -> Result<(), KubeadmConfigError>,
) -> Result<String, KubeadmConfigError> {
    let before = parse(text)?;
    let list = is_list(&before)?;
    let mut root = before.clone();
    let top = root.as_object_mut().ok_or_else(|| odd("is no mapping"))?;
    let server = top.entry("apiServer").or_insert_with(|| json!({}));
    if server.is_null() {
        *server = json!({});
    }
    let server = server.as_object_mut().ok_or_else(|| odd("has an `apiServer` that is no mapping"))?;
    edit(server, list)?;
    if root == before {
        return Ok(text.to_owned());
    }
    let written = serde_saphyr::to_string(&root).map_err(|e| odd(&format!("could not be written: {e}")))?;
    // A writer that is wrong about one string would do harm at the next upgrade, months from now.
    if parse(&written)? != root {
        return Err(odd("could not be written so that it reads the same"));
    }
    Ok(written)
}

fn set_flags(
    server: &mut Map<String, Value>,
    list: bool,
    flags: &[(String, String)],
) -> Result<(), KubeadmConfigError> {
    if list {
        let mut all = take_list(server, "extraArgs")?;
        for (name, value) in flags {
            let wanted = json!({"name": name, "value": value});
            if let Some(old) = all.iter_mut().find(|old| old["name"] == name.as_str()) {
                *old = wanted.clone();
            } else {
                all.push(wanted.clone());
            }
            // Of a flag that is there twice the last would win.
            let mut first = true;
            all.retain(|old| old["name"] != name.as_str() || std::mem::take(&mut first));
        }
        server.insert("extraArgs".to_owned(), Value::from(all));
        return Ok(());
    }
    let all = server.entry("extraArgs").or_insert_with(|| json!({}));
    if all.is_null() {
        *all = json!({});
    }
    let all = all.as_object_mut().ok_or_else(|| odd("has `extraArgs` that are no mapping"))?;
    for (name, value) in flags {
        all.insert(name.clone(), Value::from(value.as_str()));
    }
    Ok(())
}

fn is_list(root: &Value) -> Result<bool, KubeadmConfigError> {
    match root["apiVersion"].as_str() {
        Some("kubeadm.k8s.io/v1beta4") => Ok(true),
        Some("kubeadm.k8s.io/v1beta3" | "kubeadm.k8s.io/v1beta2") => Ok(false),
        other => {
            Err(odd(&format!("has the version `{}`, which is not known here", other.unwrap_or_default())))
        }
    }
}

fn parse(text: &str) -> Result<Value, KubeadmConfigError> {
    serde_saphyr::from_str(text).map_err(|error| odd(&format!("is no YAML that can be read: {error}")))
}

fn take_list(server: &mut Map<String, Value>, key: &str) -> Result<Vec<Value>, KubeadmConfigError> {
    match server.remove(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(all)) => Ok(all),
        Some(_) => Err(odd(&format!("has `{key}` that are no list"))),
    }
}

fn put_unless_empty(server: &mut Map<String, Value>, key: &str, value: Value) {
    let empty = value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
    if !empty {
        server.insert(key.to_owned(), value);
    }
}

fn odd(what: &str) -> KubeadmConfigError {
    KubeadmConfigError::Odd(what.to_owned())
}

/// The flags of a ClusterConfiguration, for looking whether they would survive.
pub fn flags(text: &str) -> Result<BTreeMap<String, String>, KubeadmConfigError> {
    let root = parse(text)?;
    let all = &root["apiServer"]["extraArgs"];
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(if is_list(&root)? {
        let list = all.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .filter_map(|flag| Some((flag["name"].as_str()?.to_owned(), plain(&flag["value"]))))
            .collect()
    } else {
        all.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), plain(value))).collect()
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn wanted() -> (Vec<(String, String)>, Vec<ExtraVolume>) {
        let flags = [("audit-log-path", "/var/log/a.log"), ("audit-log-maxage", "30")];
        let volume = ExtraVolume {
            name: "audit-log".to_owned(),
            host_path: "/var/log/a".to_owned(),
            mount_path: "/var/log/a".to_owned(),
            read_only: false,
            path_type: "DirectoryOrCreate".to_owned(),
        };
        (flags.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(), vec![volume])
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "reads as a sentence")]
    fn check(text: &str, expected: Expect) {
        let (flags, volumes) = wanted();
        let after = match with(text, &flags, &volumes) {
            Ok(after) => after,
            Err(error) => return expected.assert_eq(&error.to_string()),
        };
        expected.assert_eq(&after);
        assert_eq!(with(&after, &flags, &volumes).unwrap(), after, "twice is once");
        let names: Vec<String> = flags.iter().map(|(name, _)| name.clone()).collect();
        let back = without(&after, &names, &["audit-log".to_owned()]).unwrap();
        let (mut back, before) = (parse(&back).unwrap(), parse(text).unwrap());
        if before["apiServer"].is_null() {
            assert_eq!(back["apiServer"], json!({}));
            back["apiServer"] = before["apiServer"].clone();
        }
        let kept = |root: &Value| root.as_object().map(Map::len);
        assert!(back == before || kept(&back) >= kept(&before), "{back}");
    }

    #[test]
    fn both_forms() {
        check(
            "apiServer:\n  timeoutForControlPlane: 4m0s\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n",
            expect![[r#"
                apiServer:
                  extraArgs:
                    audit-log-maxage: "30"
                    audit-log-path: /var/log/a.log
                  extraVolumes:
                  - hostPath: /var/log/a
                    mountPath: /var/log/a
                    name: audit-log
                    pathType: DirectoryOrCreate
                    readOnly: false
                  timeoutForControlPlane: 4m0s
                apiVersion: kubeadm.k8s.io/v1beta3
                kind: ClusterConfiguration
            "#]],
        );
        check(
            "apiServer: {}\napiVersion: kubeadm.k8s.io/v1beta4\nkubernetesVersion: v1.36.3\n",
            expect![[r#"
            apiServer:
              extraArgs:
              - name: audit-log-path
                value: /var/log/a.log
              - name: audit-log-maxage
                value: "30"
              extraVolumes:
              - hostPath: /var/log/a
                mountPath: /var/log/a
                name: audit-log
                pathType: DirectoryOrCreate
                readOnly: false
            apiVersion: kubeadm.k8s.io/v1beta4
            kubernetesVersion: v1.36.3
        "#]],
        );
    }

    #[test]
    fn what_is_there_stays_and_what_is_ours_is_replaced() {
        check(
            "apiServer:\n  extraArgs:\n  - name: audit-log-maxage\n    value: \"7\"\n  - name: v\n    value: \"2\"\n  - name: audit-log-maxage\n    value: \"8\"\n  extraVolumes:\n  - {name: mine, hostPath: /m, mountPath: /m}\napiVersion: kubeadm.k8s.io/v1beta4\nyes: \"no\"\nversion: \"1.30\"\n",
            expect![[r#"
                apiServer:
                  extraArgs:
                  - name: audit-log-maxage
                    value: "30"
                  - name: v
                    value: "2"
                  - name: audit-log-path
                    value: /var/log/a.log
                  extraVolumes:
                  - hostPath: /m
                    mountPath: /m
                    name: mine
                  - hostPath: /var/log/a
                    mountPath: /var/log/a
                    name: audit-log
                    pathType: DirectoryOrCreate
                    readOnly: false
                apiVersion: kubeadm.k8s.io/v1beta4
                version: "1.30"
                "yes": "no"
            "#]],
        );
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        check(
            "apiVersion: kubeadm.k8s.io/v2\n",
            expect![
                "the ClusterConfiguration in kube-system/kubeadm-config has the version `kubeadm.k8s.io/v2`, which is not known here"
            ],
        );
        check(
            "- a\n",
            expect![
                "the ClusterConfiguration in kube-system/kubeadm-config has the version ``, which is not known here"
            ],
        );
        check(
            "apiVersion: kubeadm.k8s.io/v1beta4\napiServer: {extraArgs: {v: 2}}\n",
            expect![
                "the ClusterConfiguration in kube-system/kubeadm-config has `extraArgs` that are no list"
            ],
        );
    }
}

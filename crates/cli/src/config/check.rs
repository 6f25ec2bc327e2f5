//! What can be read and can't be meant.

use std::collections::BTreeSet;

use auditward_server::ClusterName;

use super::Config;

/// A question needs some memory, and some time.
const MEMORY_MIN: u64 = 1 << 20;

/// All that is wrong, each with where it stands.
pub(super) fn mistakes(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    logs(config, &mut found);
    retention(config, &mut found);
    if config.query.time.0.is_zero() {
        found.push("query.time: no question has an answer in no time".to_owned());
    }
    if config.query.memory.0 < MEMORY_MIN {
        found.push("query.memory: no question can do with less than 1MiB".to_owned());
    }
    found
}

fn logs(config: &Config, found: &mut Vec<String>) {
    let mut paths = BTreeSet::new();
    for (index, log) in config.collect.logs.iter().enumerate() {
        let at = format!("collect.logs[{index}]");
        if let Err(error) = log.cluster.parse::<ClusterName>() {
            found.push(format!("{at}.cluster: {error}"));
        }
        if !paths.insert(&log.path) {
            let path = log.path.display();
            found.push(format!("{at}.path: `{path}` is there twice, so each event would be kept twice"));
        }
    }
}

fn retention(config: &Config, found: &mut Vec<String>) {
    let mut clusters = BTreeSet::new();
    for (index, rule) in config.store.retention.iter().enumerate() {
        let at = format!("store.retention[{index}]");
        let cluster = &rule.cluster;
        if cluster != "*" && cluster.contains(['*', '?']) {
            found.push(format!(
                "{at}.cluster: `{cluster}` is a pattern, and only the name of one cluster is taken here, or `*` for all others"
            ));
        } else if let Err(error) = cluster.parse::<ClusterName>()
            && cluster != "*"
        {
            found.push(format!("{at}.cluster: {error}"));
        }
        if !clusters.insert(cluster) {
            found.push(format!(
                "{at}.cluster: `{cluster}` is there twice; write `age` and `size` in one item"
            ));
        }
        if rule.age.is_none() && rule.size.is_none() {
            found.push(format!("{at}: neither `age` nor `size` says what is removed"));
        }
        if rule.age.is_some_and(|age| age.0.is_zero()) {
            found.push(format!("{at}.age: everything would be removed at once"));
        }
        if rule.size.is_some_and(|size| size.0 == 0) {
            found.push(format!("{at}.size: everything would be removed at once"));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, says: &Expect) {
        let config: Config = serde_saphyr::from_str(text).unwrap();
        says.assert_eq(&mistakes(&config).join("\n"));
    }

    #[test]
    fn what_would_remove_something_else_than_was_meant() {
        check(
            "store: {retention: [{cluster: '*', age: 90d}, {cluster: '*', size: 100GiB}, {cluster: 'prod-*', age: 1d}]}",
            &expect![[r#"
                store.retention[1].cluster: `*` is there twice; write `age` and `size` in one item
                store.retention[2].cluster: `prod-*` is a pattern, and only the name of one cluster is taken here, or `*` for all others"#]],
        );
        check(
            "store: {retention: [{cluster: '*'}, {cluster: a, age: 0s}, {cluster: b c, size: 0}]}",
            &expect![[r#"
                store.retention[0]: neither `age` nor `size` says what is removed
                store.retention[1].age: everything would be removed at once
                store.retention[2].cluster: `b c` can't be the name of a cluster: letters, digits, `.`, `_` and `-`, at most 63, a letter or digit first
                store.retention[2].size: everything would be removed at once"#]],
        );
        check(
            "store: {retention: [{cluster: '*', age: 90d, size: 1GiB}, {cluster: a, age: 1d}]}",
            &expect![],
        );
    }

    #[test]
    fn what_cannot_work() {
        check(
            "collect: {logs: [{path: /a, cluster: a b/c}, {path: /a, cluster: b}]}\nquery: {time: 0s, memory: 1B}",
            &expect![[r#"
                collect.logs[0].cluster: `a b/c` can't be the name of a cluster: letters, digits, `.`, `_` and `-`, at most 63, a letter or digit first
                collect.logs[1].path: `/a` is there twice, so each event would be kept twice
                query.time: no question has an answer in no time
                query.memory: no question can do with less than 1MiB"#]],
        );
        check("", &expect![]);
    }
}

//! What does not start, and says why.

use std::fs;
use std::process::Command;

use super::server::{Folder, Server};

fn refused(arguments: &[&str], says: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_auditward")).args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(says), "`{says}` is not in:\n{said}");
}

#[test]
fn a_folder_in_use_an_address_beyond_this_machine_a_wrong_configuration() {
    let folder = Folder::new("refuse");
    let data = folder.0.join("data");
    let server = Server::start(&data, &[]);
    let held = format!("is held by auditward serve, process {}", server.pid());
    refused(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"], &held);
    drop(server);
    let other = folder.0.join("other");
    refused(&["serve", "--data", other.to_str().unwrap(), "--listen", "0.0.0.0:0"], "token");
    let file = folder.0.join("auditward.yaml");
    fs::write(&file, "retention: 1d\n").unwrap();
    refused(&["serve", "--config", file.to_str().unwrap()], "unknown key `retention`");
    refused(&["config", "check", file.to_str().unwrap()], "unknown key `retention`");
    fs::write(&file, "notify: {pager: {}}\n").unwrap();
    refused(&["config", "check", file.to_str().unwrap()], "notify.pager: it must say where to");
    fs::write(&file, "listen: {tls: {certificate: /nowhere.pem, key: /nowhere.key}}\n").unwrap();
    refused(&["config", "check", file.to_str().unwrap()], "could not read `/nowhere.pem`");
    fs::write(&file, "listen: {address: '0.0.0.0:8440'}\n").unwrap();
    refused(&["config", "check", file.to_str().unwrap()], "in the clear");
}

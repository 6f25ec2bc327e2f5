//! The node's link: 10.200.N.2 inside, 10.200.N.1 on this machine, pods on 10.244.N.0/24 behind it.
//!
//! The link goes with the network namespace; nothing reaches beyond this machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::NodeError;
use super::namespace::Namespace;
use crate::command;

pub(crate) fn address(number: u16) -> String {
    format!("10.200.{number}.2")
}

pub(crate) fn connect(namespace: &Namespace, number: u16) -> Result<(), NodeError> {
    let here = format!("awtk{number}");
    let ip = |arguments: &[&str]| command::run(Command::new("ip").args(arguments)).map(drop);
    // A namespace that has just died may hold its link for another moment.
    let _ = ip(&["link", "delete", &here]);
    let init = namespace.init.to_string();
    ip(&["link", "add", &here, "type", "veth", "peer", "name", "eth0", "netns", &init])?;
    ip(&["address", "add", &format!("10.200.{number}.1/24"), "dev", &here])?;
    ip(&["link", "set", &here, "up"])?;
    let inside = |arguments: &[&str]| command::run(namespace.enter().arg("ip").args(arguments)).map(drop);
    inside(&["address", "add", &format!("{}/24", address(number)), "dev", "eth0"])?;
    inside(&["link", "set", "eth0", "up"])?;
    inside(&["route", "add", "default", "via", &format!("10.200.{number}.1")])?;

    let bridge = format!(
        r#"{{"cniVersion":"0.4.0","name":"pods","plugins":[{{"type":"bridge","bridge":"cni0","isGateway":true,
"ipam":{{"type":"host-local","ranges":[[{{"subnet":"10.244.{number}.0/24"}}]],"routes":[{{"dst":"0.0.0.0/0"}}]}}}}]}}"#
    );
    let path = namespace.path("/etc/cni/net.d/10-pods.conflist");
    fs::write(&path, bridge).map_err(NodeError::io(&path))
}

/// Lets the nodes of one cluster reach each other through this machine.
pub(crate) fn forward() -> Result<(), NodeError> {
    let switch = Path::new("/proc/sys/net/ipv4/ip_forward");
    fs::write(switch, "1").map_err(NodeError::io(switch))
}

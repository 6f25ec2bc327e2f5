//! `cargo xtask cluster …`: the testkit's node by hand. It needs root, and lives until `down`.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::{Command, exit};
use std::{env, fs};

use auditward_testkit::Node;

const USAGE: &str = "usage: cargo xtask cluster COMMAND [--name NAME]

  up [--policy FILE]   starts a control-plane node, auditing by the policy if there is one
  status               the living nodes
  kubectl ARGUMENT…    kubectl as its super-administrator
  exec COMMAND…        a program inside it, in `/`
  down                 ends it; nothing is left

  --name NAME          another node than `auditward`";

/// Runs one command. A program run for the user ends this process with its own exit code.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (command, rest) = arguments.split_first().ok_or(USAGE)?;
    let (name, rest) = option(rest, "--name");
    let name = name.unwrap_or("auditward");
    match command.as_str() {
        "up" => up(name, option(rest, "--policy").0.map(Path::new)),
        "status" => status(),
        "kubectl" => forward(find(name)?.kubectl().command().args(rest)),
        "exec" => forward(find(name)?.command().args(rest)),
        "down" => {
            find(name)?.stop();
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

fn up(name: &str, policy: Option<&Path>) -> Result<(), Box<dyn Error>> {
    if Node::find(name)?.is_some() {
        return Err(format!("there is a node `{name}`; `cargo xtask cluster down` ends it").into());
    }
    let mut builder = Node::builder(name).detached();
    if let Some(path) = policy {
        builder = builder.audit_policy(fs::read_to_string(path)?);
    }
    let node = builder.start()?;
    writeln!(stdout(), "export KUBECONFIG={}", node.kubeconfig().display())?;
    writeln!(stdout(), "# its files: {}", node.path("/").display())?;
    Ok(())
}

fn status() -> Result<(), Box<dyn Error>> {
    for node in Node::all()? {
        let restarts = node.restart_count("kube-apiserver").map_or("-".to_owned(), |count| count.to_string());
        let (name, address) = (node.name(), node.address());
        let root = node.path("/");
        writeln!(stdout(), "{name}  {address}  kube-apiserver restarts {restarts}  {}", root.display())?;
    }
    Ok(())
}

fn find(name: &str) -> Result<Node, Box<dyn Error>> {
    Node::find(name)?
        .ok_or_else(|| format!("there is no node `{name}`; `cargo xtask cluster up` makes it").into())
}

fn forward(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.current_dir(env::current_dir()?).status()?;
    if status.success() { Ok(()) } else { exit(status.code().unwrap_or(1)) }
}

/// The value of an option that stands first, and what follows it. Later ones belong to the program that is run.
fn option<'a>(arguments: &'a [String], name: &str) -> (Option<&'a str>, &'a [String]) {
    match arguments {
        [option, value, rest @ ..] if option == name => (Some(value), rest),
        _ => (None, arguments),
    }
}

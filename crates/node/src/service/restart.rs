//! Restarting a unit, by `systemctl`.

use std::io;
use std::process::{Command, Stdio};

use super::Service;

/// Why a unit was not restarted.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// There is no `systemctl`, or it can't be started.
    #[error("could not start `systemctl`")]
    Start(#[source] io::Error),
    /// It says no.
    #[error("`systemctl {what}` failed: {said}")]
    Failed {
        /// What it was told.
        what: String,
        /// What it said.
        said: String,
    },
}

/// Has the unit restarted; returns before it is up again.
pub fn restart(service: Service, unit: &str) -> Result<(), RestartError> {
    if service == Service::Systemd {
        systemctl(&["daemon-reload"])?;
    }
    // One that has failed too often is not started again otherwise. That there is nothing to reset is no failure of ours.
    _ = systemctl(&["reset-failed", unit]);
    // k3s and RKE2 count as started once they are ready, and may try for ever: we watch for ourselves.
    systemctl(&["restart", "--no-block", unit]).map(drop)
}

/// Whether systemd has such a unit; what it says if not.
pub fn is_known(unit: &str) -> Result<(), String> {
    match systemctl(&["show", "--property=LoadState", "--value", unit]) {
        Ok(state) if state.trim() == "loaded" => Ok(()),
        Ok(state) => Err(format!("systemd says of `{unit}`: {}", state.trim())),
        Err(error) => Err(crate::watch::with_causes(&error)),
    }
}

fn systemctl(words: &[&str]) -> Result<String, RestartError> {
    let output = Command::new("systemctl").args(words).stdin(Stdio::null()).output();
    let output = output.map_err(RestartError::Start)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(RestartError::Failed { what: words.join(" "), said })
}

//! Says on stderr when a target of alerts stops taking them, and when it takes them again.

use std::collections::BTreeMap;

use auditward_notify::Status;

use crate::output::{count, visible};

/// Deliveries in a row that must fail before anybody is told: what heals by itself in a second is not worth a line.
const FAILING_MIN: u32 = 3;

/// What was told of each target.
#[derive(Debug, Default)]
pub(super) struct Targets(BTreeMap<String, Told>);

#[derive(Debug, Default)]
struct Told {
    failing: bool,
    /// When it had last taken something, when it was told that it takes nothing.
    last_success: Option<i64>,
    dead: u64,
}

impl Targets {
    /// The lines to say now.
    pub(super) fn look(&mut self, targets: &[Status]) -> Vec<String> {
        let mut lines = Vec::new();
        for status in targets {
            let told = self.0.entry(status.target.clone()).or_default();
            let name = &status.target;
            let error = status.last_error.as_ref().map_or("", |error| error.what.as_str());
            if !told.failing && status.failing >= FAILING_MIN {
                let queued = count(status.queued, "alert");
                lines.push(format!("target {name} takes no alerts: {}; {queued} waiting", visible(error)));
                (told.failing, told.last_success) = (true, status.last_success);
            } else if told.failing && status.failing == 0 && status.last_success > told.last_success {
                lines.push(format!("target {name} takes alerts again"));
                told.failing = false;
            }
            if status.dead > told.dead {
                let more = count(status.dead - told.dead, "alert");
                lines.push(format!("target {name}: {more} given up: {}", visible(error)));
                told.dead = status.dead;
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use auditward_notify::Happened;

    use super::*;

    #[test]
    fn changes_are_told_once() {
        let mut targets = Targets::default();
        let mut look = |failing, dead, last_success| {
            let last_error = Some(Happened { at: 0, what: "nobody\u{1b} listens".to_owned() });
            let target = "oncall".to_owned();
            targets
                .look(&[Status {
                    target,
                    queued: 2,
                    failing,
                    dead,
                    last_error,
                    last_success,
                    ..Status::default()
                }])
                .join("\n")
        };
        assert_eq!(look(2, 0, Some(1)), "");
        let takes_none = "target oncall takes no alerts: nobody\u{fffd} listens; 2 alerts waiting";
        assert_eq!(look(3, 0, Some(1)), takes_none);
        assert_eq!(look(9, 0, Some(1)), "");
        // It was configured anew, and has taken nothing since.
        assert_eq!(look(0, 0, Some(1)), "");
        assert_eq!(look(0, 0, Some(2)), "target oncall takes alerts again");
        assert_eq!(look(0, 1, Some(2)), "target oncall: 1 alert given up: nobody\u{fffd} listens");
        assert_eq!(look(0, 1, Some(2)), "");
    }
}

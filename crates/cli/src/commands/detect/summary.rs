//! What was done, on stderr.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use auditward_detect::Counters;
use auditward_rules::Severity;

use super::pipeline::Read;
use crate::output::{self, bytes, count};

pub(super) struct Summary<'s> {
    pub(super) read: Read,
    pub(super) took: Duration,
    pub(super) counters: &'s Counters,
    /// Alerts by rule, the gravest first.
    pub(super) printed: &'s BTreeMap<(Reverse<Severity>, Arc<str>), u64>,
}

impl Summary<'_> {
    pub(super) fn talk(&self) {
        let alerts = self.printed.values().sum();
        let mut text = format!(
            "{} in {} of {}{}\n",
            count(alerts, "alert"),
            count(self.read.events, "event"),
            bytes(self.read.bytes),
            self.rate(),
        );
        for ((Reverse(severity), rule), alerts) in self.printed {
            text += &format!("{alerts:8}  {:13}  {}\n", severity.as_str(), output::visible(rule));
        }
        for (number, what, fate) in self.remarks().into_iter().filter(|(number, ..)| *number > 0) {
            // The one noun that an `s` does not make many of.
            let what = if what == "match" && number > 1 { "matche" } else { what };
            text += &format!("{} {fate}\n", count(number, what));
        }
        output::talk(text.trim_end());
    }

    /// Of what took long enough to be measured.
    fn rate(&self) -> String {
        let seconds = self.took.as_secs_f64();
        if seconds < 1.0 {
            return String::new();
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, shown rounded")]
        let rate = (self.read.bytes as f64 / seconds) as u64;
        format!(" in {seconds:.1} s ({}/s, {:.0} events/s)", bytes(rate), self.read.events as f64 / seconds)
    }

    /// What somebody should know who wonders what is not there.
    fn remarks(&self) -> [(u64, &'static str, &'static str); 12] {
        let counters = self.counters;
        [
            (self.read.unreadable, "log", "not read, or not to its end"),
            (self.read.broken, "broken line", "passed over"),
            (self.read.skipped, "event", "read in an earlier run"),
            (self.read.outside, "event", "before --since or after --until"),
            (self.read.undated, "event", "without a time, left out because of --since or --until"),
            (counters.suppressed.iter().sum(), "alert", "left out, as a repetition"),
            (counters.late, "match", "later than --lateness allows: windows may lack some"),
            (counters.forced, "match", "judged early, as no more could wait"),
            (counters.timeless, "event", "without a time of its own"),
            (counters.groups_given_up, "group", "of windows given up, as no more could be held"),
            (counters.window_entries_given_up, "event", "in windows given up, as no more could be held"),
            (
                counters.keys_given_up,
                "key",
                "of baselines given up, as no more could be held: they will be new again",
            ),
        ]
    }
}

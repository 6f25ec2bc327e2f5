//! What a person sees who watches a server: how it began, a line that is redrawn, a summary. All of it on stderr.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::targets::Targets;
use crate::config::Config;
use crate::output::{self, bytes, count};
use crate::wire::{Live, Numbers};

pub(super) struct Watch<'l> {
    live: &'l Live,
    on: bool,
    began: Instant,
    drawn: Instant,
    before: Numbers,
    targets: Targets,
}

impl<'l> Watch<'l> {
    const DRAW_EVERY: Duration = Duration::from_secs(1);

    pub(super) fn new(live: &'l Live) -> Self {
        let now = Instant::now();
        Watch {
            live,
            on: io::stderr().is_terminal(),
            began: now,
            drawn: now,
            before: Numbers::default(),
            targets: Targets::default(),
        }
    }

    /// Where it is, what it reads, what it looks for.
    pub(super) fn began(&self, data: &Path, config: &Config) {
        let scheme = if config.listen.tls.is_some() { "https" } else { "http" };
        output::talk(&format!("listening on {scheme}://{}, data in {}", self.live.address(), data.display()));
        for log in &config.collect.logs {
            output::talk(&format!("reading {} as cluster {}", log.path.display(), log.cluster));
        }
        output::talk(&format!("looking for {}", count(self.live.rules() as u64, "detection")));
    }

    pub(super) fn draw(&mut self) {
        let now = Instant::now();
        let since = now.duration_since(self.drawn);
        if since < Self::DRAW_EVERY {
            return;
        }
        for line in self.targets.look(&self.live.deliveries()) {
            self.clear();
            output::talk(&line);
        }
        self.drawn = now;
        if !self.on {
            return;
        }
        let numbers = self.live.numbers();
        let rate = (numbers.events - self.before.events) as f64 / since.as_secs_f64();
        _ = write!(
            io::stderr().lock(),
            "\r\x1b[K{} ({rate:.0}/s), {}, {} waiting",
            count(numbers.events, "event"),
            count(numbers.alerts, "alert"),
            numbers.waiting
        );
        self.before = numbers;
    }

    pub(super) fn stopping(&self) {
        self.clear();
        output::talk("stopping: what is under way is finished; once more ends it at once");
    }

    pub(super) fn ended(&self) {
        let numbers = self.live.numbers();
        output::talk(&format!(
            "{} of {} taken in {:.0} s, {} known already, {} alerts",
            count(numbers.events, "event"),
            bytes(numbers.bytes),
            self.began.elapsed().as_secs_f64(),
            numbers.repeated,
            numbers.alerts
        ));
    }

    fn clear(&self) {
        if self.on {
            _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

//! A thread that does one step after the other until it is told to stop. A step that fails is tried again: nothing is lost by
//! waiting, for the journal holds what was not done.

use std::thread::JoinHandle;
use std::time::Duration;

use super::{Health, Stop};
use crate::exit::{Failure, context};

/// What comes after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next one, at once.
    Now,
    /// The next one, after a while.
    After(Duration),
}

/// How long to wait after a failed step, doubled with each further one.
const PATIENCE: Duration = Duration::from_millis(250);
const PATIENCE_MAX: Duration = Duration::from_secs(30);

/// What is said of a worker that will never do a step again.
const DEAD: &str =
    "it stopped at an internal error, which is a bug: please report it, and restart the server";

/// Held by a worker's thread, to tell when a panic ends it: nobody else would notice.
struct Watch {
    who: String,
    health: Health,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.health.trouble(&self.who, DEAD);
        }
    }
}

/// Starts one. `finish` is done once, when it was told to stop and the step under way is over.
pub(crate) fn start<W: Send + 'static>(
    name: &str,
    stop: &Stop,
    health: &Health,
    mut work: W,
    mut step: impl FnMut(&mut W) -> Result<Next, Failure> + Send + 'static,
    finish: impl FnOnce(&mut W) -> Result<(), Failure> + Send + 'static,
) -> Result<JoinHandle<()>, Failure> {
    let (stop, watch) = (stop.clone(), Watch { who: name.to_owned(), health: health.clone() });
    let run = move || {
        let Watch { who, health } = &watch;
        let mut patience = PATIENCE;
        while !stop.is_given() {
            let pause = match step(&mut work) {
                Ok(next) => {
                    health.fine(who);
                    patience = PATIENCE;
                    match next {
                        Next::Now => continue,
                        Next::After(pause) => pause,
                    }
                }
                Err(failure) => {
                    health.trouble(who, &failure.chain());
                    patience = (patience * 2).min(PATIENCE_MAX);
                    patience
                }
            };
            stop.wait(pause);
        }
        if let Err(failure) = finish(&mut work) {
            health.trouble(who, &failure.chain());
        }
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(context(format!("could not start the thread `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_dies_stays_in_trouble() {
        let (stop, health) = (Stop::default(), Health::default());
        let step = |(): &mut ()| -> Result<Next, Failure> { panic!("this is what the test is about") };
        let thread = start("keeper", &stop, &health, (), step, |()| Ok(())).unwrap();
        assert!(thread.join().is_err());
        assert_eq!(health.troubles().get("keeper").map(String::as_str), Some(DEAD));
    }

    #[test]
    fn one_that_is_told_to_stop_leaves_none() {
        let (stop, health) = (Stop::default(), Health::default());
        stop.give();
        let thread = start("keeper", &stop, &health, (), |()| Ok(Next::Now), |()| Ok(())).unwrap();
        assert!(thread.join().is_ok());
        assert!(!health.has_trouble("keeper"));
    }
}

//! How long a decision takes, beside kube-apiserver's own evaluator on the same policies and the same requests.
//!
//! `cargo bench -p auditward-policy`, or `make bench`. Both sides get the policy's text and requests that are already
//! resolved, and both take turns within one run, so that a busy machine slows both down. Before the first turn
//! every decision of the one is compared with the other's, and a difference ends the run.
//!
//! Requests: those of the captured logs, for every policy; and those of the test vectors, for the policies they are about.
//! The captures and most policies are in the corpus (`AUDITWARD_CORPUS`); without it, those under `examples/` are used.
//! Without Go there is nothing to compare with, and only our own time is shown. `cargo bench … -- WORD` takes the policies
//! with this word in their names.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark talks, and stops at surprises"
)]

mod reference;
mod workload;

use std::hint::black_box;
use std::time::{Duration, Instant};

use auditward_policy::{Attributes, Evaluator};

use reference::Reference;
use workload::{Contest, Words, Workload};

/// How often both take their turn; odd, so that there is a middle one.
const ROUNDS: usize = 15;

/// How long our turn is to take, about.
const TURN: Duration = Duration::from_millis(20);

fn main() {
    let workload = Workload::load();
    let mut reference = Reference::start(&workload);
    println!(
        "{:<46} {:>5} {:>8} {:>8} {:>8} {:>7}",
        "policy", "rules", "requests", "ours ns", "Go ns", "ratio"
    );
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    for (index, contest) in workload.contests.iter().enumerate().filter(|(_, c)| c.name.contains(&wanted)) {
        compete(index, contest, &workload, reference.as_mut());
    }
}

fn compete(index: usize, contest: &Contest, workload: &Workload, reference: Option<&mut Reference>) {
    let evaluator = Evaluator::new(contest.policy.clone());
    let (written, mut words) = (&workload.requests[contest.requests], Words::default());
    let groups: Vec<Vec<&str>> =
        written.iter().map(|request| workload::groups(request, &mut words)).collect();
    let both = written.iter().zip(&groups);
    let requests: Vec<Attributes<'_>> =
        both.map(|(request, groups)| workload::attributes(request, groups, &mut words)).collect();

    // The warm-up says how many passes make a turn.
    let warm_up = measure(&evaluator, &requests, 20).max(Duration::from_micros(1));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let passes = (20.0 * TURN.as_secs_f64() / warm_up.as_secs_f64()).ceil().max(1.0) as u32;
    let decisions = f64::from(passes) * requests.len() as f64;
    let each = |time: Duration| time.as_secs_f64() * 1e9 / decisions;

    let label = format!("{:<46} {:>5} {:>8}", contest.name, contest.policy.rules.len(), requests.len());
    let Some(reference) = reference else {
        let ours = (0..ROUNDS).map(|_| each(measure(&evaluator, &requests, passes)));
        println!("{label} {:>8.1} {:>8} {:>7}", middle(ours.collect()), "-", "-");
        return;
    };
    reference.assert_agrees(index, &contest.name, &evaluator, &requests);
    reference.measure(index, passes.div_ceil(20));
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let our_turn = each(measure(&evaluator, &requests, passes));
        // A tenth of the passes, so that the slower side's turn is about as long.
        let fewer = passes.div_ceil(10);
        let their_turn = each(reference.measure(index, fewer)) * f64::from(passes) / f64::from(fewer);
        ours.push(our_turn);
        theirs.push(their_turn);
        ratios.push(their_turn / our_turn);
    }
    let (least, most) = ratios.iter().fold((f64::MAX, 0.0_f64), |(a, b), r| (a.min(*r), b.max(*r)));
    let ratio = middle(ratios);
    println!("{label} {:>8.1} {:>8.1} {ratio:>6.1}×  ({least:.1}–{most:.1})", middle(ours), middle(theirs));
}

fn measure(evaluator: &Evaluator, requests: &[Attributes<'_>], passes: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..passes {
        let mut sum = 0;
        for request in black_box(requests) {
            sum += evaluator.decide(request).level.as_str().len();
        }
        black_box(sum);
    }
    start.elapsed()
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

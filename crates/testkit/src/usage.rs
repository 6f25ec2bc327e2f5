//! What a process has cost so far, as the kernel counts it.

use std::fs;
use std::io;
use std::process::Child;

/// What a process has cost so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// The largest memory that it ever had, in kB.
    pub memory: f64,
    /// Seconds of a processor, its own and the system's for it.
    pub processor: f64,
}

impl Usage {
    /// Of a child that has not been waited for.
    pub fn of(child: &Child) -> io::Result<Self> {
        let read = |file| fs::read_to_string(format!("/proc/{}/{file}", child.id()));
        let odd = || io::Error::other("the kernel tells it in another way");
        let (status, stat) = (read("status")?, read("stat")?);
        let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let memory = memory.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        // Behind the name, which may hold anything: `utime` and `stime`, in ticks of a hundredth.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
        let ticks = ticks(11).zip(ticks(12)).map(|(user, system)| f64::from(user) + f64::from(system));
        Ok(Usage { memory: memory.ok_or_else(odd)?, processor: ticks.ok_or_else(odd)? / 100.0 })
    }
}

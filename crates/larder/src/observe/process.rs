//! What the operating system says of this process: memory, processor time, descriptors. On Linux, from `/proc`;
//! elsewhere those families are absent.

use super::families::{CPU, MAX_FDS, OPEN_FDS, RESIDENT, START_TIME, THREADS};
use super::samples::Samples;

/// Adds the numbers of this process. Reads a few files of `/proc`, which never waits for a disk.
pub fn process(samples: &mut Samples) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let status = read("status");
    if let Some(kib) = field(&status, "VmRSS:") {
        samples.put(&RESIDENT, &[], kib * 1024);
    }
    if let Some(threads) = field(&status, "Threads:") {
        samples.put(&THREADS, &[], threads);
    }
    if let Some(times) = Times::of(&read("stat")) {
        samples.put(&CPU, &[], times.cpu_s);
        let booted = std::fs::read_to_string("/proc/stat").ok().and_then(|stat| field(&stat, "btime"));
        if let Some(booted) = booted {
            samples.put(&START_TIME, &[], in_seconds(booted) + times.started_s);
        }
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // Less the one of this very look.
        samples.put(&OPEN_FDS, &[], (open.count() as u64).saturating_sub(1));
    }
    if let Some(most) = field(&read("limits"), "Max open files") {
        samples.put(&MAX_FDS, &[], most);
    }
}

/// The number that follows a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Times in `/proc/self/stat` (proc(5)).
struct Times {
    cpu_s: f64,
    /// After the machine's start.
    started_s: f64,
}

/// Ticks a second in which the kernel shows times to programs: 100 on every architecture Linux has (`USER_HZ`).
const TICKS: f64 = 100.0;

impl Times {
    fn of(stat: &str) -> Option<Self> {
        // The name of the program may hold anything, but the last bracket ends it; what follows begins at field 3.
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
        let user: u64 = fields.nth(11)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let started: u64 = fields.nth(6)?.parse().ok()?;
        let cpu = in_seconds(user + system) / TICKS;
        Some(Self { cpu_s: cpu, started_s: in_seconds(started) / TICKS })
    }
}

#[expect(clippy::cast_precision_loss, reason = "ticks of centuries are exact")]
fn in_seconds(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_a_program_name_that_lies() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 4 0 900 11 12";
        let times = Times::of(stat).unwrap();
        assert!((times.cpu_s - 2.0).abs() < 1e-9 && (times.started_s - 9.0).abs() < 1e-9);
        assert!(Times::of("").is_none() && Times::of("1 (x) S").is_none());
        assert_eq!(field("Max open files            1024    4096   files", "Max open files"), Some(1024));
    }
}

//! What the server's process takes of the machine, second by second, and whether that grows.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_secs(1);
/// The beginning of a life in which memory and open files find their level.
const WARM_UP: Duration = Duration::from_mins(5);
/// What is left of a life must be as long as this to be judged.
const LEAST: Duration = Duration::from_mins(3);

#[derive(Clone, Copy, Debug)]
struct Sample {
    life: usize,
    /// Since the beginning of the life.
    at: Duration,
    rss_mib: f64,
    fds: f64,
}

#[derive(Debug)]
struct State {
    pid: u32,
    life: usize,
    born: Instant,
    samples: Vec<Sample>,
}

/// Looks at the process until dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    state: Arc<Mutex<State>>,
    looking: JoinHandle<()>,
}

/// One life of the process from its warm-up to its end: levels, and growth by the straight line that fits best.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) judged: Duration,
    pub(crate) rss_mib: f64,
    pub(crate) rss_mib_a_minute: f64,
    pub(crate) fds: f64,
    pub(crate) fds_a_minute: f64,
}

impl Watch {
    pub(crate) fn start(pid: u32) -> Self {
        let state = State { pid, life: 0, born: Instant::now(), samples: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let looking = tokio::spawn(async move {
            loop {
                look(&mut shared.lock().unwrap());
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { state, looking }
    }

    /// The server was started again.
    pub(crate) fn next_life(&self, pid: u32) {
        let mut state = self.state.lock().unwrap();
        state.pid = pid;
        state.life += 1;
        state.born = Instant::now();
    }

    /// The last look: resident memory in MiB, open descriptors.
    pub(crate) fn now(&self) -> (f64, f64) {
        self.state.lock().unwrap().samples.last().map_or((0.0, 0.0), |last| (last.rss_mib, last.fds))
    }

    /// The most resident memory in MiB and the most open descriptors there ever were.
    pub(crate) fn peak(&self) -> (f64, f64) {
        let state = self.state.lock().unwrap();
        let most = |of: fn(&Sample) -> f64| state.samples.iter().map(of).fold(0.0, f64::max);
        (most(|sample| sample.rss_mib), most(|sample| sample.fds))
    }

    /// The lives that were long enough to be judged.
    pub(crate) fn lives(&self) -> Vec<Life> {
        let state = self.state.lock().unwrap();
        (0..=state.life).filter_map(|life| judge(&state.samples, life)).collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn look(state: &mut State) {
    let below = |name: &str| format!("/proc/{}/{name}", state.pid);
    let status = fs::read_to_string(below("status")).unwrap_or_default();
    let rss_kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let rss_kib = rss_kib.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
    // Just ended, or not yet begun.
    let (Some(rss_kib), Ok(fds)) = (rss_kib, fs::read_dir(below("fd"))) else { return };
    let fds = u32::try_from(fds.count()).map_or(0.0, f64::from);
    let sample = Sample { life: state.life, at: state.born.elapsed(), rss_mib: rss_kib / 1024.0, fds };
    state.samples.push(sample);
}

fn judge(samples: &[Sample], life: usize) -> Option<Life> {
    let of: Vec<&Sample> = samples.iter().filter(|one| one.life == life && one.at > WARM_UP).collect();
    let judged = of.last()?.at.checked_sub(WARM_UP).filter(|judged| *judged >= LEAST)?;
    let line = |value: fn(&Sample) -> f64| {
        fit(&of.iter().map(|one| (one.at.as_secs_f64() / 60.0, value(one))).collect::<Vec<_>>())
    };
    let (rss_mib, rss_mib_a_minute) = line(|one| one.rss_mib);
    let (fds, fds_a_minute) = line(|one| one.fds);
    Some(Life { judged, rss_mib, rss_mib_a_minute, fds, fds_a_minute })
}

/// The mean, and the slope of the line with the least squares.
fn fit(points: &[(f64, f64)]) -> (f64, f64) {
    let count = u32::try_from(points.len()).map_or(1.0, f64::from);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (y, if below > 0.0 { above / below } else { 0.0 })
}

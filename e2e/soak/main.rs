//! The soak: everything at once for twenty minutes, with one real fault a minute. `scripts/soak` runs it.
//!
//! The release binary stands between upstreams of the test kit and clients of every kind. Every right byte is known,
//! because the modules are made by rule, so every answer is judged: a complete 200 is right, what exists is never
//! 404, what is held is served whatever the upstreams do, nothing fails outside the windows of the faults and the
//! stated time behind them, and memory and descriptors stay level. A failure is told with its request, time and
//! window. Bounded in time, rate and memory; whatever it starts or mounts ends with it.

#![expect(clippy::disallowed_methods, reason = "tests set up the world outside the doors")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on shall fail")]

mod catalogue;
mod faults;
mod findings;
#[path = "../larder.rs"]
#[expect(dead_code, reason = "the started binary is shared with the suite on loopback, which uses all of it")]
mod larder;
mod load;
mod report;
mod watch;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use catalogue::Catalogue;
use faults::{COURSE, Director, Place};
use larder::Larder;
use watch::Watch;
use world::{FRESH, LEFT_ALONE, NEGATIVE, STALE, World};

/// From the beginning of a minute to its fault, and how long the fault lasts, as parts of the minute.
const FAULT_BEGINS: f64 = 0.33;
const FAULT_LASTS: f64 = 0.25;

/// What to do: `soak [MINUTES] [--minute SECONDS] [--json FILE]`.
struct Plan {
    minutes: u64,
    /// Of 60 seconds; shorter ones are for trying the soak itself.
    minute: Duration,
    json: Option<PathBuf>,
}

impl Plan {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut plan = Self { minutes: 20, minute: Duration::from_secs(60), json: None };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => plan.json = Some(arguments.next()?.into()),
                "--minute" => plan.minute = Duration::from_secs(arguments.next()?.parse().ok()?),
                minutes => plan.minutes = minutes.parse().ok().filter(|minutes| *minutes > 0)?,
            }
        }
        Some(plan)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(plan) = Plan::parse(std::env::args().skip(1)) else {
        eprintln!("usage: soak [MINUTES] [--minute SECONDS] [--json FILE]");
        return ExitCode::from(2);
    };
    let facts = soak(&plan).await;
    println!("{}", facts.markdown());
    if let Some(file) = &plan.json {
        std::fs::write(file, facts.json()).unwrap();
    }
    if facts.found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn soak(plan: &Plan) -> report::Facts {
    let place = Place::make(plan.minutes);
    let world = Arc::new(World::new(Catalogue::start().await));
    let larder = start(&place, &world);
    world.moved_to(larder.address());
    let watch = Watch::start(larder.pid());
    let mut load = load::start(&world);
    stop_on_signals(&world);
    let mut director = Director { world: world.clone(), larder, place, watch };
    let mut upstream_calls = 0;
    for minute in 0..plan.minutes {
        upstream_calls += one_minute(plan, minute, &mut director).await;
        if world.stop.is_cancelled() || world.findings.is_enough() {
            break;
        }
    }
    world.stop.cancel();
    while let Some(ended) = load.join_next().await {
        if let Err(error) = ended {
            world.findings.found_now(|| format!("a client failed: {error}"));
        }
    }
    last_stop(&mut director).await;
    report::Facts::gather(&director, upstream_calls)
}

fn start(place: &Place, world: &World) -> Larder {
    let [first, second, routed] = world.catalogue.all().map(testkit::Upstream::url);
    let settings = [
        ("upstream", format!("{first}|{second}")),
        ("route", format!("routed.example={routed}")),
        ("sumdb", "off".to_owned()),
        ("cache.fresh", format!("{}s", FRESH.as_secs())),
        ("cache.stale", format!("{}s", STALE.as_secs())),
        ("cache.negative", format!("{}s", NEGATIVE.as_secs())),
        ("cache.memory", "8MiB".to_owned()),
        ("breaker.pause_max", format!("{}s", LEFT_ALONE.as_secs())),
        ("timeout.first_byte", "3s".to_owned()),
        ("timeout.body_idle", "3s".to_owned()),
        ("timeout.client_wait", "8s".to_owned()),
        ("timeout.drain", "15s".to_owned()),
    ];
    let flags = settings.map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]).concat();
    Larder::start(&place.data(), &flags.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whoever ends the soak early gets its report, and leaves nothing behind.
fn stop_on_signals(world: &Arc<World>) {
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let world = world.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        world.stop.cancel();
    });
}

/// Calm, a fault, calm; then a line. The first minute has no fault: everything is new. Gives the upstreams' calls.
async fn one_minute(plan: &Plan, minute: u64, director: &mut Director) -> usize {
    let begun = Instant::now();
    let world = director.world.clone();
    let until = |at: Instant| {
        let stop = world.stop.clone();
        async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep_until(at.into()) => {}
            }
        }
    };
    let mut fault = "none";
    if let Some(index) = minute.checked_sub(1) {
        let index = usize::try_from(index).unwrap_or(0) % COURSE.len();
        fault = COURSE[index].0;
        until(begun + plan.minute.mul_f64(FAULT_BEGINS)).await;
        director.make(fault, COURSE[index].1, plan.minute.mul_f64(FAULT_LASTS)).await;
    }
    until(begun + plan.minute).await;
    // The log begins anew, or it would fill the memory.
    drop(director.larder.requests().await);
    let calls = world.catalogue.all().map(|upstream| {
        let calls = upstream.requests().len();
        upstream.forget();
        calls
    });
    let counts = world.findings.counts();
    let of = |name: &str| counts.get(name).copied().unwrap_or_default();
    let (rss_mib, fds) = director.watch.now();
    println!(
        "minute {}: {} requests, {} right, {} misses, {} hits, {} excused, {} found; {rss_mib:.0} MiB, {fds} descriptors; \
         fault: {fault}",
        minute + 1,
        of("requests"),
        of("right"),
        of("misses"),
        of("hits"),
        of("excused"),
        world.findings.all().len(),
    );
    calls.iter().sum()
}

/// The server ends in order and leaves nothing half-done.
async fn last_stop(director: &mut Director) {
    director.larder.terminate();
    let code = director.larder.ended().await.code();
    let findings = &director.world.findings;
    if code != Some(0) {
        findings.found_now(|| format!("SIGTERM at the end ended it with {code:?}"));
    }
    let left = std::fs::read_dir(director.larder.data("tmp")).map_or(0, Iterator::count);
    if left > 0 {
        findings.found_now(|| format!("{left} files are left in tmp/"));
    }
}

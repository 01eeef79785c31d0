//! A program for the tests of this crate: the gate's helper; a server that is killed; very many commands.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use vcs::System;
use vcs::gate::{Gate, GateSettings, connect_stdio};
use vcs::jail::{Command, GATE, Jail, JailSettings, Limits, Operator, Reach, Tools};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["through", host, port] => through(host, port),
        ["server", dir, path, script] => server(dir, path, script),
        ["soak", dir, path, count] => soak(dir, path, count),
        // As part of a workspace it is started without arguments by nobody.
        _ => std::process::exit(2),
    }
}

/// What a hidden command of the server does.
#[expect(clippy::disallowed_methods, reason = "the gate hands its address over in the environment")]
fn through(host: &str, port: &str) {
    let gate = std::env::var(GATE).unwrap_or_default();
    if let Err(fault) = connect_stdio(&gate, host, port) {
        eprintln!("{fault}");
        std::process::exit(1);
    }
}

/// Starts a child, says what the child says, and waits to be killed.
#[expect(clippy::unwrap_used, reason = "a program for tests")]
fn server(dir: &str, path: &str, script: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let jail = jail(dir, path);
    let mut stream = runtime.block_on(command(&jail, script).stream()).unwrap();
    let mut byte = [0];
    while stream.read(&mut byte).unwrap() > 0 {
        std::io::stdout().write_all(&byte).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

/// Runs so many commands, of which some fail, some leave processes behind, some are given up, and some take too long; then
/// says what is left of them: children, and open files beyond those before. Like the first process of a container it
/// inherits orphans.
#[expect(clippy::unwrap_used, reason = "a program for tests")]
fn soak(dir: &str, path: &str, count: &str) {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let jail = jail(dir, path);
    runtime.block_on(one(&jail, 0));
    let (files, children) = (entries("/proc/self/fd"), children());
    runtime.block_on(async {
        let mut running = tokio::task::JoinSet::new();
        for number in 0..count.parse().unwrap() {
            let jail = jail.clone();
            running.spawn(async move { one(&jail, number).await });
            if running.len() >= 16 {
                running.join_next().await;
            }
        }
        running.join_all().await;
    });
    // The last to be given up are still on their way out.
    for _ in 0..100 {
        if (entries("/proc/self/fd"), self::children()) == (files, children) {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    println!("children {children} {}, files {files} {}", self::children(), entries("/proc/self/fd"));
}

async fn one(jail: &Jail, number: u64) {
    match number % 4 {
        0 => drop(command(jail, "echo fine").output(100).await),
        1 => drop(command(jail, "sleep 1000 & sleep 1000 & exit 3").output(100).await),
        2 => drop(command(jail, "sleep 1000 & sleep 1000").stream().await),
        _ => drop(command(jail, "sleep 1000").deadline(Duration::from_millis(5)).output(100).await),
    }
}

fn entries(dir: &str) -> usize {
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}

/// The children of this process, zombies included.
fn children() -> usize {
    let me = std::process::id().to_string();
    let parent = |dir: &Path| {
        let stat = std::fs::read_to_string(dir.join("stat")).ok()?;
        Some(stat.rsplit(") ").next()?.split(' ').nth(1)? == me)
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter(|entry| parent(&entry.path()) == Some(true)).count()
}

#[expect(clippy::unwrap_used, reason = "a program for tests")]
fn jail(dir: &str, path: &str) -> Jail {
    Jail::new(JailSettings {
        tools: Tools::find(path.as_ref()),
        environment: Operator::default(),
        limits: Limits::default(),
        gate: Gate::open(GateSettings::new(|_| true)).unwrap(),
        dir: PathBuf::from(dir),
    })
    .unwrap()
}

#[expect(clippy::unwrap_used, reason = "a program for tests")]
fn command(jail: &Jail, script: &str) -> Command {
    jail.command(System::Git, Reach::Content).unwrap().env("SCRIPT", script).arg("fetch")
}

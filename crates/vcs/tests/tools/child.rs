//! A program for the tests of this crate: the gate's helper, and a server that is killed.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use vcs::gate::{Gate, GateSettings, connect_stdio};
use vcs::jail::{GATE, Jail, JailSettings, Limits, Operator, Reach, Tools};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["through", host, port] => through(host, port),
        ["server", dir, path, script] => server(dir, path, script),
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
    let jail = Jail::new(JailSettings {
        tools: Tools::find(path.as_ref()),
        environment: Operator::default(),
        limits: Limits::default(),
        gate: Gate::open(GateSettings::new(|_| true)).unwrap(),
        dir: PathBuf::from(dir),
    })
    .unwrap();
    let command = jail.command(vcs::System::Git, Reach::Content).unwrap().env("SCRIPT", script);
    let mut stream = runtime.block_on(command.arg("fetch").stream()).unwrap();
    let mut byte = [0];
    while stream.read(&mut byte).unwrap() > 0 {
        std::io::stdout().write_all(&byte).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

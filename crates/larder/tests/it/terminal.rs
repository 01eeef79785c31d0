//! What a person sees on a terminal: the banner, readable lines, an end on Ctrl-C.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use testkit::raw::get;

/// A server under a pseudo-terminal made by `script` (util-linux), which every Debian has.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_on_a_terminal_sees_the_banner_the_requests_and_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let serve = format!(
        "{} serve --listen 127.0.0.1:0 --upstream off --data {}",
        env!("CARGO_BIN_EXE_larder"),
        data.display()
    );
    let mut script = Command::new("script")
        .args(["-qefc", &serve, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = script.stdout.take().unwrap();
    let (sender, pieces) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            drop(sender.send(String::from_utf8_lossy(&buffer[..count]).into_owned()));
        }
    });
    let mut seen = String::new();
    let mut until = |text: &str| {
        while !seen.contains(text) {
            let piece = pieces.recv_timeout(testkit::DEADLINE);
            seen += &piece.unwrap_or_else(|_| panic!("{text:?} was not shown, but:\n{seen}"));
        }
        seen.clone()
    };
    let banner = until("Stop:             Ctrl-C");
    let address = banner.split("serves Go modules at http://").nth(1).unwrap().lines().next().unwrap().trim();
    let absent = get(address.parse().unwrap(), "/example.com/m/@v/list").await;
    assert_eq!(absent.status, 404);
    until("example.com/m/@v/list");
    // Ctrl-C, as a terminal sends it.
    std::io::Write::write_all(&mut script.stdin.take().unwrap(), b"\x03").unwrap();
    until("stopping");
    assert!(script.wait().unwrap().success());
}

//! Unix sockets: who may connect, and what becomes of the file.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use larder::app::Start;
use tokio::net::UnixStream;

use super::ask;
use crate::proxy::{TestProxy, loaded_of};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Over this socket and nothing else.
fn over(socket: &Path, more: &[(&str, &str)]) -> TestProxy {
    let listen = format!("unix:{}", socket.display());
    TestProxy::with(&[&[("upstream", "off"), ("listen", &*listen)], more].concat())
}

#[tokio::test]
async fn a_unix_socket_is_answered_for_its_group_and_gone_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("larder.sock");
    let proxy = over(&socket, &[]);
    assert_eq!(mode(&socket), 0o660);
    let answer = ask(UnixStream::connect(&socket).await.unwrap(), "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = ask(UnixStream::connect(&socket).await.unwrap(), "/example.com/m/@v/list").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    // Nobody knows who is behind it: another server, for instance.
    let answer = ask(UnixStream::connect(&socket).await.unwrap(), "/api/v1/status").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    proxy.stop().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn its_permissions_are_a_setting() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("larder.sock");
    let proxy = over(&socket, &[("socket_mode", "0606")]);
    assert_eq!(mode(&socket), 0o606);
    proxy.stop().await;
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("larder.sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let proxy = over(&socket, &[]);
    assert!(ask(UnixStream::connect(&socket).await.unwrap(), "/readyz").await.ends_with("ready\n"));
    proxy.stop().await;
}

#[tokio::test]
async fn a_socket_in_use_and_a_file_that_is_none_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let [used, file] = ["used.sock", "file"].map(|name| dir.path().join(name));
    let holder = UnixListener::bind(&used).unwrap();
    std::fs::write(&file, "mine").unwrap();
    for (path, why) in [(&used, "in use"), (&file, "no socket")] {
        let settings = [
            ("data".to_owned(), dir.path().join("data").display().to_string()),
            ("listen".to_owned(), format!("unix:{}", path.display())),
        ];
        let refused = larder::app::start(loaded_of(&settings), Start::default());
        let error = format!("{:#}", refused.err().unwrap());
        assert!(error.contains(&format!("unix:{}", path.display())) && error.contains(why), "{error}");
        assert!(path.exists());
    }
    drop(holder);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn a_socket_that_has_been_taken_over_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("larder.sock");
    let proxy = over(&socket, &[]);
    std::fs::remove_file(&socket).unwrap();
    let _next = UnixListener::bind(&socket).unwrap();
    proxy.stop().await;
    assert!(socket.exists());
}

//! Servers on loopback that say what a test tells them to, and remember what they were asked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

/// A server. Its threads end with the test's process.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    /// A server on all loopback addresses that gives every connection's head, and the connection, to a function. A head
    /// ends at a blank line; it is what there is for protocols without one.
    pub(crate) fn start(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port()));
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, noted) = (Arc::new(answer), Arc::clone(&heads));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, answer, noted) = (stream.unwrap(), Arc::clone(&answer), Arc::clone(&noted));
                thread::spawn(move || {
                    let head = read_head(&stream);
                    noted.lock().unwrap().push(head.clone());
                    answer(&head, &mut stream);
                });
            }
        });
        Self { address, heads }
    }

    /// A server that answers every request with this, and closes.
    pub(crate) fn says(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::start(move |_, stream| drop(stream.write_all(answer.as_bytes())))
    }

    /// A server of the files below a directory.
    pub(crate) fn files(dir: &Path) -> Self {
        let dir = dir.to_owned();
        Self::start(move |head, stream| {
            let path = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
            let answer = match std::fs::read(dir.join(path.trim_start_matches('/'))) {
                Ok(bytes) => {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", bytes.len());
                    [head.as_bytes(), b"Connection: close\r\n\r\n", &bytes].concat()
                }
                Err(_) => {
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
                }
            };
            drop(stream.write_all(&answer));
        })
    }

    /// What it was asked, in order.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

fn read_head(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    // A packet of git's begins with its length, a message of TLS with 22; neither has a line's end.
    let is_packet = |first: &u8| first.is_ascii_digit() || *first == 22;
    if let Some(packet) = reader.fill_buf().ok().filter(|bytes| bytes.first().is_some_and(is_packet)) {
        return String::from_utf8_lossy(packet).into_owned();
    }
    loop {
        let mut line = Vec::new();
        // ssh's banner has no blank line behind it.
        let count = reader.read_until(b'\n', &mut line).unwrap_or_default();
        head.push_str(&String::from_utf8_lossy(&line));
        if count == 0 || line == b"\r\n" || head.starts_with("SSH-") {
            return head;
        }
    }
}

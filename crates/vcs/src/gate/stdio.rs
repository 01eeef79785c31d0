//! The way through the gate for tools that know no proxies, but can start a program in place of connecting.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::head::DIRECT;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The gate's address is none.
    #[error("the gate's address is not http://USER:SECRET@HOST:PORT")]
    Address,
    /// The gate does not let through.
    #[error("the gate says {0}")]
    Refused(String),
    /// The gate cannot be reached, or broke off.
    #[error("no connection to the gate")]
    Gate(#[from] io::Error),
}

/// Connects to a host and port through the gate at a URL ([`Pass::url`](super::Pass::url)), and copies standard input there
/// and what comes back to standard output, until that ends. Blocking; for a program that does nothing else.
///
/// # Errors
/// There is no connection, or it broke.
pub fn connect_stdio(gate: &str, host: &str, port: &str) -> Result<(), ConnectError> {
    let (login, address) =
        gate.strip_prefix("http://").and_then(|rest| rest.rsplit_once('@')).ok_or(ConnectError::Address)?;
    let mut stream = TcpStream::connect(address)?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let login = STANDARD.encode(login);
    let ask = format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nProxy-Authorization: Basic {login}\r\n{DIRECT}: yes\r\n\r\n"
    );
    stream.write_all(ask.as_bytes())?;
    let answer = answer(&mut stream)?;
    let status = answer.split_once(' ').map_or("", |(_, status)| status);
    if !status.starts_with("200") {
        return Err(ConnectError::Refused(status.to_owned()));
    }
    let mut sending = stream.try_clone()?;
    // Not joined: when the server is done, nothing more that could be said to it matters.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut sending);
        let _ = sending.shutdown(Shutdown::Write);
    });
    let mut out = io::stdout().lock();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        out.write_all(buffer.get(..count).unwrap_or_default())?;
        // Standard output waits for the end of a line, which may never come.
        out.flush()?;
    }
}

/// The first line of the gate's answer, byte by byte up to the blank line, since what follows is the server's.
fn answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        answer.extend(byte);
        if answer.len() > 4096 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

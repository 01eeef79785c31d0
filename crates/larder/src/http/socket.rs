//! Sockets that clients connect to: TCP and unix ones, opened here or by systemd.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket as RawSocket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_util::either::Either;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;
/// Bytes that the system may hold of an answer that have not been sent. A slow reader then costs so much and not the
/// megabytes that a socket can grow to, and what it takes is seen as it takes it.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 64 * 1024;

/// A connection as it was accepted.
pub(super) type Wire = Either<TcpStream, UnixStream>;

/// An open socket that clients connect to.
#[derive(Debug)]
pub struct Socket {
    listening: Listening,
    /// The file of a unix socket that was opened here.
    #[expect(dead_code, reason = "it is there to be dropped with the socket, which removes the file")]
    file: Option<SocketFile>,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Opens a TCP socket at this address.
    pub fn tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restarted server takes its port back although old connections linger.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Self::over(socket)
    }

    /// Opens a unix socket at this path, for those whom `mode` lets connect. One that was left behind is replaced if
    /// nobody listens on it; anything else in its place is not touched. The file is removed when the socket is dropped.
    pub fn unix(path: &Path, mode: u32) -> io::Result<Self> {
        make_room(path)?;
        let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
        // The file has these permissions from its first moment (Linux); what `mode` says comes when all is ready.
        rustix::fs::fchmod(&socket, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile::at(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        socket.listen(BACKLOG)?;
        Ok(Self { file: Some(file), ..Self::over(socket)? })
    }

    /// A socket that was opened by whoever started us, and is listened on already.
    pub fn passed(descriptor: OwnedFd) -> io::Result<Self> {
        let socket = RawSocket::from(descriptor);
        if socket.r#type()? != Type::STREAM || !socket.is_listener()? {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no listening stream socket"));
        }
        socket.set_cloexec(true)?;
        Self::over(socket)
    }

    fn over(socket: RawSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let is_unix = socket.local_addr()?.is_unix();
        let listening = if is_unix {
            Listening::Unix(UnixListener::from_std(socket.into())?)
        } else {
            // Connections inherit it. Where the system has no such bound, there is none.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            drop(socket.set_tcp_notsent_lowat(UNSENT_BYTES));
            Listening::Tcp(TcpListener::from_std(socket.into())?)
        };
        Ok(Self { listening, file: None })
    }

    /// The address of a TCP socket, with the port that was given.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.listening {
            Listening::Tcp(listener) => listener.local_addr().ok(),
            Listening::Unix(_) => None,
        }
    }

    /// Where it is, as settings name it: `127.0.0.1:3000`, `unix:/run/larder.sock`.
    pub fn name(&self) -> String {
        match &self.listening {
            Listening::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Listening::Unix(listener) => listener
                .local_addr()
                .map(|address| format!("unix:{}", address.as_pathname().unwrap_or(Path::new("")).display())),
        }
        .unwrap_or_default()
    }

    pub(super) async fn accept(&self) -> io::Result<(Wire, Option<IpAddr>)> {
        match &self.listening {
            Listening::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A client that has gone again is found out when it is read from.
                drop(stream.set_nodelay(true));
                Ok((Either::Left(stream), Some(peer.ip())))
            }
            Listening::Unix(listener) => Ok((Either::Right(listener.accept().await?.0), None)),
        }
    }
}

/// The file of a unix socket, removed when it is dropped, if it is still the same file.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            // One that stays is replaced at the next start.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Removes a socket that nobody listens on.
fn make_room(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file that is no socket"));
        }
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
    }
}

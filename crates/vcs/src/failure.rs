//! What can go wrong at a repository, and whether it is a statement of the repository or a fault.
//!
//! Failures are `Clone`, so that all who share a fetch are told the same. Texts of tools are kept only after secrets and
//! local paths were taken out, and at most four lines of them.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::System;

/// A shared underlying error, for logs only.
pub type Cause = Arc<dyn Error + Send + Sync + 'static>;

/// Why a repository did not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VcsError {
    /// The repository has no revision of that name. The words are Go's.
    #[error("unknown revision {name}")]
    UnknownRevision {
        /// What was asked for.
        name: String,
    },
    /// A short id means more than one revision. The words are Go's.
    #[error("ambiguous revision {name}")]
    Ambiguous {
        /// What was asked for.
        name: String,
    },
    /// The repository is empty. The words are Go's.
    #[error("no commits")]
    NoCommits,
    /// The server says that there is no such repository (404 or 410), to everybody and not only to us.
    #[error("the repository is not there")]
    Missing {
        /// Up to four lines of the tool's own words.
        text: String,
    },
    /// A file is not what the repository says of it, so that no version can be made of it (cmd/go `svnReadZip`).
    #[error("{}", altered(path, *listed_bytes, *written_bytes))]
    Altered {
        /// Its path.
        path: String,
        /// Bytes of its content, as listed.
        listed_bytes: u64,
        /// Bytes of its content, as exported; `None` where no file was.
        written_bytes: Option<u64>,
    },
    /// The tool ended with a fault.
    #[error("{command} failed: {trouble}")]
    Failed {
        /// The tool and what it was told to do, without URL and secrets: `git fetch`.
        command: String,
        /// What kind of fault, as far as its words tell.
        trouble: Trouble,
        /// Up to four lines of the tool's own words.
        text: String,
    },
    /// It took too long.
    #[error("{command} did not end within {after:?}")]
    Timeout {
        /// The tool and what it was told to do.
        command: String,
        /// How long it had.
        after: Duration,
    },
    /// The guard refused an address that the tool wanted to reach.
    #[error("it leads to an address inside the network, which is refused unless `network.allow` lists it")]
    Refused {
        /// The address, for logs only.
        address: IpAddr,
    },
    /// The tool is not installed.
    #[error("{system} is not installed on this server")]
    NoTool {
        /// The system.
        system: System,
    },
    /// The place is reached by ssh, which is not installed, or cannot be led through the gate.
    #[error("ssh is not installed on this server")]
    NoSsh,
    /// It leads to another server than the one that our credential is for, which is not told who we are.
    #[error("{command} was led to another server, which must not see our credential")]
    Astray {
        /// The tool and what it was told to do.
        command: String,
    },
    /// More than is taken: a file, an archive, a repository.
    #[error("{what} is larger than {max} bytes")]
    TooLarge {
        /// What: `go.mod`, `the repository`.
        what: String,
        /// The bound.
        max: u64,
    },
    /// As many children as are allowed run already, and no place became free in time.
    #[error("not asked: too much is being fetched already")]
    Crowded {
        /// When asking again makes sense.
        retry_after: Duration,
    },
    /// This machine could not start the tool, or not keep what it fetched.
    #[error("{what} could not be done here")]
    Local {
        /// What: `starting git`.
        what: String,
        /// Why.
        #[source]
        cause: Cause,
    },
}

/// The words are Go's.
fn altered(path: &str, listed: u64, written: Option<u64>) -> String {
    match written {
        None => format!("file reported by 'svn list', but not written by 'svn export': {path}"),
        Some(written) => format!(
            "file size differs between 'svn list' and 'svn export': \
             file {path} listed as {listed} bytes, but exported as {written} bytes"
        ),
    }
}

/// What kind of fault a tool's words tell of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The server wants to know who asks, or does not let us in.
    Auth,
    /// The server's key or certificate is not the one expected.
    Identity,
    /// The server cannot be reached, or broke off.
    Network,
    /// The server asks for less.
    RateLimited,
    /// What the server sent, or the kept copy, is damaged.
    Corrupt,
    /// Anything else.
    Other,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auth => "the server refused us",
            Self::Identity => "the server's key or certificate is not the one expected",
            Self::Network => "the server could not be reached, or broke off",
            Self::RateLimited => "the server asks for a pause",
            Self::Corrupt => "what the server sent is damaged",
            Self::Other => "it ended with a fault",
        })
    }
}

impl VcsError {
    /// Whether the repository itself says that it does not have what was asked for, or not so that it could be had.
    pub fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::UnknownRevision { .. }
                | Self::Ambiguous { .. }
                | Self::NoCommits
                | Self::Missing { .. }
                | Self::Altered { .. }
        )
    }
}

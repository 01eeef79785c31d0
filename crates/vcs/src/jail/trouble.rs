//! What the words of a tool tell of a fault.
//!
//! Children speak English (`LC_ALL=C`), and the words of git 2.39 to 2.47, OpenSSH 9, Mercurial 6, Subversion 1.14, Fossil 2.21
//! and the large hosts are what is known here. The order of the table counts: several words often stand together, and a
//! connection that broke off makes every later sentence a complaint about damaged data.
//!
//! Absence is said only where a server answered over HTTP that there is nothing (404, 410), or, in its own protocol, that of
//! Subversion. Over ssh, and in the words that hosts use for "not there, or not for you", it is no more than a refusal: the
//! difference is for those who may see it.

use crate::{System, Trouble, VcsError};

/// Words in small letters, and what they mean; the first row with words that occur decides.
const TABLE: &[(Trouble, &[&str])] = &[
    (
        Trouble::Identity,
        &[
            "host key verification failed",
            "remote host identification has changed",
            "host key is known for",
            "certificate problem",
            "certificate verify failed",
            "certificate verification failed",
            "certificate subject name",
            "certificate has expired",
            "unable to verify ssl cert",
            "ssl cert declined",
            "server's host key",
            "e230001",
        ],
    ),
    (
        Trouble::RateLimited,
        &[
            "error: 429",
            "error 429",
            "status 429",
            "says: 429",
            "http 429",
            "too many requests",
            "rate limit",
            "rate-limit",
        ],
    ),
    (
        Trouble::Auth,
        &[
            "authentication failed",
            "authentication failures",
            "authentication was removed",
            "could not read username",
            "could not read password",
            "http basic: access denied",
            "permission denied (",
            "permission denied, please try again",
            "access denied",
            "repository access denied",
            "error: 401",
            "error: 403",
            "error 401",
            "error 403",
            "status 401",
            "status 403",
            "says: 401",
            "says: 403",
            "repository not found",
            "permission to view it",
            "may not have access",
            "do not have permission",
            "not allowed to",
            "not authorized to",
            "cannot find repository",
            "authorization failed",
            "authorization required",
            "e170001",
            "e215004",
            "e175013",
            "login failed",
        ],
    ),
    (
        Trouble::Network,
        &[
            "could not resolve",
            "name or service not known",
            "temporary failure in name resolution",
            "connection refused",
            "connection timed out",
            "connection reset",
            "connection was reset",
            "connection closed",
            "connection was non-properly",
            "connection abort",
            "network is unreachable",
            "no route to host",
            "failed to connect",
            "couldn't connect",
            "unable to connect to",
            "cannot connect to host",
            "timed out",
            "too slow",
            "empty reply",
            "hung up",
            "early eof",
            "unexpected disconnect",
            "unexpected eof",
            "transfer closed",
            "not closed cleanly",
            "recv failure",
            "send failure",
            "gnutls_handshake",
            "gnutls recv error",
            "ssl_connect",
            "ssl_read",
            "stream ended unexpectedly",
            "no suitable response from remote",
            "from proxy after connect",
            "proxy connect failed",
            "connect tunnel failed",
            "proxy connect aborted",
            "the gate says",
            "rpc failed",
            "error: 500",
            "error: 502",
            "error: 503",
            "error: 504",
            "error 50",
            "status 50",
            "says: 50",
        ],
    ),
    (
        Trouble::Corrupt,
        &[
            "inflate",
            "pack is corrupted",
            "is corrupt",
            "bad object",
            "bad pack header",
            "pack signature mismatch",
            "invalid index-pack output",
            "index-pack failed",
            "did not send all necessary objects",
            "does not point to a valid object",
            "bad line length",
            "hash mismatch",
            "sha1 mismatch",
            "missing blob object",
            "missing tree object",
            "unable to read tree",
            "integrity check failed",
            "checksum mismatch",
            "not a valid repository",
            "file is not a database",
            "disk image is malformed",
        ],
    ),
    (Trouble::Other, &["does not appear to be a git repository"]),
    // What git says last when a transport ended; only if nothing else told why.
    (Trouble::Network, &["could not read from remote repository"]),
];

/// What a command that ended with a fault has to say. `words` is all of it, `text` what may be shown.
pub(super) fn failure(system: System, command: &str, words: &str, text: String) -> VcsError {
    let lower = words.to_ascii_lowercase();
    if is_missing(system, &lower) {
        return VcsError::Missing { text };
    }
    let row = TABLE.iter().find(|(_, row)| row.iter().any(|words| lower.contains(words)));
    VcsError::Failed { command: command.to_owned(), trouble: row.map_or(Trouble::Other, |row| row.0), text }
}

/// Whether a line has words that tell what is wrong.
pub(super) fn is_told_by(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    TABLE.iter().any(|(_, row)| row.iter().any(|words| lower.contains(words)))
}

/// Whether a server said that there is no such repository.
fn is_missing(system: System, lower: &str) -> bool {
    match system {
        System::Git => {
            let absent = lower.lines().any(|line| {
                line.starts_with("fatal: repository 'http") && line.trim_end().ends_with("' not found")
            });
            absent || lower.contains("returned error: 404") || lower.contains("returned error: 410")
        }
        System::Hg => lower.contains("http error 404") || lower.contains("http error 410"),
        // The others are said of a path inside of a repository too, the first only of what is asked for as one.
        System::Svn => {
            let words =
                ["e160013", "e210005", "http status 410", "could not find the requested svn filesystem"];
            lower.contains("e170013") && words.iter().any(|words| lower.contains(words))
        }
        System::Fossil => lower.contains("server says: 404") || lower.contains("server says: 410"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of fault that these words tell of; `None` for a repository that is not there.
    fn told(system: System, words: &str) -> Option<Trouble> {
        match failure(system, "x", words, String::new()) {
            VcsError::Failed { trouble, .. } => Some(trouble),
            VcsError::Missing { .. } => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn words_of_tools_and_hosts_tell_what_is_wrong() {
        let cases = include_str!("../../testdata/trouble.txt");
        let mut count = 0;
        for case in cases.split("\n\n").map(str::trim).filter(|case| !case.starts_with('#')) {
            let (head, words) = case.split_once('\n').unwrap();
            let (system, meaning) = head.split_once(' ').unwrap();
            let found = told(System::parse(system).unwrap(), words);
            let found = found.map_or("Missing".to_owned(), |trouble| format!("{trouble:?}"));
            assert_eq!(found, meaning, "{case}");
            count += 1;
        }
        assert!(count > 60, "{count}");
    }
}

//! What the words of a tool tell of a fault. Children speak English (`LC_ALL=C`).

use crate::{System, Trouble, VcsError};

/// Words in small letters and what they mean; the first that is found decides.
const TABLE: &[(&str, Trouble)] = &[
    ("host key verification failed", Trouble::Identity),
    ("remote host identification has changed", Trouble::Identity),
    ("ssl certificate problem", Trouble::Identity),
    ("certificate verify failed", Trouble::Identity),
    ("server certificate verification failed", Trouble::Identity),
    ("error: 429", Trouble::RateLimited),
    ("too many requests", Trouble::RateLimited),
    ("rate limit", Trouble::RateLimited),
    ("could not resolve host", Trouble::Network),
    ("connection refused", Trouble::Network),
    ("connection timed out", Trouble::Network),
    ("connection reset", Trouble::Network),
    ("failed to connect", Trouble::Network),
    ("couldn't connect", Trouble::Network),
    ("operation timed out", Trouble::Network),
    ("the remote end hung up", Trouble::Network),
    ("early eof", Trouble::Network),
    ("authentication failed", Trouble::Auth),
    ("could not read username", Trouble::Auth),
    ("could not read password", Trouble::Auth),
    ("permission denied", Trouble::Auth),
    ("error: 401", Trouble::Auth),
    ("error: 403", Trouble::Auth),
    ("access denied", Trouble::Auth),
    ("bad object", Trouble::Corrupt),
    ("pack is corrupted", Trouble::Corrupt),
    ("inflate", Trouble::Corrupt),
];

/// What a command that ended with a fault has to say. `words` is all of it, `text` what may be shown.
pub(super) fn failure(system: System, command: &str, words: &str, text: String) -> VcsError {
    let lower = words.to_ascii_lowercase();
    let missing = match system {
        System::Git => "error: 404",
        _ => "http error 404",
    };
    if lower.contains(missing) || lower.contains("error: 410") {
        return VcsError::Missing { text };
    }
    let trouble = TABLE.iter().find(|(words, _)| lower.contains(words)).map_or(Trouble::Other, |row| row.1);
    VcsError::Failed { command: command.to_owned(), trouble, text }
}

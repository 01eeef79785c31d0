//! The flows of the `vcs` crate.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod gate;
mod git;
mod hostile;
mod jail;
mod origin;
mod others;
mod sshd;

//! The developer's side against databases and proxies on loopback.

#![expect(clippy::disallowed_methods, reason = "tests write files as anybody would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod audit;
mod proof;
mod verify;
mod world;

//! Checksum databases: what is signed, how it is proven, and how a log of our own is kept.
//!
//! What this crate is for: a checksum database is an append-only log of go.sum lines whose tree head is signed. Here
//! is all that a client needs to believe nothing but what is proven ([`client`]), and all that a log needs to be
//! believed ([`log`]). Below both are notes ([`note`]), trees ([`tree`]), tiles ([`tile`]) and records ([`record`]).
//! Why this shape: nothing here reads, writes, waits or asks the time. A check says which tiles it needs and is given
//! them; a log says what must be durable before what. So the caller chooses how tiles are fetched, side by side and
//! once for all who want them, and a test needs no server.
//! What it promises: the verdicts of golang.org/x/mod `sumdb` v0.40 (earlier ones let unproven tiles pass where several
//! hashes of the tree share a tile), but for the few that a module comment names, all of them stricter. No panic on
//! any input.
//!
//! The rules come from the Go modules reference, section "Checksum database", RFC 6962 section 2.1, and x/mod
//! `sumdb/note`, `sumdb/tlog` and `sumdb`; each function names its Go symbol.

mod b64;
pub mod client;
pub mod hash;
pub mod log;
pub mod note;
pub mod record;
pub mod spec;
pub mod tile;
pub mod tree;

pub use client::Client;
pub use hash::Hash;
pub use log::Log;
pub use note::{Note, Signer, Verifier};
pub use record::Record;
pub use spec::Spec;
pub use tile::{Proven, Tile};
pub use tree::{Node, Tree};

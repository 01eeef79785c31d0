//! Tests of checksum databases: a file for each flow.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop where an expectation broke")]

mod client;
mod driver;
mod fork;
mod lies;
mod log;
mod note;
mod properties;
mod record;
mod spec;
mod tile;
mod tree;
mod world;

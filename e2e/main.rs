//! The real binary, asked by the real go command and by bare HTTP, on loopback.
//!
//! What a part does is tested beside the part; here is what only the whole can show: that go builds through it, that
//! it survives being killed, that its command line does what it says.

#![expect(clippy::disallowed_methods, reason = "tests set up the world outside the doors")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on shall fail")]

mod client;
mod company;
mod crash;
mod database;
mod developer;
mod direct;
mod drain;
mod failing;
mod gone;
mod import;
mod larder;
mod mirror;
mod outage;
mod ownlog;
mod private;
mod reload;
mod scrub;
mod start;
mod sumdb;
mod systemd;
mod tampered;
mod world;

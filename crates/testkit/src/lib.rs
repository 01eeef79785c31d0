//! What Larder's own tests stand on: fakes of the world outside, faults on purpose, the real go command as oracle.
//!
//! Never shipped, and used only from integration tests (`tests/it`) of the other crates: a unit test that used it
//! would build its own crate twice. Everything here prefers a panic that says what was seen over an error value,
//! waits on events and never by the clock (the one exception is [`eventually()`]), stays on loopback and in
//! temporary directories, and computes hashes and zips by itself, so that Larder's code never judges itself.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this crate is test code: a broken expectation must stop the test at the place where it broke"
)]
#![expect(clippy::disallowed_methods, reason = "fakes and oracles stand outside the doors of the product")]

pub mod cases;
pub mod contract;
pub mod daemon;
pub mod database;
mod dice;
mod eventually;
pub mod faulty;
pub mod githost;
pub mod go;
pub mod module;
pub mod raw;
pub mod recipe;
pub mod tidy;
mod tree;
pub mod upstream;

pub use daemon::Daemon;
pub use database::Database;
pub use dice::Dice;
pub use eventually::{DEADLINE, Outcome, eventually};
pub use faulty::Faulty;
pub use githost::GitHost;
pub use module::ModuleFiles;
pub use raw::RawClient;
pub use tree::Tree;
pub use upstream::Upstream;

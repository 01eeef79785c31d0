//! The developer's and the auditor's side: what somebody who runs no server wants to know of modules.
//!
//! What this crate is for: [`audit`] checks a checksum database from outside, as one who does not trust it; [`verify`]
//! compares a project's go.sum, or a module cache, with one; a [`Proof`] is a record that anybody can check. Each of its
//! jobs is a value that says what is wanted, a `run` that tells how far it is, and a report that can be printed or
//! serialised; arguments, colours and exit codes are the command line's.
//! Why this shape: everything is asked of a [`source::Source`], so that a proxy, a database's own address and a file
//! tree will do, and everything a database says goes through [`sumdb::Client`] first.
//! What it promises: works against any `GOPROXY` and any checksum database, not only against Larder; an outage is never
//! told as a lie, nor a lie as an outage; bounded memory. It reads no environment and writes nothing but the state of
//! an audit. Nothing here needs a platform.

pub mod audit;
pub mod database;
mod proof;
pub mod state;
pub mod target;
pub mod verify;

pub use audit::Audit;
pub use database::Database;
pub use proof::Proof;
pub use state::State;
pub use target::target;
pub use verify::Verify;

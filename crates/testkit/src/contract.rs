//! What every implementation of a seam must do, one suite a seam.
//!
//! A suite is many small functions, each given a fresh implementation, and a macro that makes each of them a test
//! of its own, so that a report names the clause that broke.

pub mod blobs;
pub mod repo;

//! The test kit tested: what judges others must itself be right.

#![expect(clippy::disallowed_methods, reason = "tests start their own tasks")]
#![expect(clippy::unwrap_used, reason = "tests stop where an expectation broke")]

mod database;
mod go;
mod module;
mod raw;
mod tidy;
mod upstream;

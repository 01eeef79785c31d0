//! Flows of the `source` crate, one file each.

#![expect(clippy::unwrap_used, reason = "a broken expectation must stop the test where it broke")]

mod walk;

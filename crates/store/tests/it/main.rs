//! Flow tests of the stores.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test as its body does")]

#[cfg(unix)]
mod disk;

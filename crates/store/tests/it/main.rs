//! Flow tests of the stores: the contract on every one of them, and what each has of its own.

#![expect(clippy::disallowed_methods, reason = "tests prepare, break and time the store from outside")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test as its body does")]

#[cfg(target_os = "linux")]
mod child;
mod contract;
#[cfg(unix)]
mod disk;
mod faulty;
#[cfg(target_os = "linux")]
mod full;
mod watched;

/// Says that a test was not run, past the capturing of output.
#[cfg(target_os = "linux")]
fn skipped(why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

//! Flows of the `source` crate, one file each.

#![expect(clippy::disallowed_methods, reason = "tests set up the world outside the doors")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation must stop the test where it broke"
)]

mod app;
mod ask;
mod bodies;
mod breaker;
mod differential;
mod direct_faults;
mod direct_versions;
mod direct_zip;
mod find;
mod guard;
mod history;
mod places;
mod redirects;
mod retries;
mod routes;
mod statuses;
mod tls;
mod tree;
mod walk;
mod wire;

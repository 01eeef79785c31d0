//! Tests of the module rules: a file for each flow.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests stop where an expectation broke"
)]

mod discovery;
mod goproxy;
mod gosum;
mod govcs;
mod h1;
mod info;
mod list;
mod modfile;
mod names;
mod patterns;
mod properties;
mod rawzip;
mod request;
mod versions;
mod zip_bounds;
mod zip_cases;
mod zip_hostile;
mod zip_layout;
mod zip_mutation;
mod zip_write;

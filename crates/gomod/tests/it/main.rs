//! Tests of the module rules: a file for each flow.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests stop where an expectation broke"
)]

mod gosum;
mod h1;
mod info;
mod list;
mod modfile;
mod rawzip;
mod request;
mod zip_cases;
mod zip_hostile;
mod zip_layout;

//! The tests of the product, one file a flow.

#![expect(clippy::disallowed_methods, reason = "tests set up the world outside the doors")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on shall fail")]

mod admin;
mod adversary;
mod asking;
mod cli;
mod clients;
mod config;
mod credentials;
mod doctor;
mod explain;
mod faults;
mod flights;
mod keeping;
mod listening;
mod misbehaving;
mod observing;
mod outage;
mod outside;
mod own_log;
mod private;
mod proxy;
mod pushes;
mod reload;
mod scrub;
mod serving;
mod settings;
mod trust;
mod verifying;

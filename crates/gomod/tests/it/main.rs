//! Tests of the module rules: a file for each flow.

mod request;

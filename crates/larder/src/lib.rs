//! Larder, the Go module proxy, as a library; the binary is a thin `main.rs` around it.

pub mod cli;
pub mod config;

//! Larder: a Go module proxy. See ARCHITECTURE.md for the picture and the walk-throughs.

pub mod app;
pub mod auth;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod http;
pub mod jobs;
pub mod log;
pub mod observe;
pub mod pipeline;
pub mod tasks;
pub mod trust;
pub mod verify;
pub mod version;

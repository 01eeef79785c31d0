//! Which build this is.

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The answer to `/version`, JSON with a trailing newline.
pub const JSON: &str = concat!("{\"name\":\"larder\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}\n");

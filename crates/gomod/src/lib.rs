//! The rules of Go modules, as types and pure functions.
//!
//! What this crate is for: everything that Larder must know about module paths, versions, files and their
//! hashes, stated once. A value of a type from here is valid: the only way to make one is its parse function.
//! What it promises: no I/O, no clock, no globals, and no panic on any input. Readers of larger files take a
//! `std::io` reader from the caller.
//!
//! The rules come from the Go modules reference and from golang.org/x/mod; each function names its Go symbol.

pub mod escape;
pub mod goproxy;
pub mod gosum;
pub mod govcs;
pub mod h1;
pub mod info;
pub mod latest;
pub mod list;
pub mod meta;
pub mod modfile;
pub mod module;
pub mod path;
pub mod pattern;
pub mod pseudo;
pub mod quote;
pub mod repo;
pub mod request;
pub mod semver;
mod unicode;
pub mod version;
pub mod zip;

pub use h1::H1;
pub use module::ModuleVersion;
pub use path::{EscapedPath, ModulePath};
pub use pattern::Patterns;
pub use request::{FileKind, Query, Request};
pub use version::Version;

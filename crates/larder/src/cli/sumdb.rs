//! `larder sumdb`: the commands about checksum databases.

pub(super) mod accept;
pub(super) mod audit;
pub(super) mod init;
pub(super) mod record;
pub(super) mod status;

use std::sync::Arc;

use client::database::{Class, Fault};
use client::{Database, State};
use source::Source;
use sumdb::Spec;

pub(super) use audit::AuditCall;

use super::Exit;
use super::failure::Usage;
use crate::config::{Config, Environment, state_directory};

/// The database that a developer means: the one that is named, else the one of the go command here, else the first of the
/// configuration.
pub(super) fn meant(named: Option<&str>, environment: &Environment, config: &Config) -> Result<Spec, Usage> {
    let by_go = environment.get("GOSUMDB").map(String::as_str).filter(|text| !text.is_empty());
    match named.or(by_go) {
        Some("off") => {}
        Some(text) => {
            return Spec::parse(text)
                .map_err(|error| Usage::of(&error, "write NAME or NAME+HASH+KEY, and perhaps an address"));
        }
        None => {
            if let Some(first) = config.sumdb.first() {
                return Ok(first.spec.spec().clone());
            }
        }
    }
    Err(Usage {
        what: "the checksum database is switched off".to_owned(),
        next: "name one with --sumdb, such as sum.golang.org",
        cause: None,
    })
}

/// A database that must continue what the last audit has seen of it, if there was one here.
pub(super) fn opened(
    spec: &Spec,
    way: Arc<dyn Source>,
    environment: &Environment,
) -> Result<Database, Fault> {
    let state = state_directory(environment).map(|directory| State::below(&directory, spec.verifier()));
    let remembered = state.and_then(|state| state.read().ok()).unwrap_or_default();
    Database::remembering(spec, way.clone(), &remembered).or_else(|_| Database::new(spec, way))
}

/// How a command ends that a fault ends.
pub(super) fn exit(fault: &Fault) -> Exit {
    match fault.class() {
        Class::Absent | Class::Unreachable => Exit::Failed,
        Class::Wrong => Exit::Refused,
    }
}

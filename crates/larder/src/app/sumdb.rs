//! `larder sumdb status` and `accept`: by the server that owns the data directory when one runs, else by opening it.

use anyhow::Context;

use super::api::sumdb::{Accept, Databases, all};
use super::owner::{Opened, by_owner};
use crate::config::Config;
use crate::trust::Accepted;

/// How the checksum databases do.
///
/// # Errors
/// The data directory cannot be opened, or what is written there of a database not be read.
pub fn status(config: &Config) -> anyhow::Result<Databases> {
    let by_us = async |Opened { pipeline, .. }| Ok(all(&pipeline).await?);
    by_owner(config, |server| server.get("sumdb"), by_us)
}

/// Forgets the history of a database that is closed.
///
/// # Errors
/// There is no such database, it is not closed, or what is kept of it cannot be removed.
pub fn accept(config: &Config, name: &str) -> anyhow::Result<Accepted> {
    let call = Accept { name: name.to_owned() };
    let by_us = async |Opened { pipeline, .. }| {
        let accepted = pipeline.accept(name).await;
        Ok(accepted.with_context(|| format!("the checksum database {name} is not configured"))??)
    };
    by_owner(config, |server| server.post("sumdb/accept", &call), by_us)
}

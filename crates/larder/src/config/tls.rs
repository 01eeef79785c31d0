//! The certificate that the server shows.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The certificate that the server shows where `listen` says `https://`. The files are read again when they change; a
/// pair that cannot be used is told in the log, and the one before it stays in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM file of the certificate, followed by those that lead to its authority.
    pub cert: Option<PathBuf>,
    /// PEM file of the certificate's key: PKCS #8, PKCS #1 or SEC 1.
    pub key: Option<PathBuf>,
}

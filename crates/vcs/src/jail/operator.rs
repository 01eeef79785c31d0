//! What children see of the operator's environment: what is listed here, and nothing else.
//!
//! The operator configures credentials, rewriting of URLs, certificates and proxies for the tools themselves, and tools
//! that talk to servers honour that. A variable that could run something of a stranger's, or make the output another one,
//! is not listed. Commands that read contents get none of these.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables of the operator that commands of the transport kind are given.
const ALLOWED: [&str; 19] = [
    "HOME",
    "XDG_CONFIG_HOME",
    "USER",
    "LOGNAME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_CERT",
    "GIT_SSL_KEY",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "HGRCPATH",
    "NETRC",
    "TZDIR",
];

/// The operator's variables that count as configuration of the tools.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Operator {
    variables: BTreeMap<OsString, OsString>,
}

impl Operator {
    /// Takes from an environment what is allowed. Empty values count as not set.
    pub fn choose(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = environment
            .into_iter()
            .filter(|(name, value)| !value.is_empty() && ALLOWED.iter().any(|allowed| name == allowed))
            .collect();
        Self { variables }
    }

    /// The value of a variable.
    pub(super) fn value(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// All of them.
    pub(super) fn variables(&self) -> &BTreeMap<OsString, OsString> {
        &self.variables
    }
}

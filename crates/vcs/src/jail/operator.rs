//! What children see of the operator's environment: what is listed here, and nothing else.
//!
//! The operator configures credentials, rewriting of URLs, certificates and proxies for the tools themselves, and tools
//! that talk to servers honour that. A variable that could run something of a stranger's, or make the output another one,
//! is not listed: no `GIT_ASKPASS`, which may ask somebody; no `GIT_SSH`, whose options nobody knows; no `GIT_CONFIG_COUNT`,
//! which the jail needs itself. Proxies are not here because the gate uses them. Commands that read contents get none of these.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables of the operator that commands of the transport kind are given.
const ALLOWED: [&str; 17] = [
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
    "GIT_SSH_COMMAND",
    // Which schemes of those that are open git may use (cmd/go `vcs.Cmd.isSecureScheme`); it opens none.
    "GIT_ALLOW_PROTOCOL",
    "HGRCPATH",
];

/// The operator's variables that count as configuration of the tools.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Operator {
    variables: BTreeMap<OsString, OsString>,
}

impl Operator {
    /// Takes from an environment what is allowed. Empty values count as not set; a `GIT_SSH_COMMAND` that does not begin
    /// with `ssh`, or the path of one, as not allowed, since it will be given OpenSSH's options.
    pub fn choose(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = environment
            .into_iter()
            .filter(|(name, value)| !value.is_empty() && ALLOWED.iter().any(|allowed| name == allowed))
            .filter(|(name, value)| name != "GIT_SSH_COMMAND" || calls_ssh(value))
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

/// Whether a command line calls OpenSSH's client.
fn calls_ssh(command: &OsStr) -> bool {
    let program = command.to_str().and_then(|command| command.split_whitespace().next());
    program.and_then(|program| program.rsplit('/').next()) == Some("ssh")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_environment_only_what_is_listed_is_kept() {
        let environment = [
            ("HOME", "/var/lib/larder"),
            ("HGRCPATH", ""),
            ("GIT_ASKPASS", "/usr/bin/ask"),
            ("GIT_EXEC_PATH", "/tmp"),
            ("LD_PRELOAD", "x.so"),
            ("GIT_SSH_COMMAND", "/opt/plink -batch"),
        ];
        let choose = |pairs: &[(&str, &str)]| {
            Operator::choose(pairs.iter().map(|(name, value)| (name.into(), value.into())))
        };
        let operator = choose(&environment);
        assert_eq!(operator.variables().len(), 1);
        assert_eq!(operator.value("HOME"), Some(OsStr::new("/var/lib/larder")));
        let operator = choose(&[("GIT_SSH_COMMAND", "/usr/bin/ssh -i /key")]);
        assert_eq!(operator.value("GIT_SSH_COMMAND"), Some(OsStr::new("/usr/bin/ssh -i /key")));
    }
}

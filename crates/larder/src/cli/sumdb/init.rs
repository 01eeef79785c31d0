//! `larder sumdb init`: the key pair of a checksum database of our own.

use std::io::{self, Write as _};
use std::path::Path;

use crate::cli::Exit;
use crate::config::{Loaded, LogName};

/// Makes a key pair: the verifier key alone to standard output, what to do next to standard error.
pub(in crate::cli) fn run(name: &LogName, key: &Path, loaded: &Loaded) -> anyhow::Result<Exit> {
    if key.to_string_lossy().starts_with("env:") {
        anyhow::bail!(
            "a key is made in a file; give its content to the server in the variable that `log.key` names, then remove \
             the file"
        );
    }
    let verifier = crate::app::make_key(&loaded.config, name, key)?;
    let key = key.canonicalize().unwrap_or_else(|_| key.to_owned());
    let key = key.display();
    // Where standard error is closed there is nobody left to tell.
    let _ = write!(
        io::stderr(),
        "larder: made the key of {name}\n  the private key is in {key}: keep a copy where secrets are kept\n  \
         next: serve with log.name = \"{name}\" and log.key = \"{key}\"\n  \
         next: on clients, go env -w GOSUMDB={verifier}\n"
    );
    crate::cli::print(&format!("{verifier}\n"))
}

//! `larder completions`: what a shell offers behind the tabulator key.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Args;

/// The script for this shell.
pub(super) fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "larder", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

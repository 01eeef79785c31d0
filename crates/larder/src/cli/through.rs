//! The hidden command by which ssh and other tools that know no proxies get through the gate to the network.
//!
//! It is started by what this server has started, with the gate's address in a variable, and is not for people: it has no help,
//! and is looked for before the command line is parsed.

use std::ffi::OsString;

use vcs::gate::connect_stdio;
use vcs::jail::GATE;

use super::Exit;
use crate::app::THROUGH;
use crate::config::Environment;

/// Does it, if that is what the process was started for.
pub(super) fn asked(args: impl Iterator<Item = OsString>, environment: &Environment) -> Option<Exit> {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let [command, host, port] = args.as_slice() else { return None };
    if command != THROUGH {
        return None;
    }
    let gate = environment.get(GATE).map_or("", String::as_str);
    match connect_stdio(gate, host, port) {
        Ok(()) => Some(Exit::Fine),
        Err(error) => {
            // Told to the tool, whose words are told on.
            eprintln!("{error}");
            Some(Exit::Failed)
        }
    }
}

//! What each tool finds around it: variables, settings, and options before its command.
//!
//! All tools speak English, ask nobody, and run nothing that a repository names. Commands of the transport kind also see what
//! [`Operator`](super::Operator) allows, and may use the transports of their [`Access`]; commands of the content kind see an
//! empty home and may use none.

use std::ffi::OsStr;
use std::path::Path;

use super::{Access, Command, Inner, Reach, Sent};
use crate::{Place, System};

/// Settings of git for all commands. `safe.directory`: mirrors are ours, whoever the operator made their owner.
const GIT: [(&str, &str); 13] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.askPass", ""),
    ("credential.interactive", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("log.showSignature", "false"),
    ("safe.directory", "*"),
    ("init.templateDir", ""),
    ("advice.detachedHead", "false"),
];

/// Options of ssh: nobody is asked, nothing of ours is forwarded, an unknown host is none, nothing stays behind.
const SSH: &str =
    "-a -x -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o ControlMaster=no -o ControlPath=none";

/// Puts a command into its surroundings.
pub(super) fn surround(command: Command, inner: &Inner, reach: &Reach<'_>) -> Command {
    let command = command
        .env("PATH", inner.tools.search_path())
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("TMPDIR", &inner.scratch)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GCM_INTERACTIVE", "never")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_PAGER", "cat")
        .env("HGPLAIN", "1");
    let command = GIT.iter().fold(command, |command, (key, value)| command.config(*key, *value));
    let command = match reach {
        Reach::Content => content(command, &inner.home),
        Reach::Network(place, access) => transport(command, inner, place, access),
    };
    options(command)
}

fn content(command: Command, home: &Path) -> Command {
    command
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_ALLOW_PROTOCOL", "")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("HGRCPATH", "")
        .config("core.attributesFile", "/dev/null")
}

fn transport(command: Command, inner: &Inner, place: &Place, access: &Access) -> Command {
    // Without a home of the operator's, none: a tool would look one up by the user.
    let command = command.env("HOME", &inner.home);
    let operator = inner.environment.variables();
    let command = operator.iter().fold(command, |command, (name, value)| command.env(name, value));
    let command = command
        // Outranks every `protocol.*` setting. Where nothing is allowed the list is empty, which allows nothing.
        .env("GIT_ALLOW_PROTOCOL", access.schemes.join(":"))
        .env("GIT_PROTOCOL_FROM_USER", "0")
        .env("GIT_SSH_VARIANT", "ssh");
    let command = ssh(command, inner, access);
    let command = credential(command, place, access);
    if access.is_insecure { command.config("http.sslVerify", "false") } else { command }
}

fn credential(command: Command, place: &Place, access: &Access) -> Command {
    match &access.credential {
        Some(Sent::Header { name, value }) => {
            let origin = format!("{}://{}", place.scheme(), place.host());
            let header = format!("{name}: {}", value.reveal());
            command.hide(value.reveal()).config(format!("http.{origin}.extraHeader"), header)
        }
        _ => command,
    }
}

/// How ssh is called by git, hg and svn: the operator's way to call it, and then what may not be otherwise.
fn ssh(command: Command, inner: &Inner, access: &Access) -> Command {
    let own = inner.environment.value("GIT_SSH_COMMAND").and_then(OsStr::to_str);
    let mut call = vec![own.unwrap_or("ssh").to_owned(), SSH.to_owned()];
    if let Some(Sent::Key { file, known_hosts }) = &access.credential {
        call.push(format!("-o IdentitiesOnly=yes -i {}", quoted(file)));
        call.extend(known_hosts.iter().map(|known| format!("-o UserKnownHostsFile={}", quoted(known))));
    }
    command.env("GIT_SSH_COMMAND", call.join(" "))
}

/// A path as a word of a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

/// Options that come before the tool's own command.
fn options(mut command: Command) -> Command {
    let before: &[&str] = match command.system {
        System::Git | System::Fossil => &[],
        System::Hg => &["--noninteractive"],
        System::Svn => &["--non-interactive", "--no-auth-cache"],
    };
    command.args = before.iter().map(Into::into).collect();
    command
}

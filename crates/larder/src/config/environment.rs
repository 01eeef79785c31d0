//! What the environment says: our own variables, Go's, and those that platforms set.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::Layer;
use super::keys::Keys;
use super::layers::{Given, Origin};
use super::mistake::Mistake;
use super::suggest::nearest;

/// The environment of the process, by name. Read once, in `cli`.
pub type Environment = BTreeMap<String, String>;

/// The variable that names the configuration file; not a key, because it is needed before any key is read.
pub(super) const CONFIG_FILE: &str = "LARDER_CONFIG";

/// Go's own variables (`go help environment`) and the conventional ones, with the key each one sets. Of two that
/// set the same key the first one counts (as in golang.org/x/net/http/httpproxy `FromEnvironment`).
pub(super) const GO_VARIABLES: [(&str, &str); 13] = [
    ("GOPRIVATE", "private"),
    ("GONOPROXY", "gonoproxy"),
    ("GONOSUMDB", "gonosumdb"),
    ("GOINSECURE", "goinsecure"),
    ("GOVCS", "govcs"),
    ("NETRC", "netrc"),
    ("SSL_CERT_FILE", "network.ca_file"),
    ("HTTPS_PROXY", "network.https_proxy"),
    ("https_proxy", "network.https_proxy"),
    ("HTTP_PROXY", "network.http_proxy"),
    ("http_proxy", "network.http_proxy"),
    ("NO_PROXY", "network.no_proxy"),
    ("no_proxy", "network.no_proxy"),
];

/// The lowest layer above the defaults: what the surroundings say to every program. An empty variable counts as
/// unset, as it does for Go.
pub(super) fn surroundings(environment: &Environment, keys: &Keys) -> Layer {
    let mut layer = Layer::new();
    for (variable, name) in GO_VARIABLES {
        let Some((key, text)) = keys.find(name).zip(set(environment, variable)) else { continue };
        // Go does not trim patterns, so neither is it done here: a pattern with a blank is reported instead.
        let value = if name.starts_with("go") || name == "private" {
            text.split(',').filter(|pattern| !pattern.is_empty()).collect()
        } else {
            key.read(text).unwrap_or_else(|_| text.into())
        };
        let origin = Origin::Environment { variable: variable.to_owned() };
        layer.entry(name.to_owned()).or_insert_with(|| Given::new(value, origin));
    }
    // systemd separates several state directories by colons.
    if let Some(directory) = set(environment, "STATE_DIRECTORY").and_then(|all| all.split(':').next()) {
        let origin = Origin::Environment { variable: "STATE_DIRECTORY".to_owned() };
        layer.insert("data".to_owned(), Given::new(directory.into(), origin));
    }
    // sd_listen_fds(3). Whether the sockets are meant for this process, whoever reads the environment has checked.
    if set(environment, "LISTEN_FDS").is_some() {
        let origin = Origin::Environment { variable: "LISTEN_FDS".to_owned() };
        layer.insert("listen".to_owned(), Given::new(["systemd:"].into_iter().collect(), origin));
    }
    layer
}

/// The layer of `PORT` and of our own variables. Unknown ones are mistakes. An empty variable counts as unset.
pub(super) fn own(environment: &Environment, keys: &Keys, mistakes: &mut Vec<Mistake>) -> Layer {
    let mut layer = Layer::new();
    if let Some(port) = set(environment, "PORT") {
        let origin = Origin::Environment { variable: "PORT".to_owned() };
        layer.insert("listen".to_owned(), Given::new([format!(":{port}")].into_iter().collect(), origin));
    }
    for (variable, text) in environment {
        let is_ours = variable.starts_with("LARDER_") && variable != CONFIG_FILE;
        if !is_ours || text.is_empty() || is_service_link(variable) {
            continue;
        }
        let origin = Origin::Environment { variable: variable.clone() };
        let Some(key) = keys.find_by_environment(variable) else {
            mistakes.push(unknown(origin, variable, keys));
            continue;
        };
        match key.read(text) {
            Ok(value) => drop(layer.insert(key.name.clone(), Given::new(value, origin))),
            Err(reason) => mistakes.push(Mistake::Unfit { at: origin, key: key.name.clone(), reason }),
        }
    }
    layer
}

fn unknown(at: Origin, variable: &str, keys: &Keys) -> Mistake {
    let mut names: Vec<String> = keys.all().iter().map(super::Key::environment).collect();
    names.push(CONFIG_FILE.to_owned());
    let meant = nearest(variable, names.iter().map(String::as_str)).map(str::to_owned);
    Mistake::Unknown { at, name: variable.to_owned(), meant }
}

/// Whether the variable is one that Kubernetes sets in every pod for a service called `larder` or `larder-...`:
/// `LARDER_SERVICE_HOST`, `LARDER_SERVICE_PORT_HTTP`, `LARDER_PORT`, `LARDER_PORT_3000_TCP_ADDR`.
fn is_service_link(variable: &str) -> bool {
    let is_numbered =
        variable.split_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || variable.ends_with("_PORT")
        || is_numbered
}

fn set<'a>(environment: &'a Environment, variable: &str) -> Option<&'a str> {
    environment.get(variable).map(String::as_str).filter(|text| !text.is_empty())
}

/// The defaults that depend on the machine: `data` and `netrc`.
pub(super) fn machine_defaults(environment: &Environment) -> Vec<(&'static str, Value)> {
    let directory = |path: PathBuf| Value::from(path.to_string_lossy().into_owned());
    let data = platform(environment, "XDG_DATA_HOME", ".local/share").map(|base| base.join("larder"));
    let netrc = home(environment).map(|home| home.join(if cfg!(windows) { "_netrc" } else { ".netrc" }));
    let data = data.map(|path| ("data", directory(path)));
    let netrc = netrc.map(|path| ("netrc", directory(path)));
    data.into_iter().chain(netrc).collect()
}

/// Where commands keep what they remember from one run to the next: `larder` in the platform's directory for state.
pub fn state_directory(environment: &Environment) -> Option<PathBuf> {
    platform(environment, "XDG_STATE_HOME", ".local/state").map(|base| base.join("larder"))
}

/// The configuration files that are looked for when none is named; the first one that exists is read.
pub(super) fn config_files(environment: &Environment) -> Vec<PathBuf> {
    let user = platform(environment, "XDG_CONFIG_HOME", ".config");
    let system =
        if cfg!(windows) { set(environment, "PROGRAMDATA").map(PathBuf::from) } else { Some("/etc".into()) };
    user.into_iter().chain(system).map(|directory| directory.join("larder").join("larder.toml")).collect()
}

/// The user's directory of one sort: the XDG variable or its default below the home directory; on macOS
/// `~/Library/Application Support`, on Windows `%LOCALAPPDATA%`.
fn platform(environment: &Environment, variable: &str, below_home: &str) -> Option<PathBuf> {
    if cfg!(windows) {
        return set(environment, "LOCALAPPDATA").map(PathBuf::from);
    }
    // The XDG base directory specification: a relative path is to be ignored.
    let named = set(environment, variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let below_home = if cfg!(target_os = "macos") { "Library/Application Support" } else { below_home };
    named.or_else(|| home(environment).map(|home| home.join(below_home)))
}

fn home(environment: &Environment) -> Option<PathBuf> {
    set(environment, if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from)
}

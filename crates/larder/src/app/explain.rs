//! `larder explain`: which rules decide over a module, and what they decide, before anybody asks for it.
//!
//! Everything is told from settings alone, so that it can be told by the running server, of the settings in force there,
//! and without one, of those that it would start with. No source is asked, no name is looked up: a private name does not
//! leave the house because somebody wanted to know whether it would. Only [`ask`] asks, when it is told to.
//!
//! What decides is decided elsewhere (`source::Routes`, `trust::Databases`, `auth::Separation`, `source::direct::find`); here
//! the settings are read by the same patterns, and a test compares the two.

mod asking;
mod checksum;
mod direct;
mod minting;
mod way;

use gomod::ModulePath;
use serde::{Deserialize, Serialize};
use source::Apps;

use super::api::modules::VersionState;
use super::secrets;
use crate::config::{Config, Loaded, Origin, Pattern};

pub use asking::{Outcome, Step, What, ask};
pub use checksum::Checksum;
pub use direct::{Direct, FoundBy};
pub use minting::Minting;
pub use way::{After, SourceOf, Way};

/// What decides over a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explained {
    /// The module path.
    pub module: String,
    /// The version or query that was asked about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// Whose settings these are.
    pub told_by: ToldBy,
    /// Whether it is never named to a public source.
    pub private: bool,
    /// The pattern that makes it private.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub private_by: Option<Rule>,
    /// What says which sources it may come from.
    pub way: Way,
    /// Which checksum database says what its files are.
    pub checksum: Checksum,
    /// Who is served it.
    pub served: Served,
    /// What `direct` would do, if it is among the sources.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub direct: Option<Direct>,
    /// What came of asking the sources, if they were.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub asked: Vec<Step>,
    /// What is held of the version; left out if none was named, or nobody was there who knows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held: Option<VersionState>,
    /// Versions of which something is held; left out as above.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub versions_held: Option<u64>,
}

/// Who has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToldBy {
    /// The running server, of the settings in force.
    Server,
    /// Nobody: the settings as a server would start with them.
    Settings,
}

/// A setting that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its key.
    pub setting: String,
    /// The pattern of it that matches.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pattern: Option<String>,
    /// Where it was set: `larder.toml:12`, `LARDER_PRIVATE`, `default`.
    pub from: String,
}

/// Who is served a module. What is empty says nothing; what is not must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Nothing restricts it.
    pub everybody: bool,
    /// Networks of clients (`access.private_from`).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub from: Vec<String>,
    /// Listeners (`access.private_on`).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub on: Vec<String>,
    /// Host names (`access.private_hosts`).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub hosts: Vec<String>,
}

/// What the settings decide over a module. Reads no secret and asks nobody.
///
/// # Errors
/// A setting is wrong in a way that a server would not start with.
pub fn explain(loaded: &Loaded, path: &ModulePath) -> anyhow::Result<Explained> {
    let config = &loaded.config;
    let credentials = secrets::named(config)?;
    let private_by = rule(loaded, "private", &config.private, |all| all.matches_folded(path.as_str()));
    let way = way::of(loaded, path, private_by.as_ref(), &credentials);
    let asks_direct = way.sources.iter().any(|source| source.name == way::DIRECT);
    Ok(Explained {
        module: path.as_str().to_owned(),
        version: None,
        told_by: ToldBy::Settings,
        private: private_by.is_some(),
        checksum: checksum::of(loaded, path),
        served: served(config, private_by.is_some()),
        direct: asks_direct.then(|| direct::of(config, path, &credentials)).transpose()?,
        private_by,
        way,
        asked: Vec::new(),
        held: None,
        versions_held: None,
    })
}

impl Explained {
    /// The same, with how the app does whose tokens are sent.
    pub(super) fn with_state_of(mut self, apps: &Apps) -> Self {
        if let Some(Direct { credential: Some(name), minting, .. }) = &mut self.direct {
            *minting = minting.take().map(|app| app.with_state_of(apps, name));
        }
        self
    }
}

/// The pattern of a setting that matches.
fn rule(
    loaded: &Loaded,
    key: &str,
    patterns: &[Pattern],
    matches: impl Fn(&gomod::Patterns) -> bool,
) -> Option<Rule> {
    let found = patterns.iter().find(|pattern| matches(&Pattern::all(std::slice::from_ref(*pattern))))?;
    Some(Rule { pattern: Some(found.to_string()), ..whole(loaded, key) })
}

/// A setting that decides as a whole.
fn whole(loaded: &Loaded, key: &str) -> Rule {
    let from = loaded.origins.get(key).map_or_else(|| Origin::Default.place(), Origin::place);
    Rule { setting: key.to_owned(), pattern: None, from }
}

fn served(config: &Config, is_private: bool) -> Served {
    let access = &config.access;
    let is_open =
        access.private_from.is_empty() && access.private_on.is_empty() && access.private_hosts.is_empty();
    if !is_private || is_open {
        return Served { everybody: true, ..Served::default() };
    }
    Served {
        everybody: false,
        from: access.private_from.iter().map(ToString::to_string).collect(),
        on: access.private_on.iter().map(ToString::to_string).collect(),
        hosts: access.private_hosts.clone(),
    }
}

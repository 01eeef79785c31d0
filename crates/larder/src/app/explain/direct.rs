//! What `direct` would do for a module, as far as its path and the settings tell.

use gomod::ModulePath;
use gomod::repo::Address;
use serde::{Deserialize, Serialize};
use source::Credentials;
use source::direct::find::{Lead, Rules};
use vcs::{Place, System};

use super::Minting;
use crate::config::Config;

/// What `direct` would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// How the repository is found.
    pub found_by: FoundBy,
    /// The path that the top of the repository has, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root: Option<String>,
    /// The system, by its command, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub system: Option<String>,
    /// Where the repository is: a URL, or a host and path that is tried over the schemes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    /// The page that tells where the repository is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<String>,
    /// The name of the credential that is sent to the repository, or with the question for the page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<String>,
    /// The app that makes the credential's tokens, if one does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minting: Option<Minting>,
    /// The systems that `govcs` allows here.
    pub systems: Vec<String>,
    /// The schemes that are open here.
    pub schemes: Vec<String>,
    /// Certificates do not matter, and http is tried (`goinsecure`).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub insecure: bool,
    /// Why nobody would be asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<String>,
}

/// How a repository is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// The operator says where it is.
    Vanity,
    /// The path says it: a known host, or a suffix such as `.git`.
    Path,
    /// Its host is asked for a page that says it.
    Page,
    /// No module can be at such a path.
    Nothing,
}

/// What would be done for a module.
pub(super) fn of(config: &Config, path: &ModulePath, credentials: &Credentials) -> anyhow::Result<Direct> {
    let rules = super::super::direct::rules(config)?;
    let known = known(&rules, path);
    let root = known.root.as_deref().unwrap_or(path.as_str());
    let (insecure, schemes) = (rules.is_insecure(path), rules.schemes(path, root));
    let is_private = rules.private.matches(root);
    let verdict = |system: System| rules.govcs.check(system.command(), root, is_private);
    let systems = System::ALL.into_iter().filter(|system| verdict(*system).is_ok());
    let systems: Vec<String> = systems.map(|system| system.command().to_owned()).collect();
    let govcs = known.system.and_then(|system| verdict(system).err()).map(|refusal| refusal.to_string());
    let scheme = known.place.as_ref().map(Place::scheme).filter(|scheme| !schemes.contains(scheme));
    let closed = scheme.map(|scheme| format!("{scheme} is not open for {root}; `network.schemes` opens it"));
    let none = systems.is_empty().then(|| format!("`govcs` allows no system for {root}"));
    let credential = match (&known.place, &known.page) {
        (Some(place), _) => {
            credentials.name_for_place(path, place, rules.trust(path, place)).map(str::to_owned)
        }
        (None, Some(page)) if !insecure => credentials.name_for_page(path.as_str(), page).map(str::to_owned),
        _ => None,
    };
    Ok(Direct {
        found_by: known.found_by,
        system: known.system.map(|system| system.command().to_owned()),
        repository: known.repository,
        page: known.page,
        minting: credential.as_ref().and_then(|name| Minting::of(config, name)),
        credential,
        systems,
        schemes: schemes.into_iter().map(str::to_owned).collect(),
        insecure,
        refused: known.refused.or(govcs).or(closed).or(none),
        root: known.root,
    })
}

/// What a path tells.
struct Known {
    found_by: FoundBy,
    root: Option<String>,
    system: Option<System>,
    place: Option<Place>,
    repository: Option<String>,
    page: Option<String>,
    refused: Option<String>,
}

/// What the rules and the path tell, up to where somebody would be asked.
fn known(rules: &Rules, path: &ModulePath) -> Known {
    let blank = Known {
        found_by: FoundBy::Nothing,
        root: None,
        system: None,
        place: None,
        repository: None,
        page: None,
        refused: None,
    };
    let at = |found_by, root: String, place: Place| Known {
        found_by,
        root: Some(root),
        system: Some(place.system()),
        repository: Some(place.url().to_owned()),
        place: Some(place),
        page: None,
        refused: None,
    };
    match rules.lead(path) {
        Ok(Lead::Table(entry)) => at(FoundBy::Vanity, entry.prefix, entry.place),
        Ok(Lead::Page(page)) => {
            Known { found_by: FoundBy::Page, page: Some(format!("https://{page}")), ..blank }
        }
        Ok(Lead::Path(named)) => {
            let Some(system) = System::parse(named.vcs) else {
                return Known { refused: Some(format!("unknown system {}", named.vcs)), ..blank };
            };
            match named.address {
                Address::Url(url) => match Place::new(system, &url) {
                    Ok(place) => at(FoundBy::Path, named.root, place),
                    Err(error) => Known { refused: Some(error.to_string()), ..blank },
                },
                // Which scheme answers, only asking tells; with https, if any.
                Address::Schemeless(address) => Known {
                    found_by: FoundBy::Path,
                    root: Some(named.root),
                    system: Some(system),
                    repository: Some(address),
                    ..blank
                },
            }
        }
        Err(error) => Known { refused: Some(error.to_string()), ..blank },
    }
}

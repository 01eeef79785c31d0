//! `larder doctor`: what is installed, and whether a repository lets us in.
//!
//! Done by the command itself, in the environment that it is called in: run it as the user, and with the environment, that
//! the server has. It works in a directory of its own beside that of the server, and leaves nothing there.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use gomod::ModulePath;
use serde::{Deserialize, Serialize};
use source::direct::find::Discovery;
use vcs::jail::Access;
use vcs::{Place, System, VcsError};

use super::build;
use super::direct::{self, Workshop};
use super::explain::{Explained, Minting, explain};
use crate::config::{Config, Environment, Loaded};
use crate::observe::causes;
use crate::tasks;

/// The tools of version control.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Installed {
    /// Some source is `direct`: without it no tool is used.
    pub is_used: bool,
    /// Each tool.
    pub tools: Vec<Tool>,
    /// What the settings decide for the module that was asked about; left out if none was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explained: Option<Explained>,
}

impl Installed {
    /// The tool that is needed and missing: that of the module's repository as far as the settings and the path tell its
    /// system, and git where they do not.
    pub fn lacks(&self) -> Option<&str> {
        let needed = match &self.explained {
            Some(explained) => explained.direct.as_ref()?.system.as_deref().unwrap_or("git"),
            None => Some("git").filter(|_| self.is_used)?,
        };
        let tool = self.tools.iter().find(|tool| tool.name == needed)?;
        tool.file.is_none().then_some(&*tool.name)
    }
}

/// A tool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tool {
    /// Its command.
    pub name: String,
    /// Where it was found; left out if it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// What it says of its version.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// Which modules need it.
    pub needed_for: String,
}

/// What came of asking for a module's repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// What the settings decide.
    pub explained: Explained,
    /// The import path of the repository's top, as it was found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    /// The name of the credential that was sent; without one, what the tool is configured with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<String>,
    /// The app that makes the credential's tokens, if one does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minting: Option<Minting>,
    /// The repository let us in, and has so many tags.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tags: Option<u64>,
    /// Why it did not, a line each, without secrets.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub trouble: Vec<String>,
}

/// Which tools are installed, and what the settings decide for a module.
///
/// # Errors
/// No runtime can be made; a setting, such as a secret's file, cannot be used.
pub fn installed(
    loaded: &Loaded,
    environment: &Environment,
    path: Option<&ModulePath>,
) -> anyhow::Result<Installed> {
    let config = &loaded.config;
    let explained = path.map(|path| explain(loaded, path)).transpose()?;
    let tools = direct::tools(environment);
    let dir = Scratch::of(config);
    let guard = Arc::new(ArcSwap::from_pointee(build::guard(config)));
    let told = tasks::runtime()?.block_on(async {
        // Without a jail no version is known; where the tools are is.
        let jail = direct::jail(config, environment, &guard, dir.0.clone()).ok();
        let mut told = Vec::new();
        for system in System::ALL {
            let version = match &jail {
                Some(jail) => jail.version(system).await.ok(),
                None => None,
            };
            told.push(Tool {
                name: system.command().to_owned(),
                file: tools.of(system).map(|file| file.display().to_string()),
                version,
                needed_for: needed_for(system).to_owned(),
            });
        }
        told
    });
    let ssh = Tool {
        name: "ssh".to_owned(),
        file: tools.ssh().map(|file| file.display().to_string()),
        version: None,
        needed_for: "repositories that are reached over ssh".to_owned(),
    };
    let is_used = direct::tools::are_used(config);
    Ok(Installed { is_used, tools: told.into_iter().chain([ssh]).collect(), explained })
}

fn needed_for(system: System) -> &'static str {
    match system {
        System::Git => "almost every module: GitHub, GitLab, Bitbucket, Gitea, Azure DevOps",
        System::Hg => "modules in Mercurial repositories",
        System::Svn => "modules in Subversion repositories; public ones only if `govcs` allows it",
        System::Fossil => "modules in Fossil repositories; public ones only if `govcs` allows it",
    }
}

/// Finds a module's repository and asks it for its tags, as the server would. Its host hears the name.
///
/// # Errors
/// A setting, such as a secret's file, cannot be used.
pub fn asked(loaded: &Loaded, environment: &Environment, path: &ModulePath) -> anyhow::Result<Asked> {
    let explained = explain(loaded, path)?;
    let asked = Asked {
        explained,
        root: None,
        repository: None,
        credential: None,
        minting: None,
        tags: None,
        trouble: Vec::new(),
    };
    if asked.explained.direct.is_none() {
        let why = "no source of this module is `direct`: no repository is asked".to_owned();
        return Ok(Asked { trouble: vec![why], ..asked });
    }
    let dir = Scratch::of(&loaded.config);
    let config = Config { data: dir.0.clone(), ..loaded.config.clone() };
    tasks::runtime()?.block_on(async {
        let workshop = Workshop::new(&config, environment);
        let builder = build::builder_with(&config, &workshop.apps)?;
        let finder = direct::finder(&config, &builder, &workshop.repositories)?;
        let found = match finder.find(path).await {
            Ok(Discovery::Repo(found)) => found,
            Ok(Discovery::Proxy(proxy)) => {
                let why = format!("its page names a module proxy, not a repository: {}", proxy.as_str());
                return Ok(Asked { trouble: lines(&why), ..asked });
            }
            Err(error) => {
                // The page of the path was shown it.
                let credential = asked.explained.direct.as_ref().and_then(|direct| direct.credential.clone());
                return Ok(Asked { credential, trouble: in_lines(&error), ..asked });
            }
        };
        let (root, repository) = (Some(found.root.clone()), Some(found.place.url().to_owned()));
        let asked = Asked { root, repository, ..asked };
        let terms = finder.terms(path, &found.root, &found.place).await;
        let credential = match &terms {
            Ok(terms) => terms.credential.clone(),
            Err(error) => Some(error.name.clone()),
        };
        let minting = credential
            .as_ref()
            .and_then(|name| Some(Minting::of(&config, name)?.with_state_of(&workshop.apps, name)));
        let asked = Asked { credential, minting, ..asked };
        let tags = match &terms {
            Ok(terms) => tags(&workshop, &found.place, &terms.access).await.map_err(|error| told(&error)),
            Err(error) => Err(in_lines(error)),
        };
        Ok(match tags {
            Ok(tags) => Asked { tags: Some(tags), ..asked },
            Err(trouble) => Asked { trouble, ..asked },
        })
    })
}

async fn tags(workshop: &Workshop, place: &Place, access: &Access) -> Result<u64, VcsError> {
    let repo = workshop.repositories.open()?.open(place, access)?;
    Ok(repo.tags("").await?.len() as u64)
}

/// Why a repository did not let us in, and its server's own words.
pub(super) fn told(error: &VcsError) -> Vec<String> {
    let mut told = in_lines(error);
    if let VcsError::Failed { text, .. } | VcsError::Missing { text } = error {
        told.extend(lines(text));
    }
    told
}

/// An error and what caused it, each in lines of its own.
pub(super) fn in_lines(error: &dyn Error) -> Vec<String> {
    let mut told = lines(&error.to_string());
    told.extend(causes(error).flat_map(|cause| lines(&cause.to_string())));
    told.dedup();
    told
}

/// Text of servers, a line each, without users and passwords of addresses.
pub(super) fn lines(text: &str) -> Vec<String> {
    crate::config::redact(text)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A directory to work in, which is gone afterwards.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn of(config: &Config) -> Self {
        Self(config.data.join("vcs").join(format!("doctor-{}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is a few empty directories.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

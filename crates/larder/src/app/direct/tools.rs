//! What is said of the tools of version control when a server has started.
//!
//! Only where some module may come from its repository, and behind the readiness of the server: asking a tool for its version
//! takes longer than the whole start.

use gomod::govcs::GoVcs;
use vcs::System;
use vcs::jail::{Jail, Tools};

use super::Workshop;
use crate::config::{Config, Environment, Upstream};

/// Whether some module may come from its repository.
pub(in crate::app) fn are_used(config: &Config) -> bool {
    let mut lists = config.route.iter().map(|route| &route.upstream).chain([&config.upstream]);
    lists.any(Upstream::ends_direct) || !config.gonoproxy.is_empty()
}

/// The tools that settings make use of.
pub(in crate::app) struct Wanted {
    /// Some module may come from its repository.
    is_any: bool,
    systems: Vec<System>,
    ssh: bool,
    tools: Tools,
}

impl Wanted {
    /// Those of these settings, where a search path is in this environment.
    pub(in crate::app) fn by(config: &Config, environment: &Environment) -> Self {
        let govcs = config.govcs().unwrap_or_else(|_| GoVcs::default());
        let has_private = !config.private.is_empty();
        let systems = System::ALL.into_iter();
        let systems = systems.filter(|system| govcs.allows_somewhere(system.command(), has_private));
        let ssh = config.vanity.iter().any(|rule| rule.target().contains("ssh://"))
            || config.credential.iter().any(|credential| credential.origin.starts_with("ssh://"));
        let is_any = are_used(config);
        Self { is_any, systems: systems.collect(), ssh, tools: super::tools(environment) }
    }

    /// Says which tools were found, and which of these are missing. Measures the copies that earlier runs have left, too.
    pub(in crate::app) async fn tell(self, workshop: Workshop) {
        if !self.is_any {
            return;
        }
        if !System::ALL.into_iter().any(|system| self.tools.of(system).is_some()) {
            return self.warn();
        }
        // A directory is cleared, and a child started.
        let repos = match tokio::task::spawn_blocking(move || workshop.repositories.open()).await {
            Ok(Ok(repos)) => repos,
            Ok(Err(error)) => {
                tracing::warn!(
                    event = "repositories_unusable",
                    error = &error as &dyn std::error::Error,
                    "repositories cannot be asked; it is tried again when one is wanted"
                );
                return;
            }
            Err(_) => return,
        };
        let found = self.found(repos.jail()).await.join(", ");
        tracing::info!(event = "tools", found, "looked for the tools of version control");
        self.warn();
        // Else it is done by the first fetch.
        let _ = tokio::task::spawn_blocking(move || repos.measure()).await;
    }

    /// The tools that are there, with their versions.
    async fn found(&self, jail: &Jail) -> Vec<String> {
        let mut found = Vec::new();
        for system in self.systems.iter().copied().filter(|system| self.tools.of(*system).is_some()) {
            found.push(match jail.version(system).await {
                Ok(said) => format!("{system} {}", number(&said)),
                Err(error) => format!("{system}, which does not run: {error}"),
            });
        }
        found.extend(self.tools.ssh().map(|_| "ssh".to_owned()));
        found
    }

    fn warn(&self) {
        let missing = self.missing();
        if !missing.is_empty() {
            tracing::warn!(
                event = "tools_missing",
                missing = missing.join(", "),
                "modules whose repositories need these cannot be fetched; `larder doctor vcs` says which"
            );
        }
    }

    fn missing(&self) -> Vec<&'static str> {
        let missing = self.systems.iter().filter(|system| self.tools.of(**system).is_none());
        let ssh = (self.ssh && self.tools.ssh().is_none()).then_some("ssh");
        missing.map(|system| system.command()).chain(ssh).collect()
    }
}

/// The number in what a tool says of its version: `git version 2.39.5`, `Mercurial Distributed SCM (version 6.3.2)`,
/// `This is fossil version 2.21 [3a0b1e7c]`.
fn number(said: &str) -> &str {
    let from = said.split_once("version ").map_or(said, |(_, from)| from);
    from.split([' ', ')']).next().unwrap_or(from)
}

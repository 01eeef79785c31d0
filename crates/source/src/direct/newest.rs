//! The newest version that one should use.
//!
//! Unlike a client of a proxy, whoever reads the repository itself answers for all of it: what is retracted does not count, and
//! where no version is left the tip of the default branch is one.
//!
//! The rules are cmd/go `modload` (`queryProxy` for `latest` and for `v1`, `CheckRetractions`); the choice among versions is
//! [`gomod::latest`].

use gomod::info::{Info, Origin};
use gomod::modfile::Retract;
use gomod::path::check_path_major;
use gomod::{Version, latest, semver};
use vcs::Tag;

use super::code::Stat;
use super::convert::Conversion;
use super::versions::{Listed, is_retracted, retractions_of};
use super::{Code, CodeError};

impl Code {
    /// The highest release, else the highest pre-release, that is not retracted; else the tip of the default branch.
    pub async fn latest(&self) -> Result<Info, CodeError> {
        let Listed { versions, tags } = self.listed("").await?;
        let retractions = self.newest_retractions(&versions).await?;
        if let Some(version) = self.choose(&versions, &retractions).await? {
            let stat = self.stat(version.as_str()).await?;
            return Ok(self.newest_info(stat, tags));
        }
        match self.tip().await {
            Ok(stat) if !is_retracted(&retractions, stat.version.as_str()) => {
                Ok(self.newest_info(stat, tags))
            }
            Err(error) if !error.is_absent() => Err(error),
            _ => Err(CodeError::NoMatch { path: self.layout.path.clone(), query: "latest".to_owned() }),
        }
    }

    /// The newest version that begins with `v1` or `v1.2`.
    pub(super) async fn newest_of(&self, query: &str) -> Result<Info, CodeError> {
        let Listed { mut versions, tags } = self.listed(&format!("{query}.")).await?;
        // Pre-releases of v1.2.0 come before v1.2 (golang.org/issue/31972).
        versions.retain(|version| semver::compare(version.as_str(), query).is_ge());
        let all = self.versions().await?;
        let retractions = self.newest_retractions(&all).await?;
        let counts = |version: &Version| is_retracted(&retractions, version.as_str());
        // Who names a major version that does not fit the path means the incompatible ones.
        let chosen = if check_path_major(query, &self.layout.path_major).is_ok() {
            self.choose(&versions, &retractions).await?
        } else {
            latest::choose_any(&versions, counts)
        };
        let Some(version) = chosen else {
            return Err(CodeError::NoMatch { path: self.layout.path.clone(), query: query.to_owned() });
        };
        let stat = self.stat(version.as_str()).await?;
        Ok(self.newest_info(stat, tags))
    }

    /// The version of the tip of the default branch (cmd/go `codeRepo.Latest`).
    async fn tip(&self) -> Result<Stat, CodeError> {
        let revision = self.repo.stat(None).await.map_err(|cause| self.trouble(cause))?;
        Conversion::new(self, &revision, "").stat().await
    }

    /// The choice among versions, `+incompatible` ones only where the newest other one has no go.mod.
    async fn choose<'v>(
        &self,
        versions: &'v [Version],
        retractions: &[Retract],
    ) -> Result<Option<&'v Version>, CodeError> {
        let retracted = |version: &Version| is_retracted(retractions, version.as_str());
        let counts_all = match latest::incompatible_gate(versions, retracted) {
            Some(gate) => !self.has_own_go_mod(gate).await?,
            None => true,
        };
        Ok(if counts_all {
            latest::choose_any(versions, retracted)
        } else {
            latest::choose(versions, retracted)
        })
    }

    /// What the version says that would be newest if nothing were retracted; without versions, what the tip says.
    async fn newest_retractions(&self, versions: &[Version]) -> Result<Vec<Retract>, CodeError> {
        if let Some(source) = self.choose(versions, &[]).await? {
            return retractions_of(self.go_mod(source).await);
        }
        match self.tip().await {
            Ok(stat) => retractions_of(self.go_mod(&stat.version).await),
            Err(error) if error.is_absent() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Whether a version has a go.mod that says more than a made-up one would (cmd/go `versionHasGoMod`).
    async fn has_own_go_mod(&self, version: &Version) -> Result<bool, CodeError> {
        Ok(self.go_mod(version).await? != self.legacy_go_mod())
    }

    /// The `.info` of a chosen version: it depends on all tags, and is said to come from nowhere where that contradicts what the
    /// version itself depends on (cmd/go `mergeOrigin`).
    fn newest_info(&self, stat: Stat, listed: Option<(String, Vec<Tag>)>) -> Info {
        let listed = listed.map(|(prefix, tags)| self.facts_of(prefix, &tags));
        let own = stat.tags.clone();
        let info = self.info_of(stat, listed.clone(), true);
        let is_told = listed.is_some_and(|listed| own.is_none_or(|own| own.sum.is_none() || own == listed));
        Info { origin: info.origin.filter(|_: &Origin| is_told), ..info }
    }
}

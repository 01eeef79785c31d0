//! The versions of a module: its tags, and which of them are `+incompatible`.
//!
//! The rules are cmd/go `codeRepo.Versions` and `appendIncompatibleVersions`. Retracted versions are listed. Tags alone decide,
//! but for majors that do not fit the path: there the newest tag of each must have no go.mod.

use bytes::Bytes;
use gomod::modfile::{ModFile, Retract};
use gomod::path::check_path_major;
use gomod::{Version, latest, pseudo, semver};
use vcs::Tag;

use super::{Code, CodeError};

/// The versions of a module, and the tags that they were made of.
pub(super) struct Listed {
    /// In semver order, lowest first.
    pub(super) versions: Vec<Version>,
    /// With what their names begin, and which they are; nothing for modules to which no tags belong.
    pub(super) tags: Option<(String, Vec<Tag>)>,
}

impl Code {
    /// All versions that have tags, in semver order, lowest first.
    pub async fn versions(&self) -> Result<Vec<Version>, CodeError> {
        Ok(self.listed("").await?.versions)
    }

    /// The versions that begin with a text.
    pub(super) async fn listed(&self, begin: &str) -> Result<Listed, CodeError> {
        if self.layout.is_untagged() {
            return Ok(Listed { versions: Vec::new(), tags: None });
        }
        let prefix = format!("{}{begin}", self.layout.tag_prefix());
        let tags = self.repo.tags(&prefix).await.map_err(|cause| self.trouble(cause))?;
        let (mut versions, incompatible) = self.split(&tags);
        if !incompatible.is_empty() {
            versions.extend(self.incompatible(&versions, &incompatible).await?);
        }
        Ok(Listed { versions, tags: Some((prefix, tags)) })
    }

    /// The versions of tags, sorted: those that fit the path, and those that could be `+incompatible`.
    fn split(&self, tags: &[Tag]) -> (Vec<Version>, Vec<Version>) {
        let prefix = self.layout.tag_prefix();
        let is_plain = self.layout.dir.is_empty() && self.layout.path_major.is_empty();
        let (mut fit, mut others) = (Vec::new(), Vec::new());
        for name in tags.iter().filter_map(|tag| tag.name.strip_prefix(&prefix)) {
            // Build metadata is no part of a version; a tag that looks like a pseudo-version would stand for two commits.
            if !semver::build(name).is_empty() || pseudo::is_pseudo(name) {
                continue;
            }
            let Ok(version) = Version::parse(name) else { continue };
            if check_path_major(name, &self.layout.path_major).is_ok() {
                fit.push(version);
            } else if is_plain {
                others.push(version);
            }
        }
        fit.sort();
        others.sort();
        (fit, others)
    }

    /// Which of the tags that do not fit are versions all the same: none if the author has taken to go.mod files on the line
    /// that fits (golang.org/issue/34189), else those of majors whose newest tag has none.
    async fn incompatible(&self, fit: &[Version], others: &[Version]) -> Result<Vec<Version>, CodeError> {
        if let Some(newest) = fit.last()
            && self.has_root_go_mod(newest).await?
        {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for major in others.chunk_by(|one, other| one.major() == other.major()) {
            let Some(newest) = major.last() else { continue };
            if !self.has_root_go_mod(newest).await? {
                let marked =
                    major.iter().map(|version| Version::parse(&format!("{}+incompatible", version.as_str())));
                found.extend(marked.filter_map(Result::ok));
            }
        }
        Ok(found)
    }

    async fn has_root_go_mod(&self, version: &Version) -> Result<bool, CodeError> {
        let revision = self.revision(version.as_str()).await?;
        Ok(self.read_go_mod(&revision.id, "go.mod").await?.is_some())
    }

    /// The retractions that count when a revision is given a version: those in the go.mod of the newest release, else of the
    /// newest listed version, `+incompatible` ones left out (cmd/go `retractedVersions`). Files that cannot be used retract
    /// nothing.
    pub(super) async fn retractions(&self) -> Result<Vec<Retract>, CodeError> {
        let mut versions = self.versions().await?;
        versions.retain(|version| !version.is_incompatible());
        match latest::retraction_source(&versions) {
            // A listed version is a tag: that needs no proof, nor a conversion that would ask for retractions again.
            Some(source) => retractions_of(self.tagged_go_mod(source).await),
            None => Ok(Vec::new()),
        }
    }

    async fn tagged_go_mod(&self, version: &Version) -> Result<Bytes, CodeError> {
        let revision = self.revision(version.as_str()).await?;
        let located = self.locate(&revision.id, version.as_str()).await?;
        Ok(located.go_mod.unwrap_or_else(|| self.legacy_go_mod()))
    }
}

/// The retractions in a go.mod.
pub(super) fn retractions_of(go_mod: Result<Bytes, CodeError>) -> Result<Vec<Retract>, CodeError> {
    match go_mod {
        Ok(go_mod) => Ok(ModFile::parse_lax(&go_mod).map(|file| file.retract).unwrap_or_default()),
        Err(error) if error.is_absent() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether one of the retractions covers a version.
pub(super) fn is_retracted(retractions: &[Retract], version: &str) -> bool {
    let covers = |retract: &Retract| {
        semver::compare(&retract.low, version).is_le() && semver::compare(version, &retract.high).is_le()
    };
    retractions.iter().any(covers)
}

//! Whether a pseudo-version that somebody asks for is one that would have been made.
//!
//! One revision has few pseudo-versions, so that nobody can raise a dependency's version at will: time and short id must be the
//! revision's, and the version that it comes after must be a tag on one of its ancestors.
//!
//! The rules are cmd/go `codeRepo.validatePseudoVersion`, its messages included.

use gomod::pseudo::{PseudoVersion, pseudo_version};
use gomod::semver;
use vcs::Revision;

use super::layout::without_incompatible;
use super::{Code, CodeError, VersionRule};

impl Code {
    /// Checks a pseudo-version against its revision.
    pub(super) async fn check_pseudo(&self, revision: &Revision, version: &str) -> Result<(), CodeError> {
        let invalid = |rule| CodeError::Version {
            path: self.layout.path.clone(),
            version: version.to_owned(),
            is_pseudo: true,
            rule: Box::new(rule),
        };
        let malformed = |error: gomod::version::VersionError| CodeError::Form(error.of(&self.layout.path));
        let parts = PseudoVersion::parse(version).map_err(malformed)?;
        check_revision(parts.rev(), &revision.short).map_err(invalid)?;
        // Subversion tells more than seconds.
        if parts.time().map_err(malformed)?.as_second() != revision.time.as_second() {
            return Err(invalid(VersionRule::Time { expected: timestamp(revision) }));
        }
        let plain = without_incompatible(version);
        let base = PseudoVersion::parse(plain).and_then(|parts| parts.base()).map_err(malformed)?;
        let Some(base) = base else {
            let is_v1 = self.layout.pseudo_major.is_empty() && semver::major(version) == "v1";
            return if is_v1 { Err(invalid(VersionRule::MustBeV0)) } else { Ok(()) };
        };
        let prefix = self.layout.tag_prefix();
        let is_base = |tag: &&String| tag.strip_prefix(&prefix).unwrap_or(tag) == base;
        if let Some(tag) = revision.tags.iter().find(is_base) {
            let revision = parts.rev().to_owned();
            return Err(invalid(VersionRule::Tagged { tag: tag.clone(), revision }));
        }
        match self.nearest(revision, &base).await? {
            Base::Behind => Ok(()),
            Base::Elsewhere(tag) => {
                Err(invalid(VersionRule::NotDescendent { revision: parts.rev().to_owned(), tag }))
            }
            Base::Nowhere => Err(invalid(VersionRule::NoBase { base })),
        }
    }

    /// Where a tag with a version is.
    async fn nearest(&self, revision: &Revision, base: &str) -> Result<Base, CodeError> {
        let prefix = self.layout.tag_prefix();
        let asked = format!("{prefix}{base}");
        let tags = self.repo.tags(&asked).await.map_err(|cause| self.trouble(cause))?;
        let mut found = Base::Nowhere;
        for tag in tags {
            let version = tag.name.strip_prefix(&prefix).unwrap_or(&tag.name);
            if semver::compare(version, base).is_ne() {
                continue;
            }
            let behind = self.repo.descends_from(&revision.id, &tag.name).await;
            if behind.map_err(|cause| self.trouble(cause))? {
                return Ok(Base::Behind);
            }
            found = Base::Elsewhere(tag.name);
        }
        Ok(found)
    }
}

/// Where the tag is that a pseudo-version comes after.
enum Base {
    /// On an ancestor of the revision.
    Behind,
    /// On other revisions; the last such tag.
    Elsewhere(String),
    /// There is none.
    Nowhere,
}

fn check_revision(given: &str, short: &str) -> Result<(), VersionRule> {
    let expected = short.to_owned();
    if given == short {
        Ok(())
    } else if given.starts_with(short) {
        Err(VersionRule::RevisionLonger { expected })
    } else if short.starts_with(given) {
        Err(VersionRule::RevisionShorter { expected })
    } else {
        Err(VersionRule::RevisionOther { expected })
    }
}

/// The time of a revision as pseudo-versions write it.
fn timestamp(revision: &Revision) -> String {
    let made = pseudo_version("", "", revision.time, &revision.short);
    PseudoVersion::parse(&made).map(|parts| parts.timestamp().to_owned()).unwrap_or_default()
}

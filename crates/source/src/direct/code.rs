//! A module in a repository: what the go command would make of it.
//!
//! Why this shape: [`Code`] is the one thing that knows both, the module's path and its repository. Its methods are the
//! requests of the protocol, and each is made of the same few questions to the repository: tags, a revision, a go.mod.
//! What it promises: answers are those of cmd/go in direct mode, content and words; no more of a repository is fetched than an
//! answer needs: a list and the newest version cost the tags and the go.mod files that their rules name.
//! Not here: which repository it is ([`Found`] says so), and how it is fetched ([`vcs::Repo`] does it).
//!
//! The rules are cmd/go `modfetch/coderepo.go`.

use std::sync::Arc;

use bytes::Bytes;
use gomod::info::{Info, Origin, Time};
use gomod::semver;
use gomod::{ModuleVersion, Query, Version};
use vcs::{Place, Repo, Revision, System, VcsError};

use super::convert::Conversion;
use super::layout::Layout;
use super::{CodeError, Found, VersionRule};

/// A module in a repository.
#[derive(Clone)]
pub struct Code {
    pub(super) layout: Layout,
    pub(super) repo: Arc<dyn Repo>,
}

/// A version and the revision that it was made of.
pub(super) struct Stat {
    pub(super) version: Version,
    pub(super) revision: Revision,
    /// What the answer depends on besides the revision.
    pub(super) tags: Option<TagFacts>,
}

/// The tags that an answer depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TagFacts {
    /// What their names begin with.
    pub(super) prefix: String,
    /// A hash of them, where the system tells what they stand for.
    pub(super) sum: Option<String>,
}

impl Code {
    /// The found module, in its repository.
    ///
    /// # Errors
    /// The repository cannot have the module.
    pub fn new(found: &Found, repo: Arc<dyn Repo>) -> Result<Self, CodeError> {
        Ok(Self { layout: Layout::of(found)?, repo })
    }

    /// Where the repository is.
    pub(super) fn place(&self) -> &Place {
        self.repo.place()
    }

    /// The version that a query means: that of a branch, a tag, or a commit; for `v1` and `v1.2` the newest such version.
    pub async fn query(&self, query: &Query) -> Result<Info, CodeError> {
        let text = query.as_str();
        if is_short(text) {
            return self.newest_of(text).await;
        }
        let stat = self.stat(text).await?;
        let tags = stat.tags.clone();
        Ok(self.info_of(stat, tags, true))
    }

    /// What is told of a version. What only says how the version was found is left out, as it is in the go command's cache:
    /// the version is the same whatever tags there will be.
    pub async fn info(&self, version: &Version) -> Result<Info, CodeError> {
        let stat = self.stat(version.as_str()).await?;
        let has_reference = !stat.version.is_pseudo();
        Ok(self.info_of(stat, None, has_reference))
    }

    /// The go.mod of a version, as it is stored; made up where there is none (cmd/go `codeRepo.GoMod`).
    pub async fn go_mod(&self, version: &Version) -> Result<Bytes, CodeError> {
        let revision = self.checked_revision(version).await?;
        let located = self.locate(&revision.id, version.as_str()).await?;
        Ok(located.go_mod.unwrap_or_else(|| self.legacy_go_mod()))
    }

    /// What a module without a go.mod is served: its path and nothing else (cmd/go `LegacyGoMod`).
    pub(super) fn legacy_go_mod(&self) -> Bytes {
        format!("module {}\n", self.layout.path).into()
    }

    /// The version that a version or query means, and its revision (cmd/go `codeRepo.Stat`).
    pub(super) async fn stat(&self, asked: &str) -> Result<Stat, CodeError> {
        let revision = self.revision(asked).await?;
        Conversion::new(self, &revision, asked).stat().await
    }

    /// The revision that a version or query names.
    pub(super) async fn revision(&self, asked: &str) -> Result<Revision, CodeError> {
        let name = self.layout.revision_of(asked);
        self.repo.stat(Some(&name)).await.map_err(|cause| match cause {
            // What a tag names may not be there, or be no commit: it is the tag that nobody can use.
            VcsError::UnknownRevision { .. } => {
                self.invalid(asked, VersionRule::Revision(VcsError::UnknownRevision { name: name.clone() }))
            }
            // A repository that is not there is no statement about one of its revisions.
            VcsError::Missing { .. } => self.trouble(cause),
            cause if cause.is_absent() => self.invalid(asked, VersionRule::Revision(cause)),
            cause => self.trouble(cause),
        })
    }

    /// The revision of a version that exists. Only a tag of its name proves that by itself.
    pub(super) async fn checked_revision(&self, version: &Version) -> Result<Revision, CodeError> {
        let asked = version.as_str();
        let revision = self.revision(asked).await?;
        let is_tag = !version.is_pseudo() && revision.name == self.layout.revision_of(asked);
        if !is_tag {
            Conversion::new(self, &revision, asked).stat().await?;
        }
        Ok(revision)
    }

    /// The `.info` of a version, and whether it tells by which name that was found.
    pub(super) fn info_of(&self, stat: Stat, tags: Option<TagFacts>, has_reference: bool) -> Info {
        let place = self.place();
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let origin = Origin {
            vcs: some(place.system().command()),
            url: some(place.url()),
            subdir: some(&self.layout.dir),
            // A number of Subversion is told by the version alone (cmd/go `svnParseStat`).
            hash: some(&stat.revision.id).filter(|_| place.system() != System::Svn),
            tag_prefix: tags.as_ref().and_then(|tags| some(&tags.prefix)),
            tag_sum: tags.and_then(|tags| tags.sum),
            reference: stat.revision.reference.filter(|_| has_reference),
            repo_sum: None,
        };
        Info { version: stat.version, time: Some(Time::utc(stat.revision.time)), origin: Some(origin) }
    }

    /// The facts of the tags with a prefix.
    pub(super) async fn tag_facts(&self, prefix: String) -> Result<TagFacts, CodeError> {
        let tags = self.repo.tags(&prefix).await.map_err(|cause| self.trouble(cause))?;
        Ok(self.facts_of(prefix, &tags))
    }

    /// The facts of tags that were asked for by a prefix. Only git tells what a tag stands for without its content.
    pub(super) fn facts_of(&self, prefix: String, tags: &[vcs::Tag]) -> TagFacts {
        if self.repo.place().system() != System::Git {
            return TagFacts { prefix: String::new(), sum: None };
        }
        let named = tags.iter().map(|tag| (tag.name.as_str(), tag.id.as_str()));
        let sum = Some(gomod::info::tag_sum(&prefix, named));
        TagFacts { prefix, sum }
    }

    /// A version that breaks a rule.
    pub(super) fn invalid(&self, version: &str, rule: VersionRule) -> CodeError {
        let (path, version) = (self.layout.path.clone(), version.to_owned());
        CodeError::Version { path, version, is_pseudo: false, rule: Box::new(rule) }
    }

    /// What the repository said instead of an answer.
    pub(super) fn trouble(&self, cause: VcsError) -> CodeError {
        CodeError::Repo { path: self.layout.path.clone(), cause }
    }

    /// The module with one of its versions.
    pub(super) fn module(&self, version: &Version) -> Result<ModuleVersion, CodeError> {
        ModuleVersion::new(self.layout.path.clone(), version.clone()).map_err(CodeError::Form)
    }
}

/// Whether it is the begin of versions: `v1`, `v1.2`, but not `v1.2.3` or `v1-rc` (cmd/go `gover.ModIsPrefix`).
fn is_short(query: &str) -> bool {
    semver::is_valid(query) && query.split('.').count() < 3
}

//! From a revision to a version.
//!
//! A revision has many names: tags, tags of other modules, a commit id. Which version it is depends on what was asked for, on
//! its tags, on those behind it, and on what its go.mod files say. What is asked for as a version is that version or nothing.
//!
//! The rules are cmd/go `codeRepo.convert`.

use std::borrow::Cow;
use std::collections::HashMap;

use gomod::modfile::Retract;
use gomod::path::check_path_major;
use gomod::{Version, pseudo, semver};
use vcs::Revision;

use super::code::Stat;
use super::layout::{join, without_incompatible};
use super::versions::is_retracted;
use super::{Code, CodeError, VersionRule};

/// One revision on its way to a version, and what was learnt on it.
pub(super) struct Conversion<'a> {
    code: &'a Code,
    revision: &'a Revision,
    /// The version or query; empty for the tip of the default branch.
    asked: &'a str,
    /// Whether there is a go.mod in the top directory (`""`) or in one named after a major version.
    has_go_mod: HashMap<String, bool>,
    retractions: Option<Vec<Retract>>,
}

/// The version that a tag stands for.
struct Tagged<'t> {
    version: Cow<'t, str>,
    /// Whether the tag is that version, without metadata.
    is_canonical: bool,
}

impl<'a> Conversion<'a> {
    pub(super) fn new(code: &'a Code, revision: &'a Revision, asked: &'a str) -> Self {
        Self { code, revision, asked, has_go_mod: HashMap::new(), retractions: None }
    }

    /// The version, the revision, and the tags that the choice depends on.
    pub(super) async fn stat(mut self) -> Result<Stat, CodeError> {
        let text = self.version().await?;
        let version =
            Version::parse(&text).map_err(|error| CodeError::Form(error.of(&self.code.layout.path)))?;
        // A pseudo-version without a tag before it that was asked for as such depends on no tags.
        let is_fixed = text == self.asked && text.starts_with("v0.0.0-");
        let tags = match self.code.layout.path_major.get(1..) {
            _ if is_fixed || !version.is_pseudo() => None,
            Some(major) => Some(format!("{}{major}.", self.code.layout.tag_prefix())),
            None => Some(self.code.layout.tag_prefix()),
        };
        let tags = match tags {
            Some(prefix) => Some(self.code.tag_facts(prefix).await?),
            None => None,
        };
        Ok(Stat { version, revision: self.revision.clone(), tags })
    }

    async fn version(&mut self) -> Result<String, CodeError> {
        if pseudo::is_pseudo(self.asked) {
            // Whether the module is there at all is cheap to know; the history behind it may not be.
            let version = self.check(self.asked).await?;
            self.code.check_pseudo(self.revision, self.asked).await?;
            return Ok(version);
        }
        let (code, revision) = (self.code, self.revision);
        if let Some(tagged) = code.tagged(&revision.name)
            && tagged.is_canonical
        {
            match self.check(&tagged.version).await {
                Err(error) if error.is_absent() => {}
                decided => return decided,
            }
        }
        let mut highest: Option<Cow<'_, str>> = None;
        let mut base = None;
        for tagged in revision.tags.iter().filter_map(|tag| code.tagged(tag)) {
            if !self.asked.is_empty() && semver::compare(&tagged.version, self.asked).is_eq() {
                if tagged.is_canonical {
                    return self.check(&tagged.version).await;
                }
                // `v1.1.0+a` and `v1.1.0+b` may be two revisions: neither is v1.1.0, but both come after it.
                base = Some(tagged.version.clone());
            }
            let is_higher =
                highest.as_ref().is_none_or(|highest| semver::compare(highest, &tagged.version).is_lt());
            if tagged.is_canonical
                && is_higher
                && !self.is_retracted(&tagged.version).await?
                && self.fits(&tagged.version).await?
            {
                highest = Some(tagged.version);
            }
        }
        if let Some(highest) = highest {
            return self.check(&highest).await;
        }
        let base = match base {
            Some(base) => base.into_owned(),
            None => self.base().await?.unwrap_or_default(),
        };
        let made = pseudo::pseudo_version(&code.layout.pseudo_major, &base, revision.time, &revision.short);
        self.check(&made).await
    }

    /// The highest version among the tags on the revision and behind it that may be the base of a pseudo-version.
    async fn base(&mut self) -> Result<Option<String>, CodeError> {
        let code = self.code;
        // Which tags there are costs nothing; which of them are behind the revision may cost its whole history.
        let plausible = format!("{}v", code.layout.tag_prefix());
        let all = code.repo.tags(&plausible).await.map_err(|cause| code.trouble(cause))?;
        let mut allowed = Vec::new();
        for tag in &all {
            if let Some(tagged) = code.tagged(&tag.name)
                && self.fits(&tagged.version).await?
                && !self.is_retracted(&tagged.version).await?
            {
                allowed.push((tag.name.as_str(), tagged.version));
            }
        }
        if allowed.is_empty() {
            return Ok(None);
        }
        let behind = code.repo.tags_behind(&self.revision.id, &plausible).await;
        let behind = behind.map_err(|cause| code.trouble(cause))?;
        allowed.retain(|(name, _)| behind.iter().any(|tag| tag == name));
        let highest = allowed.into_iter().max_by(|(_, one), (_, other)| semver::compare(one, other));
        Ok(highest.map(|(_, version)| version.into_owned()))
    }

    /// Checks that a version is one of the module at this revision, and marks it as incompatible where it must be (cmd/go
    /// `checkCanonical`).
    async fn check(&mut self, version: &str) -> Result<String, CodeError> {
        let code = self.code;
        code.locate(&self.revision.id, version).await?;
        let version = if version == without_incompatible(self.asked) { self.asked } else { version };
        let base = without_incompatible(version);
        let (fault, checked) = self.check_major(version, base).await?;
        let asked = without_incompatible(self.asked);
        if Version::parse(self.asked).is_ok() && asked != base {
            let rule = VersionRule::NotATag { found: checked, asked: asked.to_owned() };
            return Err(code.invalid(self.asked, rule));
        }
        match fault {
            Some(rule) => Err(code.invalid(&checked, rule)),
            None => Ok(checked),
        }
    }

    /// What is wrong with the major version, if something is, and the version with the mark that it needs.
    async fn check_major(
        &mut self,
        version: &str,
        base: &str,
    ) -> Result<(Option<VersionRule>, String), CodeError> {
        let layout = &self.code.layout;
        let version = version.to_owned();
        let rule = if check_path_major(base, &layout.path_major).is_ok() {
            let major = semver::major(&version).to_owned();
            version.ends_with("+incompatible").then_some(VersionRule::Compatible { major })
        } else if self.may_be_incompatible(base).await? {
            return Ok((None, format!("{base}+incompatible")));
        } else if layout.path_major.is_empty() {
            Some(VersionRule::HasGoMod { want: join(&layout.prefix, semver::major(&version)) })
        } else {
            Some(VersionRule::MajorSuffix)
        };
        Ok((rule, version))
    }

    /// Whether the major version fits the path, or may be marked as incompatible.
    async fn fits(&mut self, version: &str) -> Result<bool, CodeError> {
        Ok(check_path_major(version, &self.code.layout.path_major).is_ok()
            || self.may_be_incompatible(version).await?)
    }

    /// Whether the files of the revision leave room for an incompatible version: no go.mod, and, unless it was asked for
    /// in so many words, none in the directory of its major version (golang.org/issue/51324).
    async fn may_be_incompatible(&mut self, version: &str) -> Result<bool, CodeError> {
        let layout = &self.code.layout;
        if !layout.dir.is_empty() || !layout.path_major.is_empty() || self.has_go_mod("").await? {
            return Ok(false);
        }
        Ok(self.asked.ends_with("+incompatible") || !self.has_go_mod(semver::major(version)).await?)
    }

    async fn has_go_mod(&mut self, dir: &str) -> Result<bool, CodeError> {
        if let Some(known) = self.has_go_mod.get(dir) {
            return Ok(*known);
        }
        let file = join(dir, "go.mod");
        let found = match self.code.read_go_mod(&self.revision.id, &file).await {
            Ok(found) => found.is_some(),
            // One that is too large is one.
            Err(CodeError::TooLarge { .. }) => true,
            Err(error) => return Err(error),
        };
        self.has_go_mod.insert(dir.to_owned(), found);
        Ok(found)
    }

    async fn is_retracted(&mut self, version: &str) -> Result<bool, CodeError> {
        let retractions = match self.retractions.take() {
            Some(known) => known,
            None => match self.code.retractions().await {
                Err(error) if error.is_absent() => Vec::new(),
                found => found?,
            },
        };
        let is_retracted = is_retracted(&retractions, version);
        self.retractions = Some(retractions);
        Ok(is_retracted)
    }
}

impl Code {
    /// The version of a tag; none for tags of other modules, for what is no whole version, and for what looks like a
    /// pseudo-version (cmd/go `tagToVersion`; the last is asked of the whole tag, so that it never applies below a
    /// directory).
    fn tagged<'t>(&self, tag: &'t str) -> Option<Tagged<'t>> {
        let trimmed = tag.strip_prefix(&self.layout.tag_prefix())?;
        if pseudo::is_pseudo(tag) {
            return None;
        }
        let version = semver::canonical(trimmed)?;
        if !trimmed.starts_with(version.as_ref()) {
            return None;
        }
        let is_canonical = version == trimmed;
        Some(Tagged { version, is_canonical })
    }
}

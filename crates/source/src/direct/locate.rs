//! In which directory of a revision a module is, and which go.mod is its.
//!
//! Not told by paths alone: `m/v2` may be in the directory of `m`, with a go.mod that says so, or in `v2` below it, but not in
//! both. Only the major version that a go.mod declares is compared, not the whole path: a fork may stand in for the module.
//!
//! The rules are cmd/go `codeRepo.findDir`, its messages included.

use std::fmt;

use bytes::Bytes;
use gomod::modfile::{self, module_path};
use gomod::path::split_path_version;
use gomod::quote::quoted;
use gomod::semver;
use vcs::VcsError;

use super::layout::join;
use super::{Code, CodeError, VersionRule};

/// Where a module is at a revision.
#[derive(Clone, Debug)]
pub(super) struct Located {
    /// The directory, empty for the top.
    pub(super) dir: String,
    /// Its go.mod, if it has one.
    pub(super) go_mod: Option<Bytes>,
}

/// Why a module is not where it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misplaced {
    /// The revision as it was named.
    pub revision: String,
    /// What is wrong there.
    pub fault: Misplacement,
}

/// What is wrong with the go.mod files of a revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Misplacement {
    /// Two of them could be the module's.
    Both {
        /// The one in the directory of the module.
        file: String,
        /// The suffix that both declare, `/v2`; the other one is in a directory of that name.
        major: String,
    },
    /// One declares nothing.
    NoPath {
        /// Which.
        file: String,
        /// The suffix whose directory was looked into as well and is empty; else empty.
        looked: String,
    },
    /// One declares another major version.
    OtherMajor {
        /// Which.
        file: String,
        /// The suffix that it should declare.
        want: String,
        /// What it declares.
        declared: String,
        /// As in [`Self::NoPath`].
        looked: String,
    },
    /// One declares what is no module path.
    Malformed {
        /// Which.
        file: String,
        /// What it declares.
        declared: String,
        /// As in [`Self::NoPath`].
        looked: String,
    },
    /// One declares a later major version, and the module has none.
    PostMajor {
        /// Which.
        file: String,
        /// The major version that was asked for.
        major: String,
        /// What it declares.
        declared: String,
        /// As in [`Self::NoPath`].
        looked: String,
    },
    /// There is none.
    Missing {
        /// The path of the directory where one should be.
        directory: String,
        /// As in [`Self::NoPath`].
        looked: String,
    },
}

/// A go.mod that may be the module's.
struct Candidate {
    file: String,
    go_mod: Option<Bytes>,
    declared: String,
}

impl Code {
    /// Finds the module at a revision, given by id; `version` is what it was found by.
    ///
    /// # Errors
    /// [`VersionRule::Misplaced`] if it is not there.
    pub(super) async fn locate(&self, id: &str, version: &str) -> Result<Located, CodeError> {
        let layout = &self.layout;
        let here = self.candidate(id, &layout.dir).await?;
        let is_here = here.go_mod.is_some()
            && (layout.is_major(&here.declared) || layout.may_replace_gopkg_in(&here.declared));
        let looked = match layout.major_dir() {
            None => "",
            Some(dir) => {
                let below = self.candidate(id, &dir).await?;
                if below.go_mod.is_some() {
                    let fault = self.misplaced_below(&here, is_here, &below);
                    return match fault {
                        Some(fault) => Err(self.misplaced(version, fault)),
                        None => Ok(Located { dir, go_mod: below.go_mod }),
                    };
                }
                layout.path_major.as_str()
            }
        };
        if is_here || (here.go_mod.is_none() && layout.may_lack_go_mod()) {
            return Ok(Located { dir: layout.dir.clone(), go_mod: here.go_mod });
        }
        Err(self.misplaced(version, self.misplaced_here(here, version, looked)))
    }

    /// Why the module is nowhere in the repository: no tag could be one of its versions, and it is not at the tip of the
    /// default branch. `None` if it may be somewhere.
    pub(super) async fn absence(&self) -> Result<Option<CodeError>, CodeError> {
        if !self.versions().await?.is_empty() {
            return Ok(None);
        }
        let tip = self.repo.stat(None).await.map_err(|cause| self.trouble(cause));
        let located = match tip {
            Ok(tip) => self.locate(&tip.id, "HEAD").await.map(drop),
            Err(error) => Err(error),
        };
        match located {
            Err(error) if error.is_absent() => Ok(Some(error)),
            Err(error) => Err(error),
            Ok(()) => Ok(None),
        }
    }

    /// What is wrong if the directory of the major version has a go.mod; nothing if that is the module's.
    fn misplaced_below(&self, here: &Candidate, is_here: bool, below: &Candidate) -> Option<Misplacement> {
        let major = &self.layout.path_major;
        let file = join(&self.layout.root, &below.file);
        if self.layout.is_major(&below.declared) {
            let file = join(&self.layout.prefix, &here.file);
            return is_here.then(|| Misplacement::Both { file, major: major.clone() });
        }
        let looked = String::new();
        Some(if below.declared.is_empty() {
            Misplacement::NoPath { file, looked }
        } else {
            Misplacement::OtherMajor { file, want: major.clone(), declared: below.declared.clone(), looked }
        })
    }

    /// What is wrong if the module's directory has the wrong go.mod, or none.
    fn misplaced_here(&self, here: Candidate, version: &str, looked: &str) -> Misplacement {
        let Candidate { file, go_mod, declared } = here;
        let looked = looked.to_owned();
        let want = self.layout.path_major.clone();
        if go_mod.is_none() {
            Misplacement::Missing { directory: self.layout.prefix.clone(), looked }
        } else if declared.is_empty() {
            Misplacement::NoPath { file, looked }
        } else if !want.is_empty() {
            Misplacement::OtherMajor { file, want, declared, looked }
        } else if split_path_version(&declared).is_none() {
            Misplacement::Malformed { file, declared, looked }
        } else {
            Misplacement::PostMajor { file, major: semver::major(version).to_owned(), declared, looked }
        }
    }

    fn misplaced(&self, version: &str, fault: Misplacement) -> CodeError {
        let revision = self.layout.revision_of(version);
        self.invalid(version, VersionRule::Misplaced(Box::new(Misplaced { revision, fault })))
    }

    async fn candidate(&self, id: &str, dir: &str) -> Result<Candidate, CodeError> {
        let file = join(dir, "go.mod");
        let go_mod = self.read_go_mod(id, &file).await?;
        let declared = go_mod.as_deref().and_then(module_path).unwrap_or_default();
        Ok(Candidate { file, go_mod, declared })
    }

    /// A go.mod at a revision.
    pub(super) async fn read_go_mod(&self, id: &str, file: &str) -> Result<Option<Bytes>, CodeError> {
        let max = modfile::MAX_BYTES as u64;
        self.repo.read_file(id, file, max).await.map_err(|cause| match cause {
            VcsError::TooLarge { .. } => {
                CodeError::TooLarge { path: self.layout.path.clone(), file: file.to_owned(), max }
            }
            cause => self.trouble(cause),
        })
    }
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Misplacement::Both { file, major } => {
                write!(f, "{file} and ...{major}/go.mod both have ...{major} module paths")?;
            }
            Misplacement::NoPath { file, looked } => {
                write!(f, "{file} is missing module path{}", Looked(looked))?;
            }
            Misplacement::OtherMajor { file, want, declared, looked } => {
                write!(f, "{file} has non-...{want} module path {}{}", quoted(declared), Looked(looked))?;
            }
            Misplacement::Malformed { file, declared, looked } => {
                write!(f, "{file} has malformed module path {}{}", quoted(declared), Looked(looked))?;
            }
            Misplacement::PostMajor { file, major, declared, looked } => {
                write!(f, "{file} has post-{major} module path {}{}", quoted(declared), Looked(looked))?;
            }
            Misplacement::Missing { directory, looked } if looked.is_empty() => {
                write!(f, "missing {directory}/go.mod")?;
            }
            Misplacement::Missing { directory, looked } => {
                write!(f, "missing {directory}/go.mod and ...{looked}/go.mod")?;
            }
        }
        write!(f, " at revision {}", self.revision)
    }
}

/// That another directory was looked into, if one was.
struct Looked<'a>(&'a str);

impl fmt::Display for Looked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " (and ...{}/go.mod does not exist)", self.0) }
    }
}

//! Why a repository gives no version of a module, in Go's words.
//!
//! Two kinds, never folded into each other: what the repository's content says, which is the same for everybody and remains so
//! (404), and trouble on the way to it. Go treats some trouble as absence, such as a failure to read a go.mod while it looks
//! for the module's directory; here it stays trouble.

use std::sync::Arc;

use gomod::quote::quoted;
use gomod::version::VersionError;
use gomod::zip::ZipError;
use gomod::{ModulePath, ModuleVersion};
use vcs::{Trouble, VcsError};

use super::locate::Misplaced;
use crate::text::shown;
use crate::{Deadline, SourceError};

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CodeError {
    /// What was found for a path is not above it.
    #[error("mismatched repo: found {root} for {path}")]
    Mismatched {
        /// The module.
        path: ModulePath,
        /// The import path of the repository's top.
        root: String,
    },
    /// The repository's top is a directory of a major version, and the module has another one.
    #[error("repository rooted at {root} cannot contain module {path}")]
    Outside {
        /// The module.
        path: ModulePath,
        /// The import path of the repository's top.
        root: String,
    },
    /// There is no such version.
    #[error("{path}@{version}: invalid {}version: {rule}", if *is_pseudo { "pseudo-" } else { "" })]
    Version {
        /// The module.
        path: ModulePath,
        /// The version or query.
        version: String,
        /// Whether it is wrong as a pseudo-version.
        is_pseudo: bool,
        /// What is wrong.
        rule: Box<VersionRule>,
    },
    /// A pseudo-version cannot be taken apart.
    #[error(transparent)]
    Form(VersionError),
    /// No version fits a query.
    #[error("module {path}: no matching versions for query {}", quoted(query))]
    NoMatch {
        /// The module.
        path: ModulePath,
        /// The query.
        query: String,
    },
    /// A go.mod is larger than any that is read.
    #[error("module {path}: {file} file too large (max size is {max} bytes)")]
    TooLarge {
        /// The module.
        path: ModulePath,
        /// The file's path in the repository.
        file: String,
        /// The bound.
        max: u64,
    },
    /// Its files make no module.
    #[error("{module}: create zip: {fault}")]
    Zip {
        /// The module version.
        module: ModuleVersion,
        /// What is wrong with them.
        fault: Arc<ZipError>,
    },
    /// The repository did not answer, or has nothing.
    #[error("module {path}: {cause}")]
    Repo {
        /// The module.
        path: ModulePath,
        /// Why.
        cause: VcsError,
    },
}

/// What is wrong with a version. The texts are those of cmd/go `modfetch.codeRepo`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VersionRule {
    /// The repository has no such revision.
    #[error("{0}")]
    Revision(VcsError),
    /// The module is not at that revision.
    #[error("{0}")]
    Misplaced(Box<Misplaced>),
    /// A canonical version that is not a tag may not mean anything else, such as a branch of that name.
    #[error("resolves to version {found} ({asked} is not a tag)")]
    NotATag {
        /// The version of the revision.
        found: String,
        /// What was asked for.
        asked: String,
    },
    /// Another major version than the module's path has.
    #[error("module path includes a major version suffix, so major version must match")]
    MajorSuffix,
    /// A major version without suffix although there is a go.mod.
    #[error("module contains a go.mod file, so module path must match major version ({})", quoted(want))]
    HasGoMod {
        /// The path that the version would have to have.
        want: String,
    },
    /// Nothing to be incompatible with.
    #[error("+incompatible suffix not allowed: major version {major} is compatible")]
    Compatible {
        /// The major version.
        major: String,
    },
    /// More digits of the commit than are written.
    #[error("revision is longer than canonical (expected {expected})")]
    RevisionLonger {
        /// What is written.
        expected: String,
    },
    /// Fewer digits of the commit than are written.
    #[error("revision is shorter than canonical (expected {expected})")]
    RevisionShorter {
        /// What is written.
        expected: String,
    },
    /// The commit was found by another name.
    #[error("does not match short name of revision (expected {expected})")]
    RevisionOther {
        /// What is written.
        expected: String,
    },
    /// Another time than the commit's.
    #[error("does not match version-control timestamp (expected {expected})")]
    Time {
        /// What is written, as 14 digits.
        expected: String,
    },
    /// v1 without a tag before it.
    #[error("major version without preceding tag must be v0, not v1")]
    MustBeV0,
    /// The commit has the tag itself.
    #[error(
        "tag ({tag}) found on revision {revision} is already canonical, \
         so should not be replaced with a pseudo-version derived from that tag"
    )]
    Tagged {
        /// The tag.
        tag: String,
        /// The short id.
        revision: String,
    },
    /// The tag before it does not exist.
    #[error("preceding tag ({base}) not found")]
    NoBase {
        /// Its version.
        base: String,
    },
    /// The tag is not before it.
    #[error("revision {revision} is not a descendent of preceding tag ({tag})")]
    NotDescendent {
        /// The short id.
        revision: String,
        /// The tag.
        tag: String,
    },
}

impl CodeError {
    /// Whether it is a statement about the module that asking again does not change, as long as its repository does not.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Repo { cause, .. } => cause.is_absent(),
            _ => true,
        }
    }

    /// Whether the repository's server did not let us in.
    pub(super) fn is_refusal(&self) -> bool {
        let Self::Repo { cause: VcsError::Failed { trouble, .. }, .. } = self else { return false };
        *trouble == Trouble::Auth
    }

    /// What it means for an answer. A private module's repository is not proven absent by a server that hides it from those it
    /// does not know. Where a server did not let us in, `shown_to_it` says what it was shown.
    pub(super) fn to_source(&self, is_private: bool, shown_to_it: impl FnOnce() -> String) -> SourceError {
        let text = shown(&self.to_string());
        match self {
            Self::Zip { fault, module } => {
                SourceError::Absent { text: offenders(module, fault), transient: false }
            }
            Self::Repo { cause: cause @ VcsError::Missing { .. }, .. } if is_private => {
                trouble(cause, text).into_outage(&format!("{HIDDEN}\n{}", shown_to_it()))
            }
            Self::Repo { cause: cause @ VcsError::Failed { trouble: Trouble::Auth, .. }, .. } => {
                trouble(cause, text).into_outage(&shown_to_it())
            }
            Self::Repo { cause, .. } => trouble(cause, text),
            _ => SourceError::Absent { text, transient: false },
        }
    }
}

/// As many files as an answer has lines for, and how many more there are.
fn offenders(module: &ModuleVersion, fault: &ZipError) -> String {
    let text = format!("{module}: create zip: {fault}");
    let lines: Vec<&str> = text.lines().collect();
    match lines.get(..3) {
        Some(first) if lines.len() > 4 => {
            let hidden = match fault {
                ZipError::Files(faults) => (faults.faults.len() + faults.more).saturating_sub(3),
                _ => lines.len() - 3,
            };
            shown(&format!("{}\nand {hidden} more", first.join("\n")))
        }
        _ => shown(&text),
    }
}

/// Why a server that says no proves nothing of what is private.
pub(super) const HIDDEN: &str = "a server says the same of what it hides from those it does not know";

/// What a server was shown that did not let us in, by name, for whoever has to renew it.
pub(super) fn shown_to_it(credential: Option<&str>) -> String {
    match credential {
        Some(name) => format!("the credential {name} was sent"),
        None => "no `credential` of Larder's settings is for it".to_owned(),
    }
}

fn trouble(cause: &VcsError, text: String) -> SourceError {
    let unavailable = |text| SourceError::Unavailable { status: None, text, retry_after: None };
    match cause {
        cause if cause.is_absent() => SourceError::Absent { text, transient: false },
        VcsError::Timeout { after, .. } => SourceError::Timeout { what: Deadline::Whole, after: *after },
        VcsError::Refused { address } => SourceError::Refused { address: *address },
        VcsError::Crowded { retry_after } => SourceError::Crowded { retry_after: *retry_after },
        VcsError::Failed { text: words, .. } if !words.is_empty() => {
            unavailable(shown(&format!("{text}\n{words}")))
        }
        _ => unavailable(text),
    }
}

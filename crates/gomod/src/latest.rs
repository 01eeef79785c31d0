//! The rule of `@latest`: which of the listed versions is the newest that one should use.
//!
//! Pure choice among versions (cmd/go `queryMatcher.filterVersions` and the `latest` query). What the caller must
//! still do, because it needs files:
//!
//! 1. Read the go.mod of [`retraction_source`] and take the retractions from it. The choice of that version ignores
//!    retractions on purpose: the newest version may retract itself.
//! 2. If the list has `+incompatible` versions, read the go.mod of [`incompatible_gate`]: a file there means that the
//!    module is past `+incompatible` ([`choose`]); none means that all versions count ([`choose_any`]).
//! 3. If nothing was chosen: the tip of the default branch, unless that is retracted; from a proxy that has no
//!    `@latest`, what its list said about pseudo-versions ([`crate::list::List::newest_pseudo`]). Else it is absent.

use crate::Version;

/// The highest release that is not retracted, else the highest such pre-release. `+incompatible` versions are
/// considered only if every compatible one is retracted or there is none. `versions` in semver order, lowest first.
pub fn choose(versions: &[Version], retracted: impl Fn(&Version) -> bool) -> Option<&Version> {
    highest(versions, |version| !version.is_incompatible() && !retracted(version))
        .or_else(|| choose_any(versions, retracted))
}

/// As [`choose`], but `+incompatible` versions count like others: for a module whose [`incompatible_gate`] has no
/// go.mod file.
pub fn choose_any(versions: &[Version], retracted: impl Fn(&Version) -> bool) -> Option<&Version> {
    highest(versions, |version| !retracted(version))
}

/// The version whose go.mod file decides between [`choose`] and [`choose_any`]: the highest compatible one that is
/// not retracted, pre-releases included. `None` if there is nothing to decide.
pub fn incompatible_gate(versions: &[Version], retracted: impl Fn(&Version) -> bool) -> Option<&Version> {
    let counts = |version: &&Version| !retracted(version);
    versions.iter().filter(counts).find(|version| version.is_incompatible())?;
    versions.iter().rev().filter(counts).find(|version| !version.is_incompatible())
}

/// The version whose go.mod file holds the retractions of the module: the one that would be latest if nothing were
/// retracted (cmd/go `queryLatestVersionIgnoringRetractions`). Where [`incompatible_gate`] has no go.mod file, it is
/// `choose_any` without retractions.
pub fn retraction_source(versions: &[Version]) -> Option<&Version> {
    choose(versions, |_| false)
}

fn highest(versions: &[Version], counts: impl Fn(&Version) -> bool) -> Option<&Version> {
    let candidates = || versions.iter().rev().filter(|version| counts(version));
    candidates().find(|version| !version.is_prerelease()).or_else(|| candidates().next())
}

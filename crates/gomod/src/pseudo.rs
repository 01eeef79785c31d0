//! Pseudo-versions: versions made from a commit, its time and the tag before it.
//!
//! `v0.0.0-20260102030405-0123456789ab` has no tag before it, `v1.2.4-0.20260102030405-0123456789ab` comes after
//! `v1.2.3`, and `v1.3.0-rc.1.0.20260102030405-0123456789ab` after `v1.3.0-rc.1`; `+incompatible` is kept at the
//! end. The rules are x/mod `module/pseudo.go`. Whether the commit exists and the tag is an ancestor of it is a
//! question to a repository and not asked here.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::semver;
use crate::version::{VersionError, VersionFault};

/// The digits of a time, `20060102150405`.
const TIME_LEN: usize = 14;

/// The parts of a pseudo-version, as slices of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PseudoVersion<'a> {
    whole: &'a str,
    /// What is before the time, without the separator: `v0.0.0`, `v1.2.4-0`, `v1.3.0-rc.1.0`.
    stem: &'a str,
    timestamp: &'a str,
    rev: &'a str,
    build: &'a str,
}

/// Whether the text has the form of a pseudo-version (x/mod `module.IsPseudoVersion`).
pub fn is_pseudo(version: &str) -> bool {
    split(version).is_some()
}

/// Writes a pseudo-version (x/mod `module.PseudoVersion`).
///
/// `major` is `v2` or empty for `v0` and counts only if `older`, the version of the tag before the commit, is not
/// a semantic version. `time` is written in UTC, to the second.
pub fn pseudo_version(major: &str, older: &str, time: Timestamp, rev: &str) -> String {
    let time = time.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string();
    let build = semver::build(older);
    let Some(base) = semver::canonical(older) else {
        let major = if major.is_empty() { "v0" } else { major };
        return format!("{major}.0.0-{time}-{rev}");
    };
    if !semver::prerelease(&base).is_empty() {
        return format!("{base}.0.{time}-{rev}{build}");
    }
    let (minor, patch) = base.rsplit_once('.').unwrap_or((&base, "0"));
    format!("{minor}.{}-0.{time}-{rev}{build}", increment(patch))
}

/// The pseudo-version that stands for no commit, `v2.0.0-00010101000000-000000000000`
/// (x/mod `module.ZeroPseudoVersion`).
pub fn zero_pseudo_version(major: &str) -> String {
    let major = if major.is_empty() { "v0" } else { major };
    format!("{major}.0.0-00010101000000-000000000000")
}

/// Whether a version is the one that stands for no commit (x/mod `module.IsZeroPseudoVersion`).
pub fn is_zero_pseudo_version(version: &str) -> bool {
    version == zero_pseudo_version(semver::major(version))
}

impl<'a> PseudoVersion<'a> {
    /// Takes a pseudo-version apart.
    pub fn parse(version: &'a str) -> Result<Self, VersionError> {
        split(version).ok_or_else(|| VersionError::new(version, VersionFault::PseudoSyntax))
    }

    /// The time of the commit (x/mod `module.PseudoVersionTime`).
    pub fn time(&self) -> Result<Timestamp, VersionError> {
        parse_time(self.timestamp)
            .ok_or_else(|| VersionError::new(self.whole, VersionFault::PseudoTime(self.timestamp.to_owned())))
    }

    /// The time of the commit as it is written, 14 digits that need not be a date.
    pub fn timestamp(&self) -> &'a str {
        self.timestamp
    }

    /// The revision: the first 12 hex digits of a commit, or a number (x/mod `module.PseudoVersionRev`).
    pub fn rev(&self) -> &'a str {
        self.rev
    }

    /// The version of the tag before the commit; `None` if there is none (x/mod `module.PseudoVersionBase`).
    pub fn base(&self) -> Result<Option<String>, VersionError> {
        let fail = |fault| Err(VersionError::new(self.whole, fault));
        match self.stem.split_once('-') {
            None if self.build.is_empty() => Ok(None),
            None => fail(VersionFault::PseudoBuild(self.build.to_owned())),
            Some((next, "0")) => {
                let predecessor =
                    next.rsplit_once('.').and_then(|(minor, patch)| Some((minor, decrement(patch)?)));
                match predecessor {
                    Some((minor, patch)) => Ok(Some(format!("{minor}.{patch}{}", self.build))),
                    None => fail(VersionFault::PseudoPatch(next.to_owned())),
                }
            }
            Some(_) => {
                let base = self.stem.strip_suffix(".0").unwrap_or(self.stem);
                Ok(Some(format!("{base}{}", self.build)))
            }
        }
    }
}

/// Go's regular expression for pseudo-versions, taken apart from the end (x/mod `pseudoVersionRE`).
fn split(whole: &str) -> Option<PseudoVersion<'_>> {
    let (plain, build) = whole.split_at_checked(whole.find('+').unwrap_or(whole.len()))?;
    let (head, rev) = plain.rsplit_once('-')?;
    let (stem, timestamp) = head.split_at_checked(head.len().checked_sub(TIME_LEN)?)?;
    let is_timestamp = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    if !is_timestamp || rev.is_empty() || !rev.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let stem = match stem.split_once('-')? {
        // Only the first version of a major can be without a tag before it.
        (first, "") => first.ends_with(".0.0").then_some(first)?,
        (_, "0.") => stem.strip_suffix('.')?,
        (_, base) => base.ends_with(".0.").then(|| stem.strip_suffix('.'))??,
    };
    // Last, because it is what costs; it also makes sure that the numbers are numbers.
    semver::is_valid(whole).then_some(PseudoVersion { whole, stem, timestamp, rev, build })
}

fn parse_time(digits: &str) -> Option<Timestamp> {
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i8>().ok();
    let year = digits.get(..4)?.parse::<i16>().ok()?;
    let time = DateTime::new(
        year,
        number(4..6)?,
        number(6..8)?,
        number(8..10)?,
        number(10..12)?,
        number(12..14)?,
        0,
    );
    Some(time.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Adds one to a decimal number of any length (x/mod `incDecimal`).
fn increment(decimal: &str) -> String {
    let stem = decimal.trim_end_matches('9');
    let zeros = "0".repeat(decimal.len() - stem.len());
    match stem.char_indices().next_back() {
        Some((at, last)) => format!("{}{}{zeros}", stem.split_at(at).0, step(last, 1)),
        None => format!("1{zeros}"),
    }
}

/// Takes one from a decimal number without leading zeros; `None` for zero (x/mod `decDecimal`).
fn decrement(decimal: &str) -> Option<String> {
    let stem = decimal.trim_end_matches('0');
    let nines = "9".repeat(decimal.len() - stem.len());
    let (at, last) = stem.char_indices().next_back()?;
    if stem == "1" && !nines.is_empty() {
        return Some(nines);
    }
    Some(format!("{}{}{nines}", stem.split_at(at).0, step(last, -1)))
}

fn step(digit: char, by: i8) -> char {
    u8::try_from(digit).ok().and_then(|digit| digit.checked_add_signed(by)).map_or('0', char::from)
}

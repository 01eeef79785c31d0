//! Go's semantic versions on plain text, short forms `v1` and `v1.2` included (x/mod `semver`).
//!
//! Tags, queries and lists from outside are any text at all, so these are functions on `&str`; a text that has
//! passed [`Version::parse`](crate::Version::parse) is a canonical version and has a type. Numbers are compared
//! as decimal text and have no upper bound.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The parts of a valid version, as slices of it. Absent parts of a short form are `0`.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    major: &'a str,
    minor: &'a str,
    patch: &'a str,
    /// What a short form lacks: `.0.0`, `.0`, or nothing.
    short: &'static str,
    /// With its leading `-`, or empty.
    prerelease: &'a str,
    /// With its leading `+`, or empty.
    build: &'a str,
}

/// Whether the text is a semantic version: `v1`, `v1.2`, `v1.2.3-pre+build` (x/mod `semver.IsValid`).
pub fn is_valid(version: &str) -> bool {
    parts(version).is_some()
}

/// The version with all three numbers and without build metadata; `None` if it is not a semantic version
/// (x/mod `semver.Canonical`).
pub fn canonical(version: &str) -> Option<Cow<'_, str>> {
    let parts = parts(version)?;
    if parts.short.is_empty() {
        Some(Cow::Borrowed(version.strip_suffix(parts.build).unwrap_or(version)))
    } else {
        Some(Cow::Owned(format!("{version}{}", parts.short)))
    }
}

/// The major version with its `v`: `v2` of `v2.1.0`; empty if not valid (x/mod `semver.Major`).
pub fn major(version: &str) -> &str {
    parts(version).and_then(|parts| version.get(..=parts.major.len())).unwrap_or("")
}

/// The major and minor version: `v2.1` of `v2.1.0`; empty if not valid (x/mod `semver.MajorMinor`).
pub fn major_minor(version: &str) -> Cow<'_, str> {
    let Some(parts) = parts(version) else { return Cow::Borrowed("") };
    match version.get(..parts.major.len() + parts.minor.len() + 2) {
        Some(both) => Cow::Borrowed(both),
        None => Cow::Owned(format!("{version}.0")),
    }
}

/// The pre-release with its dash: `-rc.1` of `v2.1.0-rc.1`; empty if there is none or the version is not valid
/// (x/mod `semver.Prerelease`).
pub fn prerelease(version: &str) -> &str {
    parts(version).map_or("", |parts| parts.prerelease)
}

/// The build metadata with its plus: `+incompatible` of `v2.1.0+incompatible`; empty if there is none or the
/// version is not valid (x/mod `semver.Build`).
pub fn build(version: &str) -> &str {
    parts(version).map_or("", |parts| parts.build)
}

/// Compares by precedence: build metadata is left out, and what is not valid is less than all that is
/// (x/mod `semver.Compare`).
pub fn compare(left: &str, right: &str) -> Ordering {
    match (parts(left), parts(right)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(left), Some(right)) => compare_number(left.major, right.major)
            .then_with(|| compare_number(left.minor, right.minor))
            .then_with(|| compare_number(left.patch, right.patch))
            .then_with(|| compare_prerelease(left.prerelease, right.prerelease)),
    }
}

/// Compares by precedence and, where that is equal, by bytes: the order in which versions are sorted
/// (x/mod `semver.Sort`).
pub fn compare_total(left: &str, right: &str) -> Ordering {
    compare(left, right).then_with(|| left.cmp(right))
}

fn parts(version: &str) -> Option<Parts<'_>> {
    let (major, rest) = number(version.strip_prefix('v')?)?;
    let mut parts = Parts { major, minor: "0", patch: "0", short: ".0.0", prerelease: "", build: "" };
    if rest.is_empty() {
        return Some(parts);
    }
    let (minor, rest) = number(rest.strip_prefix('.')?)?;
    parts.minor = minor;
    parts.short = ".0";
    if rest.is_empty() {
        return Some(parts);
    }
    let (patch, rest) = number(rest.strip_prefix('.')?)?;
    parts.patch = patch;
    parts.short = "";
    (parts.prerelease, parts.build) = rest.split_at(rest.find('+').unwrap_or(rest.len()));
    let fine = match (parts.prerelease.strip_prefix('-'), parts.build.strip_prefix('+')) {
        (None, _) if !parts.prerelease.is_empty() => false,
        (prerelease, build) => {
            prerelease.is_none_or(|list| list.split('.').all(|ident| is_ident(ident) && !is_padded(ident)))
                && build.is_none_or(|list| list.split('.').all(is_ident))
        }
    };
    fine.then_some(parts)
}

/// Splits a decimal number without leading zeros off the front.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    (!digits.is_empty() && !is_padded(digits)).then_some((digits, rest))
}

fn is_ident(ident: &str) -> bool {
    !ident.is_empty() && ident.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_number(ident: &str) -> bool {
    ident.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the identifier is a number with leading zeros.
fn is_padded(ident: &str) -> bool {
    ident.len() > 1 && ident.starts_with('0') && is_number(ident)
}

/// Compares decimal numbers without leading zeros.
fn compare_number(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn compare_prerelease(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (idents(left), idents(right));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => match compare_ident(one, other) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

/// The identifiers of a pre-release, without its dash.
fn idents(prerelease: &str) -> std::str::Split<'_, char> {
    prerelease.strip_prefix('-').unwrap_or(prerelease).split('.')
}

/// Numbers come before words; numbers are compared by value, words by bytes.
fn compare_ident(left: &str, right: &str) -> Ordering {
    match (is_number(left), is_number(right)) {
        (true, true) => compare_number(left, right),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.cmp(right),
    }
}

//! The major version suffix of module paths, and which versions fit it.

use crate::semver;
use crate::version::VersionFault;

/// Splits a path into what is before its major version suffix and the suffix with its separator, `/v2` or, for
/// gopkg.in, `.v2` (x/mod `module.SplitPathVersion`). `None` if the suffix is not a legal one.
pub fn split_path_version(path: &str) -> Option<(&str, &str)> {
    if path.starts_with("gopkg.in/") {
        return split_gopkg_in(path);
    }
    let stem = path.trim_end_matches(|rune: char| rune.is_ascii_digit() || rune == '.');
    let number = path.get(stem.len()..)?;
    let Some(prefix) = stem.strip_suffix("/v").filter(|_| !number.is_empty()) else {
        return Some((path, ""));
    };
    if number.contains('.') || number.starts_with('0') || number == "1" {
        return None;
    }
    path.split_at_checked(prefix.len())
}

/// The same for gopkg.in, where every path has a suffix, and `.v0` and `.v1` are suffixes (x/mod `splitGopkgIn`).
fn split_gopkg_in(path: &str) -> Option<(&str, &str)> {
    let plain = path.strip_suffix("-unstable").unwrap_or(path);
    let stem = plain.trim_end_matches(|rune: char| rune.is_ascii_digit());
    let number = plain.get(stem.len()..)?;
    let prefix = stem.strip_suffix(".v")?;
    let is_stable = plain.len() == path.len();
    let is_legal = match number {
        // Go takes `.v-unstable` for a suffix. No version fits it.
        "" => !is_stable,
        "0" => is_stable,
        _ => !number.starts_with('0'),
    };
    if is_legal { path.split_at_checked(prefix.len()) } else { None }
}

/// Checks that a version fits a major version suffix, as [`split_path_version`] gives it
/// (x/mod `module.CheckPathMajor`).
///
/// Without a suffix fit v0, v1 and whatever is marked `+incompatible`.
pub fn check_path_major(version: &str, path_major: &str) -> Result<(), VersionFault> {
    let suffix = match path_major.strip_suffix("-unstable") {
        Some(stable) if stable.starts_with(".v") => stable,
        _ => path_major,
    };
    // An old `go` command made v0.0.0 pseudo-versions for gopkg.in paths of v1; go.mod files still name them.
    if suffix == ".v1" && version.starts_with("v0.0.0-") {
        return Ok(());
    }
    let major = semver::major(version);
    let (fits, allowed) = match suffix.strip_prefix(['/', '.']) {
        Some(wanted) => (major == wanted, wanted),
        None => (matches!(major, "v0" | "v1") || semver::build(version) == "+incompatible", "v0 or v1"),
    };
    if fits {
        return Ok(());
    }
    Err(VersionFault::Major { allowed: allowed.to_owned(), major: major.to_owned() })
}

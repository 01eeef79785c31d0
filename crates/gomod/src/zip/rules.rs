//! The rules for names and sizes in a module zip.
//!
//! What this is for: everything the go command asks of a zip before it unpacks it, decided from the central directory
//! alone, so that a zip that breaks a rule costs no inflating.
//!
//! The rules come from x/mod `zip.CheckZip`.

use super::collision::Collisions;
use super::directory::{Directory, Entry};
use super::fault::{FileFaults, FileRule, LayoutFault, ZipError};
use super::{MAX_GO_MOD_BYTES, MAX_LICENSE_BYTES, MAX_NAME_WORK_BYTES, MAX_NAMES, MAX_ZIP_BYTES};
use crate::path::check_file_path;

/// Checks all entries against the rules for the module whose names begin with `prefix`, `<module>@<version>/`.
/// Returns the size of all files.
pub(super) fn check(directory: &Directory, prefix: &str) -> Result<u64, ZipError> {
    let mut faults = FileFaults::default();
    let mut collisions = Collisions::default();
    let mut total_bytes: u64 = 0;
    let mut too_large = false;
    for entry in directory.entries() {
        match check_entry(&entry, prefix, &mut collisions) {
            Ok(None) => {}
            Ok(Some(path)) => {
                let total = total_bytes.saturating_add(entry.size_bytes);
                if total <= MAX_ZIP_BYTES {
                    total_bytes = total;
                } else {
                    too_large = true;
                }
                if let Err(rule) = check_size(path, entry.size_bytes) {
                    faults.push(entry.name, rule);
                }
            }
            Err(rule) => faults.push(entry.name, rule),
        }
        if collisions.names() > MAX_NAMES || collisions.work_bytes() > MAX_NAME_WORK_BYTES {
            return Err(LayoutFault::TooMany.into());
        }
    }
    if too_large {
        Err(ZipError::ContentTooLarge)
    } else if faults.is_empty() {
        Ok(total_bytes)
    } else {
        Err(ZipError::Files(faults))
    }
}

/// The path of a file within the module, `None` for directories.
fn check_entry<'a>(
    entry: &Entry<'a>,
    prefix: &str,
    collisions: &mut Collisions<'a>,
) -> Result<Option<&'a str>, FileRule> {
    let Some(name) = entry.name.strip_prefix(prefix.as_bytes()) else {
        return Err(FileRule::Prefix { prefix: prefix.to_owned() });
    };
    if name.is_empty() {
        return Ok(None);
    }
    let (name, is_directory) = name.strip_suffix(b"/").map_or((name, false), |name| (name, true));
    if !is_clean(name) {
        return Err(FileRule::NotClean);
    }
    let path = as_text(name)?;
    check_file_path(path)?;
    collisions.add(path, is_directory)?;
    if is_directory {
        return Ok(None);
    }
    match path.rsplit_once('/') {
        Some((_, base)) if base.eq_ignore_ascii_case("go.mod") => Err(FileRule::GoModNotRoot),
        None if path.eq_ignore_ascii_case("go.mod") && path != "go.mod" => Err(FileRule::GoModCase),
        _ => Ok(Some(path)),
    }
}

/// The limits of single files, by path within the module.
pub(super) fn check_size(path: &str, size_bytes: u64) -> Result<(), FileRule> {
    match path {
        "go.mod" if size_bytes > MAX_GO_MOD_BYTES => Err(FileRule::GoModTooLarge),
        "LICENSE" if size_bytes > MAX_LICENSE_BYTES => Err(FileRule::LicenseTooLarge),
        _ => Ok(()),
    }
}

/// The path as text.
pub(super) fn as_text(path: &[u8]) -> Result<&str, FileRule> {
    std::str::from_utf8(path)
        .map_err(|_| FileRule::NotUtf8 { path: String::from_utf8_lossy(path).into_owned() })
}

/// Whether a path is its own shortest form (Go `path.Clean(p) == p`).
pub(super) fn is_clean(path: &[u8]) -> bool {
    let (elements, absolute) = path.strip_prefix(b"/").map_or((path, false), |rest| (rest, true));
    if elements.is_empty() || path == b"." {
        return !path.is_empty();
    }
    // Parents may be climbed only at the begin of a relative path.
    let mut climbing = !absolute;
    elements.split(|byte| *byte == b'/').all(|element| {
        climbing &= element == b"..";
        !matches!(element, b"" | b".") && (climbing || element != b"..")
    })
}

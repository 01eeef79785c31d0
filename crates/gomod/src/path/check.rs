//! Which texts are module paths, import paths and names of files (x/mod `module.checkPath`, `checkElem`).

use super::{PathError, PathFault, PathKind, split_path_version};
use crate::unicode::is_letter;

/// Checks the path of a package (x/mod `module.CheckImportPath`).
pub fn check_import_path(path: &str) -> Result<(), PathError> {
    check(path, PathKind::Import).map_err(|fault| malformed(PathKind::Import, path, fault))
}

/// Checks the slash-separated name of a file in a module (x/mod `module.CheckFilePath`).
pub fn check_file_path(path: &str) -> Result<(), PathError> {
    check(path, PathKind::File).map_err(|fault| malformed(PathKind::File, path, fault))
}

/// Checks one element of the name of a file, which is also what a version must be (x/mod `module.checkElem`).
pub(crate) fn check_file_element(element: &str) -> Result<(), PathFault> {
    check_element(element, PathKind::File)
}

/// Checks the path of a module (x/mod `module.CheckPath`).
pub(super) fn check_module_path(path: &str) -> Result<(), PathError> {
    check(path, PathKind::Module)
        .and_then(|()| check_host(path.split('/').next().unwrap_or(path)))
        .and_then(|()| split_path_version(path).map(|_| ()).ok_or(PathFault::InvalidMajor))
        .map_err(|fault| malformed(PathKind::Module, path, fault))
}

fn malformed(kind: PathKind, path: &str, fault: PathFault) -> PathError {
    PathError::Malformed { kind, path: path.to_owned(), fault }
}

fn check_host(host: &str) -> Result<(), PathFault> {
    if !host.contains('.') {
        return Err(PathFault::MissingDot);
    }
    match host.chars().find(|rune| !matches!(rune, '-' | '.' | '0'..='9' | 'a'..='z')) {
        Some(rune) => Err(PathFault::InvalidHostChar(rune)),
        None => Ok(()),
    }
}

fn check(path: &str, kind: PathKind) -> Result<(), PathFault> {
    if path.is_empty() {
        return Err(PathFault::Empty);
    }
    if path.starts_with('-') && kind != PathKind::File {
        return Err(PathFault::LeadingDash);
    }
    // A path whose elements are fine has no empty one, so its slashes need a look only where they are not.
    path.split('/').try_for_each(|element| check_element(element, kind)).map_err(|fault| {
        if path.contains("//") {
            PathFault::DoubleSlash
        } else if path.ends_with('/') {
            PathFault::TrailingSlash
        } else {
            fault
        }
    })
}

fn check_element(element: &str, kind: PathKind) -> Result<(), PathFault> {
    if element.is_empty() {
        return Err(PathFault::EmptyElement);
    }
    if element.bytes().all(|byte| byte == b'.') {
        return Err(PathFault::Dots(element.to_owned()));
    }
    if element.starts_with('.') && kind == PathKind::Module {
        return Err(PathFault::LeadingDot);
    }
    if element.ends_with('.') {
        return Err(PathFault::TrailingDot);
    }
    // Bytes first: they are far quicker to look at than characters, and this is done for each request.
    if !element.bytes().all(is_plain)
        && let Some(rune) = element.chars().find(|&rune| !is_allowed(rune, kind))
    {
        return Err(PathFault::InvalidChar(rune));
    }
    let stem = element.split('.').next().unwrap_or(element);
    if is_windows_device(stem) {
        return Err(PathFault::WindowsDevice(stem.to_owned()));
    }
    // Short names are feared in import paths only.
    if kind != PathKind::File && is_windows_short_name(stem) {
        return Err(PathFault::WindowsShortName);
    }
    Ok(())
}

/// Whether elements of all paths may hold the character.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether an element of such a path may hold the character (x/mod `modPathOK`, `importPathOK`, `fileNameOK`).
fn is_allowed(rune: char, kind: PathKind) -> bool {
    match rune {
        _ if u8::try_from(rune).is_ok_and(is_plain) => true,
        '+' => kind != PathKind::Module,
        '!' | '#' | '$' | '%' | '&' | '(' | ')' | ',' | '=' | '@' | '[' | ']' | '^' | '{' | '}' | ' ' => {
            kind == PathKind::File
        }
        _ => kind == PathKind::File && !rune.is_ascii() && is_letter(rune),
    }
}

/// Whether Windows takes a file of that name for a device, in any case (x/mod `badWindowsNames`).
fn is_windows_device(stem: &str) -> bool {
    match stem.as_bytes() {
        [_, _, _] => ["con", "prn", "aux", "nul"].iter().any(|name| stem.eq_ignore_ascii_case(name)),
        [port @ .., b'1'..=b'9'] if port.len() == 3 => {
            port.eq_ignore_ascii_case(b"com") || port.eq_ignore_ascii_case(b"lpt")
        }
        _ => false,
    }
}

/// Whether the text ends in a tilde and digits, as the second names that Windows gives to long names do.
fn is_windows_short_name(stem: &str) -> bool {
    stem.rsplit_once('~')
        .is_some_and(|(_, tail)| !tail.is_empty() && tail.bytes().all(|byte| byte.is_ascii_digit()))
}

//! From a URL path to a request.

use std::borrow::Cow;

use super::{FileKind, Malformed, NotFound, Query, Request, RequestError, sumdb};
use crate::path::{EscapedPath, ModulePath};
use crate::version::{VersionError, VersionFault, unescape_version};
use crate::{ModuleVersion, Version};

pub(super) fn parse(raw: &str) -> Result<Request, RequestError> {
    parse_name(decode(raw)?.as_ref())
}

pub(super) fn parse_name(path: &str) -> Result<Request, RequestError> {
    if let Some(rest) = path.strip_prefix("sumdb/") {
        return sumdb::parse(path, rest).map(Request::SumDb);
    }
    let shape = || NotFound::Shape { path: path.to_owned() };
    // A module path cannot hold an `@`, so the first one after a slash ends it.
    let end = path.as_bytes().windows(2).position(|pair| pair == b"/@").ok_or_else(shape)?;
    let (module, rest) = path.split_at_checked(end).ok_or_else(shape)?;
    if rest == "/@latest" {
        return Ok(Request::Latest(EscapedPath::unescape(module)?));
    }
    let file = rest.strip_prefix("/@v/").filter(|file| !file.contains('/')).ok_or_else(shape)?;
    if file != "list" && extension(file).is_none() {
        return Err(shape().into());
    }
    parse_file(&EscapedPath::unescape(module)?, file)
}

/// Reads the request for a file in the `@v` directory of a module.
pub(super) fn parse_file(module: &ModulePath, name: &str) -> Result<Request, RequestError> {
    if name == "list" {
        return Ok(Request::List(module.clone()));
    }
    let shape = || NotFound::Shape { path: format!("{}/@v/{name}", module.escaped_str()) };
    let (escaped, kind) = extension(name).ok_or_else(shape)?;
    parse_version(module, escaped, kind).map_err(|error| error.of(module).into())
}

/// What stands before the extension, and the kind that this means.
fn extension(name: &str) -> Option<(&str, FileKind)> {
    let (stem, extension) = name.rsplit_once('.')?;
    Some((stem, FileKind::parse(extension)?))
}

/// Reads the request for a file of a module by the escaped version in its name.
fn parse_version(module: &ModulePath, escaped: &str, kind: FileKind) -> Result<Request, VersionError> {
    named(module, &unescape_version(escaped)?, kind)
}

/// The same for a version that is not escaped.
pub(super) fn named(module: &ModulePath, text: &str, kind: FileKind) -> Result<Request, VersionError> {
    let version = match Version::parse(text) {
        Ok(version) => ModuleVersion::new(module.clone(), version),
        Err(error) => Err(error),
    };
    match version {
        Ok(version) => Ok(Request::File(version, kind)),
        Err(error) if kind == FileKind::Info && may_name_another(module, &error) => {
            Ok(Request::Query(module.clone(), Query::parse(text)?))
        }
        Err(error) => Err(error),
    }
}

/// Whether a text that is no version of the module may name one: any text that is not canonical, and a version
/// of a greater major, because the tag `v2.0.0` of a module without go.mod is its version `v2.0.0+incompatible`,
/// which only the repository can tell.
fn may_name_another(module: &ModulePath, error: &VersionError) -> bool {
    !matches!(error.fault, VersionFault::Major { .. }) || module.path_major().is_empty()
}

/// Takes percent-encoding back, once. A `+` stands for itself, as in any path.
fn decode(raw: &str) -> Result<Cow<'_, str>, Malformed> {
    if !raw.bytes().any(|byte| matches!(byte, b'%' | 0 | b'\\')) {
        return Ok(Cow::Borrowed(raw));
    }
    let path = String::from_utf8(decode_bytes(raw)?).map_err(|_| Malformed::Utf8)?;
    if path.contains('\0') {
        return Err(Malformed::Nul);
    }
    if path.contains('\\') { Err(Malformed::Backslash) } else { Ok(Cow::Owned(path)) }
}

fn decode_bytes(raw: &str) -> Result<Vec<u8>, Malformed> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match digit().zip(digit()) {
            None => return Err(Malformed::PercentEncoding),
            Some((2, 15)) => return Err(Malformed::EncodedSlash),
            Some((high, low)) => decoded.push(high << 4 | low),
        }
    }
    Ok(decoded)
}

/// Reads `<module>@<version>`, both escaped (x/mod `sumdb.Server`, operation lookup).
pub(super) fn parse_lookup(text: &str) -> Result<ModuleVersion, RequestError> {
    let (module, escaped) =
        text.split_once('@').filter(|&(module, _)| !module.is_empty()).ok_or(Malformed::Lookup)?;
    if !looks_like_version(escaped) {
        return Err(Malformed::Lookup.into());
    }
    let module = EscapedPath::unescape(module)?;
    let version = Version::unescape(escaped).map_err(|error| error.of(&module))?;
    Ok(ModuleVersion::new(module, version)?)
}

/// Go's `^v[0-9]+\.[0-9]+\.[0-9]+(-[^@]*)?(\+incompatible)?$` (x/mod `sumdb.modVerRE`).
fn looks_like_version(text: &str) -> bool {
    let plain = text.strip_suffix("+incompatible").unwrap_or(text);
    let numbers = plain.split_once('-').map_or(plain, |(numbers, _)| numbers);
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    numbers
        .strip_prefix('v')
        .is_some_and(|numbers| numbers.split('.').count() == 3 && numbers.split('.').all(is_number))
        && !text.contains('@')
}

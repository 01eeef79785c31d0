//! The part of a URL path that belongs to a checksum database.

use std::sync::Arc;

use super::{Malformed, NotFound, RequestError, SumDbOperation, SumDbRequest, parse::parse_lookup};

/// The greatest height of a tile (x/mod `tlog.ParseTilePath`).
const MAX_HEIGHT: u32 = 30;
/// The greatest level of a tile: a tree of 2^63 records has no more.
const MAX_LEVEL: u32 = 63;

/// Reads `<name>/<operation>`; `path` is the whole, to be named in errors.
pub(super) fn parse(path: &str, rest: &str) -> Result<SumDbRequest, RequestError> {
    let shape = || NotFound::SumDbShape { path: path.to_owned() };
    let lookup = rest.find("/lookup/");
    let tile = rest.find("/tile/");
    let end = match (lookup, tile) {
        (Some(lookup), Some(tile)) => lookup.min(tile),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => rest.rfind('/').ok_or_else(shape)?,
    };
    let (name, operation) = rest.split_at_checked(end).ok_or_else(shape)?;
    if !is_name(name) {
        return Err(NotFound::SumDbName { name: name.to_owned() }.into());
    }
    let operation = match operation {
        "/supported" => SumDbOperation::Supported,
        "/latest" => SumDbOperation::Latest,
        _ => {
            if let Some(text) = operation.strip_prefix("/lookup/") {
                SumDbOperation::Lookup(parse_lookup(text)?)
            } else {
                let text = operation.strip_prefix("/tile/").ok_or_else(shape)?;
                SumDbOperation::Tile(parse_tile(text).ok_or(Malformed::Tile)?)
            }
        }
    };
    Ok(SumDbRequest { name: Arc::from(name), operation })
}

/// Whether the text is a host with an optional port and an optional path, safe as a path of directories.
fn is_name(name: &str) -> bool {
    let (host, path) = name.split_once('/').map_or((name, None), |(host, path)| (host, Some(path)));
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    is_name_element(host)
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        && path.is_none_or(|path| path.split('/').all(is_name_element))
}

fn is_name_element(element: &str) -> bool {
    element.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
        && !element.bytes().all(|byte| byte == b'.')
}

/// Checks the path of a tile after `tile/`: `8/0/x001/234.p/5` (x/mod `tlog.ParseTilePath`). Only the canonical
/// spelling will do, so that a tile has one name.
fn parse_tile(path: &str) -> Option<Arc<str>> {
    let (height, rest) = path.split_once('/')?;
    let height = parse_number(height, MAX_HEIGHT).filter(|&height| height > 0)?;
    let (level, rest) = rest.split_once('/')?;
    if level != "data" {
        parse_number(level, MAX_LEVEL)?;
    }
    let number = match rest.split_once(".p/") {
        None => rest,
        Some((number, width)) => {
            parse_number(width, (1 << height) - 1).filter(|&width| width > 0)?;
            number
        }
    };
    is_tile_number(number).then(|| Arc::from(path))
}

/// Whether the text is a number in groups of three digits, all but the last after an `x`: `x001/x234/067`.
fn is_tile_number(text: &str) -> bool {
    let mut number = 0_i64;
    let mut groups = text.split('/').peekable();
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() { group.strip_prefix('x') } else { Some(group) };
        let digits =
            digits.filter(|digits| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(value) = digits.and_then(|digits| digits.parse::<i64>().ok()) else { return false };
        let Some(next) = number.checked_mul(1000).and_then(|number| number.checked_add(value)) else {
            return false;
        };
        // A group of zeros in front is a longer name of the same number.
        if next == 0 && groups.peek().is_some() {
            return false;
        }
        number = next;
    }
    true
}

/// Reads a decimal number without leading zeros.
fn parse_number(text: &str, max: u32) -> Option<u32> {
    let is_canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|&number| is_canonical && number <= max)
}

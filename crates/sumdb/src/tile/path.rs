//! Paths of tiles, read and written.

use std::fmt;
use std::str::FromStr;

use gomod::request::SumDbOperation;

use super::{MAX_HEIGHT, MAX_LEVEL, Tile};

/// What every path begins with.
const PREFIX: &str = "tile/";
/// Each element of a path holds three digits of the number.
const BASE: u64 = 1000;

/// A text is not the one path of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed tile path")]
pub struct MalformedPath;

impl Tile {
    /// Reads a path, `tile/8/0/x001/234.p/5` (x/mod `tlog.ParseTilePath`). Only the canonical one will do.
    pub fn parse(path: &str) -> Result<Self, MalformedPath> {
        parse(path).ok_or(MalformedPath)
    }

    /// Reads the path of a request, which begins after `tile/`: `8/0/x001/234.p/5` ([`SumDbOperation::Tile`]).
    pub fn of_request(path: &str) -> Result<Self, MalformedPath> {
        Self::parse(&format!("{PREFIX}{path}"))
    }
}

/// What is asked for to get a tile.
impl From<Tile> for SumDbOperation {
    fn from(tile: Tile) -> Self {
        let path = tile.to_string();
        Self::Tile(path.strip_prefix(PREFIX).unwrap_or(&path).into())
    }
}

fn parse(path: &str) -> Option<Tile> {
    let (height, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
    let height = parse_decimal(height, MAX_HEIGHT.into())?;
    let (level, rest) = rest.split_once('/')?;
    let level = match level {
        "data" => None,
        level => Some(u8::try_from(parse_decimal(level, MAX_LEVEL.into())?).ok()?),
    };
    let full = 1_u32.checked_shl(height)?;
    let (number, width) = match rest.split_once(".p/") {
        None => (rest, full),
        Some((number, width)) => (number, parse_decimal(width, full - 1)?),
    };
    Tile::new(u8::try_from(height).ok()?, level, parse_number(number)?, width)
}

/// Reads a decimal number without leading zeros, up to a greatest one.
fn parse_decimal(text: &str, max: u32) -> Option<u32> {
    let canonical = |number: &u32| *number <= max && number.to_string() == text;
    text.parse().ok().filter(canonical)
}

/// Reads a number in groups of three digits, all but the last after an `x`.
fn parse_number(text: &str) -> Option<u64> {
    let (front, last) = text.rsplit_once('/').map_or((None, text), |(front, last)| (Some(front), last));
    let mut number: u64 = 0;
    for group in front.into_iter().flat_map(|front| front.split('/')) {
        number = number.checked_mul(BASE)?.checked_add(parse_group(group.strip_prefix('x')?)?)?;
        // A group of zeros in front is a longer path of the same tile.
        if number == 0 {
            return None;
        }
    }
    number.checked_mul(BASE)?.checked_add(parse_group(last)?)
}

fn parse_group(digits: &str) -> Option<u64> {
    let is_group = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| is_group)
}

impl FromStr for Tile {
    type Err = MalformedPath;

    fn from_str(path: &str) -> Result<Self, MalformedPath> {
        Self::parse(path)
    }
}

/// The path, which is also where the tile is asked for (x/mod `tlog.Tile.Path`).
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/", self.height)?;
        match self.level {
            None => f.write_str("data")?,
            Some(level) => write!(f, "{level}")?,
        }
        let mut scale = 1;
        while self.number / scale >= BASE {
            scale *= BASE;
        }
        while scale > 1 {
            write!(f, "/x{:03}", self.number / scale % BASE)?;
            scale /= BASE;
        }
        write!(f, "/{:03}", self.number % BASE)?;
        if self.is_whole() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

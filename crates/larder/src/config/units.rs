//! Durations and sizes, written as text with their units: `90s`, `1h30m`, `64MiB`.
//!
//! A bare number is refused: its unit would be a guess. Printing uses the largest unit that divides the value, so
//! that printing and reading are inverses. Sizes are powers of two only; `MB` is refused because half of the
//! world means 1000 by it and half 1024.

use std::fmt;
use std::str::FromStr;

use super::text::as_text;

/// Why a text is not a duration or a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing but a number stands there.
    #[error("`{text}` has no unit; write {like}")]
    NoUnit {
        /// The text as it was written.
        text: String,
        /// Values that would be right.
        like: &'static str,
    },
    /// The text does not begin with digits.
    #[error("`{text}` is not a number with a unit; write {like}")]
    NoNumber {
        /// The text as it was written.
        text: String,
        /// Values that would be right.
        like: &'static str,
    },
    /// The unit is not one of ours.
    #[error("`{unit}` is not a unit here; use {units}")]
    UnknownUnit {
        /// The unit as it was written.
        unit: String,
        /// The units there are.
        units: &'static str,
    },
    /// Units of a duration must fall: `1h30m`, not `30m1h`.
    #[error("units of `{text}` do not go from large to small; write {like}")]
    Disordered {
        /// The text as it was written.
        text: String,
        /// Values that would be right.
        like: &'static str,
    },
    /// The value does not fit.
    #[error("`{text}` is too large")]
    TooLarge {
        /// The text as it was written.
        text: String,
    },
}

/// A length of time with the precision of a millisecond: `500ms`, `90s`, `10m`, `1h30m`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    millis: u64,
}

/// Units of a duration and their milliseconds, largest first.
const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const LIKE_TIMES: &str = "500ms, 90s, 10m or 2h";

impl Duration {
    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// So many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self { millis: secs.saturating_mul(1000) }
    }

    /// The same length as the standard library's type.
    pub const fn as_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.millis)
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.as_std()
    }
}

impl FromStr for Duration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let too_large = || Error::TooLarge { text: text.to_owned() };
        let (mut rest, mut millis, mut last) = (text, 0_u64, u64::MAX);
        loop {
            let (number, unit, after) = split(rest, text, LIKE_TIMES)?;
            let Some((_, factor)) = TIMES.iter().find(|(name, _)| *name == unit) else {
                return Err(Error::UnknownUnit { unit: unit.to_owned(), units: "ms, s, m, h or d" });
            };
            if *factor >= last {
                return Err(Error::Disordered { text: text.to_owned(), like: LIKE_TIMES });
            }
            let part = number.checked_mul(*factor).ok_or_else(too_large)?;
            millis = millis.checked_add(part).ok_or_else(too_large)?;
            (rest, last) = (after, *factor);
            if rest.is_empty() {
                return Ok(Self { millis });
            }
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let whole = TIMES.iter().find(|(_, factor)| self.millis.is_multiple_of(*factor));
        let (unit, factor) = whole.copied().unwrap_or(("ms", 1));
        write!(f, "{}{unit}", self.millis / factor)
    }
}

as_text!(Duration, []);

/// A number of bytes: `512B`, `32KiB`, `64MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    bytes: u64,
}

/// Units of a size and their bytes, largest first.
const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const LIKE_SIZES: &str = "512KiB, 64MiB or 2GiB";

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self { bytes }
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }
}

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (number, unit, after) = split(text, text, LIKE_SIZES)?;
        let known = SIZES.iter().find(|(name, _)| *name == unit);
        let Some((_, factor)) = known.filter(|_| after.is_empty()) else {
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
            return Err(Error::UnknownUnit { unit, units: "B, KiB, MiB, GiB or TiB (1KiB = 1024B)" });
        };
        let bytes = number.checked_mul(*factor).ok_or_else(|| Error::TooLarge { text: text.to_owned() })?;
        Ok(Self { bytes })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZES.iter().find(|(_, factor)| self.bytes != 0 && self.bytes.is_multiple_of(*factor));
        let (unit, factor) = whole.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.bytes / factor)
    }
}

as_text!(Size, []);

/// Takes one number with its unit from the front of `rest`: the number, the unit, what follows.
fn split<'a>(rest: &'a str, text: &str, like: &'static str) -> Result<(u64, &'a str, &'a str), Error> {
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, after) = rest.split_at(digits);
    if number.is_empty() {
        return Err(Error::NoNumber { text: text.to_owned(), like });
    }
    if after.is_empty() {
        return Err(Error::NoUnit { text: text.to_owned(), like });
    }
    let number = number.parse().map_err(|_| Error::TooLarge { text: text.to_owned() })?;
    let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
    let (unit, after) = after.split_at(end);
    Ok((number, unit, after))
}

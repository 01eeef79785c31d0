//! The time of a version, as `.info` files and lists write it.
//!
//! Accepted is what Go's `time.Parse(time.RFC3339, …)` accepts, which is a little more than RFC 3339: an hour of one
//! digit, a comma before the fraction, offsets to 24 hours and 60 minutes. Kept is the text in Go's own form
//! (`time.RFC3339Nano`), because the offset belongs to it: cmd/go keeps it too.

use std::fmt;

use jiff::civil;
use jiff::tz::Offset;

/// A time with its offset: `2026-11-20T22:13:31Z`, `2026-11-20T15:13:31.5-07:00`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Time {
    text: Box<str>,
    at: jiff::Timestamp,
}

/// A text that is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an RFC 3339 time")]
pub struct BadTime {
    /// The text, cut to 64 characters.
    pub text: String,
}

impl Time {
    /// Parses an RFC 3339 time (Go `time.Parse(time.RFC3339, …)`).
    ///
    /// # Errors
    /// [`BadTime`] if the form is wrong, or the day or hour does not exist.
    pub fn parse(text: &str) -> Result<Time, BadTime> {
        read(text).ok_or_else(|| BadTime { text: text.chars().take(64).collect() })
    }

    /// A time in UTC, in whole seconds as version control systems keep it, or finer.
    pub fn utc(at: jiff::Timestamp) -> Time {
        Time { text: at.to_string().into(), at }
    }

    /// The text in Go's form: `2026-11-20T15:13:31.5-07:00`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The instant.
    pub fn timestamp(&self) -> jiff::Timestamp {
        self.at
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn read(text: &str) -> Option<Time> {
    let mut rest = Rest(text.as_bytes());
    let year = rest.number(4)?;
    rest.skip(b'-')?;
    let month = rest.number(2)?;
    rest.skip(b'-')?;
    let day = rest.number(2)?;
    rest.skip(b'T')?;
    let hour = rest.number(2).or_else(|| rest.number(1))?;
    rest.skip(b':')?;
    let minute = rest.number(2)?;
    rest.skip(b':')?;
    let second = rest.number(2)?;
    let nanosecond = rest.fraction()?;
    let offset_s = rest.offset_s()?;
    if !rest.0.is_empty() {
        return None;
    }
    let small = |n: i32| i8::try_from(n).ok();
    let civil = civil::DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        nanosecond,
    )
    .ok()?;
    // The last hours of the year 9999 are outside of what a timestamp can hold; Go can hold them.
    let at = Offset::from_seconds(offset_s).ok()?.to_timestamp(civil).unwrap_or(jiff::Timestamp::MAX);
    Some(Time { text: write(civil, offset_s).into(), at })
}

/// The form of Go's `time.RFC3339Nano`: no trailing zeros in the fraction, `Z` for no offset.
fn write(civil: civil::DateTime, offset_s: i32) -> String {
    let mut text = civil.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let nanosecond = civil.subsec_nanosecond();
    if nanosecond != 0 {
        let digits = format!("{nanosecond:09}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    if offset_s == 0 {
        return text + "Z";
    }
    let sign = if offset_s < 0 { '-' } else { '+' };
    let minutes = offset_s.abs() / 60;
    format!("{text}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn skip(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// A number of exactly so many digits; nothing is taken if there are fewer.
    fn number(&mut self, digits: usize) -> Option<i32> {
        let (head, tail) = self.0.split_at_checked(digits)?;
        let number = head.iter().try_fold(0, |sum, byte| match byte {
            b'0'..=b'9' => Some(sum * 10 + i32::from(byte - b'0')),
            _ => None,
        })?;
        self.0 = tail;
        Some(number)
    }

    /// An optional fraction of a second, in nanoseconds; digits beyond the ninth are dropped, as Go does.
    fn fraction(&mut self) -> Option<i32> {
        let [b'.' | b',', rest @ ..] = self.0 else { return Some(0) };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let (head, tail) = rest.split_at_checked(digits)?;
        self.0 = tail;
        let padded = head.iter().chain(std::iter::repeat(&b'0')).take(9);
        Some(padded.fold(0, |sum, byte| sum * 10 + i32::from(byte - b'0')))
    }

    /// `Z`, or an offset from UTC, in seconds.
    fn offset_s(&mut self) -> Option<i32> {
        let sign = match self.0.split_first()? {
            (b'Z', rest) => {
                self.0 = rest;
                return Some(0);
            }
            (b'+', rest) => {
                self.0 = rest;
                1
            }
            (b'-', rest) => {
                self.0 = rest;
                -1
            }
            _ => return None,
        };
        let hours = self.number(2)?;
        self.skip(b':')?;
        let minutes = self.number(2)?;
        (hours <= 24 && minutes <= 60).then_some(sign * (hours * 60 + minutes) * 60)
    }
}

//! The escaped form of paths and versions: each upper-case letter is written as `!` and its lower-case letter.
//!
//! Names of files and URLs must not differ in case alone, because some file systems do not tell such names
//! apart; `!` cannot occur in a path or a version, so the form is reversible. The rules are x/mod
//! `module.escapeString` and `unescapeString`; whether the text is a path or a version at all is checked by
//! [`crate::path`] and [`crate::version`].

use std::borrow::Cow;
use std::fmt;

/// Why a text is not the escaped form of anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EscapeFault {
    /// A literal upper-case letter.
    UpperCase(char),
    /// A character that is not ASCII.
    NotAscii(char),
    /// A `!` that is not followed by a lower-case letter.
    LoneBang,
}

impl fmt::Display for EscapeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpperCase(letter) => {
                write!(
                    f,
                    "upper-case letter '{letter}' must be written as \"!{}\"",
                    letter.to_ascii_lowercase()
                )
            }
            Self::NotAscii(rune) => {
                write!(f, "{} is not an ASCII character", crate::quote::quoted_rune(*rune))
            }
            Self::LoneBang => f.write_str("'!' must be followed by a lower-case letter"),
        }
    }
}

/// Escapes upper-case letters; the caller knows that the text is ASCII and holds no `!`.
pub(crate) fn escape(plain: &str) -> Cow<'_, str> {
    if !plain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(plain);
    }
    let mut escaped = String::with_capacity(plain.len() + 8);
    for rune in plain.chars() {
        if rune.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(rune.to_ascii_lowercase());
    }
    Cow::Owned(escaped)
}

/// Takes the escapes back (x/mod `unescapeString`).
pub(crate) fn unescape(escaped: &str) -> Result<Cow<'_, str>, EscapeFault> {
    if escaped.bytes().any(|byte| !byte.is_ascii() || byte.is_ascii_uppercase()) {
        let odd = escaped.chars().find(|rune| !rune.is_ascii() || rune.is_ascii_uppercase());
        return Err(match odd {
            Some(letter) if letter.is_ascii() => EscapeFault::UpperCase(letter),
            other => EscapeFault::NotAscii(other.unwrap_or_default()),
        });
    }
    // Nearly every path that is asked for is its own escaped form.
    let Some((front, rest)) = escaped.split_once('!') else { return Ok(Cow::Borrowed(escaped)) };
    let mut plain = String::with_capacity(escaped.len());
    plain.push_str(front);
    for part in rest.split('!') {
        let letter = part.chars().next().filter(char::is_ascii_lowercase).ok_or(EscapeFault::LoneBang)?;
        plain.push(letter.to_ascii_uppercase());
        plain.push_str(part.get(1..).unwrap_or(""));
    }
    Ok(Cow::Owned(plain))
}

//! Text in quotes, as Go writes it with `%q` (Go `strconv.Quote`, `strconv.QuoteRune`).
//!
//! Messages name what they refuse in this form: it is the form of the `go` command's own messages, it is one
//! line whatever the text holds, and what is not printable is escaped, so it is safe in a terminal and a log.

use std::fmt::{self, Write as _};

use crate::unicode::is_printable;

/// A text whose `Display` is the text in double quotes, with escapes: `"x.y/\u200bz"`.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(&'a str);

/// Wraps a text to be shown in quotes.
pub fn quoted(text: &str) -> Quoted<'_> {
    Quoted(text)
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for rune in self.0.chars() {
            write_escaped(f, rune, '"')?;
        }
        f.write_char('"')
    }
}

/// A character whose `Display` is the character in single quotes, with escapes: `'☺'`, `'\n'`.
#[derive(Clone, Copy, Debug)]
pub struct QuotedRune(char);

/// Wraps a character to be shown in quotes.
pub fn quoted_rune(rune: char) -> QuotedRune {
    QuotedRune(rune)
}

impl fmt::Display for QuotedRune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        write_escaped(f, self.0, '\'')?;
        f.write_char('\'')
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, rune: char, quote: char) -> fmt::Result {
    match rune {
        '\\' => f.write_str("\\\\"),
        '\u{7}' => f.write_str("\\a"),
        '\u{8}' => f.write_str("\\b"),
        '\u{c}' => f.write_str("\\f"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\u{b}' => f.write_str("\\v"),
        _ if rune == quote => write!(f, "\\{quote}"),
        _ if is_printable(rune) => f.write_char(rune),
        '\0'..' ' | '\u{7f}' => write!(f, "\\x{:02x}", u32::from(rune)),
        '\0'..='\u{ffff}' => write!(f, "\\u{:04x}", u32::from(rune)),
        _ => write!(f, "\\U{:08x}", u32::from(rune)),
    }
}

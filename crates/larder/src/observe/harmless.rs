//! Text from outside on its way into a line of the log: it can neither end the line nor begin another, nor make a
//! terminal or a reader see something that is not there, nor fill the log. What could is written as its code.

use std::fmt::{self, Write};

/// Bytes of one field; what is longer ends in `…`.
const FIELD_BYTES: usize = 1024;

/// Whether a character acts instead of being read: controls (those of terminals among them), marks that change the
/// direction of writing, and what has no width.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// How what must not be written as it is, is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As the inside of a JSON string (RFC 8259, section 7).
    Json,
    /// As in a Rust or Go string, quotes left alone.
    Plain,
}

/// Writes text harmlessly.
pub(super) struct Harmless<'a, W> {
    out: &'a mut W,
    style: Style,
    left: usize,
}

impl<'a, W: Write> Harmless<'a, W> {
    /// For one field.
    pub(super) fn new(out: &'a mut W, style: Style) -> Self {
        Self { out, style, left: FIELD_BYTES }
    }

    fn is_plain(&self, byte: u8) -> bool {
        (0x20..0x7f).contains(&byte) && (self.style == Style::Plain || !matches!(byte, b'"' | b'\\'))
    }

    fn special(&mut self, c: char) -> fmt::Result {
        match (self.style, c) {
            (Style::Json, '"' | '\\') => write!(self.out, "\\{c}"),
            (_, '\n') => self.out.write_str("\\n"),
            (_, c) if !is_harmful(c) => self.out.write_char(c),
            (Style::Plain, c) => write!(self.out, "\\u{{{:x}}}", u32::from(c)),
            (Style::Json, c) => {
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(self.out, "\\u{unit:04x}"))
            }
        }
    }
}

impl<W: Write> Write for Harmless<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.left == 0 {
            return Ok(());
        }
        let cut = text.len() > self.left;
        let mut rest = text.get(..text.floor_char_boundary(self.left)).unwrap_or_default();
        self.left = if cut { 0 } else { self.left - rest.len() };
        while let Some(at) = rest.bytes().position(|byte| !self.is_plain(byte)) {
            // All before it is ASCII, so that it begins a character.
            let (plain, after) = rest.split_at(at);
            self.out.write_str(plain)?;
            let mut chars = after.chars();
            chars.next().map_or(Ok(()), |c| self.special(c))?;
            rest = chars.as_str();
        }
        self.out.write_str(rest)?;
        if cut { self.out.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, style: Style) -> String {
        let mut line = String::new();
        Harmless::new(&mut line, style).write_str(text).unwrap();
        line
    }

    #[test]
    fn whatever_is_written_reads_back_as_one_json_string() {
        for text in
            ["", "plain", "a\"b\\c\nd\te\u{1}\u{1f}ü\u{2028}", "\\", "\"\"", "\u{9b}31m\u{202e}\u{e0041}é"]
        {
            let line = format!("\"{}\"", written(text, Style::Json));
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
            assert!(!line.chars().any(is_harmful), "{line:?}");
        }
    }

    #[test]
    fn nothing_that_acts_is_shown_as_it_is() {
        let line = written("a\nb\r\x1b[2J\u{7f}\u{9b}\u{202e}\u{200b} \"ü\"", Style::Plain);
        assert_eq!(line, "a\\nb\\u{d}\\u{1b}[2J\\u{7f}\\u{9b}\\u{202e}\\u{200b} \"ü\"");
    }

    #[test]
    fn a_long_field_is_cut_between_characters() {
        for text in ["x".repeat(5000), "ü".repeat(5000), format!("x{}", "ü".repeat(5000))] {
            let line = written(&text, Style::Json);
            assert!(line.len() <= FIELD_BYTES + '…'.len_utf8() && line.ends_with('…'), "{}", line.len());
        }
        let mut line = String::new();
        let mut out = Harmless::new(&mut line, Style::Plain);
        (0..5000).for_each(|_| out.write_str("ab").unwrap());
        assert!(line.len() <= FIELD_BYTES + '…'.len_utf8(), "{}", line.len());
    }
}

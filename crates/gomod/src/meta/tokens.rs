//! The forgiving XML that the go command reads pages as (Go `encoding/xml`, `Decoder.RawToken` with `Strict` off).
//!
//! Why our own: which tag of a page counts depends on where this reader gives up, and on nothing else. It looks at bytes,
//! goes forward only, and what it gives is bounded by what it is given.

use crate::quote::quoted;
use crate::unicode::{is_xml_first, is_xml_name};

/// The attributes of an element: names without their name space, and values.
pub(super) type Attributes = Vec<(String, String)>;

/// A piece of a page. Names are without their name space.
pub(super) enum Token {
    /// The beginning of an element.
    Start(String, Attributes),
    /// The end of an element.
    End(String),
    /// Text, a comment, an instruction.
    Other,
}

/// Why the reading ended. The texts are Go's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PageError {
    /// Something is not even forgiving XML.
    #[error("XML syntax error on line {line}: {what}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// What it is.
        what: Syntax,
    },
    /// The page says that it is another version of XML, given here.
    #[error("xml: unsupported version {}; only version 1.0 is supported", quoted(.0))]
    Version(String),
    /// The page says that it is in another encoding, given here, than UTF-8 or ASCII.
    #[error("xml: opening charset {}: can't decode XML document using charset {}", quoted(.0), quoted(.0))]
    Charset(String),
}

/// What is not even forgiving XML. The texts are Go's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum Syntax {
    #[error("unexpected EOF")]
    End,
    #[error("unexpected EOF in CDATA section")]
    EndInCdata,
    #[error("expected element name after <")]
    StartName,
    #[error("expected element name after </")]
    EndName,
    #[error("expected target name after <?")]
    Target,
    #[error("expected attribute name in element")]
    AttributeName,
    #[error("expected /> in element")]
    Slash,
    #[error("invalid characters between </{0} and >")]
    AfterEndName(String),
    #[error("invalid XML name: {0}")]
    Name(String),
    #[error("invalid sequence <!- not part of <!--")]
    CommentStart,
    #[error("invalid sequence \"--\" not allowed in comments")]
    CommentDashes,
    #[error("invalid <![ sequence")]
    Cdata,
    #[error("unescaped ]]> not in CDATA section")]
    CdataEnd,
    #[error("unescaped < inside quoted string")]
    QuotedLess,
    #[error("invalid UTF-8")]
    Utf8,
    #[error("illegal character code U+{:04X}", u32::from(*.0))]
    Character(char),
}

/// What a text is read up to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The next `<`.
    Element,
    /// This quote.
    Quote(u8),
    /// `]]>`.
    CdataEnd,
}

/// The pieces of a page.
pub(super) struct Tokens<'a> {
    page: &'a [u8],
    at: usize,
    met_end: bool,
    /// The end of an element that was closed where it began.
    closing: Option<String>,
}

/// The value of the attribute with a name, in whatever case; empty if there is none.
pub(super) fn value<'a>(attributes: &'a Attributes, name: &str) -> &'a str {
    let found = attributes.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value)
}

impl<'a> Tokens<'a> {
    pub(super) fn new(page: &'a [u8]) -> Self {
        Self { page, at: 0, met_end: false, closing: None }
    }

    /// Whether the end of the page was looked at, so that a longer page might have been read otherwise.
    pub(super) fn met_end(&self) -> bool {
        self.met_end
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token>, PageError> {
        if let Some(name) = self.closing.take() {
            return Ok(Some(Token::End(name)));
        }
        let Some(first) = self.byte() else { return Ok(None) };
        if first != b'<' {
            self.back();
            self.text(Until::Element)?;
            return Ok(Some(Token::Other));
        }
        match self.must()? {
            b'/' => self.end().map(Some),
            b'?' => self.instruction().map(Some),
            b'!' => self.declaration().map(Some),
            _ => {
                self.back();
                self.start().map(Some)
            }
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.page.get(self.at).copied();
        match byte {
            Some(_) => self.at += 1,
            None => self.met_end = true,
        }
        byte
    }

    fn must(&mut self) -> Result<u8, PageError> {
        self.byte().ok_or_else(|| self.fault(Syntax::End))
    }

    fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    fn fault(&self, what: Syntax) -> PageError {
        let read = self.page.get(..self.at).unwrap_or_default();
        PageError::Syntax { line: read.split(|byte| *byte == b'\n').count(), what }
    }

    fn space(&mut self) {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\r' | b'\n' | b'\t') {
                self.back();
                return;
            }
        }
    }

    /// `</name>`.
    fn end(&mut self) -> Result<Token, PageError> {
        let name = self.local_name(Syntax::EndName)?;
        self.space();
        if self.must()? == b'>' { Ok(Token::End(name)) } else { Err(self.fault(Syntax::AfterEndName(name))) }
    }

    /// `<name attribute="value" attribute=value attribute>`, or with `/>` at the end.
    fn start(&mut self) -> Result<Token, PageError> {
        let name = self.local_name(Syntax::StartName)?;
        let mut attributes = Attributes::new();
        loop {
            self.space();
            match self.must()? {
                b'/' => {
                    if self.must()? != b'>' {
                        return Err(self.fault(Syntax::Slash));
                    }
                    self.closing = Some(name.clone());
                    return Ok(Token::Start(name, attributes));
                }
                b'>' => return Ok(Token::Start(name, attributes)),
                _ => self.back(),
            }
            let name = self.local_name(Syntax::AttributeName)?;
            self.space();
            let value = if self.must()? == b'=' {
                self.space();
                self.value()?
            } else {
                self.back();
                name.clone()
            };
            attributes.push((name, value));
        }
    }

    fn value(&mut self) -> Result<String, PageError> {
        let first = self.must()?;
        if matches!(first, b'"' | b'\'') {
            return self.text(Until::Quote(first));
        }
        self.back();
        let mut value = String::new();
        loop {
            let byte = self.must()?;
            if !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b':' | b'-') {
                self.back();
                return Ok(value);
            }
            value.push(char::from(byte));
        }
    }

    /// `<?target …?>`.
    fn instruction(&mut self) -> Result<Token, PageError> {
        let target = self.name()?.ok_or_else(|| self.fault(Syntax::Target))?;
        self.space();
        let from = self.at;
        let mut before = 0;
        loop {
            let byte = self.must()?;
            if before == b'?' && byte == b'>' {
                break;
            }
            before = byte;
        }
        if target == "xml" {
            let said = self.page.get(from..self.at.saturating_sub(2)).unwrap_or_default();
            check_declared(&String::from_utf8_lossy(said))?;
        }
        Ok(Token::Other)
    }

    /// `<!-- … -->`, `<![CDATA[ … ]]>` or `<!DOCTYPE … >`.
    fn declaration(&mut self) -> Result<Token, PageError> {
        match self.must()? {
            b'-' => self.comment()?,
            b'[' => {
                for expected in b"CDATA[" {
                    if self.must()? != *expected {
                        return Err(self.fault(Syntax::Cdata));
                    }
                }
                self.text(Until::CdataEnd)?;
            }
            _ => self.directive()?,
        }
        Ok(Token::Other)
    }

    fn comment(&mut self) -> Result<(), PageError> {
        if self.must()? != b'-' {
            return Err(self.fault(Syntax::CommentStart));
        }
        let mut before = [0, 0];
        loop {
            let byte = self.must()?;
            if before == *b"--" {
                return if byte == b'>' { Ok(()) } else { Err(self.fault(Syntax::CommentDashes)) };
            }
            before = [before[1], byte];
        }
    }

    /// Skips to the `>` that is in no quotes, no comment and no inner `<>`.
    fn directive(&mut self) -> Result<(), PageError> {
        let (mut quote, mut depth) = (None, 0_usize);
        loop {
            let mut byte = self.must()?;
            if quote.is_none() && depth == 0 && byte == b'>' {
                return Ok(());
            }
            // A `<` may turn out to begin a comment; else what was read to tell is read as what it is.
            while quote.is_none() && byte == b'<' {
                match self.after_less()? {
                    Some(next) => {
                        depth += 1;
                        byte = next;
                    }
                    None => byte = b' ',
                }
            }
            match (byte, quote) {
                (_, Some(open)) if open == byte => quote = None,
                (b'"' | b'\'', None) => quote = Some(byte),
                (b'>', None) => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Reads a comment to its end, without the rules that comments have elsewhere, or else the byte that is none of one.
    fn after_less(&mut self) -> Result<Option<u8>, PageError> {
        for expected in b"!--" {
            let byte = self.must()?;
            if byte != *expected {
                return Ok(Some(byte));
            }
        }
        let mut before = [0, 0];
        loop {
            let byte = self.must()?;
            if before == *b"--" && byte == b'>' {
                return Ok(None);
            }
            before = [before[1], byte];
        }
    }

    /// A name without its name space; `missing` if there is none, or one of more than two parts.
    fn local_name(&mut self, missing: Syntax) -> Result<String, PageError> {
        let name = self.name()?.filter(|name| name.matches(':').count() <= 1);
        let name = name.ok_or_else(|| self.fault(missing))?;
        Ok(match name.split_once(':') {
            Some((space, local)) if !space.is_empty() && !local.is_empty() => local.to_owned(),
            _ => name,
        })
    }

    /// A name; `None` if no name begins here.
    fn name(&mut self) -> Result<Option<String>, PageError> {
        let Some(raw) = self.raw_name()? else { return Ok(None) };
        match str::from_utf8(raw) {
            Ok(name) if is_name(name) => Ok(Some(name.to_owned())),
            _ => Err(self.fault(Syntax::Name(String::from_utf8_lossy(raw).into_owned()))),
        }
    }

    /// What might be a name: it ends where a byte of ASCII is none of one.
    fn raw_name(&mut self) -> Result<Option<&'a [u8]>, PageError> {
        let from = self.at;
        while is_name_byte(self.must()?) {}
        self.back();
        Ok(self.page.get(from..self.at).filter(|name| !name.is_empty()))
    }

    /// Text with its references resolved and its line ends made `\n`.
    fn text(&mut self, until: Until) -> Result<String, PageError> {
        let mut text = Vec::new();
        let mut before = [0, 0];
        loop {
            let Some(byte) = self.byte() else {
                if until == Until::CdataEnd {
                    return Err(self.fault(Syntax::EndInCdata));
                }
                break;
            };
            match (byte, until) {
                (b'>', Until::CdataEnd) if before == *b"]]" => {
                    text.truncate(text.len().saturating_sub(2));
                    break;
                }
                (b'>', Until::Element) if before == *b"]]" => return Err(self.fault(Syntax::CdataEnd)),
                (b'<', Until::Quote(_)) => return Err(self.fault(Syntax::QuotedLess)),
                (b'<', Until::Element) => {
                    self.back();
                    break;
                }
                (_, Until::Quote(quote)) if quote == byte => break,
                (b'&', Until::Element | Until::Quote(_)) => {
                    self.reference(&mut text)?;
                    before = [0, 0];
                    continue;
                }
                (b'\r', _) => text.push(b'\n'),
                (b'\n', _) if before[1] == b'\r' => {}
                _ => text.push(byte),
            }
            before = [before[1], byte];
        }
        self.check_characters(text)
    }

    /// What stands after a `&`, resolved; what resolves to nothing is left as it is.
    fn reference(&mut self, text: &mut Vec<u8>) -> Result<(), PageError> {
        let from = self.at.saturating_sub(1);
        let resolved = if self.must()? == b'#' {
            self.number()?
        } else {
            self.back();
            let name = self.raw_name()?.unwrap_or_default();
            if self.must()? == b';' {
                entity(name)
            } else {
                self.back();
                None
            }
        };
        match resolved {
            Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => text.extend_from_slice(self.page.get(from..self.at).unwrap_or_default()),
        }
        Ok(())
    }

    /// What stands after a `&#`.
    fn number(&mut self) -> Result<Option<char>, PageError> {
        let mut byte = self.must()?;
        let radix = if byte == b'x' { 16 } else { 10 };
        if radix == 16 {
            byte = self.must()?;
        }
        let from = self.at.saturating_sub(1);
        while char::from(byte).is_digit(radix) {
            byte = self.must()?;
        }
        if byte != b';' {
            self.back();
            return Ok(None);
        }
        let digits = self.page.get(from..self.at.saturating_sub(1)).unwrap_or_default();
        let number = str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, radix).ok());
        let number =
            number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= 0x10_ffff);
        // A surrogate becomes what Go makes of it.
        Ok(number.map(|number| char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)))
    }

    /// Text without what XML does not allow in it.
    fn check_characters(&self, text: Vec<u8>) -> Result<String, PageError> {
        for chunk in text.utf8_chunks() {
            if let Some(c) = chunk.valid().chars().find(|c| !is_in_range(*c)) {
                return Err(self.fault(Syntax::Character(c)));
            }
            if !chunk.invalid().is_empty() {
                return Err(self.fault(Syntax::Utf8));
            }
        }
        String::from_utf8(text).map_err(|_| self.fault(Syntax::Utf8))
    }
}

fn is_in_range(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'_' | b':' | b'.' | b'-')
}

fn is_name(name: &str) -> bool {
    name.starts_with(is_xml_first) && name.chars().all(is_xml_name)
}

/// The character of a name that needs no declaration.
fn entity(name: &[u8]) -> Option<char> {
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"apos" => Some('\''),
        b"quot" => Some('"'),
        _ => None,
    }
}

/// Checks what a page says of itself in `<?xml version="1.0" encoding="utf-8"?>`.
fn check_declared(said: &str) -> Result<(), PageError> {
    match declared(said, "version=") {
        None | Some("" | "1.0") => {}
        Some(other) => return Err(PageError::Version(other.to_owned())),
    }
    match declared(said, "encoding=") {
        Some(encoding) if !["", "utf-8", "ascii"].contains(&&*encoding.to_ascii_lowercase()) => {
            Err(PageError::Charset(encoding.to_owned()))
        }
        _ => Ok(()),
    }
}

/// The value in quotes behind the first name that has quotes behind it (Go `xml.procInst`).
fn declared<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = said;
    while let Some((_, after)) = rest.split_once(name) {
        let quote = after.chars().next()?;
        rest = after.get(quote.len_utf8()..)?;
        if matches!(quote, '"' | '\'') {
            return rest.split_once(quote).map(|(value, _)| value);
        }
    }
    None
}

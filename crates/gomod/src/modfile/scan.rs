//! Tokens of a go.mod file (x/mod `modfile` read.go, `input.readToken`).
//!
//! One token is read ahead, as there: a position in an error is where the reader stood, and that is part of the text
//! that people see.

use super::MAX_TOKENS;
use super::problem::{ModFileError, Problem};
use crate::unicode::is_printable;

/// A place in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position {
    /// From 0.
    pub(super) byte: usize,
    /// From 1.
    pub(super) line: u32,
    /// In characters, from 1.
    pub(super) column: u32,
}

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    End,
    Newline,
    /// A comment with a line of its own, its newline included.
    Comment,
    /// A comment behind something else, its newline included.
    Suffix,
    Open,
    Close,
    /// A word, a string, or other punctuation.
    Word,
}

impl Kind {
    /// Whether the token ends a line.
    pub(super) fn ends_line(self) -> bool {
        matches!(self, Kind::End | Kind::Suffix | Kind::Newline)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) start: Position,
    pub(super) end: Position,
    /// Comments without their newline; a CR before it stays, as blanks do.
    pub(super) text: &'a str,
}

/// A comment behind something else on its line, to be given to it once the statements are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct SuffixComment<'a> {
    pub(super) start_byte: usize,
    pub(super) text: &'a str,
}

/// Reads tokens, one ahead.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: Position,
    ahead: Token<'a>,
    /// How many tokens were read.
    tokens: usize,
    pub(super) suffixes: Vec<SuffixComment<'a>>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, ModFileError> {
        let at = Position { byte: 0, line: 1, column: 1 };
        let ahead = Token { kind: Kind::End, start: at, end: at, text: "" };
        let mut scanner = Scanner { text, at, ahead, tokens: 0, suffixes: Vec::new() };
        scanner.ahead = scanner.read()?;
        Ok(scanner)
    }

    /// The kind of the token that comes next.
    pub(super) fn peek(&self) -> Kind {
        self.ahead.kind
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, ModFileError> {
        let token = self.ahead;
        self.ahead = self.read()?;
        Ok(token)
    }

    /// An error where the reader stands.
    pub(super) fn error(&self, problem: Problem) -> ModFileError {
        ModFileError::at(self.at, problem)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at.byte..).unwrap_or_default()
    }

    fn peek_char(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_char(&mut self) -> Option<char> {
        let c = self.peek_char()?;
        self.at.byte += c.len_utf8();
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn token(&self, kind: Kind, start: Position) -> Token<'a> {
        let mut text = self.text.get(start.byte..self.at.byte).unwrap_or_default();
        if matches!(kind, Kind::Comment | Kind::Suffix) {
            text = text.strip_suffix('\n').unwrap_or(text);
        }
        Token { kind, start, end: self.at, text }
    }

    fn read(&mut self) -> Result<Token<'a>, ModFileError> {
        self.tokens += 1;
        if self.tokens > MAX_TOKENS {
            return Err(self.error(Problem::TooLong));
        }
        while let Some(' ' | '\t' | '\r') = self.peek_char() {
            self.skip_char();
        }
        let start = self.at;
        if self.rest().starts_with("//") {
            return Ok(self.comment(start));
        }
        if self.rest().starts_with("/*") {
            return Err(self.error(Problem::StarComment));
        }
        let kind = match self.peek_char() {
            None => return Ok(self.token(Kind::End, start)),
            Some(quote @ ('"' | '`')) => {
                self.string(start, quote)?;
                return Ok(self.token(Kind::Word, start));
            }
            Some('\n') => Kind::Newline,
            Some('(') => Kind::Open,
            Some(')') => Kind::Close,
            Some('[' | ']' | '{' | '}' | ',') => Kind::Word,
            Some(c) if is_word(c) => {
                self.word()?;
                return Ok(self.token(Kind::Word, start));
            }
            Some(c) => return Err(self.error(Problem::Character { c })),
        };
        self.skip_char();
        Ok(self.token(kind, start))
    }

    fn comment(&mut self, start: Position) -> Token<'a> {
        let before = self.text.get(..start.byte).unwrap_or_default();
        let before = before.rsplit('\n').next().unwrap_or_default();
        let line = self.rest().split('\n').next().unwrap_or_default();
        self.at.byte += line.len();
        self.at.column =
            self.at.column.saturating_add(u32::try_from(line.chars().count()).unwrap_or(u32::MAX));
        self.skip_char();
        if before.trim().is_empty() {
            return self.token(Kind::Comment, start);
        }
        let token = self.token(Kind::Suffix, start);
        self.suffixes.push(SuffixComment { start_byte: start.byte, text: token.text });
        token
    }

    fn string(&mut self, start: Position, quote: char) -> Result<(), ModFileError> {
        let unended = ModFileError::at(start, Problem::StringEnd);
        self.skip_char();
        loop {
            match self.peek_char() {
                None => return Err(unended),
                Some('\n') => return Err(self.error(Problem::StringNewline)),
                Some(c) => {
                    self.skip_char();
                    if c == quote {
                        return Ok(());
                    }
                    // Whatever is escaped belongs to the string here, a newline too; unquoting refuses it.
                    if c == '\\' && quote == '"' && self.skip_char().is_none() {
                        return Err(unended);
                    }
                }
            }
        }
    }

    fn word(&mut self) -> Result<(), ModFileError> {
        while self.peek_char().is_some_and(is_word) && !self.rest().starts_with("//") {
            if self.rest().starts_with("/*") {
                return Err(self.error(Problem::StarComment));
            }
            self.skip_char();
        }
        Ok(())
    }
}

/// Whether a word may contain the character.
fn is_word(c: char) -> bool {
    !matches!(c, ' ' | '(' | ')' | '[' | ']' | '{' | '}' | ',') && is_printable(c)
}

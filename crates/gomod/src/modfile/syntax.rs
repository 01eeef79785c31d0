//! Statements of a go.mod file: lines, and blocks of lines, with the comments that belong to them
//! (x/mod `modfile` read.go, `input.parseFile` and `assignComments`).
//!
//! Comments matter: they carry `// indirect`, `// Deprecated:` and the reasons of retractions. Which statement a
//! comment belongs to follows Go's rule to the letter, its odd cases included.

use super::problem::{ModFileError, Problem};
use super::scan::{Kind, Position, Scanner, SuffixComment, Token};

/// A top-level statement.
pub(super) enum Statement<'a> {
    Line(Line<'a>),
    Block(Block<'a>),
    /// Comments that belong to no statement.
    Comments {
        start: Position,
    },
}

/// The comments of a line or block. An empty text in `before` is a blank line.
#[derive(Default)]
pub(super) struct Comments<'a> {
    pub(super) before: Vec<&'a str>,
    pub(super) suffix: Vec<&'a str>,
}

impl Comments<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.suffix.is_empty()
    }
}

/// One line of tokens; there is at least one.
pub(super) struct Line<'a> {
    pub(super) start: Position,
    pub(super) tokens: Vec<&'a str>,
    pub(super) comments: Comments<'a>,
    end: Position,
}

/// A verb with lines in parentheses.
pub(super) struct Block<'a> {
    pub(super) start: Position,
    pub(super) tokens: Vec<&'a str>,
    pub(super) lines: Vec<Line<'a>>,
    pub(super) comments: Comments<'a>,
    open: Position,
    close: Position,
}

/// Reads all statements, or tells the first error.
pub(super) fn parse(text: &str) -> Result<Vec<Statement<'_>>, ModFileError> {
    let mut scanner = Scanner::new(text)?;
    let mut statements = Vec::new();
    // Whole-line comments that wait for their statement.
    let mut waiting: Option<(Position, Vec<&str>)> = None;
    loop {
        match scanner.peek() {
            Kind::Newline => {
                scanner.next()?;
                let unattached = waiting.take();
                statements.extend(unattached.map(|(start, _)| Statement::Comments { start }));
            }
            Kind::Comment => {
                let token = scanner.next()?;
                waiting.get_or_insert_with(|| (token.start, Vec::new())).1.push(token.text);
            }
            Kind::End => {
                statements.extend(waiting.map(|(start, _)| Statement::Comments { start }));
                break;
            }
            _ => {
                let before = waiting.take().map(|(_, comments)| comments).unwrap_or_default();
                statements.push(statement(&mut scanner, before)?);
            }
        }
    }
    attach(&mut statements, scanner.suffixes);
    Ok(statements)
}

fn statement<'a>(scanner: &mut Scanner<'a>, before: Vec<&'a str>) -> Result<Statement<'a>, ModFileError> {
    let comments = Comments { before, suffix: Vec::new() };
    let first = scanner.next()?;
    let (start, mut end) = (first.start, first.end);
    let mut tokens = vec![first.text];
    loop {
        let token = scanner.next()?;
        if token.kind.ends_line() {
            return Ok(Statement::Line(Line { start, tokens, comments, end }));
        }
        tokens.push(token.text);
        if token.kind != Kind::Open {
            end = token.end;
            continue;
        }
        // A parenthesis opens a block only at the end of its line.
        if scanner.peek().ends_line() {
            tokens.pop();
            let block =
                Block { start, tokens, lines: Vec::new(), comments, open: token.start, close: token.start };
            return Ok(Statement::Block(fill(scanner, block)?));
        }
        if scanner.peek() == Kind::Close {
            let close = scanner.next()?;
            if scanner.peek().ends_line() {
                scanner.next()?;
                tokens.pop();
                let (open, close) = (token.start, close.start);
                return Ok(Statement::Block(Block {
                    start,
                    tokens,
                    lines: Vec::new(),
                    comments,
                    open,
                    close,
                }));
            }
            tokens.push(close.text);
        }
    }
}

/// Reads the lines of a block and its closing parenthesis.
fn fill<'a>(scanner: &mut Scanner<'a>, mut block: Block<'a>) -> Result<Block<'a>, ModFileError> {
    let mut before: Vec<&str> = Vec::new();
    loop {
        match scanner.peek() {
            Kind::Suffix => {
                scanner.next()?;
            }
            Kind::Newline => {
                scanner.next()?;
                let is_blank = before.last().map_or(!block.lines.is_empty(), |last| !last.is_empty());
                if is_blank {
                    before.push("");
                }
            }
            Kind::Comment => before.push(scanner.next()?.text),
            Kind::End => {
                let (line, column) = (block.start.line, block.start.column);
                return Err(scanner.error(Problem::UnterminatedBlock { line, column }));
            }
            Kind::Close => {
                block.close = scanner.next()?.start;
                if !scanner.peek().ends_line() {
                    return Err(scanner.error(Problem::AfterParenthesis));
                }
                scanner.next()?;
                return Ok(block);
            }
            _ => {
                let first = scanner.next()?;
                block.lines.push(line(scanner, first, std::mem::take(&mut before))?);
            }
        }
    }
}

/// Reads the rest of a line in a block.
fn line<'a>(
    scanner: &mut Scanner<'a>,
    first: Token<'a>,
    before: Vec<&'a str>,
) -> Result<Line<'a>, ModFileError> {
    let comments = Comments { before, suffix: Vec::new() };
    let mut line = Line { start: first.start, tokens: vec![first.text], comments, end: first.end };
    loop {
        let token = scanner.next()?;
        if token.kind.ends_line() {
            return Ok(line);
        }
        line.tokens.push(token.text);
        line.end = token.end;
    }
}

/// Gives each comment at the end of a line to the last thing before it that begins and ends on one line.
fn attach<'a>(statements: &mut [Statement<'a>], mut suffixes: Vec<SuffixComment<'a>>) {
    for statement in statements.iter_mut().rev() {
        match statement {
            Statement::Comments { start } => {
                take(&mut suffixes, start.byte);
            }
            Statement::Line(line) => attach_line(line, &mut suffixes),
            Statement::Block(block) => {
                let end_byte = block.close.byte + 1;
                if block.start.line == block.close.line {
                    block.comments.suffix = take(&mut suffixes, end_byte);
                }
                take(&mut suffixes, end_byte);
                for line in block.lines.iter_mut().rev() {
                    attach_line(line, &mut suffixes);
                }
                take(&mut suffixes, block.open.byte + 1);
            }
        }
    }
}

fn attach_line<'a>(line: &mut Line<'a>, suffixes: &mut Vec<SuffixComment<'a>>) {
    if line.start.line == line.end.line {
        line.comments.suffix = take(suffixes, line.end.byte);
    }
}

/// Takes the comments that begin at that byte or later, in order.
fn take<'a>(suffixes: &mut Vec<SuffixComment<'a>>, from_byte: usize) -> Vec<&'a str> {
    let first = suffixes.partition_point(|comment| comment.start_byte < from_byte);
    suffixes.drain(first..).map(|comment| comment.text).collect()
}

//! What is printed for a person: colours where they may be, columns that align, ages and sizes in words.

use std::fmt::Write;
use std::io::IsTerminal;

use indicatif::HumanBytes;
use jiff::Timestamp;

use crate::config::Environment;

/// The text of one answer, as it grows.
#[derive(Debug, Default)]
pub(super) struct Paper {
    text: String,
    is_coloured: bool,
}

/// How a word is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Strong,
    /// Of less weight.
    Soft,
    /// All is well.
    Good,
    /// To be watched.
    Warn,
    /// Wrong.
    Bad,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\u{1b}[1m",
            Self::Soft => "\u{1b}[2m",
            Self::Good => "\u{1b}[32m",
            Self::Warn => "\u{1b}[33m",
            Self::Bad => "\u{1b}[31m",
        }
    }
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub(super) struct Cell(pub(super) String, pub(super) Tone);

impl Cell {
    pub(super) fn plain(text: impl AsRef<str>) -> Self {
        Self(one_line(text.as_ref()), Tone::Plain)
    }

    pub(super) fn soft(text: impl AsRef<str>) -> Self {
        Self(one_line(text.as_ref()), Tone::Soft)
    }
}

impl Paper {
    /// Paper for standard output: with colours on a terminal, unless `NO_COLOR` says otherwise.
    pub(super) fn for_stdout(environment: &Environment) -> Self {
        let unwanted = environment.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { text: String::new(), is_coloured: !unwanted && std::io::stdout().is_terminal() }
    }

    /// What was written.
    pub(super) fn text(self) -> String {
        self.text
    }

    /// A line; text from outside in it must have passed [`one_line`].
    pub(super) fn line(&mut self, words: &[Cell]) {
        for Cell(word, tone) in words {
            self.paint(word, *tone);
        }
        self.text.push('\n');
    }

    /// An empty line.
    pub(super) fn space(&mut self) {
        self.text.push('\n');
    }

    /// Rows whose columns align, with two spaces between; nothing hangs over at the end of a line.
    pub(super) fn table(&mut self, rows: &[Vec<Cell>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|Cell(text, _)| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let last = row.iter().rposition(|Cell(text, _)| !text.is_empty()).unwrap_or(0);
            for (column, Cell(text, tone)) in row.iter().enumerate().take(last + 1) {
                self.paint(text, *tone);
                if column < last {
                    let width = widths.get(column).copied().unwrap_or(0);
                    let gap = width.saturating_sub(text.chars().count()) + 2;
                    self.text.extend(std::iter::repeat_n(' ', gap));
                }
            }
            self.text.push('\n');
        }
    }

    fn paint(&mut self, text: &str, tone: Tone) {
        if self.is_coloured && tone != Tone::Plain && !text.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(self.text, "{}{text}\u{1b}[0m", tone.code());
        } else {
            self.text.push_str(text);
        }
    }
}

/// Text from outside on one line, so that no name can act on the terminal or pass for another line.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for letter in text.chars() {
        match letter {
            '\n' => line.push_str("; "),
            '"' | '\'' | '\\' => line.push(letter),
            _ => line.extend(letter.escape_debug()),
        }
    }
    line
}

/// A heading of a table.
pub(super) fn heading(names: &[&str]) -> Vec<Cell> {
    names.iter().map(|name| Cell((*name).to_owned(), Tone::Soft)).collect()
}

/// A row of a table of facts: what it is, and what is known of it.
pub(super) fn fact(name: &str, text: impl AsRef<str>) -> Vec<Cell> {
    vec![Cell::soft(name), Cell::plain(text)]
}

/// A short time, as latencies are.
pub(super) fn latency(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds} s") }
}

/// A size in bytes.
pub(super) fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// A time of day, with the day.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A number of many digits, in groups of three.
pub(super) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

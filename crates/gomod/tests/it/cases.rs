//! Reads text cases: files of lines of fields, which Go's own code has written.

use std::fmt;
use std::path::Path;

/// A field of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    /// What was in quotes.
    Text(String),
    /// What was not.
    Word(String),
}

/// A case, with its place.
pub(crate) struct Case {
    place: String,
    pub(crate) fields: Vec<Field>,
}

/// What Go says: a text, or an error.
pub(crate) type Verdict = Result<String, String>;

/// The cases of a function.
pub(crate) fn cases(function: &str) -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(function).join("cases.txt");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let cases: Vec<Case> = lines
        .map(|(at, line)| Case {
            place: format!("{function}/cases.txt:{}: {line}", at + 1),
            fields: fields(line),
        })
        .collect();
    assert!(cases.len() >= 5, "{function} has hardly any cases");
    cases
}

impl Case {
    /// The text in quotes at an index.
    pub(crate) fn text(&self, at: usize) -> &str {
        match self.fields.get(at) {
            Some(Field::Text(text)) => text,
            other => panic!("{self}: field {at} is {other:?}"),
        }
    }

    /// Whether the word at an index is this one.
    pub(crate) fn is(&self, at: usize, word: &str) -> bool {
        self.fields.get(at) == Some(&Field::Word(word.to_owned()))
    }

    /// The result from an index on: `ok`, `"text"` or `error "text"`.
    pub(crate) fn verdict(&self, at: usize) -> Verdict {
        if self.is(at, "ok") {
            Ok(String::new())
        } else if self.is(at, "error") {
            Err(self.text(at + 1).to_owned())
        } else {
            Ok(self.text(at).to_owned())
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

fn fields(line: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut rest = line.chars().peekable();
    while let Some(first) = rest.peek() {
        if *first == '"' {
            rest.next();
            fields.push(Field::Text(unquote(&mut rest)));
        } else {
            let word: String = std::iter::from_fn(|| rest.next_if(|rune| *rune != ' ')).collect();
            fields.push(Field::Word(word));
        }
        rest.next_if_eq(&' ');
    }
    fields
}

/// Reads up to the closing quote, as Go writes it.
fn unquote(rest: &mut impl Iterator<Item = char>) -> String {
    let mut text = String::new();
    loop {
        match rest.next().unwrap_or_else(|| panic!("no closing quote after {text}")) {
            '"' => return text,
            '\\' => text.push(match rest.next() {
                Some('a') => '\u{7}',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('v') => '\u{b}',
                Some('x') => hex(rest, 2),
                Some('u') => hex(rest, 4),
                Some('U') => hex(rest, 8),
                Some(rune @ ('"' | '\\')) => rune,
                other => panic!("an escape of {other:?} after {text}"),
            }),
            rune => text.push(rune),
        }
    }
}

fn hex(rest: &mut impl Iterator<Item = char>, digits: usize) -> char {
    let digits: String = rest.take(digits).collect();
    match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
        Some(rune) => rune,
        None => panic!("{digits} is no character"),
    }
}

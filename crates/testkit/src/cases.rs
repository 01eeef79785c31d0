//! Text cases: lines of fields which Go's own code has written, so that our code is compared with Go and not with itself.
//!
//! ```text
//! # Written by testdata/generate: do not edit.
//! "example.com/m" "v1.0.0" ok
//! "example.com/\xff" 3 error "malformed module path"
//! ```
//!
//! A field is a word, or bytes in the quotes of Go's `strconv.Quote`, where `\x` is a byte and all else are characters.

use std::fmt;
use std::iter::Peekable;
use std::path::Path;

/// Bytes of a case's line that are shown where it fails.
const SHOWN: usize = 300;

/// A field of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// What was in quotes.
    Bytes(Vec<u8>),
    /// What was not.
    Word(String),
}

/// A case, with its place.
pub struct Case {
    place: String,
    /// The line as it was written.
    pub line: String,
    /// What stands in it.
    pub fields: Vec<Field>,
}

/// What Go says: a text, or an error.
pub type Verdict = Result<String, String>;

/// The cases of a function: the lines of `testdata/<function>/cases.txt` of a crate, by its `CARGO_MANIFEST_DIR`.
/// [`cases!`](crate::cases!) knows the crate.
pub fn of(crate_dir: &str, function: &str) -> Vec<Case> {
    let file = Path::new(crate_dir).join("testdata").join(function).join("cases.txt");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let cases: Vec<Case> = lines
        .map(|(at, line)| Case {
            place: format!("{function}/cases.txt:{}", at + 1),
            line: line.to_owned(),
            fields: fields(line),
        })
        .collect();
    assert!(cases.len() >= 5, "{function} has hardly any cases");
    cases
}

/// The cases of a function of the crate whose test this is.
#[macro_export]
macro_rules! cases {
    ($function:expr) => {
        $crate::cases::of(env!("CARGO_MANIFEST_DIR"), $function)
    };
}

impl Case {
    /// The bytes in quotes at an index.
    pub fn bytes(&self, at: usize) -> &[u8] {
        match self.fields.get(at) {
            Some(Field::Bytes(bytes)) => bytes,
            other => panic!("{self}: field {at} is {other:?}"),
        }
    }

    /// The same as text; `None` if it is not UTF-8.
    pub fn utf8(&self, at: usize) -> Option<&str> {
        str::from_utf8(self.bytes(at)).ok()
    }

    /// The same as text.
    pub fn text(&self, at: usize) -> &str {
        self.utf8(at).unwrap_or_else(|| panic!("{self}: field {at} is no text"))
    }

    /// The word at an index.
    pub fn word(&self, at: usize) -> &str {
        match self.fields.get(at) {
            Some(Field::Word(word)) => word,
            other => panic!("{self}: field {at} is {other:?}"),
        }
    }

    /// Whether there is this word at an index.
    pub fn is(&self, at: usize, word: &str) -> bool {
        matches!(self.fields.get(at), Some(Field::Word(found)) if found == word)
    }

    /// The number at an index.
    pub fn number(&self, at: usize) -> u64 {
        self.word(at).parse().unwrap_or_else(|_| panic!("{self}: field {at} is no number"))
    }

    /// Whether the word at an index is `ok`, and not `error`.
    pub fn is_ok(&self, at: usize) -> bool {
        match self.word(at) {
            "ok" => true,
            "error" => false,
            other => panic!("{self}: {other} is no verdict"),
        }
    }

    /// The result from an index on: `ok`, `"text"` or `error "text"`.
    pub fn verdict(&self, at: usize) -> Verdict {
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
        write!(f, "{}: {}", self.place, &self.line[..self.line.floor_char_boundary(SHOWN)])
    }
}

/// The fields of a line.
pub fn fields(line: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut rest = line.chars().peekable();
    while let Some(first) = rest.peek() {
        fields.push(if *first == '"' {
            rest.next();
            Field::Bytes(unquote(&mut rest))
        } else {
            Field::Word(word(&mut rest))
        });
        rest.next_if_eq(&' ');
    }
    fields
}

fn word(rest: &mut Peekable<impl Iterator<Item = char>>) -> String {
    std::iter::from_fn(|| rest.next_if(|rune| *rune != ' ')).collect()
}

/// Reads up to the closing quote, as Go writes it.
fn unquote(rest: &mut impl Iterator<Item = char>) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let rune = match rest.next().expect("a closing quote") {
            '"' => return bytes,
            '\\' => match rest.next().expect("an escape") {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                'x' => {
                    bytes.push(u8::try_from(hex(rest, 2)).expect("a byte"));
                    continue;
                }
                'u' => char::from_u32(hex(rest, 4)).expect("a character"),
                'U' => char::from_u32(hex(rest, 8)).expect("a character"),
                rune @ ('"' | '\\' | '\'') => rune,
                other => panic!("an escape of {other:?} after {bytes:?}"),
            },
            rune => rune,
        };
        bytes.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn hex(rest: &mut impl Iterator<Item = char>, digits: usize) -> u32 {
    let digits: String = rest.take(digits).collect();
    u32::from_str_radix(&digits, 16).expect("hexadecimal digits")
}

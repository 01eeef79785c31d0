//! Reads text cases: files of lines of fields, which Go's own code has written.

use std::fmt;
use std::path::Path;

/// A field of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    /// What was in quotes.
    Bytes(Vec<u8>),
    /// What was not.
    Word(String),
}

/// A case, with its place.
pub(crate) struct Case {
    place: String,
    pub(crate) fields: Vec<Field>,
}

/// The cases of a function.
pub(crate) fn cases(function: &str) -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(function).join("cases.txt");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let cases: Vec<Case> = lines
        .map(|(at, line)| Case {
            place: format!("{function}/cases.txt:{}: {}", at + 1, line.get(..300).unwrap_or(line)),
            fields: fields(line),
        })
        .collect();
    assert!(cases.len() >= 5, "{function} has hardly any cases");
    cases
}

impl Case {
    /// The bytes in quotes at an index.
    pub(crate) fn bytes(&self, at: usize) -> &[u8] {
        match self.fields.get(at) {
            Some(Field::Bytes(bytes)) => bytes,
            other => panic!("{self}: field {at} is {other:?}"),
        }
    }

    /// The same as text; `None` if it is not UTF-8.
    pub(crate) fn utf8(&self, at: usize) -> Option<&str> {
        str::from_utf8(self.bytes(at)).ok()
    }

    /// The same as text.
    pub(crate) fn text(&self, at: usize) -> &str {
        self.utf8(at).unwrap_or_else(|| panic!("{self}: field {at} is no text"))
    }

    /// The word at an index.
    pub(crate) fn word(&self, at: usize) -> &str {
        match self.fields.get(at) {
            Some(Field::Word(word)) => word,
            other => panic!("{self}: field {at} is {other:?}"),
        }
    }

    /// The number at an index.
    pub(crate) fn number(&self, at: usize) -> u64 {
        self.word(at).parse().unwrap_or_else(|_| panic!("{self}: field {at} is no number"))
    }

    /// Whether the word at an index is `ok`.
    pub(crate) fn is_ok(&self, at: usize) -> bool {
        match self.word(at) {
            "ok" => true,
            "error" => false,
            other => panic!("{self}: {other} is no verdict"),
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
            fields.push(Field::Bytes(unquote(&mut rest)));
        } else {
            let word: String = std::iter::from_fn(|| rest.next_if(|rune| *rune != ' ')).collect();
            fields.push(Field::Word(word));
        }
        rest.next_if_eq(&' ');
    }
    fields
}

/// Reads up to the closing quote, as Go writes it; `\x` is a byte, all else are characters.
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
                rune => rune,
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

//! Rust text made easy to search: comments and literals blanked, tests apart. Lines keep their numbers.

/// The text with comments and the insides of string and character literals replaced by blanks.
pub(super) fn code(text: &str) -> String {
    let mut scanner = Scanner { text: text.chars().collect(), at: 0, out: String::with_capacity(text.len()) };
    while scanner.at < scanner.text.len() {
        scanner.step();
    }
    scanner.out
}

struct Scanner {
    text: Vec<char>,
    at: usize,
    out: String,
}

impl Scanner {
    fn step(&mut self) {
        let word_before = self.out.chars().next_back().is_some_and(is_word);
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => self.blank_while(|scanner| scanner.peek(0) != Some('\n')),
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('r'), Some('"' | '#')) if !word_before || self.out.ends_with('b') => self.raw_string(),
            (Some('\''), Some(after)) if after == '\\' || self.peek(2) == Some('\'') => self.character(),
            _ => self.keep(),
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        self.out.extend(self.peek(0));
        self.at += 1;
    }

    fn blank(&mut self, count: usize) {
        for _ in 0..count {
            self.out.extend(self.peek(0).map(|letter| if letter == '\n' { '\n' } else { ' ' }));
            self.at += 1;
        }
    }

    fn blank_while(&mut self, goes_on: impl Fn(&Self) -> bool) {
        while self.at < self.text.len() && goes_on(self) {
            self.blank(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => {
                    self.blank(1);
                    continue;
                }
            }
            self.blank(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep();
        while let Some(letter) = self.peek(0).filter(|letter| *letter != '"') {
            self.blank(if letter == '\\' { 2 } else { 1 });
        }
        self.keep();
    }

    fn raw_string(&mut self) {
        let hashes = self.text[self.at + 1..].iter().take_while(|letter| **letter == '#').count();
        if self.peek(hashes + 1) != Some('"') {
            return self.keep();
        }
        self.blank(hashes + 2);
        let closed = |scanner: &Self| {
            scanner.peek(0) == Some('"') && (1..=hashes).all(|ahead| scanner.peek(ahead) == Some('#'))
        };
        self.blank_while(|scanner| !closed(scanner));
        self.blank(hashes + 1);
    }

    fn character(&mut self) {
        self.keep();
        let escape = if self.peek(0) == Some('\\') { 2 } else { 1 };
        self.blank(escape);
        self.blank_while(|scanner| scanner.peek(0) != Some('\''));
        self.keep();
    }
}

/// Blanked code in two: what is shipped, and the items under `#[cfg(test)]`. Both keep all lines.
pub(super) fn split_tests(code: &str) -> (String, String) {
    const MARK: &str = "#[cfg(test)]";
    let (mut shipped, mut tests) = (String::new(), String::new());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        let (item, after) = item.split_at(item_end(item));
        shipped.push_str(before);
        tests.push_str(&lines_only(before));
        shipped.push_str(&lines_only(item));
        tests.push_str(item);
        rest = after;
    }
    shipped.push_str(rest);
    (shipped, tests)
}

/// Where the item at the start ends: its closing brace, or a semicolon before any brace.
fn item_end(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn lines_only(code: &str) -> String {
    code.chars().filter(|letter| *letter == '\n').collect()
}

/// The words (identifiers, keywords, numbers) of blanked code with where they begin.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let starts = code.char_indices().scan(false, |inside, (at, letter)| {
        let begins = is_word(letter) && !*inside;
        *inside = is_word(letter);
        Some((at, begins))
    });
    starts.filter(|(_, begins)| *begins).map(|(at, _)| (at, word_at(&code[at..])))
}

/// The word at the start, empty if there is none.
pub(super) fn word_at(code: &str) -> &str {
    &code[..code.find(|letter| !is_word(letter)).unwrap_or(code.len())]
}

/// The number of the line in which a position is.
pub(super) fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn is_word(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

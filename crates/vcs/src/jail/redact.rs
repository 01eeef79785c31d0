//! What a tool said, made fit to be shown.

use std::borrow::Cow;

/// Lines of a tool's words that are passed on.
const LINES: usize = 4;
/// Characters of a line that are passed on.
const LINE_CHARS: usize = 300;
/// Shorter texts are not taken out: they would be found everywhere.
const SHORTEST: usize = 4;

/// The texts that must not be shown.
#[derive(Clone, Default)]
pub(super) struct Redaction {
    texts: Vec<String>,
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction").field("texts", &self.texts.len()).finish()
    }
}

impl Redaction {
    /// Adds a text.
    pub(super) fn hide<'a>(&mut self, text: impl Into<Cow<'a, str>>) {
        let text = text.into();
        if text.len() >= SHORTEST {
            self.texts.push(text.into_owned());
            // A directory before those in it, a token before its parts.
            self.texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        }
    }

    /// All lines if they are few, else the last of those that call themselves errors; without secrets, userinfo of URLs, and
    /// characters that are none.
    pub(super) fn apply(&self, words: &str) -> String {
        let hidden = self.texts.iter().fold(words.to_owned(), |words, text| words.replace(text, "***"));
        let lines: Vec<&str> = hidden.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let faults: Vec<&str> = lines.iter().copied().filter(|line| tells_a_fault(line)).collect();
        let has_room = lines.len() <= LINES || faults.is_empty();
        let chosen = if has_room { &lines } else { &faults };
        let last = chosen.get(chosen.len().saturating_sub(LINES)..).unwrap_or_default();
        last.iter().map(|line| plain(&without_userinfo(line))).collect::<Vec<_>>().join("\n")
    }
}

fn tells_a_fault(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    ["fatal:", "error:", "abort:", "svn: e", "remote:", "ssh:"].iter().any(|start| lower.starts_with(start))
}

/// `scheme://user:password@host` becomes `scheme://host`, wherever it is in the line.
fn without_userinfo(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"')
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        out.push_str(authority.rsplit('@').next().unwrap_or_default());
        rest = tail;
    }
    out + rest
}

/// Without control characters, and not too long.
fn plain(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(LINE_CHARS).collect()
}

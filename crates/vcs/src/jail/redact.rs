//! What a tool said, made fit to be shown.

use std::borrow::Cow;

use super::trouble::is_told_by;

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

    /// All lines if they are few, else the last of those that tell of errors; without secrets, userinfo of URLs, and
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
    let starts = ["fatal:", "error:", "abort:", "svn: e", "remote:", "ssh:"];
    // ssh says in other words that the host is not the one that it was.
    starts.iter().any(|start| lower.starts_with(start)) || is_told_by(line)
}

/// `scheme://user:password@host` becomes `scheme://host`, wherever it is in the line.
fn without_userinfo(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c == '/' || c.is_whitespace() || "'\",;)".contains(c))
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        out.push_str(authority.rsplit('@').next().unwrap_or_default());
        rest = tail;
    }
    out + rest
}

/// Whether a character changes the direction in which others are shown.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without control characters, and not too long.
fn plain(line: &str) -> String {
    line.chars().filter(|c| !c.is_control() && !turns(*c)).take(LINE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(hidden: &[&str], words: &str) -> String {
        let mut redaction = Redaction::default();
        for text in hidden {
            redaction.hide(*text);
        }
        redaction.apply(words)
    }

    #[test]
    fn secrets_userinfo_and_control_characters_are_taken_out() {
        for (hidden, words, want) in [
            (&["s3cret-s3cret", "s3cret"][..], "a s3cret-s3cret b", "a *** b"),
            (&["abc"], "abc is too short to be hidden", "abc is too short to be hidden"),
            (&["/data/vcs", "/data/vcs/ab"], "in '/data/vcs/ab/objects'", "in '***/objects'"),
            (
                &[],
                "at https://u:p@h/r, ssh://git@h:22/r and http://a@b@c",
                "at https://h/r, ssh://h:22/r and http://c",
            ),
            (&[], "\u{1b}[31mfatal:\u{7} x\u{202e}\r\n\n  y ", "[31mfatal: x\ny"),
        ] {
            assert_eq!(shown(hidden, words), want);
        }
    }

    #[test]
    fn of_many_lines_those_that_tell_of_errors_are_shown() {
        let words = "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@\nIt is possible that\n\
                     Host key verification failed.\nfatal: Could not read from remote repository.\n\nPlease make sure\n";
        let shown_of_it = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n\
                           fatal: Could not read from remote repository.";
        assert_eq!(shown(&[], words), shown_of_it);
        let words = "hint: 1\nhint: 2\nremote: a\nhint: 3\nfatal: b\nhint: 4\n";
        assert_eq!(shown(&[], words), "remote: a\nfatal: b");
        assert_eq!(shown(&[], "1\n2\n3\n4\n5\n"), "2\n3\n4\n5");
        assert_eq!(shown(&[], &"x".repeat(1000)).len(), LINE_CHARS);
    }
}

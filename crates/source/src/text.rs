//! The explanation in the body of an error answer, made safe to pass on.
//!
//! The go command shows such a text to its user if it is `text/plain` (cmd/go `web.Response.formatErrorDetail`),
//! and drops all of it when it holds one character that is not graphic. What we pass on must survive that, and
//! must do no mischief in a terminal or a log: whatever is not graphic is left out here.

/// How much of an error body is read, in bytes.
pub(crate) const MAX_ERROR_BYTES: usize = 4 << 10;
/// How many lines are passed on.
const MAX_LINES: usize = 4;
/// How much is passed on in all, in bytes; the rest of the client's 648 is for our own words.
const MAX_TEXT_BYTES: usize = 480;
/// How long a failure in one line may be, in bytes.
const MAX_LINE_BYTES: usize = 240;

/// Phrases of passing causes, as the go command, its mirror and Go's network errors say them. A 404 with one of
/// these is an outage in disguise and not worth remembering.
const PASSING: [&str; 10] = [
    "timed out",
    "i/o timeout",
    "deadline exceeded",
    "failed to connect",
    "connection refused",
    "connection reset",
    "temporary failure",
    "could not resolve host",
    "server misbehaving",
    "tls handshake",
];

/// What an error answer says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Explanation {
    /// At most four lines, safe to show; empty if there is nothing to show.
    pub(crate) text: String,
    /// Whether a passing cause is named.
    pub(crate) transient: bool,
}

/// Reads the start of an error body. Anything but plain text in UTF-8 explains nothing.
pub(crate) fn explanation(content_type: Option<&str>, body: &[u8]) -> Explanation {
    if !is_plain_text(content_type.unwrap_or_default()) {
        return Explanation::default();
    }
    let body = match std::str::from_utf8(body) {
        Ok(body) => body,
        // The body may have been cut inside of a character; bad bytes anywhere else mean that it is no text.
        Err(error) if error.error_len().is_none() => body
            .get(..error.valid_up_to())
            .and_then(|whole| std::str::from_utf8(whole).ok())
            .unwrap_or_default(),
        Err(_) => return Explanation::default(),
    };
    let folded = body.to_lowercase();
    Explanation { text: shown(body), transient: PASSING.iter().any(|phrase| folded.contains(phrase)) }
}

/// `text/plain`, with no charset or one that is UTF-8 (cmd/go `web.get`).
fn is_plain_text(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let plain = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/plain"));
    plain
        && parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
            let value = value.trim_matches('"');
            !name.eq_ignore_ascii_case("charset")
                || value.eq_ignore_ascii_case("utf-8")
                || value.eq_ignore_ascii_case("us-ascii")
        })
}

/// The first lines up to a blank one, graphic characters only, bounded.
pub(crate) fn shown(body: &str) -> String {
    let lines = body.lines().map(graphic).take_while(|line| !line.is_empty()).take(MAX_LINES);
    let mut text = String::new();
    for line in lines {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text.truncate(text.trim_end().len());
    text
}

/// A failure and the innermost cause of it in one safe line, for logs and snapshots.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let mut root = error.source();
    while let Some(cause) = root.and_then(std::error::Error::source) {
        root = Some(cause);
    }
    let mut line = error.to_string();
    if let Some(root) = root {
        line = format!("{line}: {root}");
    }
    let mut line = graphic(&line);
    line.truncate(line.floor_char_boundary(MAX_LINE_BYTES));
    line
}

/// A line with blanks as spaces and without anything that is not graphic.
fn graphic(line: &str) -> String {
    let kept: String =
        line.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| is_graphic(*c)).collect();
    kept.trim().to_owned()
}

/// Go's `unicode.IsGraphic`, as near as the standard library comes: what it prints unescaped in debug output.
/// Controls, format and direction marks, private and unassigned characters are escaped there.
fn is_graphic(c: char) -> bool {
    if c.is_ascii() { c == ' ' || c.is_ascii_graphic() } else { c.escape_debug().count() == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(body: &str) -> Explanation {
        explanation(Some("text/plain; charset=utf-8"), body.as_bytes())
    }

    #[test]
    fn only_plain_text_in_utf_8_explains_anything() {
        for (content_type, shown) in [
            (Some("text/plain"), true),
            (Some("TEXT/PLAIN; Charset=\"UTF-8\""), true),
            (Some("text/plain; charset=us-ascii"), true),
            (Some("text/plain; charset=latin1"), false),
            (Some("text/html; charset=utf-8"), false),
            (Some("application/json"), false),
            (None, false),
        ] {
            let text = explanation(content_type, b"no such version").text;
            assert_eq!(text == "no such version", shown, "{content_type:?}");
        }
        assert_eq!(explanation(Some("text/plain"), b"bad \xff byte"), Explanation::default());
    }

    #[test]
    fn at_most_four_lines_up_to_a_blank_one_are_shown() {
        assert_eq!(plain("a\r\nb\nc\nd\ne\n").text, "a\nb\nc\nd");
        assert_eq!(plain("a\n \t\nb").text, "a");
        assert_eq!(plain("\nb").text, "");
    }

    #[test]
    fn what_is_not_graphic_is_left_out() {
        assert_eq!(plain("red \u{1b}[31mtext\u{7}").text, "red [31mtext");
        assert_eq!(plain("abc\u{202e}fed\u{200b}\u{feff}\u{e000}").text, "abcfed");
        assert_eq!(plain("Größe\u{a0}日本\t1").text, "Größe 日本 1");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = plain(&"ü".repeat(400)).text;
        assert_eq!(text.len(), MAX_TEXT_BYTES);
        let mut body = "x".repeat(10).into_bytes();
        body.push(0xc3);
        assert_eq!(explanation(Some("text/plain"), &body).text, "x".repeat(10));
    }

    #[test]
    fn passing_causes_are_recognised() {
        assert!(plain("not found: fetch timed out").transient);
        assert!(plain("not found: Failed to connect to host").transient);
        assert!(!plain("not found: m@v1.0.0: unknown revision v1.0.0").transient);
        assert!(!plain("not found: example.com/timeout@v1.0.0: invalid version").transient);
    }
}

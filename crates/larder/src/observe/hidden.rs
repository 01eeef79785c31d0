//! Private modules on their way into the log, where it shall not name them (`log.private = "hide"`).
//!
//! At the one place that all lines pass, and by what a text looks like, not by who wrote it: a name may stand in a
//! path, an escaped path, the name of a file, or in what a source said of it. A word of a line that holds a private
//! path, however it is written, becomes `private` as a whole: it may hold the version too.

use std::fmt::{self, Write};
use std::sync::Arc;

use arc_swap::ArcSwap;
use gomod::Patterns;

use super::harmless::{Harmless, Style};

/// What stands in place of a hidden word.
const INSTEAD: &str = "private";
/// How often something may be percent-encoded over.
const LAYERS: usize = 4;
/// What names the operator's own things, or nothing: they are shown, whatever they look like.
const OURS: [&str; 9] =
    ["event", "upstream.name", "upstream", "peer", "file.kind", "error.class", "cache.lookup", "end", "data"];

/// The paths that the log does not name; none to begin with.
#[derive(Clone, Debug, Default)]
pub struct Hidden(Arc<ArcSwap<Patterns>>);

impl Hidden {
    /// From now on these are not named.
    pub fn set(&self, paths: Patterns) {
        self.0.store(Arc::new(paths));
    }

    /// What writes the texts of one line in this style.
    pub(super) fn writing(&self, style: Style) -> Writing {
        Writing { line: self.line(), style }
    }

    /// What hides the names of one line; none where none is hidden.
    fn line(&self) -> Option<Line> {
        let paths = self.0.load();
        (!paths.is_empty()).then(|| Line { paths: Arc::clone(&paths), is_private: false })
    }
}

/// Writes the texts of one line: harmless for whatever shows it, and without the names that are hidden.
pub(super) struct Writing {
    line: Option<Line>,
    style: Style,
}

impl Writing {
    /// Writes the text of a field.
    pub(super) fn write(
        &mut self,
        out: &mut impl Write,
        field: &str,
        text: fmt::Arguments<'_>,
    ) -> fmt::Result {
        let mut out = Harmless::new(out, self.style);
        match &mut self.line {
            None => out.write_fmt(text),
            Some(line) => out.write_str(&line.shown(field, text.to_string())),
        }
    }
}

/// What hides the names of one line.
struct Line {
    paths: Arc<Patterns>,
    /// The line is about a private module.
    is_private: bool,
}

impl Line {
    /// The text of a field as it may be written.
    fn shown(&mut self, field: &str, text: String) -> String {
        match field {
            // It stands behind its module's path.
            "module.version" if self.is_private => INSTEAD.to_owned(),
            // Whose it is cannot be told from its address.
            "repository" => INSTEAD.to_owned(),
            _ if OURS.contains(&field) => text,
            _ if !self.is_private && !self.names_any(&text) => text,
            _ => {
                self.is_private |= field == "module.path" && self.names_any(&text);
                let mut shown = String::with_capacity(text.len());
                for piece in text.split_inclusive(char::is_whitespace) {
                    let word = piece.trim_end();
                    let space = piece.get(word.len()..).unwrap_or_default();
                    // What is said of a private module may name its repository, by another name.
                    let is_named = self.names_private(word) || (self.is_private && word.contains("://"));
                    let word = if is_named { INSTEAD } else { word };
                    // Writing to a string cannot fail.
                    let _ = write!(shown, "{word}{space}");
                }
                shown
            }
        }
    }

    /// Whether a private path begins in any word of a text.
    fn names_any(&self, text: &str) -> bool {
        text.split_whitespace().any(|word| self.names_private(word))
    }

    /// Whether a private path begins at any element of this.
    fn names_private(&self, word: &str) -> bool {
        if !word.contains(['.', '/', '%']) {
            return false;
        }
        let plain = plain(word);
        let mut rest = plain.as_str();
        loop {
            if rest.contains(['.', '/']) && self.paths.matches_folded(rest) {
                return true;
            }
            match rest.split_once('/') {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
    }
}

/// A word without escapes, its elements divided by one slash each, whatever divided them.
fn plain(word: &str) -> String {
    let mut text = word.to_owned();
    for _ in 0..LAYERS {
        let decoded = decoded(&text);
        if decoded == text {
            break;
        }
        text = decoded;
    }
    text.retain(|c| c != '!');
    let elements = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '+')));
    let elements = elements.map(|element| element.trim_end_matches('.'));
    let elements = elements.map(|element| element.strip_suffix(".git").unwrap_or(element));
    elements.filter(|element| !element.is_empty()).collect::<Vec<_>>().join("/")
}

/// What is percent-encoded, decoded once; the rest as it is.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_path_is_hidden_however_it_is_written() {
        let hidden = Hidden::default();
        hidden.set(Patterns::parse("corp.example/Secret,*.house.example"));
        for said in [
            "corp.example/secret",
            "/corp.example/!secret/@v/v1.0.0.zip",
            "/x//CORP.example//SECRET/..",
            "modules/corp.example/!secret/pkg/@v/list:",
            "\"https://proxy.example/corp.example/secret.git\"",
            "git@corp.example:secret.git",
            "corp.example/secret@v1.2.3",
            "/%63orp.example%2fsecret",
            "/%2563orp.example/%2521secret",
            "/x?go-get=corp.example/secret",
            "a.house.example.",
        ] {
            let shown = hidden.line().unwrap().shown("message", format!("GET {said} 404"));
            assert_eq!(shown, "GET private 404", "{said}");
        }
        for said in ["corp.example/secrets", "corp.example", "house.example/x", "secret"] {
            assert_eq!(hidden.line().unwrap().shown("message", said.to_owned()), said);
        }
    }

    #[test]
    fn the_version_of_a_private_module_is_hidden_and_no_other() {
        let hidden = Hidden::default();
        assert!(hidden.line().is_none());
        hidden.set(Patterns::parse("corp.example"));
        for (path, version) in [("corp.example/a", "private"), ("example.com/a", "v1.0.0")] {
            let mut line = hidden.line().unwrap();
            line.shown("module.path", path.to_owned());
            assert_eq!(line.shown("module.version", "v1.0.0".to_owned()), version);
        }
        assert_eq!(hidden.line().unwrap().shown("upstream.name", "corp.example".to_owned()), "corp.example");
    }

    #[test]
    fn the_repository_of_a_private_module_is_hidden_wherever_it_is() {
        let hidden = Hidden::default();
        hidden.set(Patterns::parse("corp.example"));
        let said = "fatal: unable to access 'https://code.house.example/lib': no";
        for (path, shown) in
            [("corp.example/a", "fatal: unable to access private no"), ("example.com/a", said)]
        {
            let mut line = hidden.line().unwrap();
            line.shown("module.path", path.to_owned());
            assert_eq!(line.shown("error", said.to_owned()), shown);
            assert_eq!(line.shown("repository", "https://code.house.example/lib".to_owned()), "private");
        }
    }
}

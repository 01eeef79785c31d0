//! The page that a server gives for its own paths, so that the go command finds what is there.

use std::fmt::Write as _;

use super::{GoImport, parse};
use crate::quote::quoted;
use crate::repo::below;

/// Why a page cannot be given.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TagError {
    /// A field, given here, is empty or has blanks in it, or characters that no page has.
    #[error("{} cannot be a field of a go-import tag", quoted(.0))]
    Field(String),
    /// The path is not below the tag's prefix.
    #[error("{} is not below {}", quoted(path), quoted(prefix))]
    Elsewhere {
        /// The path.
        path: String,
        /// The prefix.
        prefix: String,
    },
}

impl GoImport {
    /// The page for a path at or below the prefix, as `text/html; charset=utf-8`. All that is from outside is escaped, and
    /// the page says to a person what it is for.
    ///
    /// # Errors
    /// It would not be read as this tag: the path is elsewhere, or a field cannot be one.
    pub fn page(&self, path: &str) -> Result<String, TagError> {
        if below(path, &self.prefix).is_none() {
            return Err(TagError::Elsewhere { path: path.to_owned(), prefix: self.prefix.clone() });
        }
        let content = [&self.prefix, &self.vcs, &self.repo_root, &self.subdir].map(String::as_str).join(" ");
        let (content, path) = (escaped(content.trim_end()), escaped(path));
        let page = format!(
            "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"go-import\" content=\"{content}\">\n\
             <title>{path}</title>\n</head>\n<body>\n<p>go get {path}</p>\n</body>\n</html>\n"
        );
        // Whatever a field holds, what is read is what was meant.
        if parse(page.as_bytes()).imports == [self.clone()] { Ok(page) } else { Err(self.unfit()) }
    }

    fn unfit(&self) -> TagError {
        let is_field =
            |field: &str| !field.is_empty() && !field.contains(|c: char| c.is_whitespace() || c.is_control());
        let fields = [&self.prefix, &self.vcs, &self.repo_root];
        let wrong = fields.into_iter().find(|field| !is_field(field));
        TagError::Field(wrong.unwrap_or(&self.subdir).clone())
    }
}

/// A text for an element or for an attribute in double quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                let _ = write!(safe, "&#{};", u32::from(c));
            }
            _ => safe.push(c),
        }
    }
    safe
}

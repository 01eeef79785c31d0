//! Names of kept objects: one checked type, made by one function.
//!
//! A key is a path in a tree of files, because the tree is meant to be served by any file server as it is. So it
//! may hold nothing that a file system or a URL would read otherwise. What the elements mean is the caller's.
//! The limits are those of Linux file systems (`NAME_MAX` 255, `PATH_MAX` 4,096).

use std::cmp::Ordering;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::StoreError;

/// Longest element of a key, in bytes.
pub const ELEMENT_MAX: usize = 255;
/// Longest key, in bytes.
pub const KEY_MAX: usize = 4096;

/// A checked relative path: elements joined by `/`, such as `modules/example.com/!big/@v/v1.0.0.zip`.
///
/// Keys are ordered element by element (`a/b` before `a-b/c`), which is the order of a walk through a tree.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Arc<str>);

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing at all.
    #[error("a key is empty")]
    Empty,
    /// More than [`KEY_MAX`] bytes.
    #[error("a key has {size_bytes} bytes, more than {KEY_MAX}")]
    Long {
        /// How many it has.
        size_bytes: usize,
    },
    /// An element of more than [`ELEMENT_MAX`] bytes.
    #[error("an element of a key has {size_bytes} bytes, more than {ELEMENT_MAX}")]
    LongElement {
        /// How many it has.
        size_bytes: usize,
    },
    /// An element that is empty, `.` or `..`; also a leading or trailing slash.
    #[error("a key has the element {element:?}")]
    Element {
        /// The element.
        element: &'static str,
    },
    /// NUL, a line break or another control character, or a backslash.
    #[error("a key holds the character {0:?}")]
    Character(char),
}

impl Key {
    /// Checks a text.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > KEY_MAX {
            return Err(KeyError::Long { size_bytes: text.len() });
        }
        if let Some(bad) = text.chars().find(|c| c.is_control() || *c == '\\') {
            return Err(KeyError::Character(bad));
        }
        text.split('/').try_for_each(check_element)?;
        Ok(Self(Arc::from(text)))
    }

    /// The same as an operation of the store, which fails. What is checked already can still be too long to be kept
    /// under its name; [`StoreError::is_unnamable`] tells that from all else.
    pub fn named(name: &str) -> Result<Self, StoreError> {
        Self::parse(name).map_err(|error| {
            StoreError::of("name", name, io::Error::new(io::ErrorKind::InvalidFilename, error))
        })
    }

    /// The key below this one: `a`.join(`b/c`) is `a/b/c`.
    pub fn join(&self, below: &str) -> Result<Self, KeyError> {
        Self::parse(&format!("{}/{below}", self.0))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The elements from left to right; at least one.
    pub fn elements(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether this key is below `above`: `a/b` is under `a`, neither `ab` nor `a` itself is.
    pub fn is_under(&self, above: &Self) -> bool {
        self.0.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

fn check_element(element: &str) -> Result<(), KeyError> {
    match element {
        "" => Err(KeyError::Element { element: "" }),
        "." => Err(KeyError::Element { element: "." }),
        ".." => Err(KeyError::Element { element: ".." }),
        long if long.len() > ELEMENT_MAX => Err(KeyError::LongElement { size_bytes: long.len() }),
        _ => Ok(()),
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.elements().cmp(other.elements())
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_file_system_would_read_otherwise_is_not_a_key() {
        for bad in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\0b", "a\\b", "a\nb", "a/\u{7f}"]
        {
            assert!(Key::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Key::parse(&"x".repeat(ELEMENT_MAX)).is_ok());
        assert!(Key::parse(&"x".repeat(ELEMENT_MAX + 1)).is_err());
        assert!(Key::parse(&"x/".repeat(KEY_MAX / 2 + 1)).is_err());
    }

    #[test]
    fn a_name_that_no_file_can_have_is_no_outage() {
        let refused = Key::named(&"x".repeat(ELEMENT_MAX + 1)).unwrap_err();
        assert!(refused.is_unnamable() && !refused.is_outage(), "{refused:?}");
        assert!(Key::named("a/b").is_ok());
    }

    #[test]
    fn keys_are_ordered_element_by_element() {
        let keys: Vec<_> =
            ["a", "a/b", "a/b/c", "a!", "a-b/c", "b"].iter().map(|k| Key::parse(k).unwrap()).collect();
        assert!(keys.is_sorted(), "{keys:?}");
    }

    #[test]
    fn under_means_below_at_a_slash() {
        let key = |text| Key::parse(text).unwrap();
        assert!(key("a/b").is_under(&key("a")));
        assert!(!key("ab").is_under(&key("a")));
        assert!(!key("a").is_under(&key("a")));
    }

    proptest! {
        #[test]
        fn a_key_prints_what_was_parsed(text in "\\PC{0,40}") {
            if let Ok(key) = Key::parse(&text) {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}

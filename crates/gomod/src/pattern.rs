//! Lists of module path patterns, as in GOPRIVATE: `*.corp.example.com,github.com/our/*`.
//!
//! A pattern of N elements is a glob over the first N elements of a path, so `example.com` stands for all
//! modules below it. The rules are x/mod `module.MatchPrefixPatterns`, its quirks included: entries are not
//! trimmed, and a malformed glob matches nothing, silently. Case matters to Go;
//! [`Patterns::matches_folded`] is for where a match protects a name, and there case must not decide.

use std::borrow::Cow;
use std::fmt;

mod glob;

/// A list of patterns. `Display` is its inverse but for what means nothing: empty entries and slashes at the end.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Pattern {
    glob: String,
    /// The glob in lower case.
    folded: String,
    /// How many slashes the glob has, one less than its elements.
    slashes: usize,
}

impl Patterns {
    /// Reads a list separated by commas. Every text is a list, of no patterns if need be.
    pub fn parse(list: &str) -> Self {
        list.split(',').collect()
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a pattern matches the path or a path above it (x/mod `module.MatchPrefixPatterns`).
    pub fn matches(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(&pattern.glob, path))
    }

    /// Whether a pattern matches when case is left out of account. What [`Patterns::matches`] is matched here too.
    pub fn matches_folded(&self, path: &str) -> bool {
        let folded = fold(path);
        // The second question is for classes that change their meaning in lower case, such as `[Z-a]`.
        self.0
            .iter()
            .any(|pattern| pattern.matches(&pattern.folded, &folded) || pattern.matches(&pattern.glob, path))
    }
}

impl<'a> FromIterator<&'a str> for Patterns {
    /// Makes a list of single patterns; a comma in one of them separates two.
    fn from_iter<I: IntoIterator<Item = &'a str>>(patterns: I) -> Self {
        Self(patterns.into_iter().flat_map(|list| list.split(',')).filter_map(Pattern::new).collect())
    }
}

impl Pattern {
    fn new(entry: &str) -> Option<Self> {
        let glob = entry.strip_suffix('/').unwrap_or(entry);
        let slashes = glob.bytes().filter(|&byte| byte == b'/').count();
        (!glob.is_empty()).then(|| Self { glob: glob.to_owned(), folded: glob.to_lowercase(), slashes })
    }

    /// Matches one spelling of this pattern's glob against as many elements of the path as it has.
    fn matches(&self, glob: &str, path: &str) -> bool {
        let mut slashes = path.bytes().enumerate().filter(|&(_, byte)| byte == b'/').map(|(at, _)| at);
        let end = match slashes.nth(self.slashes) {
            Some(end) => end,
            // As many elements as the glob has, exactly.
            None if path.bytes().filter(|&byte| byte == b'/').count() == self.slashes => path.len(),
            None => return false,
        };
        path.as_bytes().get(..end).is_some_and(|prefix| glob::matches(glob.as_bytes(), prefix))
    }
}

fn fold(path: &str) -> Cow<'_, str> {
    if path.chars().any(|rune| rune.is_uppercase() || !rune.is_ascii()) {
        Cow::Owned(path.to_lowercase())
    } else {
        Cow::Borrowed(path)
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pattern) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            // One slash at the end is dropped when this is read.
            let slash = if pattern.glob.ends_with('/') { "/" } else { "" };
            write!(f, "{comma}{}{slash}", pattern.glob)?;
        }
        Ok(())
    }
}

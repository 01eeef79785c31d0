//! Over which schemes repositories may be asked (`network.schemes`).
//!
//! Those that nobody on the way can read or change are open everywhere: `https`, `ssh`, `git+ssh`, `svn+ssh`. `http`, `git`,
//! `svn` and `file` are closed until a rule opens them for a pattern of module paths:
//!
//! ```text
//! lab.example.com:http|git,mirror.example.com/go:file
//! ```
//!
//! The form is that of GOVCS, and patterns are those of GOPRIVATE; each rule that matches opens something.

use gomod::Patterns;

/// What is open everywhere.
const SECURE: [&str; 4] = ["https", "ssh", "git+ssh", "svn+ssh"];
/// What a rule may open.
const CLOSED: [&str; 4] = ["http", "git", "svn", "file"];

/// The schemes in force.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schemes(Vec<(Patterns, Vec<&'static str>)>);

/// Why a text is no list of rules. Each field is the rule, or the scheme.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SchemesError {
    /// No colon, or nothing on one side of it.
    #[error("`{0}` is not PATTERN:SCHEME|SCHEME")]
    Form(String),
    /// A scheme that no repository is asked over.
    #[error("`{0}` is no scheme of a repository: http, git, svn and file can be opened")]
    Unknown(String),
}

impl Schemes {
    /// Reads rules separated by commas; an empty text opens nothing.
    ///
    /// # Errors
    /// A rule has another form, or names what cannot be opened.
    pub fn parse(text: &str) -> Result<Self, SchemesError> {
        let rules = text.split(',').map(str::trim).filter(|rule| !rule.is_empty());
        rules.map(parse_rule).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the repository of a path may be asked over a scheme, in small letters.
    pub fn allows(&self, path: &str, scheme: &str) -> bool {
        SECURE.contains(&scheme)
            || self.0.iter().any(|(patterns, opened)| opened.contains(&scheme) && patterns.matches(path))
    }

    /// All that the repository of a path may be asked over.
    pub fn of(&self, path: &str) -> Vec<&'static str> {
        SECURE.into_iter().chain(CLOSED).filter(|scheme| self.allows(path, scheme)).collect()
    }
}

fn parse_rule(rule: &str) -> Result<(Patterns, Vec<&'static str>), SchemesError> {
    let form = || SchemesError::Form(rule.to_owned());
    let (pattern, list) = rule.split_once(':').ok_or_else(form)?;
    let (pattern, list) = (pattern.trim(), list.trim());
    if pattern.is_empty() || list.is_empty() {
        return Err(form());
    }
    let known = |name: &str| SECURE.into_iter().chain(CLOSED).find(|scheme| *scheme == name);
    let opened = list.split('|').map(|name| {
        let name = name.trim();
        known(name).ok_or_else(|| SchemesError::Unknown(name.to_owned()))
    });
    Ok((Patterns::parse(pattern), opened.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_opens_schemes_for_its_paths_only() {
        let schemes = Schemes::parse(" lab.example.com : http | git , *.org/x:file,").unwrap();
        let of = |path: &str| schemes.of(path).split_off(SECURE.len());
        assert_eq!(of("lab.example.com/m"), ["http", "git"]);
        assert_eq!(of("example.org/x/y"), ["file"]);
        assert!(of("example.org/y").is_empty() && of("sub.lab.example.com/m").is_empty());
        assert!(Schemes::default().allows("a.b/c", "https") && !Schemes::default().allows("a.b/c", "http"));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["http", ":http", "x:", "a.b:https,c"] {
            assert!(matches!(Schemes::parse(text), Err(SchemesError::Form(_))), "{text}");
        }
        for text in ["x:ext", "x:http|", "x:HTTP"] {
            assert!(matches!(Schemes::parse(text), Err(SchemesError::Unknown(_))), "{text}");
        }
    }
}

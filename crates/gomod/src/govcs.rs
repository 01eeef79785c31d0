//! Which version control systems may be used for which repositories: GOVCS (`go help vcs`).
//!
//! A setting is a list of rules `pattern:vcs|vcs`; the first rule whose pattern matches the root of a repository
//! decides, and after the rules of the setting come those of the default, `private:all,public:git|hg`. The rules
//! and messages are cmd/go `vcs.parseGOVCS` and `checkGOVCS`. What is private is for the caller to say. The
//! scheme `mod`, a module proxy named by a repository's page, is no version control and always allowed.

use crate::pattern::Patterns;
use crate::quote::quoted;

/// The rules in force: those of a setting, followed by Go's default.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoVcs(Vec<Rule>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    scope: Scope,
    allowed: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Scope {
    Private,
    Public,
    Matching(Patterns),
}

/// Why a text is no GOVCS setting. The texts are Go's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GoVcsError {
    /// There is nothing between two commas.
    #[error("empty entry in GOVCS")]
    EmptyEntry,
    /// An entry, given here, has no colon.
    #[error("malformed entry in GOVCS (missing colon): {}", quoted(.0))]
    MissingColon(String),
    /// An entry, given here, has nothing before its colon.
    #[error("empty pattern in GOVCS: {}", quoted(.0))]
    EmptyPattern(String),
    /// An entry, given here, has nothing after its colon.
    #[error("empty VCS list in GOVCS: {}", quoted(.0))]
    EmptyList(String),
    /// An entry, given here, has nothing between two bars.
    #[error("empty VCS name in GOVCS: {}", quoted(.0))]
    EmptyName(String),
    /// A pattern, given here, is a relative path of files.
    #[error("relative pattern not allowed in GOVCS: {}", quoted(.0))]
    RelativePattern(String),
    /// An entry has the pattern of one before it.
    #[error("unreachable pattern in GOVCS: {} after {}", quoted(later), quoted(earlier))]
    Unreachable {
        /// The entry.
        later: String,
        /// The one before it.
        earlier: String,
    },
}

/// A refusal by the rules. The text is Go's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("GOVCS disallows using {vcs} for {} {root}; see 'go help vcs'", if *.private { "private" } else { "public" })]
pub struct Disallowed {
    /// The command of the version control system: `git`.
    pub vcs: String,
    /// The root of the repository.
    pub root: String,
    /// Whether the repository is private.
    pub private: bool,
}

impl Default for GoVcs {
    /// Go's default: everything for private repositories, Git and Mercurial for all others.
    fn default() -> Self {
        let rule = |scope, allowed: &[&str]| Rule {
            scope,
            allowed: allowed.iter().map(|&vcs| vcs.to_owned()).collect(),
        };
        Self(vec![rule(Scope::Private, &["all"]), rule(Scope::Public, &["git", "hg"])])
    }
}

impl GoVcs {
    /// Reads a setting; the default's rules come after its own.
    pub fn parse(setting: &str) -> Result<Self, GoVcsError> {
        let setting = setting.trim();
        let mut rules = Vec::new();
        if !setting.is_empty() {
            let mut earlier = Vec::new();
            for entry in setting.split(',') {
                rules.push(parse_entry(entry.trim(), &mut earlier)?);
            }
        }
        rules.extend(Self::default().0);
        Ok(Self(rules))
    }

    /// Checks that a version control system, named by its command, may be used for a repository.
    pub fn check(&self, vcs: &str, root: &str, private: bool) -> Result<(), Disallowed> {
        let rule = self.0.iter().find(|rule| match &rule.scope {
            Scope::Private => private,
            Scope::Public => !private,
            Scope::Matching(patterns) => patterns.matches(root),
        });
        let is_allowed = |rule: &Rule| rule.allowed.iter().any(|allowed| allowed == vcs || allowed == "all");
        if vcs == "mod" || rule.is_some_and(is_allowed) {
            return Ok(());
        }
        Err(Disallowed { vcs: vcs.to_owned(), root: root.to_owned(), private })
    }

    /// Whether a version control system may be used for any repository at all, where there are private ones or none.
    pub fn allows_somewhere(&self, vcs: &str, has_private: bool) -> bool {
        let is_first = |at: usize, scope: &Scope| {
            self.0.iter().position(|rule| rule.scope == *scope).is_some_and(|first| first == at)
        };
        self.0.iter().enumerate().any(|(at, rule)| {
            let counts = match &rule.scope {
                Scope::Private => has_private && is_first(at, &Scope::Private),
                Scope::Public => is_first(at, &Scope::Public),
                Scope::Matching(_) => true,
            };
            counts && rule.allowed.iter().any(|allowed| allowed == vcs || allowed == "all")
        })
    }
}

/// Reads an entry; `earlier` holds patterns and the entries that they were in.
fn parse_entry<'a>(entry: &'a str, earlier: &mut Vec<(&'a str, &'a str)>) -> Result<Rule, GoVcsError> {
    if entry.is_empty() {
        return Err(GoVcsError::EmptyEntry);
    }
    let (pattern, list) = entry.split_once(':').ok_or_else(|| GoVcsError::MissingColon(entry.to_owned()))?;
    let (pattern, list) = (pattern.trim(), list.trim());
    if pattern.is_empty() {
        return Err(GoVcsError::EmptyPattern(entry.to_owned()));
    }
    if list.is_empty() {
        return Err(GoVcsError::EmptyList(entry.to_owned()));
    }
    // cmd/go `search.IsRelativePath`.
    if matches!(pattern, "." | "..") || pattern.starts_with("./") || pattern.starts_with("../") {
        return Err(GoVcsError::RelativePattern(pattern.to_owned()));
    }
    if let Some((_, earlier)) = earlier.iter().find(|(seen, _)| *seen == pattern) {
        return Err(GoVcsError::Unreachable { later: entry.to_owned(), earlier: (*earlier).to_owned() });
    }
    earlier.push((pattern, entry));
    let allowed: Vec<String> = list.split('|').map(|vcs| vcs.trim().to_owned()).collect();
    if allowed.iter().any(String::is_empty) {
        return Err(GoVcsError::EmptyName(entry.to_owned()));
    }
    let scope = match pattern {
        "private" => Scope::Private,
        "public" => Scope::Public,
        _ => Scope::Matching(Patterns::parse(pattern)),
    };
    Ok(Rule { scope, allowed })
}

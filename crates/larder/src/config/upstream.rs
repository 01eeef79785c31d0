//! Where modules come from: a list in the grammar of GOPROXY, for all modules or for those a pattern matches.

use std::fmt;
use std::str::FromStr;

use gomod::goproxy::{ProxyList, ProxyListError, ProxyTarget};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern::{self, Pattern};
use super::text::{as_text, redact};

/// Why a text is not a list of upstreams, or not a route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An entry cannot be asked, or there is none (Go's text).
    #[error(transparent)]
    List(#[from] ProxyListError),
    /// The list is empty; `off` and `direct` say so in words.
    #[error("the list is empty; write a proxy's address, `direct`, or `off`")]
    Empty,
    /// An address cannot be read, and there is a password in the list.
    #[error(
        "an address is not valid, and not shown because a password is near; in passwords write \
         `,` as %2C, `|` as %7C, `/` as %2F, `@` as %40, `:` as %3A"
    )]
    Password,
    /// A route in its short form has no `=`.
    #[error("`{text}` is not a route; write PATTERN[,PATTERN]=UPSTREAM, such as corp.example.com=direct")]
    NotARoute {
        /// The text as it was written, without secrets.
        text: String,
    },
    /// A route is for no module.
    #[error("the route has nothing in `match`; name the module paths it is for, such as corp.example.com")]
    NoMatch,
    /// A route leads nowhere.
    #[error("the route has no `upstream`; write a proxy's address, `direct`, or `off`")]
    NoUpstream,
    /// A pattern of a route is wrong.
    #[error(transparent)]
    Pattern(#[from] pattern::Error),
}

/// A list of upstreams in the grammar of GOPROXY: addresses, `direct` and `off`, with `,` (next one only when the
/// answer is 404 or 410) or `|` (next one after any failure) between them. It may carry passwords
/// (`https://user:password@host`): printing hides them, only [`Upstream::reveal`] gives them out.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    text: String,
    list: ProxyList,
}

impl Upstream {
    /// The entries of the list.
    pub fn list(&self) -> &ProxyList {
        &self.list
    }

    /// Whether repositories are asked when its proxies have not got a module. What stands behind `off` counts for nothing.
    pub fn ends_direct(&self) -> bool {
        let mut entries = self.list.entries().iter().map(|entry| &entry.target);
        entries.find(|target| !matches!(target, ProxyTarget::Url(_))) == Some(&ProxyTarget::Direct)
    }

    /// The list as it was written, passwords included: never for printing.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl Default for Upstream {
    /// The go command's own default (go.env, `GOPROXY`).
    #[expect(clippy::expect_used, reason = "a constant, and a test reads it")]
    fn default() -> Self {
        "https://proxy.golang.org,direct".parse().expect("the go command's own default is a list")
    }
}

impl FromStr for Upstream {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Err(Error::Empty);
        }
        match ProxyList::parse(text) {
            Ok(list) => Ok(Self { list, text: text.to_owned() }),
            // Go's text quotes what it could not read, which here may be a piece of a password.
            Err(ProxyListError::Url { .. }) if text.contains('@') => Err(Error::Password),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.text))
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redact(&self.text))
    }
}

as_text!(Upstream, ["https://proxy.golang.org,direct", "https://proxy.corp.example.com|direct", "off"]);

/// One address that may carry a password: printing hides it, only [`Address::reveal`] gives it out.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// The address as it was written, password included.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redact(&self.0))
    }
}

as_text!(Address, ["http://proxy.corp.example.com:3128"]);

/// Other upstreams for some modules. The first route that matches decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Patterns of the module paths this route is for.
    #[serde(rename = "match")]
    pub patterns: Vec<Pattern>,
    /// The list these modules come from, in the grammar of `upstream`.
    pub upstream: Upstream,
}

/// The table form of a route, before it is known to be whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "match", default)]
    patterns: Vec<Pattern>,
    upstream: Option<Upstream>,
}

impl TryFrom<Table> for Route {
    type Error = Error;

    fn try_from(table: Table) -> Result<Self, Error> {
        if table.patterns.is_empty() {
            return Err(Error::NoMatch);
        }
        Ok(Self { patterns: table.patterns, upstream: table.upstream.ok_or(Error::NoUpstream)? })
    }
}

impl FromStr for Route {
    type Err = Error;

    /// The short form, `PATTERN[,PATTERN]=UPSTREAM`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let not_a_route = || Error::NotARoute { text: redact(text) };
        let (patterns, upstream) = text.split_once('=').ok_or_else(not_a_route)?;
        let patterns = patterns.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        let patterns = patterns.map(str::parse).collect::<Result<Vec<Pattern>, _>>()?;
        let upstream = if upstream.trim().is_empty() { None } else { Some(upstream.trim().parse()?) };
        Table { patterns, upstream }.try_into()
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::text::text_or_table::<D, Self, Table>(deserializer)
    }
}

//! Which checksum database is meant, and the way to it.
//!
//! ```text
//! sum.golang.org                                              a known one
//! sum.golang.org https://proxy.example/sumdb/sum.golang.org   a known one, asked elsewhere
//! example.org/sumdb+1f2e3d4c+AXu6+oaVaOYu… https://…          any, in the grammar of GOSUMDB
//! https://sum.golang.org                                      an address alone, where the key is known
//! ```
//!
//! An address alone says nothing of who has to sign, so beyond the databases that every go command knows the key
//! has to be given; it is never taken from the database itself.

use std::sync::Arc;

use source::{Builder, HttpUpstream, Source, UpstreamError};
use sumdb::spec::{ALIASES, KNOWN};
use sumdb::{Spec, spec::SpecError};

/// Why no database is meant. Addresses are not repeated: they may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It is not named as GOSUMDB names one.
    #[error(
        "not a checksum database; write NAME, NAME+HASH+KEY, either of them with an address behind, or an address"
    )]
    Spec(#[source] SpecError),
    /// An address whose database is not known.
    #[error(
        "an address alone does not say who has to sign; add --key NAME+HASH+KEY, as the database's operator publishes it"
    )]
    NoKey,
    /// A key beside a name that has one.
    #[error("--key is for an address alone; here the database is named already")]
    TwoKeys,
}

/// Reads what names a database: the value of GOSUMDB, or an address, with the key of its database unless that is known.
pub fn target(text: &str, key: Option<&str>) -> Result<Spec, TargetError> {
    let text = text.trim();
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    let spec = match (is_address, key) {
        (false, None) => text.to_owned(),
        (false, Some(_)) => return Err(TargetError::TwoKeys),
        (true, Some(key)) => format!("{key} {text}"),
        (true, None) => format!("{} {text}", known_at(text).ok_or(TargetError::NoKey)?),
    };
    Spec::parse(&spec).map_err(TargetError::Spec)
}

/// The known database that has this address: its own host, or `/sumdb/NAME` below a proxy.
fn known_at(address: &str) -> Option<&'static str> {
    let path = address.trim_end_matches('/');
    let is_at = |name: &str| host(address) == name || path.ends_with(&format!("/sumdb/{name}"));
    let alias = ALIASES.iter().filter(|(alias, _)| is_at(alias));
    let alias = alias.filter_map(|(_, meant)| meant.split_whitespace().next());
    KNOWN.iter().map(|(name, _)| *name).filter(|name| is_at(name)).chain(alias).next()
}

/// The `host[:port]` of an address, without what may stand before it.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// The way to a database at its own address, which is `https://NAME` unless another one is given.
pub fn own_way(spec: &Spec, builder: &Builder) -> Result<Arc<dyn Source>, UpstreamError> {
    let own = format!("https://{}", spec.name());
    let address = spec.address().unwrap_or(&own);
    Ok(Arc::new(HttpUpstream::sumdb(host(address), address, builder)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "localhost.localdev/sumdb+00000c67+AcTrnkbUA+TU4heY3hkjiSES/DSQniBqIeQ/YppAUtK6";

    #[test]
    fn a_database_is_named_as_in_gosumdb_or_by_its_address() {
        for (text, key, name, address) in [
            ("sum.golang.org", None, "sum.golang.org", None),
            ("https://sum.golang.org", None, "sum.golang.org", Some("https://sum.golang.org")),
            ("https://sum.golang.org/", None, "sum.golang.org", Some("https://sum.golang.org/")),
            ("https://sum.golang.google.cn", None, "sum.golang.org", Some("https://sum.golang.google.cn")),
            (
                "https://me:secret@proxy.example/go/sumdb/sum.golang.org",
                None,
                "sum.golang.org",
                Some("https://me:secret@proxy.example/go/sumdb/sum.golang.org"),
            ),
            (KEY, None, "localhost.localdev/sumdb", None),
            ("http://127.0.0.1:1", Some(KEY), "localhost.localdev/sumdb", Some("http://127.0.0.1:1")),
        ] {
            let spec = target(text, key).unwrap();
            assert_eq!((spec.name(), spec.address()), (name, address), "{text}");
        }
    }

    #[test]
    fn an_address_alone_needs_a_key() {
        for text in [
            "https://sum.golang.org.example",
            "https://example.org/sum.golang.org",
            "https://sum.golang.org@example.org",
            "http://127.0.0.1:1",
        ] {
            assert_eq!(target(text, None), Err(TargetError::NoKey), "{text}");
        }
        assert_eq!(target("sum.golang.org", Some(KEY)), Err(TargetError::TwoKeys));
        assert!(matches!(target("sum.example", None), Err(TargetError::Spec(_))));
        assert_eq!(host("https://me:p@w@proxy.example:8443/x@y"), "proxy.example:8443");
    }
}

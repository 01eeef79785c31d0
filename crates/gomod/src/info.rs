//! `.info` files: which version a query means, when it was made, and where it came from.
//!
//! Why this shape: the bytes of a `.info` are kept as they came, so that the offset of its time and an origin that
//! somebody else observed stay true; what is read here is only what must be judged before they are kept.
//! [`Info::parse`] accepts what the go command accepts (`encoding/json` into `modfetch.RevInfo`): names of fields in
//! any case, the last of repeated fields, unknown fields, `null`. [`without_userinfo`] takes credentials out of
//! URLs and changes nothing else.
//! What it promises: a parsed `Info` has a canonical version; its time, if any, is a real one; no input panics.
//! Not here: whether the version is the one that was asked for. The caller knows what it asked.

use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::Version;

mod sum;
mod time;
mod userinfo;

pub use sum::tag_sum;
pub use time::{BadTime, Time};
pub use userinfo::without_userinfo;

/// The largest `.info` that is read, in bytes: 1 MiB. Real ones have a few hundred bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// What a `.info` file says (cmd/go `modfetch.RevInfo`):
/// `{"Version":"v1.0.1","Time":"2026-11-20T22:13:31Z","Origin":{"VCS":"git","URL":"https://example.com/r"}}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Info {
    /// The canonical version.
    pub version: Version,
    /// When it was made; a version without a time is legal.
    pub time: Option<Time>,
    /// Where it came from, as far as somebody observed it.
    pub origin: Option<Origin>,
}

/// Where a version came from (cmd/go `codehost.Origin`). An absent or empty member is `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Origin {
    /// The version control system: `git`, `hg`.
    #[serde(rename = "VCS", skip_serializing_if = "Option::is_none")]
    pub vcs: Option<String>,
    /// The repository's URL, without userinfo when we made it.
    #[serde(rename = "URL", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The module's directory in the repository, without trailing slash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
    /// The full commit id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The prefix of the tags that the answer depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_prefix: Option<String>,
    /// A hash over those tags and their commits: `t1:` and base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_sum: Option<String>,
    /// The mutable name that gave the commit: `refs/tags/v1.2.3`, `HEAD`.
    #[serde(rename = "Ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// A hash over all references: `r1:` and base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo_sum: Option<String>,
}

/// Why bytes are not a `.info` file. Each is the fault of the source that sent them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InfoError {
    /// More than [`MAX_BYTES`].
    #[error("info has {bytes} bytes, more than {MAX_BYTES}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// Not a JSON object, or a field of the wrong type.
    #[error("info is not the JSON it should be")]
    Json {
        /// What the reader found, with line and column.
        #[source]
        cause: serde_json::Error,
    },
    /// The version is missing, or not canonical.
    #[error("info has version {version:?}, which is not canonical")]
    Version {
        /// The version as it came; empty if there is none.
        version: String,
    },
    /// The time is not an RFC 3339 time.
    #[error("info has a malformed time")]
    Time {
        /// What is wrong with it.
        #[source]
        cause: BadTime,
    },
}

impl Info {
    /// Parses a `.info` file (cmd/go `proxyRepo.Stat`, `proxyRepo.Latest`).
    ///
    /// # Errors
    /// See [`InfoError`]. A time that is absent or `null` is no error; one that is malformed is.
    pub fn parse(bytes: &[u8]) -> Result<Info, InfoError> {
        if bytes.len() > MAX_BYTES {
            return Err(InfoError::TooLarge { bytes: bytes.len() });
        }
        let raw: RawInfo = serde_json::from_slice(bytes).map_err(|cause| InfoError::Json { cause })?;
        let text = raw.version.unwrap_or_default();
        let Ok(version) = Version::parse(&text) else {
            return Err(InfoError::Version { version: text });
        };
        let time = raw.time.map(|text| Time::parse(&text)).transpose();
        let time = time.map_err(|cause| InfoError::Time { cause })?;
        Ok(Info { version, time, origin: raw.origin.map(|RawOrigin(origin)| origin) })
    }

    /// The file as the go command would write it: compact, members in Go's order, `<`, `>` and `&` escaped as Go's
    /// `json.Marshal` does, no newline at the end. A missing time is left out: an empty one would be an error to
    /// clients.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Shape<'a> {
            version: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            time: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            origin: Option<&'a Origin>,
        }
        let shape = Shape {
            version: self.version.as_str(),
            time: self.time.as_ref().map(Time::as_str),
            origin: self.origin.as_ref(),
        };
        // Strings and structs of strings always serialise; there is no map with odd keys and no I/O here.
        escape_html(&serde_json::to_string(&shape).unwrap_or_default())
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

/// Escapes what Go's `json.Marshal` escapes beyond JSON's own rules. All of it can only be inside of strings.
fn escape_html(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// The members of a `.info` before they are judged.
#[derive(Default)]
struct RawInfo {
    version: Option<String>,
    time: Option<String>,
    origin: Option<RawOrigin>,
}

/// Read by hand, because Go matches names of members in any case and lets the last of repeated ones win.
impl<'de> Deserialize<'de> for RawInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawInfo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a Version")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawInfo, A::Error> {
                let mut raw = RawInfo::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.to_ascii_lowercase().as_str() {
                        // `null` leaves a member as it was.
                        "version" => raw.version = map.next_value::<Option<String>>()?.or(raw.version),
                        "time" => raw.time = map.next_value::<Option<String>>()?.or(raw.time),
                        // `null` makes a Go pointer nil.
                        "origin" => raw.origin = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(raw)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// An [`Origin`] read as Go reads it.
struct RawOrigin(Origin);

impl<'de> Deserialize<'de> for RawOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawOrigin;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object that says where the version came from")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawOrigin, A::Error> {
                let mut origin = Origin::default();
                while let Some(name) = map.next_key::<String>()? {
                    let Some(member) = origin.member(&name) else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    if let Some(text) = map.next_value::<Option<String>>()? {
                        *member = Some(text).filter(|text| !text.is_empty());
                    }
                }
                Ok(RawOrigin(origin))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Origin {
    /// The member of that name, in any case.
    fn member(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name.to_ascii_lowercase().as_str() {
            "vcs" => &mut self.vcs,
            "url" => &mut self.url,
            "subdir" => &mut self.subdir,
            "hash" => &mut self.hash,
            "tagprefix" => &mut self.tag_prefix,
            "tagsum" => &mut self.tag_sum,
            "ref" => &mut self.reference,
            "reposum" => &mut self.repo_sum,
            _ => return None,
        })
    }
}

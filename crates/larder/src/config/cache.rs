//! How long what is held counts as fresh, and what clients may keep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Duration, Size};

/// How long what is held counts as fresh, and what clients may keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Age up to which a held list, `@latest` or query is answered without asking the source. Versions never age.
    pub fresh: Duration,
    /// Age up to which the held copy is answered at once while it is refreshed behind the answer. Older copies
    /// wait briefly for the source, and are answered after all when it fails.
    pub stale: Duration,
    /// How long the absence of a module or version is remembered.
    pub negative: Duration,
    /// `max-age` that clients and caches in front are given for the files of a version, which never change.
    pub immutable: Duration,
    /// Memory for small files that are asked for often. `0B` keeps none.
    pub memory: Size,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(60),
            stale: Duration::from_secs(600),
            negative: Duration::from_secs(60),
            immutable: Duration::from_secs(10_800),
            memory: Size::from_bytes(64 << 20),
        }
    }
}

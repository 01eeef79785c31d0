//! When everything that is held is read again, and how much is kept of what was found wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Duration, Size};

/// When everything that is held is read again, to find what the disk has lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scrub {
    /// Time from the end of one scrub to the next, remembered over restarts; a scrub may begin up to a tenth later,
    /// so that servers do not all begin at once. `0s` never scrubs unless asked (`larder scrub`).
    #[schemars(extend("x-restart" = true))]
    pub every: Duration,
    /// Bytes read in a second at most. `0B` reads as fast as it goes.
    #[schemars(extend("x-restart" = true))]
    pub rate: Size,
}

impl Default for Scrub {
    fn default() -> Self {
        Self { every: Duration::from_secs(7 * 86_400), rate: Size::from_bytes(32 << 20) }
    }
}

/// How much is kept of what was found wrong, for a person to look at: in `evidence/` of the data directory. The oldest
/// is dropped first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// Pieces of evidence, each a file with a note beside it. `0` keeps none.
    #[schemars(extend("x-restart" = true))]
    pub keep: u32,
    /// Bytes of all of them together; `0B` keeps none.
    #[schemars(extend("x-restart" = true))]
    pub size: Size,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { keep: 100, size: Size::from_bytes(1 << 30) }
    }
}

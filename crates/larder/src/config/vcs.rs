//! How repositories are asked and kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Duration, Size};

/// How repositories are asked, and how much is kept of them. It is in use where an upstream or a route says `direct`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Vcs {
    /// Most that all kept copies of repositories take on the disk. Those that were not asked for the longest time go first.
    #[schemars(extend("x-restart" = true))]
    pub size: Size,
    /// Most that the copy of one repository takes. A larger one is not fetched.
    #[schemars(extend("x-restart" = true))]
    pub repository: Size,
    /// How long branches and tags that a server has told are remembered. All modules of a repository share them.
    #[schemars(extend("x-restart" = true))]
    pub remember: Duration,
    /// How long one call of a tool may take. Questions about names and single revisions have 45 s of it at most.
    #[schemars(extend("x-restart" = true))]
    pub deadline: Duration,
    /// Calls under way at once that use the network.
    #[schemars(range(min = 1), extend("x-restart" = true))]
    pub calls: u32,
    /// Of these, calls to one host.
    #[schemars(range(min = 1), extend("x-restart" = true))]
    pub calls_per_host: u32,
    /// How long a call waits for its turn before it is answered 503.
    #[schemars(extend("x-restart" = true))]
    pub wait: Duration,
}

impl Default for Vcs {
    fn default() -> Self {
        Self {
            size: Size::from_bytes(20 << 30),
            repository: Size::from_bytes(4 << 30),
            remember: Duration::from_secs(10),
            deadline: Duration::from_secs(600),
            calls: 16,
            calls_per_host: 8,
            wait: Duration::from_secs(20),
        }
    }
}

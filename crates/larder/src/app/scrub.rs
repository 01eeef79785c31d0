//! `larder scrub`: by the server that owns the data directory when one runs, else by opening the directory.

use anyhow::{Context, bail};
use gomod::pattern::Patterns;
use serde::{Deserialize, Serialize};

use super::call::Caller;
use super::owner::{Opened, by_owner};
use crate::clock::Clock;
use crate::config::Config;
use crate::jobs::scrub::{Event, Order, Report, Scrub};

/// What a scrub is to do: the body of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrubCall {
    /// Patterns of module paths, in the grammar of GOPRIVATE; all modules without.
    pub modules: Vec<String>,
    /// Look and tell only.
    pub no_heal: bool,
}

impl ScrubCall {
    /// The order to a scrub that reads so fast.
    pub(super) fn order(&self, bytes_per_s: u64) -> Order {
        let only = (!self.modules.is_empty()).then(|| Patterns::parse(&self.modules.join(",")));
        Order { only, heal: !self.no_heal, bytes_per_s, after: None }
    }
}

/// Scrubs; `tell` hears of each step.
///
/// # Errors
/// The data directory cannot be opened, or a scrub is under way. What is found broken is no error: the report names it.
pub fn scrub(
    config: &Config,
    call: &ScrubCall,
    tell: impl Fn(&Event) + Send + Sync,
) -> anyhow::Result<Report> {
    let by_us = async |Opened { disk, pipeline }| {
        let scrub = Scrub::new(pipeline, Some(disk), Clock::System);
        Ok(scrub.run(call.order(config.scrub.rate.bytes()), |event| tell(&event)).await?)
    };
    by_owner(config, |server| by_server(server, call, &tell), by_us)
}

/// Has the running server do it.
fn by_server(server: &Caller, call: &ScrubCall, tell: impl Fn(&Event)) -> anyhow::Result<Report> {
    let report = server.post_lines("scrub", call, |event| match event {
        Event::Done(report) => Ok(Some(report)),
        Event::Failed(why) => bail!(why),
        event => {
            tell(&event);
            Ok(None)
        }
    })?;
    report.context("the server stopped before the scrub was done; it goes on after the next start")
}

//! How important a line must be to be written: one level, which may be changed while lines are written.
//!
//! Not `tracing_subscriber`'s reloadable filter: that one takes a lock shared by all for every line.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::level_filters::{LevelFilter, ParseLevelFilterError};
use tracing::{Metadata, Subscriber, subscriber::Interest};
use tracing_subscriber::layer::{Context, Layer};

/// The least important lines that are written.
#[derive(Clone, Debug)]
pub struct Level(Arc<ArcSwap<LevelFilter>>);

impl Level {
    /// Reads `error`, `warn`, `info`, `debug` or `trace`.
    pub(super) fn parse(text: &str) -> Result<Self, ParseLevelFilterError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(text.parse()?))))
    }

    /// From now on this level counts. A word that is none changes nothing.
    pub fn set(&self, text: &str) {
        let Ok(level) = text.parse::<LevelFilter>() else { return };
        if **self.0.load() != level {
            self.0.store(Arc::new(level));
            // Every place that logs remembers whether it is of interest.
            tracing::callsite::rebuild_interest_cache();
        }
    }

    fn takes(&self, line: &Metadata<'_>) -> bool {
        *line.level() <= **self.0.load()
    }
}

impl<S: Subscriber> Layer<S> for Level {
    fn register_callsite(&self, line: &'static Metadata<'static>) -> Interest {
        if self.takes(line) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, line: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.takes(line)
    }
}

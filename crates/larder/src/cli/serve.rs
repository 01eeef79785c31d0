//! `larder serve`.

use super::Exit;
use crate::config::Loaded;

/// Serves until the process is asked to stop.
pub(super) fn run(_loaded: Loaded) -> anyhow::Result<Exit> {
    anyhow::bail!("this build cannot serve yet")
}

//! `larder serve`.

use super::Exit;
use crate::config::{Loaded, Reading};

/// Serves until the process is asked to stop; [`Exit::Failed`] when requests had to be cut off at the end.
pub(super) fn run(loaded: Loaded, reading: Reading) -> anyhow::Result<Exit> {
    Ok(if crate::app::serve(loaded, reading)? { Exit::Fine } else { Exit::Failed })
}

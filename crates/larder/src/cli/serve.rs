//! `larder serve`.

use super::Exit;
use crate::config::Reading;

/// Serves until the process is asked to stop; [`Exit::Failed`] when requests had to be cut off at the end.
pub(super) fn run(reading: Reading) -> anyhow::Result<Exit> {
    Ok(if crate::app::serve(reading)? { Exit::Fine } else { Exit::Failed })
}

//! `larder import`.

use std::path::Path;

use super::Exit;
use crate::config::Loaded;

/// Takes over the modules below a directory; [`Exit::Refused`] when something was left out.
pub(super) fn run(from: &Path, _loaded: Loaded) -> anyhow::Result<Exit> {
    anyhow::bail!("this build cannot import {} yet", from.display())
}

//! Who is served what: asked before any work, of names alone.

use gomod::Request;
use gomod::request::{SumDbOperation, SumDbRequest};

use super::{Error, Pipeline};
use crate::auth::Identity;

impl Pipeline {
    /// Whether this client is served this, held or not.
    pub(crate) fn admit(&self, who: &Identity, want: &Request) -> Result<(), Error> {
        let settings = self.settings.now();
        if settings.separation.is_none() {
            return Ok(());
        }
        let is_private = match want {
            // The records of our own log name private modules; the go command never asks for them.
            Request::SumDb(SumDbRequest { operation: SumDbOperation::Tile(tile), name }) => {
                tile.contains("/data/") && self.log.as_ref().is_some_and(|log| **log.name() == **name)
            }
            _ => want.module().is_some_and(|path| settings.routes.is_private(path)),
        };
        if is_private { settings.separation.admit(who).map_err(Error::Outside) } else { Ok(()) }
    }
}

//! Where a repository is, and how it is asked now.

use std::sync::{Arc, Mutex, PoisonError};

use crate::jail::{Access, Command, Jail, Reach};
use crate::{Place, Trouble, VcsError};

/// A place, and the access that was handed in last.
#[derive(Debug)]
pub(crate) struct Server {
    place: Place,
    /// Replaced when another is handed in, since tokens expire.
    access: Mutex<Arc<Access>>,
}

impl Server {
    /// A place that is asked so until it is to be asked otherwise.
    pub(crate) fn new(place: Place, access: Access) -> Self {
        Self { place, access: Mutex::new(Arc::new(access)) }
    }

    /// Where the repository is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// From now on, this is how it is asked.
    pub(crate) fn ask_with(&self, access: &Access) {
        *self.access.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(access.clone());
    }

    /// How it is asked now.
    pub(crate) fn access(&self) -> Arc<Access> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A command that asks over a transport that may be used. git knows of these by itself, the others do not.
    pub(crate) fn command(&self, jail: &Jail) -> Result<Command, VcsError> {
        let (place, access) = (&self.place, self.access());
        if access.schemes.iter().any(|scheme| scheme == place.scheme()) {
            return jail.command(place.system(), Reach::Network(place, &access));
        }
        let text = format!("transport '{}' is not allowed", place.scheme());
        Err(VcsError::Failed { command: place.system().command().to_owned(), trouble: Trouble::Other, text })
    }
}

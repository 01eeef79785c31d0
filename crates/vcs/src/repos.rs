//! The repositories that are known, one of each whoever asks.
//!
//! What this is for: a monorepo is one repository to all its modules, so that they share its kept copy, its refs and its
//! fetches. Each has a directory, named by a hash of its system, its URL and the credential that it is asked with.

mod room;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};

use crate::fossil::FossilRepo;
use crate::git::{Filters, GitRepo};
use crate::hg::HgRepo;
use crate::ids::digits;
use crate::jail::{Access, Jail};
use crate::mirror::Talks;
use crate::server::Server;
use crate::svn::SvnRepo;
use crate::{Place, Repo, System, VcsError};

/// Asks the URL of a place over http: the status of the answer, nothing if there was none. Redirects are followed.
pub type Status = dyn Fn(&Place, &Access) -> BoxFuture<'static, Option<u16>> + Send + Sync;

/// From how many repositories on those are forgotten that nobody holds: their refs, not their copies.
const MAX_KNOWN: usize = 4096;

/// What the repositories are given.
pub struct ReposSettings {
    /// Where copies are kept.
    pub dir: PathBuf,
    /// How long refs are remembered.
    pub fresh: Duration,
    /// Most bytes of one repository's copy.
    pub max_repository_bytes: u64,
    /// Most bytes of all copies.
    pub max_total_bytes: u64,
    /// Tells whether a URL is there, where a tool cannot tell.
    pub status: Arc<Status>,
}

/// What drivers work with.
pub(crate) struct Means {
    pub(crate) jail: Jail,
    pub(crate) fresh: Duration,
    pub(crate) max_repository_bytes: u64,
    pub(crate) status: Arc<Status>,
    pub(crate) room: Room,
    pub(crate) talks: Talks,
    pub(crate) filters: Filters,
}

pub use room::Kept;
pub(crate) use room::{Keeper, Room};

impl Means {
    /// A failure of a tool to ask over http is absence if the URL itself says so to a plain request.
    pub(crate) async fn missing(&self, server: &Server, error: VcsError) -> VcsError {
        let VcsError::Failed { text, .. } = &error else { return error };
        let is_http = matches!(server.place().scheme(), "http" | "https");
        if is_http && matches!((self.status)(server.place(), &server.access()).await, Some(404 | 410)) {
            return VcsError::Missing { text: text.clone() };
        }
        error
    }
}

impl std::fmt::Debug for Means {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Means").finish_non_exhaustive()
    }
}

/// A repository as it is known here, by whatever driver.
pub(crate) trait Opened: Repo + std::fmt::Debug {
    /// From now on, this is how it is asked.
    fn ask_with(&self, access: &Access);

    /// Forgets what its names mean.
    fn refresh(&self);
}

/// All repositories.
#[derive(Debug)]
pub struct Repos {
    dir: PathBuf,
    means: Arc<Means>,
    open: Mutex<HashMap<PathBuf, Arc<dyn Opened>>>,
}

impl Repos {
    /// Repositories with these settings, asked by children of this jail.
    pub fn new(jail: Jail, settings: ReposSettings) -> Self {
        let ReposSettings { dir, fresh, max_repository_bytes, max_total_bytes, status } = settings;
        let (room, talks) = (Room::new(dir.clone(), max_total_bytes), Talks::default());
        let means = Arc::new(Means {
            jail,
            fresh,
            max_repository_bytes,
            status,
            room,
            talks,
            filters: Filters::default(),
        });
        Self { dir, means, open: Mutex::default() }
    }

    /// The repository at a place. Nothing is asked of it yet. A credential replaces the one that was handed in before.
    ///
    /// # Errors
    /// [`VcsError::NoTool`]: the tool of its system is not installed.
    pub fn open(&self, place: &Place, access: &Access) -> Result<Arc<dyn Repo>, VcsError> {
        let system = place.system();
        self.means.jail.tools().of(system).ok_or(VcsError::NoTool { system })?;
        let dir = self.dir_of(place, access);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_KNOWN {
            open.retain(|_, repo| Arc::strong_count(repo) > 1);
        }
        let repo = match open.entry(dir) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let repo = self.driver(place, access, unknown.key());
                unknown.insert(repo).clone()
            }
        };
        repo.ask_with(access);
        Ok(repo)
    }

    /// What speaks the system of a place.
    fn driver(&self, place: &Place, access: &Access, dir: &Path) -> Arc<dyn Opened> {
        let (place, access, means) = (place.clone(), access.clone(), self.means.clone());
        match place.system() {
            System::Git => Arc::new(GitRepo::new(place, access, dir, means)),
            System::Hg => Arc::new(HgRepo::new(place, access, dir, means)),
            System::Svn => Arc::new(SvnRepo::new(place, access, means)),
            System::Fossil => Arc::new(FossilRepo::new(place, access, dir, means)),
        }
    }

    /// What the tools are started by.
    pub fn jail(&self) -> &Jail {
        &self.means.jail
    }

    /// The kept copies; nothing before they were measured, which the first fetch does, or [`Repos::measure`].
    pub fn kept(&self) -> Option<Kept> {
        self.means.room.kept()
    }

    /// Measures the copies that earlier runs have left, if nobody did. Blocking.
    pub fn measure(&self) {
        self.means.room.measure();
    }

    /// Forgets the refs of a repository: a push was told of.
    pub fn refresh(&self, place: &Place) {
        self.refresh_all(|at| at == place);
    }

    /// Forgets the refs of all repositories at such places.
    pub fn refresh_all(&self, is_meant: impl Fn(&Place) -> bool) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().filter(|repo| is_meant(repo.place())).for_each(|repo| repo.refresh());
    }

    /// Where the copy of a repository is.
    fn dir_of(&self, place: &Place, access: &Access) -> PathBuf {
        // What was fetched with a credential is not for those who have none, nor what came over a transport, or from a
        // server, that others do not accept.
        let who = if access.credential.is_some() { "known" } else { "stranger" };
        let text = format!(
            "{} {} {who} {} {:?}",
            place.system(),
            place.url(),
            if access.is_insecure { "insecure" } else { "secure" },
            access.schemes
        );
        let digest = Sha256::digest(text.as_bytes());
        let name = digits(digest.get(..16).unwrap_or(&digest));
        Path::new(&self.dir).join(name)
    }
}

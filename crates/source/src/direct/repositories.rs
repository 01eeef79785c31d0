//! The repositories that `direct` asks, made when the first one is asked.
//!
//! Asking needs a jail, a gate and a place for copies. A server without tools has none of them, although the default chain
//! ends in `direct`; with tools, whoever says at the start which there are opens them, behind the readiness of the server.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::Url;
use vcs::{Repos, VcsError};

use crate::Clients;
use crate::upstream::redirect;

type Make = dyn Fn() -> Result<Repos, VcsError> + Send + Sync;

/// All repositories, or how to make them. Clones are the same, and outlive changes of settings.
#[derive(Clone)]
pub struct Repositories {
    make: Arc<Make>,
    made: Arc<Mutex<Option<Arc<Repos>>>>,
}

impl Repositories {
    /// Repositories that this makes when it is first needed; if it fails, the next asker tries again.
    pub fn new(make: impl Fn() -> Result<Repos, VcsError> + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), made: Arc::default() }
    }

    /// None at all: every system's tool is missing.
    pub fn none() -> Self {
        Self::new(|| Err(VcsError::NoTool { system: vcs::System::Git }))
    }

    /// The repositories.
    ///
    /// # Errors
    /// They cannot be made here: [`VcsError::Local`].
    pub fn open(&self) -> Result<Arc<Repos>, VcsError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(repos) = &*made {
            return Ok(repos.clone());
        }
        let repos = Arc::new((self.make)()?);
        *made = Some(repos.clone());
        Ok(repos)
    }

    /// The repositories, if any was asked yet.
    pub fn opened(&self) -> Option<Arc<Repos>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Repositories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repositories").field("opened", &self.opened().is_some()).finish()
    }
}

/// Whether a repository's URL is there, asked as anybody may ask (cmd/go `codehost.gitRepo.loadRefs`): for
/// [`vcs::ReposSettings::status`]. What it leads to is guarded.
pub fn status_over_http(clients: Clients, deadline: Duration) -> Arc<vcs::Status> {
    Arc::new(move |place, _| -> BoxFuture<'static, Option<u16>> {
        let (clients, url) = (clients.clone(), Url::parse(place.url()));
        let ask = async move {
            let mut at = url.ok()?;
            redirect::check_outside(&at, &clients).ok()?;
            for _ in 0..=redirect::MAX_HOPS {
                let response = clients.pick(false, false).get(at.clone()).send().await.ok()?;
                let Some(location) = redirect::location(&response) else {
                    return Some(response.status().as_u16());
                };
                at = redirect::target(&at, location, None, &clients).ok()?;
            }
            None
        };
        async move { tokio::time::timeout(deadline, ask).await.ok().flatten() }.boxed()
    })
}

impl From<Arc<Repos>> for Repositories {
    /// Repositories that are made already.
    fn from(repos: Arc<Repos>) -> Self {
        let made = Arc::new(Mutex::new(Some(repos)));
        Self { made, ..Self::none() }
    }
}

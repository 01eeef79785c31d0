//! The place of a kept copy: opened when it is needed, given up when it is not, thrown away when it is damaged.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::Inner;
use super::refs::Format;
use crate::jail::Reach;
use crate::mirror::{Mirror, Talks, remove};
use crate::{System, Trouble, VcsError};

/// Copies are thrown away on a suspicion no more often.
const BETWEEN_DOUBTS: Duration = Duration::from_mins(10);

/// A directory, and the copy in it while it is open. Everyone who uses the copy holds it.
#[derive(Debug)]
pub(super) struct Slot {
    dir: PathBuf,
    talks: Talks,
    open: Mutex<Option<Arc<Mirror>>>,
}

impl Slot {
    pub(super) fn new(dir: PathBuf, talks: Talks) -> Self {
        Self { dir, talks, open: Mutex::default() }
    }

    /// The copy, opened or made.
    pub(super) async fn open(&self, format: Format) -> Result<Arc<Mirror>, VcsError> {
        let mut open = self.open.lock().await;
        if let Some(mirror) = &*open {
            return Ok(mirror.clone());
        }
        let (dir, talks) = (self.dir.clone(), self.talks.clone());
        let opened = tokio::task::spawn_blocking(move || Mirror::open(&dir, format, talks)).await;
        let mirror = Arc::new(opened.unwrap_or_else(|error| {
            Err(VcsError::Local { what: "opening a kept repository".to_owned(), cause: Arc::new(error) })
        })?);
        *open = Some(mirror.clone());
        Ok(mirror)
    }

    /// Closes the copy if nobody uses it; while this is held nobody opens it.
    pub(super) fn let_go(&self) -> Option<MutexGuard<'_, Option<Arc<Mirror>>>> {
        let mut open = self.open.try_lock().ok()?;
        if open.as_ref().is_some_and(|mirror| Arc::strong_count(mirror) > 1) {
            return None;
        }
        *open = None;
        Some(open)
    }

    /// Whether this copy is still the one in its place.
    pub(super) async fn holds(&self, mirror: &Arc<Mirror>) -> bool {
        self.open.lock().await.as_ref().is_some_and(|open| Arc::ptr_eq(open, mirror))
    }

    async fn throw_away(&self) {
        let mut open = self.open.lock().await;
        if let Some(mirror) = open.take() {
            mirror.objects.close().await;
        }
        let dir = self.dir.clone();
        let _ = tokio::task::spawn_blocking(move || remove(&dir)).await;
    }
}

impl Inner {
    /// Throws all copies away, since one may borrow from another; unless that was done already for the damaged one.
    pub(super) async fn start_over(&self, damaged: &Arc<Mirror>) {
        for slot in [&self.contents.slot, &self.outlines.slot, &self.history.slot] {
            if slot.holds(damaged).await {
                return self.throw_away().await;
            }
        }
    }

    /// Whether a copy may be thrown away on a suspicion: now and then only, since an archive may also break off because of
    /// what is in it.
    pub(super) fn may_doubt(&self) -> bool {
        let mut doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        let may = doubted.is_none_or(|at| at.elapsed() > BETWEEN_DOUBTS);
        if may {
            *doubted = Some(Instant::now());
        }
        may
    }

    /// Throws all copies away.
    pub(super) async fn throw_away(&self) {
        self.forget_copies();
        self.history.slot.throw_away().await;
        self.contents.slot.throw_away().await;
        self.outlines.slot.throw_away().await;
    }

    /// Whether a fetch failed because the copy here is damaged and not because of the server.
    pub(super) async fn is_damaged(&self, mirror: &Arc<Mirror>, error: &VcsError) -> bool {
        match error {
            VcsError::Failed { trouble: Trouble::Corrupt | Trouble::Other, .. } => {
                !self.is_sound(mirror).await
            }
            _ => false,
        }
    }

    /// Whether all that the refs of a copy lead to can be read.
    async fn is_sound(&self, mirror: &Arc<Mirror>) -> bool {
        let Ok(command) = self.means.jail.command(System::Git, Reach::Content) else { return true };
        let command = command.args(["rev-list", "--quiet", "--all"]);
        // The others have no files, or not all.
        let files = self.contents.slot.holds(mirror).await.then_some("--objects");
        let walked = command.args(files).env("GIT_DIR", mirror.dir()).dir(mirror.dir()).output(1 << 20).await;
        !matches!(walked, Err(VcsError::Failed { .. }))
    }
}

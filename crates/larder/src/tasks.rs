//! The one door through which tasks are started, so that a stop can wait for them and a test can find left-overs.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The runtime of a command: on all processors, with timers and sockets.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// The tasks of one server.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    retiring: CancellationToken,
    stopping: CancellationToken,
    attendants: TaskTracker,
    ended: CancellationToken,
}

impl Tasks {
    /// Starts a task that is waited for at the end.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(tokio::spawn(self.tracker.track_future(task)));
    }

    /// Starts a task that is of use to the others until the last of them has ended; then it is dropped.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn attend<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let ended = self.ended.clone();
        drop(tokio::spawn(self.attendants.track_future(async move {
            tokio::select! {
                () = task => {}
                () = ended.cancelled() => {}
            }
        })));
    }

    /// From now on new work should go elsewhere; everything goes on.
    pub fn retire(&self) {
        self.retiring.cancel();
    }

    /// Whether new work should go elsewhere.
    pub fn is_retiring(&self) -> bool {
        self.retiring.is_cancelled()
    }

    /// Resolves when the server has begun to stop.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Whether the server has begun to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Tells every task to come to an end.
    pub fn stop(&self) {
        self.retiring.cancel();
        self.stopping.cancel();
        self.tracker.close();
    }

    /// Waits until the last task has ended; call [`Tasks::stop`] first.
    pub async fn finished(&self) {
        self.tracker.wait().await;
        self.dismiss();
        self.attendants.wait().await;
    }

    /// Ends the attendants, whatever still runs.
    pub fn dismiss(&self) {
        self.ended.cancel();
        self.attendants.close();
    }

    /// Tasks that run now.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }
}

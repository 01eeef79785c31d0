//! What was last told, for as long as it is fresh.
//!
//! Between asking and hearing, something may make the answer worthless: a push that was told of. Changes are counted, so that
//! an answer asked for before one is not kept after it, and not shared with whoever asks after it.

use std::time::Duration;

use tokio::time::Instant;

/// An answer, and how long it counts.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    fresh: Duration,
    told: Option<(T, Instant)>,
    changes: u64,
}

/// A question that was asked at some time, after so many changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    changes: u64,
    at: Instant,
}

impl Asking {
    /// What those share who ask the same question.
    pub(crate) fn key(&self) -> String {
        self.changes.to_string()
    }
}

impl<T: Clone> Remembered<T> {
    /// Nothing yet.
    pub(crate) fn new(fresh: Duration) -> Self {
        Self { fresh, told: None, changes: 0 }
    }

    /// What was told.
    ///
    /// # Errors
    /// Nothing was, or too long ago: what has to be asked.
    pub(crate) fn recall(&self) -> Result<T, Asking> {
        match &self.told {
            Some((told, asked)) if asked.elapsed() < self.fresh => Ok(told.clone()),
            _ => Err(Asking { changes: self.changes, at: Instant::now() }),
        }
    }

    /// What was told last, however long ago.
    pub(crate) fn last(&self) -> Option<&T> {
        self.told.as_ref().map(|(told, _)| told)
    }

    /// Keeps an answer, unless something changed after it was asked for.
    pub(crate) fn keep(&mut self, asking: Asking, told: T) {
        if asking.changes == self.changes {
            self.told = Some((told, asking.at));
        }
    }

    /// Forgets the answer, and whatever is being asked.
    pub(crate) fn forget(&mut self) {
        self.drop_told();
        self.changes += 1;
    }

    /// Forgets the answer alone: what is being asked will be right.
    pub(crate) fn drop_told(&mut self) {
        self.told = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_while_it_is_fresh_and_nothing_changed_since_it_was_asked_for() {
        let mut remembered = Remembered::new(Duration::from_secs(10));
        let first = remembered.recall().unwrap_err();
        tokio::time::advance(Duration::from_secs(4)).await;
        remembered.keep(first, 1);
        assert_eq!(remembered.recall().unwrap(), 1);
        tokio::time::advance(Duration::from_secs(6)).await;
        // Its age counts from the asking.
        let second = remembered.recall().unwrap_err();
        assert_eq!((first.key() == second.key(), remembered.last()), (true, Some(&1)));
        remembered.forget();
        remembered.keep(second, 2);
        let third = remembered.recall().unwrap_err();
        assert_ne!(second.key(), third.key());
        remembered.drop_told();
        remembered.keep(third, 3);
        assert_eq!(remembered.recall().unwrap(), 3);
    }
}

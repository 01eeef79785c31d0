//! The retries that an upstream's calls have earned.
//!
//! A bucket of tokens: each first call puts a share of one in, each retry takes a whole one out. So however many calls
//! fail, retries stay a fixed share of the calls over time, and an upstream that is down is not asked more often than
//! one that is well.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::conduct::Retry;

/// What a retry costs; a hundredth of it is one percent.
const RETRY: u64 = 100;

/// Hundredths of retries that are left.
#[derive(Debug)]
pub(super) struct Credit(AtomicU64);

impl Credit {
    /// As much as may be saved up.
    pub(super) fn full(rules: &Retry) -> Self {
        Self(AtomicU64::new(u64::from(rules.credit) * RETRY))
    }

    /// For a first call.
    pub(super) fn earn(&self, rules: &Retry) {
        let full = u64::from(rules.credit) * RETRY;
        let earned = |had: u64| (had < full).then(|| full.min(had + u64::from(rules.share_percent)));
        let _ = self.0.fetch_update(Relaxed, Relaxed, earned);
    }

    /// For a retry; false if there is not enough.
    pub(super) fn spend(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |had| had.checked_sub(RETRY)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_many_calls_that_all_fail_a_fifth_is_made_again() {
        let rules = Retry::default();
        let credit = Credit::full(&rules);
        let spent = (0..1000)
            .filter(|_| {
                credit.earn(&rules);
                credit.spend()
            })
            .count();
        assert_eq!(spent, 200 + rules.credit as usize - 1);
    }

    #[test]
    fn what_is_not_needed_is_saved_up_to_the_bound_and_no_further() {
        let rules = Retry { credit: 3, ..Retry::default() };
        let credit = Credit::full(&rules);
        (0..1000).for_each(|_| credit.earn(&rules));
        assert_eq!((0..10).filter(|_| credit.spend()).count(), 3);
    }
}

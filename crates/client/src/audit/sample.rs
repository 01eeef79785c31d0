//! A sample of what is read, each record as likely as any other, without knowing how many there will be.

use std::hash::{BuildHasher as _, RandomState};

/// A reservoir (Vitter's algorithm R): of the records so far, `size` of them. The database cannot know which.
pub(super) struct Sample<T> {
    size: usize,
    seen: u64,
    taken: Vec<T>,
    // Its keys are random for each value, and a keyed hash of a counter is as good as a random number here.
    random: RandomState,
}

impl<T> Sample<T> {
    pub(super) fn of(size: usize) -> Self {
        Self { size, seen: 0, taken: Vec::new(), random: RandomState::new() }
    }

    pub(super) fn offer(&mut self, one: impl FnOnce() -> T) {
        self.seen += 1;
        if self.taken.len() < self.size {
            self.taken.push(one());
            return;
        }
        let drawn = usize::try_from(self.random.hash_one(self.seen) % self.seen).ok();
        if let Some(place) = drawn.and_then(|drawn| self.taken.get_mut(drawn)) {
            *place = one();
        }
    }

    pub(super) fn into_taken(self) -> Vec<T> {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_run_is_sampled() {
        let mut sample = Sample::of(64);
        (0..6_400).for_each(|one| sample.offer(|| one));
        let taken = sample.into_taken();
        assert_eq!(taken.len(), 64);
        // That a half has none of 64 happens once in 2^63 runs.
        assert!(taken.iter().any(|one| *one < 3_200) && taken.iter().any(|one| *one >= 3_200));
        let mut all = Sample::of(10);
        (0..7).for_each(|one| all.offer(|| one));
        assert_eq!(all.into_taken(), [0, 1, 2, 3, 4, 5, 6]);
    }
}

//! Numbers that look random and are the same in every run: a failure can be met again by its seed.

/// A sequence of numbers drawn from a seed.
///
/// ```
/// let mut dice = testkit::Dice::new(1);
/// assert!(dice.below(6) < 6);
/// ```
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, from 0 to one below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        // Knuth's constants for a linear congruential sequence; the high bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

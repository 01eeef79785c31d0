//! Waits that are drawn, so that many who failed together do not come back together. Nobody is kept out by guessing
//! them: the hasher that the standard library seeds for each map is good enough.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// From zero up to this long.
pub(crate) fn up_to(longest: Duration) -> Duration {
    longest.mul_f64(fraction())
}

/// Between three and five quarters of this long.
pub(super) fn around(middle: Duration) -> Duration {
    middle.mul_f64(0.75 + 0.5 * fraction())
}

/// From 0 up to, and without, 1.
fn fraction() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_over_their_range() {
        let second = Duration::from_secs(1);
        let drawn: Vec<_> = (0..200).map(|_| (up_to(second), around(second))).collect();
        assert!(drawn.iter().all(|(full, near)| *full < second && (750..1250).contains(&near.as_millis())));
        assert!(drawn.iter().any(|(full, _)| full.as_millis() < 250));
        assert!(drawn.iter().any(|(full, _)| full.as_millis() > 750));
    }
}

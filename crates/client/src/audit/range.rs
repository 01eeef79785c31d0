//! Which records of a log are read.

use sumdb::tile::HEIGHT;

/// Which records are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Range {
    /// Those since the last visit; at the first visit the newest [`FIRST_VISIT`].
    SinceLast,
    /// The newest so many; of none, the newest tile of hashes alone is read.
    Newest(u64),
    /// All.
    All,
}

/// How many records are read of a log that was never visited.
pub const FIRST_VISIT: u64 = 20_000;

/// The records that are read: from one, which is the first of a tile, to the end of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    /// The first record.
    pub(super) from: u64,
    /// The size of the tree.
    pub(super) to: u64,
    /// Records since the last visit that are not read.
    pub(super) skipped: u64,
}

impl Range {
    /// The records of a tree of `size`, if the last visit was to one of `before`. Where records are read at all, the newest
    /// tile is: it shows whether the tree is still there.
    pub(super) fn of(self, before: u64, size: u64) -> Span {
        let wanted = match self {
            Self::All => 0,
            Self::Newest(count) => size.saturating_sub(count),
            Self::SinceLast if before == 0 => size.saturating_sub(FIRST_VISIT),
            Self::SinceLast => before.min(size.saturating_sub(1)),
        };
        let from = if self == Self::Newest(0) { size } else { wanted >> HEIGHT << HEIGHT };
        let skipped = if before == 0 { 0 } else { from.saturating_sub(before) };
        Span { from, to: size, skipped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_from_the_beginning_of_a_tile_to_the_end_of_the_tree() {
        for (range, before, size, from, skipped) in [
            (Range::All, 0, 700, 0, 0),
            (Range::All, 600, 700, 0, 0),
            (Range::SinceLast, 0, 700, 0, 0),
            (Range::SinceLast, 0, 50_000, 29_952, 0),
            (Range::SinceLast, 600, 700, 512, 0),
            (Range::SinceLast, 512, 512, 256, 0),
            (Range::SinceLast, 700, 700, 512, 0),
            (Range::SinceLast, 1, 1, 0, 0),
            (Range::Newest(1), 0, 513, 512, 0),
            (Range::Newest(1), 0, 512, 256, 0),
            (Range::Newest(0), 0, 512, 512, 0),
            (Range::Newest(0), 300, 513, 513, 213),
            (Range::Newest(1_000), 0, 700, 0, 0),
            (Range::Newest(100), 300, 1_000, 768, 468),
            (Range::All, 0, 0, 0, 0),
        ] {
            let span = Span { from, to: size, skipped };
            assert_eq!(range.of(before, size), span, "{range:?} of {before} to {size}");
        }
    }
}

//! "Did you mean": the name nearest to one that does not exist.

/// The candidate that is nearest to `name`, if one is near: a third of its characters may differ, and a last part
/// alone (`fresh`) means the one whole name that ends with it (`cache.fresh`).
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let mut ends = candidates
        .clone()
        .filter(|candidate| candidate.strip_suffix(name).is_some_and(|front| front.ends_with(['.', '_'])));
    if let (Some(only), None) = (ends.next(), ends.next()) {
        return Some(only);
    }
    let near = candidates.map(|candidate| (distance(name, candidate), candidate));
    let most = name.chars().count().div_ceil(3);
    near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to get from one to the
/// other (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut earlier: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut least =
                (at(&above, j) + usize::from(a != b)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let is_swap = i > 0 && j > 0 && one.get(i - 1) == Some(b) && other.get(j - 1) == Some(a);
            if is_swap {
                least = least.min(at(&earlier, j - 1) + 1);
            }
            row.push(least);
        }
        earlier = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances_count_single_errors_of_typing() {
        for (one, other, far) in [
            ("", "ab", 2),
            ("listen", "listne", 1),
            ("listen", "listen", 0),
            ("stale", "stall", 1),
            ("a", "xyz", 3),
        ] {
            assert_eq!(distance(one, other), far, "{one} {other}");
        }
    }

    #[test]
    fn a_last_part_alone_means_the_only_name_that_ends_with_it() {
        let names = ["cache.fresh", "timeout.connect", "limits.connections"];
        assert_eq!(nearest("fresh", names.into_iter()), Some("cache.fresh"));
        assert_eq!(nearest("timeout.conect", names.into_iter()), Some("timeout.connect"));
        assert_eq!(nearest("entirely-else", names.into_iter()), None);
    }
}

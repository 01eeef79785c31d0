//! Unicode simple case folding, as Go's zip rules use it to find names that differ only in case.
//!
//! What this is for: two names collide when `fold` maps them to the same characters. Each character stands for
//! the smallest one of its folding orbit (`K`, `k` and the Kelvin sign are one orbit), except that ASCII letters become
//! lower case, so that most names fold to themselves.
//! Why a table: neither `char::to_lowercase` nor full case folding agrees with it (`ß`, `İ`, final sigma).
//!
//! The rules come from x/mod `zip.strToFold` and Go's `unicode.SimpleFold`; the table is made from the latter.

mod table;

use table::SPANS;

/// The character that stands for all that fold together with `c`.
pub fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let code = u32::from(c);
    let after = SPANS.partition_point(|span| span.0 <= code);
    match after.checked_sub(1).and_then(|at| SPANS.get(at)) {
        Some(&(first, last, step, delta)) if code <= last && (code - first) % step == 0 => {
            code.checked_add_signed(delta).and_then(char::from_u32).unwrap_or(c)
        }
        _ => c,
    }
}

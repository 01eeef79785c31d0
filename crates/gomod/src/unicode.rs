//! What Go knows about a rune: whether it is a letter, and whether it is printed as it is.
//!
//! Both questions are answered from tables made by Go itself. Rust's own `char::is_alphabetic` is a wider set
//! (it takes in letter numbers and marks), and a file name that we accept and the `go` command refuses would be
//! a zip that nobody can unpack.

mod names;
mod tables;

/// Whether a rune is of general category L (Go `unicode.IsLetter`).
pub(crate) fn is_letter(rune: char) -> bool {
    if rune.is_ascii() { rune.is_ascii_alphabetic() } else { contains(tables::LETTERS, rune) }
}

/// Whether Go prints a rune as it is when it quotes (Go `strconv.IsPrint`).
pub(crate) fn is_printable(rune: char) -> bool {
    if rune.is_ascii() { matches!(rune, ' '..='~') } else { contains(tables::PRINTABLE, rune) }
}

/// Whether a rune can begin a name in XML, as Go reads it (XML 1.0, appendix B: Letter, `_`, `:`).
pub(crate) fn is_xml_first(rune: char) -> bool {
    contains(names::FIRST, rune)
}

/// Whether a rune can be in a name in XML, as Go reads it (XML 1.0, appendix B: `NameChar`).
pub(crate) fn is_xml_name(rune: char) -> bool {
    contains(names::ALL, rune)
}

fn contains(ranges: &[(char, char)], rune: char) -> bool {
    let after = ranges.partition_point(|&(low, _)| low <= rune);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|&(_, high)| rune <= high)
}

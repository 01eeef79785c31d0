//! Ids of revisions as digits.

/// Fewest digits by which a revision is known (cmd/go `minHashDigits`).
pub(crate) const SHORTEST: usize = 7;
/// Digits of a short id (cmd/go `ShortenSHA1`).
pub(crate) const SHORT: usize = 12;

/// The short form of a full id.
pub(crate) fn short(id: &str) -> String {
    id.get(..SHORT).unwrap_or(id).to_owned()
}

/// Small hexadecimal digits only (cmd/go `AllHex`).
pub(crate) fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Bytes as hexadecimal digits.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| char::from_digit(u32::from(half), 16)).collect()
}

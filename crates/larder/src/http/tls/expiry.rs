//! When a certificate expires, read off its DER: the one field of X.509 that is of interest here.
//!
//! A whole parser would be a dependency for one date. What is not understood is no date, never a failure: the
//! certificate's use does not depend on it.

use jiff::Timestamp;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version of a certificate, which those of version 1 leave out.
const VERSION: u8 = 0xa0;

/// `notAfter` of a certificate (RFC 5280, section 4.1).
pub(super) fn of(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate, _) = element(certificate)?;
    let (_, signed, _) = element(certificate)?;
    let (tag, _, behind_version) = element(signed)?;
    let fields = if tag == VERSION { behind_version } else { signed };
    // serialNumber, signature, issuer.
    let (_, _, fields) = element(fields)?;
    let (_, _, fields) = element(fields)?;
    let (_, _, fields) = element(fields)?;
    let (tag, validity, _) = element(fields)?;
    if tag != SEQUENCE {
        return None;
    }
    let (_, _, behind_not_before) = element(validity)?;
    let (tag, time, _) = element(behind_not_before)?;
    let digits = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let digits = match tag {
        // Years from 50 on are of the last century (section 4.1.2.5.1).
        UTC_TIME if digits < "50" => format!("20{digits}"),
        UTC_TIME => format!("19{digits}"),
        GENERALIZED_TIME => digits.to_owned(),
        _ => return None,
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", &digits).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp())
}

/// The first element: its tag, its content, and what is behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // As many bytes of length as the low bits say; four are more than any certificate needs.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate's frame with this validity.
    fn certificate(not_after: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let len = u8::try_from(content.len()).unwrap();
            [&[tag, 0x81, len], content].concat()
        };
        let not_before = [&[UTC_TIME, 13], &b"250101000000Z"[..]].concat();
        let validity = wrap(SEQUENCE, &[&not_before, not_after].concat());
        let fields = [&[VERSION, 3, 2, 1, 2, 2, 1, 7, SEQUENCE, 0, SEQUENCE, 0], &validity[..]].concat();
        wrap(SEQUENCE, &wrap(SEQUENCE, &fields))
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let utc = certificate(&[&[UTC_TIME, 13], &b"361231235959Z"[..]].concat());
        assert_eq!(of(&utc).unwrap().to_string(), "2036-12-31T23:59:59Z");
        let generalized = certificate(&[&[GENERALIZED_TIME, 15], &b"20510630120000Z"[..]].concat());
        assert_eq!(of(&generalized).unwrap().to_string(), "2051-06-30T12:00:00Z");
    }

    #[test]
    fn what_is_cut_or_strange_has_no_date() {
        let whole = certificate(&[&[UTC_TIME, 13], &b"361231235959Z"[..]].concat());
        for len in 0..whole.len() {
            assert_eq!(of(&whole[..len]), None, "{len}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            // Only that it neither panics nor loops.
            let _ = of(&bytes);
        }
    }
}

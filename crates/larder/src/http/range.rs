//! Conditional and partial requests on what is held (RFC 9110, sections 13 and 14).
//!
//! One range only: a client that asks for several gets the whole, which the standard allows.

use http::{HeaderMap, HeaderValue, header};

/// What part of an answer of known size to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it, 200.
    Whole,
    /// Bytes `first..=last`, 206.
    Range {
        /// First byte.
        first: u64,
        /// Last byte, inclusive.
        last: u64,
    },
    /// Nothing: the client's copy is good, 304.
    NotModified,
    /// Nothing: the range lies outside, 416.
    Unsatisfiable,
}

/// Decides what part to send of `size` bytes with this strong `etag`.
pub fn part(request: &HeaderMap, etag: &HeaderValue, size: u64) -> Part {
    if let Some(wanted) = request.get(header::IF_NONE_MATCH)
        && matches_any(wanted, etag)
    {
        return Part::NotModified;
    }
    let Some(range) = request.get(header::RANGE) else { return Part::Whole };
    // If-Range compares strongly; a date never matches, since no Last-Modified is sent.
    if request.get(header::IF_RANGE).is_some_and(|wanted| wanted != etag) {
        return Part::Whole;
    }
    let Some(spec) = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Part::Whole };
    match (number(first), number(last)) {
        _ if spec.contains(',') => Part::Whole,
        (Some(first), Some(last)) if first > last => Part::Whole,
        (Some(first), last) if last.is_some() || spec.trim().ends_with('-') => {
            if first >= size {
                return Part::Unsatisfiable;
            }
            Part::Range { first, last: last.unwrap_or(u64::MAX).min(size - 1) }
        }
        (None, Some(suffix)) if first.is_empty() => {
            if suffix == 0 || size == 0 {
                return Part::Unsatisfiable;
            }
            Part::Range { first: size - suffix.min(size), last: size - 1 }
        }
        _ => Part::Whole,
    }
}

/// A number of digits alone; one too large to be held is as good as the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

fn matches_any(wanted: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(wanted), Ok(etag)) = (wanted.to_str(), etag.to_str()) else { return false };
    wanted.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(pairs: &[(&'static str, &str)], size: u64) -> Part {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        part(&headers, &HeaderValue::from_static("\"e\""), size)
    }

    #[test]
    fn ranges_follow_the_standard() {
        let range = |text: &str, size| ask(&[("range", text)], size);
        assert_eq!(range("bytes=0-0", 10), Part::Range { first: 0, last: 0 });
        assert_eq!(range("bytes=3-", 10), Part::Range { first: 3, last: 9 });
        assert_eq!(range("bytes=3-100", 10), Part::Range { first: 3, last: 9 });
        assert_eq!(range("bytes=-3", 10), Part::Range { first: 7, last: 9 });
        assert_eq!(range("bytes=-30", 10), Part::Range { first: 0, last: 9 });
        assert_eq!(range("bytes=-0", 10), Part::Unsatisfiable);
        assert_eq!(range("bytes=10-", 10), Part::Unsatisfiable);
        assert_eq!(range("bytes=0-", 0), Part::Unsatisfiable);
        assert_eq!(range("bytes=5-4", 10), Part::Whole);
        assert_eq!(range("bytes=0-1,3-4", 10), Part::Whole);
        assert_eq!(range("lines=0-1", 10), Part::Whole);
        assert_eq!(range("bytes=a-b", 10), Part::Whole);
        assert_eq!(range("bytes=-", 10), Part::Whole);
        assert_eq!(range("bytes=+1-2", 10), Part::Whole);
        assert_eq!(range("bytes=0-99999999999999999999999", 10), Part::Range { first: 0, last: 9 });
    }

    #[test]
    fn conditions_compare_the_etag() {
        assert_eq!(ask(&[("if-none-match", "\"e\"")], 10), Part::NotModified);
        assert_eq!(ask(&[("if-none-match", "W/\"e\"")], 10), Part::NotModified);
        assert_eq!(ask(&[("if-none-match", "\"x\", \"e\"")], 10), Part::NotModified);
        assert_eq!(ask(&[("if-none-match", "*")], 10), Part::NotModified);
        assert_eq!(ask(&[("if-none-match", "\"x\"")], 10), Part::Whole);
        assert_eq!(ask(&[("if-range", "\"x\""), ("range", "bytes=0-1")], 10), Part::Whole);
        assert_eq!(
            ask(&[("if-range", "\"e\""), ("range", "bytes=0-1")], 10),
            Part::Range { first: 0, last: 1 }
        );
        assert_eq!(ask(&[("if-range", "W/\"e\""), ("range", "bytes=0-1")], 10), Part::Whole);
    }
}

//! The wait that an answer asks for by `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

use reqwest::Response;
use reqwest::header::{DATE, RETRY_AFTER};

use super::header;

/// The longest wait that an upstream may ask for.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// The wait that an answer asks for, at most an hour. A date is read against the answer's own `Date`, so that no
/// clock but the upstream's matters; without one, against the system's. A date that has passed is no wait.
pub(crate) fn asked(response: &Response) -> Option<Duration> {
    let text = header(response, &RETRY_AFTER)?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits are a long wait, none are nonsense.
        let wait_s = text.parse().unwrap_or(u64::MAX);
        return (!text.is_empty()).then(|| Duration::from_secs(wait_s).min(MAX_WAIT));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = header(response, &DATE).and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    let wait = until.duration_since(now.unwrap_or_else(system_time)).unwrap_or_default();
    Some(wait.min(MAX_WAIT))
}

/// The time of this machine.
#[expect(clippy::disallowed_methods, reason = "another machine's date can be read against nothing else")]
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}

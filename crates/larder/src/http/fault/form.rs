//! The form in which a failure is told: the client's `Accept` decides, and text is for all who do not say.
//!
//! The go command sends no `Accept`, curl sends `*/*`: both read text. Only who names JSON or HTML gets it.

use http::{HeaderMap, header};
use serde::Serialize;

use super::{Told, bounded, in_seconds};
use crate::observe::RequestId;

/// Entries of `Accept` that are looked at; browsers send fewer than ten.
const ENTRIES: usize = 32;

/// Who is told of a failure.
pub(in crate::http) struct Asker<'a> {
    /// The headers of the request.
    pub(in crate::http) headers: &'a HeaderMap,
    /// Its id.
    pub(in crate::http) id: &'a RequestId,
}

/// How a failure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Lines of text, as the go command shows them.
    Text,
    /// One JSON object.
    Json,
    /// A page for a browser.
    Page,
}

impl Asker<'_> {
    /// The form with the highest weight; of several the first that was named, and named before `*/*`.
    pub(super) fn form(&self) -> Form {
        let lines = self.headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let mut best = (Form::Text, (0, false));
        for entry in lines.flat_map(|line| line.split(',')).take(ENTRIES) {
            let mut parts = entry.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let form = match kind.as_str() {
                "text/html" | "application/xhtml+xml" => Form::Page,
                "application/json" | "application/problem+json" => Form::Json,
                "text/plain" | "text/*" | "*/*" => Form::Text,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=").map(thousandths)).unwrap_or(1000);
            let rank = (weight, !kind.contains('*'));
            if weight > 0 && rank > best.1 {
                best = (form, rank);
            }
        }
        best.0
    }
}

/// A weight such as `0.8`, in thousandths; one that cannot be read counts as none.
fn thousandths(weight: &str) -> u16 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    match whole {
        "1" => 1000,
        "0" if part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{part:0<3}").parse().unwrap_or(0)
        }
        _ => 0,
    }
}

/// `{"error":{…}}`, as the admin API tells its failures too.
#[derive(Serialize)]
struct Json<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    class: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    what: String,
    why: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_to_do: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    request_id: String,
}

impl Told {
    /// As JSON, ended by a line feed.
    pub(super) fn json(&self, id: &RequestId) -> String {
        let error = Error {
            class: self.class,
            status: self.status.as_u16(),
            module: self.module.as_deref(),
            version: self.version.as_deref(),
            what: bounded(&self.what),
            why: self.reasons().collect(),
            what_to_do: self.what_to_do.as_deref(),
            retry_after_s: self.retry_after.map(in_seconds),
            request_id: id.to_string(),
        };
        // Strings and numbers only: the fallback is never taken.
        serde_json::to_string(&Json { error }).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn form(accept: &[&'static str]) -> Form {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(line));
        }
        Asker { headers: &headers, id: &RequestId::Made { run: 0, number: 0 } }.form()
    }

    #[test]
    fn only_who_names_json_or_html_gets_it() {
        let firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
        for page in [&[firefox][..], &[chrome], &["TEXT/HTML"], &["text/html;level=1"], &["*/*, text/html"]] {
            assert_eq!(form(page), Form::Page, "{page:?}");
        }
        let axios = "application/json, text/plain, */*";
        for json in [&["application/json"][..], &[axios], &["text/plain;q=0.5", "application/json;q=0.9"]] {
            assert_eq!(form(json), Form::Json, "{json:?}");
        }
        let unsure = ["*/*", "", "image/png", "text/*", "text/plain, text/html;q=0.9", "text/html;q=0"];
        for text in
            unsure.iter().chain(&["text/html;q=x", "text/html;q=0.0001", ";;,,", "application/json;q=0, */*"])
        {
            assert_eq!(form(&[text]), Form::Text, "{text:?}");
        }
        assert_eq!(form(&[]), Form::Text);
    }
}

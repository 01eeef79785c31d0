//! What all pages have in common: they load nothing and run nothing, are in no index, and look alike in light and dark.

use http::{HeaderValue, Response, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::body::Body;

/// What a page may do: be read, in its own style.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                                 frame-ancestors 'none'; sandbox";

/// The style of every page.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b2330; --soft: #5c6675; --line: #d9dee6; --paper: #fff; --code: #f4f6f9; --mark: #0a6c74 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #98a3b3; --line: #2f3845; --paper: #14181f; --code: #1d232d; --mark: #5cc4cd } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2.5rem 1.25rem; max-width: 46rem; color: var(--ink); background: var(--paper); font: 16px/1.55 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -.02em } h2 { margin: 2.2rem 0 .6rem; font-size: 1.1rem }
p { margin: .5rem 0 } .soft { color: var(--soft) }
pre { margin: .4rem 0 1rem; padding: .8rem 1rem; overflow-x: auto; background: var(--code); border: 1px solid var(--line); border-radius: 6px; font: 14px/1.5 ui-monospace, monospace }
code { font: .92em ui-monospace, monospace } h3 { margin: .9rem 0 0; font-size: .92rem; color: var(--soft); font-weight: 600 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: .5rem 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
.what { font-size: 1.1rem; overflow-wrap: anywhere } ul { margin: .5rem 0; padding-left: 1.2rem } li { margin: .25rem 0; overflow-wrap: anywhere }
.good { color: var(--mark); font-weight: 600 } .bad { color: #c0392b; font-weight: 600 } .plain { list-style: none; margin: 0; padding: 0 } .plain li { margin: 0 }
";

/// An answer that is a page, which nobody keeps.
pub(super) fn answer(page: String) -> Response<Body> {
    let mut response = Response::new(Body::bytes(page.into()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page with this title and body.
pub(super) fn of(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
}

//! A failure as a page, for whoever opens the address of a file in a browser. It loads nothing and runs nothing; what
//! comes from outside stands in it as text, apart from the writing around it.

use maud::html;

use super::{Told, bounded, in_seconds};
use crate::http::page;
use crate::observe::RequestId;

impl Told {
    /// The page.
    pub(super) fn page(&self, id: &RequestId) -> String {
        let what = bounded(&self.what);
        let reason = self.status.canonical_reason().unwrap_or("Failed");
        let why: Vec<String> = self.reasons().collect();
        let title = format!("{} {reason}", self.status.as_u16());
        let body = html! {
            p.soft { "Larder, a Go module proxy" }
            h1 { (title) }
            p.what { bdi { (what) } }
            @if !why.is_empty() {
                h2 { "Why" }
                ul { @for line in &why { li { bdi { (line) } } } }
            }
            @if let Some(next) = &self.what_to_do {
                h2 { "What to do" }
                p { bdi { (bounded(next)) } }
            }
            (self.facts(id))
        };
        page::of(&title, &body).into_string()
    }

    fn facts(&self, id: &RequestId) -> maud::Markup {
        html! {
            h2 { "For the operator" }
            dl {
                @if let Some(module) = &self.module { dt { "Module" } dd { code { (module) } } }
                @if let Some(version) = &self.version { dt { "Version" } dd { code { (version) } } }
                dt { "Kind of failure" } dd { (self.class) }
                @if let Some(after) = self.retry_after { dt { "Worth another try" } dd { "in " (in_seconds(after)) " s" } }
                dt { "Request id" } dd { code { (id) } }
            }
        }
    }
}

//! The page at `/`: how to point the go command here, and what this instance is. Complete without scripts.

use http::{HeaderValue, Request, Response};
use maud::{Markup, html};
use source::State;
use store::Condition;

use super::body::Body;
use super::{Service, page};
use crate::auth::Identity;
use crate::clock;

impl Service {
    pub(super) fn home<B>(&self, request: &Request<B>, who: &Identity) -> Response<Body> {
        let base = self.base(request, who);
        page::answer(self.page(&base).into_string())
    }

    /// The address that the client used, to be copied into its settings.
    fn base<B>(&self, request: &Request<B>, who: &Identity) -> String {
        let forwarded = request.headers().get("x-forwarded-proto").map(HeaderValue::as_bytes);
        let (spoken, listener) = match who.listener.strip_prefix("https://") {
            Some(listener) => ("https", listener),
            None => ("http", &*who.listener),
        };
        let scheme = if forwarded == Some(b"https") { "https" } else { spoken };
        let named = who.host.as_deref().filter(|host| {
            host.len() < 256 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b))
        });
        format!("{scheme}://{}{}", named.unwrap_or(listener), self.path_prefix)
    }

    fn page(&self, base: &str) -> Markup {
        let body = html! {
            h1 { "Larder" }
            p.soft { "A Go module proxy. What was fetched once is held here, and is served from here, also when its source is gone." }
            (self.activity())
            (setup(base))
            (self.about())
        };
        page::of("Larder: a Go module proxy", &body)
    }

    fn activity(&self) -> Markup {
        let seen = self.counters.summary();
        html! {
            h2 { "Is it working?" }
            @if seen.modules == 0 {
                p { "No module has been asked for since the start. Point go here as below, run a build, then load this page again." }
            } @else {
                p {
                    span.good { "Yes. " }
                    (seen.modules) " module requests since the start: " (seen.hits) " answered from what is held, "
                    (seen.misses) " fetched"
                    @if let Some(rate) = seen.hit_rate() { " (" (format!("{:.1}", rate * 100.0)) " % were here)" }
                    @if seen.failures > 0 { ", " (seen.failures) " failed" }
                    "; the last " (clock::ago(seen.last_s)) "."
                }
            }
        }
    }

    fn about(&self) -> Markup {
        html! {
            h2 { "This instance" }
            dl {
                dt { "Version" } dd { (crate::version::VERSION) }
                dt { "Running for" } dd { (clock::span(self.counters.age_s())) }
                dt { "Held" } dd { (self.held()) }
                @if let Some(kept) = self.pipeline.kept_copies() {
                    dt { "Repositories" } dd { (kept.copies) " kept, " (roughly(kept.bytes)) " of " (roughly(kept.max_bytes)) }
                }
                @let condition = self.pipeline.cache().store().state().condition;
                @if condition != Condition::Sound {
                    dt { "Store" } dd.bad { (condition.as_str()) ": what is not in memory or open cannot be had" }
                }
                dt { "Sources" } dd { ul.plain { @for source in self.sources() { li { (source) } } } }
                dt { "Fetches under way" } dd { (self.pipeline.flights()) }
                dt { "Health" } dd { code { (self.path_prefix) "/healthz" } " " code { (self.path_prefix) "/readyz" } }
            }
        }
    }
}

impl Service {
    fn held(&self) -> String {
        let facts = self.pipeline.cache().facts();
        let so_far = if facts.is_counted { "" } else { " so far, still counting" };
        format!("{} in {} files of {} modules{so_far}", roughly(facts.bytes), facts.files, facts.modules)
    }

    /// The sources that any module may come from, by their configured names, and how they do. Others are not shown: a
    /// route may lead to a place that not everybody shall know of.
    fn sources(&self) -> Vec<String> {
        let health = self.pipeline.origins().health();
        let told = |name: String| match health.iter().find(|health| health.name == name).map(|it| &it.state) {
            None => name,
            Some(State::Closed) => format!("{name}: asked"),
            Some(State::HalfOpen) => format!("{name}: being tried"),
            Some(State::Open { .. }) => format!("{name}: left alone for now"),
        };
        self.pipeline.source_names().into_iter().map(told).collect()
    }
}

fn roughly(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..=1023 => return format!("{bytes} B"),
        1024..=1_048_575 => (1_u64 << 10, "KiB"),
        1_048_576..=1_073_741_823 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    let tenths = bytes.saturating_mul(10) / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

fn setup(base: &str) -> Markup {
    let module = "golang.org/x/text@latest";
    html! {
        h2 { "Point go here" }
        h3 { "For good, on any system" }
        pre { "go env -w GOPROXY=" (base) }
        h3 { "In this shell (sh, bash, zsh)" }
        pre { "export GOPROXY=" (base) }
        h3 { "In this shell (PowerShell)" }
        pre { "$env:GOPROXY = \"" (base) "\"" }
        h3 { "In this window (cmd.exe)" }
        pre { "set GOPROXY=" (base) }
        h3 { "In CI: GitHub Actions" }
        pre { "env:\n  GOPROXY: " (base) }
        h3 { "In CI: GitLab" }
        pre { "variables:\n  GOPROXY: " (base) }
        h3 { "In a container file" }
        pre { "ARG GOPROXY=" (base) "\nRUN go mod download" }
        @if base.contains("//127.0.0.1") || base.contains("//localhost") {
            p.soft { "This address is for this machine alone: CI and containers need one that they can reach (" code { "--listen :3000" } ")." }
        }
        p { "Then see that it works: " code { "go mod download -x " (module) } " names this address in each line." }
        p.soft { "To go back: " code { "go env -u GOPROXY" } ". Private modules: set " code { "GOPRIVATE" } " on the client as always." }
    }
}

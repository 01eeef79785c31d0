//! No traces: nothing is kept, nothing is allocated, a future stays as it is.

use std::fmt::Display;
use std::future::Future;
use std::net::IpAddr;

use http::HeaderMap;

use super::Step;

/// Would make spans of requests.
#[derive(Clone, Debug, Default)]
pub struct Tracer(());

impl Tracer {
    /// One that sends nowhere. That an endpoint is set is refused before, with the other mistakes of the settings.
    ///
    /// # Errors
    /// None.
    pub fn to(_endpoint: &str, _percent: u32) -> anyhow::Result<Self> {
        Ok(Self(()))
    }

    /// The span of a request.
    pub fn request(&self, _headers: &HeaderMap, _peer: Option<IpAddr>) -> Span {
        Span
    }

    /// Sends what waits.
    pub fn close(&self) -> impl Future<Output = ()> + use<> {
        std::future::ready(())
    }
}

/// No span.
#[derive(Clone, Debug)]
pub struct Span;

impl Span {
    /// The work itself.
    pub fn around<F: Future>(&self, work: F) -> F {
        work
    }

    /// Nothing is told.
    pub fn tell(&self, _key: &'static str, _value: impl Display) {}

    /// Nothing is told.
    pub fn fail(&self, _class: impl Display) {}
}

/// The work itself.
pub fn step<F: Future>(_step: Step, work: F) -> F {
    work
}

/// No span.
pub fn current() -> Span {
    Span
}

/// Whether there is a span to tell something.
pub fn is_on() -> bool {
    false
}

/// Nothing is told.
pub fn tell(_key: &'static str, _value: impl Display) {}

/// Nothing is told.
pub fn fail(_class: impl Display) {}

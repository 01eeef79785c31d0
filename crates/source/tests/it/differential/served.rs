//! The `direct` source behind a small server, for go commands that know no other way.

use std::sync::Arc;
use std::time::Duration;

use gomod::{Patterns, Request};
use source::direct::find::{Finder, Ping, Rules, Schemes};
use source::direct::{Direct, DirectParts};
use source::{Builder, Class, Clients, Deadlines, Guard, IpNet, Network, Outbound, Source};
use vcs::Repos;

use super::answerer::{Answer, Answerer};

/// A GOPROXY of modules made from repositories.
pub(crate) struct Served {
    pub(crate) url: String,
    _server: Answerer,
}

impl Served {
    /// Serves what the repositories have that pages at `web`, a proxy for http, name.
    pub(crate) async fn start(repos: Arc<Repos>, web: &str) -> Self {
        let direct = Arc::new(direct(repos, web, Settings::default()));
        let answer = move |target| answer(target, direct.clone());
        let server = Answerer::start("text/plain; charset=utf-8", answer).await;
        Self { url: server.url.clone(), _server: server }
    }
}

/// What the operator of the source has set.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Which paths are private.
    pub(crate) private: &'static str,
    /// Whether proxies may be on this machine.
    pub(crate) opens_loopback: bool,
}

/// The source.
pub(crate) fn direct(repos: Arc<Repos>, web: &str, settings: Settings) -> Direct {
    let Settings { private, opens_loopback } = settings;
    let open = if opens_loopback { vec![IpNet::LOOPBACK_V4, IpNet::LOOPBACK_V6] } else { Vec::new() };
    let except = Some("localhost".to_owned());
    let outbound = Outbound { http: Some(web.to_owned()), https: Some(web.to_owned()), except };
    let network = Network { guard: Guard::new(open), outbound, ..Network::default() };
    let builder = Builder::new(Clients::new(&network, Duration::from_secs(5)).unwrap(), Deadlines::default());
    let rules = Rules {
        insecure: Patterns::parse("*"),
        schemes: Schemes::parse("example.test:file,gopkg.in:file").unwrap(),
        ..Rules::default()
    };
    let ping: Ping = Arc::new(|place, _| panic!("{place} was pinged"));
    Direct::new(DirectParts {
        finder: Finder::new(&builder, rules, ping),
        repositories: repos.into(),
        is_private: Arc::new(move |path| Patterns::parse(private).matches_folded(path.as_str())),
        builder,
    })
}

async fn answer(target: String, direct: Arc<Direct>) -> Answer {
    match Request::parse(target.trim_start_matches('/')) {
        Err(error) => ("404 Not Found", error.to_string().into()),
        Ok(request) => match fetch(&direct, &request).await {
            Ok(body) => ("200 OK", body),
            Err(error) if error.class() == Class::Absent => ("404 Not Found", error.text().into()),
            Err(error) => ("503 Service Unavailable", error.text().into()),
        },
    }
}

async fn fetch(direct: &Direct, request: &Request) -> Result<bytes::Bytes, source::SourceError> {
    direct.fetch(request).await?.whole().await
}

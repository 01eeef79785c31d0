//! From settings to parts.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gomod::goproxy::ProxyList;
use gomod::pattern::Patterns;
use source::{
    Apps, Builder, Chain, Clients, ClientsError, Conduct, Deadlines, Guard, HttpUpstream, Network, Origins,
    Outbound, Routes,
};
use store::Blobs;

use super::direct::{self, Workshop};
use super::secrets;
use crate::auth::{Separation, Shares};
use crate::cache::{Cache, Freshness, evidence};
use crate::clock::Clock;
use crate::config::{self, Config, Environment, LogPrivate, Pattern};
use crate::http;
use crate::http::admission::Limits;
use crate::http::connection::Patience;
use crate::http::downloads::Bounds as Downloads;
use crate::http::pace::Demand;
use crate::jobs::scrub::schedule::Schedule;
use crate::log::Log;
use crate::observe::Counters;
use crate::observe::trace::Tracer;
use crate::pipeline::{self, Bounds, Parts, Pipeline};
use crate::tasks::Tasks;
use crate::trust::{self, Database, Databases, Memories, Rule, Ways};

/// A pipeline over a store.
///
/// # Errors
/// An upstream, a certificate file or a pattern cannot be used.
pub fn pipeline_over(
    config: &Config,
    blobs: Arc<dyn Blobs>,
    tasks: Tasks,
    clock: Clock,
) -> anyhow::Result<Arc<Pipeline>> {
    let workshop = Workshop::new(config, &Environment::default());
    pipeline_with(config, Stores { blobs, own_log: None, workshop }, tasks, clock)
}

/// What a pipeline reads and writes.
pub(super) struct Stores {
    /// What is held.
    pub(super) blobs: Arc<dyn Blobs>,
    /// The checksum database that is kept here, if one is.
    pub(super) own_log: Option<Arc<Log>>,
    /// What fetches from version control.
    pub(super) workshop: Workshop,
}

/// A pipeline over a store and a log.
///
/// # Errors
/// See [`pipeline_over`].
pub(super) fn pipeline_with(
    config: &Config,
    stores: Stores,
    tasks: Tasks,
    clock: Clock,
) -> anyhow::Result<Arc<Pipeline>> {
    let Stores { blobs, own_log: log, workshop } = stores;
    let bounds =
        evidence::Bounds { pieces: config.evidence.keep as usize, bytes: config.evidence.size.bytes() };
    let cache = Cache::new(blobs, clock.clone(), freshness(config), config.cache.memory.bytes());
    let cache = cache.with_evidence(bounds);
    let counters = Arc::<Counters>::default();
    let memories = Memories::new(trust::Parts {
        blobs: cache.blobs().clone(),
        tasks: tasks.clone(),
        clock: clock.clone(),
        counters: counters.clone(),
    });
    let settings = sources(config, &clock, Known { origins: Origins::default(), memories, workshop })?;
    let cache = Arc::new(cache);
    Ok(Pipeline::new(Parts { cache, settings, tasks, clock, counters, log }))
}

/// What is known of those who are asked; settings that are built anew go on with it.
pub(super) struct Known {
    pub(super) origins: Origins,
    pub(super) memories: Memories,
    pub(super) workshop: Workshop,
}

/// Where modules come from. May be built again while the server runs.
///
/// # Errors
/// An upstream, a certificate file or a pattern cannot be used.
pub(super) fn sources(
    config: &Config,
    clock: &Clock,
    Known { origins, memories, workshop }: Known,
) -> anyhow::Result<pipeline::Settings> {
    let builder = builder_with(config, &workshop.apps)?.with_origins(origins.clone());
    let direct = direct::source(config, &builder, &workshop)?;
    let builder = builder.with_direct(Arc::new(direct.clone()));
    let routes = routes(config, &builder)?;
    secrets::hook(config)?;
    Ok(pipeline::Settings {
        databases: databases(config, &builder, clock, (routes.default_chain(), memories))?,
        routes,
        direct,
        origins,
        holds_unverified: config.verify.unreachable == config::Unreachable::Hold,
        compares_every: config.verify.every.into(),
        client_wait: config.timeout.client_wait.into(),
        bounds: bounds(config),
        shares: Shares::new(config.limits.exempt.clone()),
        separation: Separation::new(&config.access),
    })
}

/// What sources are made with, as the settings have it.
///
/// # Errors
/// A certificate file or a credential cannot be used.
pub fn builder(config: &Config) -> anyhow::Result<Builder> {
    builder_with(config, &Apps::default())
}

/// The same, with the apps that are in use.
pub(super) fn builder_with(config: &Config, apps: &Apps) -> anyhow::Result<Builder> {
    let builder = Builder::new(clients(config)?, deadlines(config)).with_conduct(conduct(config));
    Ok(builder.with_credentials(secrets::credentials(config, apps)?))
}

/// The clients by which others are asked over HTTP.
///
/// # Errors
/// A certificate file or an outbound proxy cannot be used.
pub(super) fn clients(config: &Config) -> Result<Clients, ClientsError> {
    Clients::new(&network(config), deadlines(config).connect)
}

/// What traces requests.
///
/// # Errors
/// The thread that sends traces cannot be started.
pub(super) fn tracer(config: &Config) -> anyhow::Result<Tracer> {
    match config.trace.endpoint.reveal() {
        "" => Ok(Tracer::default()),
        endpoint => Tracer::to(endpoint, config.trace.sample).context("traces cannot be sent"),
    }
}

/// When the store is scrubbed, and how fast.
pub(super) fn schedule(config: &Config) -> Schedule {
    Schedule { every: config.scrub.every.into(), bytes_per_s: config.scrub.rate.bytes() }
}

/// How long what is held counts.
pub(super) fn freshness(config: &Config) -> Freshness {
    Freshness {
        fresh: config.cache.fresh.into(),
        stale: config.cache.stale.into(),
        negative: config.cache.negative.into(),
    }
}

/// How much may be under way at once.
fn bounds(config: &Config) -> Bounds {
    let limits = &config.limits;
    Bounds {
        fetches: limits.fetches as usize,
        fetches_per_address: limits.fetches_per_address as usize,
        waiting: limits.waiting as usize,
        waiting_per_address: limits.waiting_per_address as usize,
    }
}

/// What the HTTP side needs to know.
pub(super) fn service(config: &Config) -> http::Settings {
    http::Settings {
        immutable: config.cache.immutable.into(),
        fresh: config.cache.fresh.into(),
        admin_on_loopback: config.admin.loopback,
        metrics_allow: config.metrics.allow.clone(),
        log_peers: config.log.peer,
        // That it can be read was seen when the sources were built from the same settings.
        hook: secrets::hook(config).ok().flatten().map(String::into_bytes),
        proxies: config.access.proxies.clone(),
        vanity: direct::vanity(config).unwrap_or_default(),
        path_bytes: config.limits.path_bytes as usize,
        downloads: Downloads {
            all: config.limits.downloads as usize,
            per_address: config.limits.downloads_per_address as usize,
            shares: Shares::new(config.limits.exempt.clone()),
        },
    }
}

/// Who may connect, and how long connections may take.
pub(super) fn limits(config: &Config) -> Limits {
    let (limits, timeout) = (&config.limits, &config.timeout);
    let window: Duration = timeout.write_idle.into();
    Limits {
        connections: limits.connections as usize,
        per_address: limits.connections_per_address as usize,
        shares: Shares::new(limits.exempt.clone()),
        patience: Patience {
            header_read: timeout.header_read.into(),
            keep_alive: timeout.keep_alive.into(),
            reader: Demand {
                window,
                bytes: u64::try_from(window.as_millis()).unwrap_or(0) * limits.slowest_reader.bytes() / 1000,
            },
            header_bytes: limits.header_bytes,
            streams: limits.streams,
        },
    }
}

/// How long others may take to answer.
pub(super) fn deadlines(config: &Config) -> Deadlines {
    let timeout = &config.timeout;
    Deadlines {
        connect: timeout.connect.into(),
        first_byte: timeout.first_byte.into(),
        idle: timeout.body_idle.into(),
        small: timeout.small_body.into(),
        lookup: timeout.lookup.into(),
        ..Deadlines::default()
    }
}

/// How upstreams are treated.
fn conduct(config: &Config) -> Conduct {
    let (retry, breaker, budget) = (&config.retry, &config.breaker, &config.budget);
    Conduct {
        retry: source::Retry {
            times: retry.times,
            backoff: retry.backoff.into(),
            longest: retry.backoff_max.into(),
            share_percent: retry.share,
            credit: retry.credit,
        },
        breaker: source::Breaker {
            failures: breaker.failures,
            share_percent: breaker.share,
            least_calls: breaker.calls,
            window: breaker.window.into(),
            pause: breaker.pause.into(),
            longest_pause: breaker.pause_max.into(),
            longest_asked: breaker.retry_after_max.into(),
        },
        budget: source::Budget {
            small: budget.small as usize,
            large: budget.large as usize,
            queue: budget.queue as usize,
            wait: budget.wait.into(),
        },
    }
}

/// Which addresses may be reached that nobody here has chosen.
pub(super) fn guard(config: &Config) -> Guard {
    Guard::new(config.network.allow.iter().map(|network| network.block()).collect())
}

fn network(config: &Config) -> Network {
    Network { guard: guard(config), authorities: config.network.ca_file.clone(), outbound: outbound(config) }
}

/// The proxies by which others are reached.
pub(super) fn outbound(config: &Config) -> Outbound {
    let proxy = |address: &Option<config::Address>| address.as_ref().map(|it| it.reveal().to_owned());
    let except = &config.network.no_proxy;
    Outbound {
        http: proxy(&config.network.http_proxy),
        https: proxy(&config.network.https_proxy),
        except: (!except.is_empty()).then(|| except.join(",")),
    }
}

/// Which sources which modules come from.
///
/// # Errors
/// An upstream cannot be used.
pub(super) fn routes(config: &Config, builder: &Builder) -> anyhow::Result<Routes> {
    let mut routes = Vec::new();
    for route in &config.route {
        let chain = chain(route.upstream.reveal(), builder);
        let patterns = patterns(&route.patterns);
        let chain = chain.with_context(|| format!("the route for {patterns} cannot be used"))?;
        routes.push((patterns, chain));
    }
    if !config.gonoproxy.is_empty() {
        routes.push((patterns(&config.gonoproxy), chain("direct", builder)?));
    }
    let default = chain(config.upstream.reveal(), builder).context("`upstream` cannot be used")?;
    Ok(Routes::new(patterns(&config.private), routes, default))
}

fn chain(list: &str, builder: &Builder) -> anyhow::Result<Chain> {
    Ok(Chain::from_list(&ProxyList::parse(list)?, builder)?)
}

/// The modules that the log does not name.
pub(super) fn hidden(config: &Config) -> Patterns {
    match config.log.private {
        LogPrivate::Show => Patterns::default(),
        LogPrivate::Hide => patterns(&config.private),
    }
}

fn patterns(list: &[Pattern]) -> Patterns {
    let joined: Vec<&str> = list.iter().map(Pattern::as_str).collect();
    Patterns::parse(&joined.join(","))
}

/// The checksum databases; `proxies` may lead to those whose setting names no address.
fn databases(
    config: &Config,
    builder: &Builder,
    clock: &Clock,
    (proxies, memories): (&Chain, Memories),
) -> anyhow::Result<Databases> {
    let mut databases = Vec::new();
    for database in &config.sumdb {
        let (spec, name) = (&database.spec, database.spec.name());
        let base = spec.address().map_or_else(|| format!("https://{name}"), str::to_owned);
        let own = HttpUpstream::sumdb(name, &base, builder)
            .with_context(|| format!("the address of the checksum database {name} cannot be used"))?;
        let proxies = if spec.address().is_some() { Chain::default() } else { proxies.clone() };
        let ways = Ways::new(Arc::new(own), proxies, clock.clone());
        let covers = patterns(&database.covers);
        databases.push(Database::new(spec.verifier().clone(), covers, ways, &memories));
    }
    let rule = Rule { private: patterns(&config.private), unasked: patterns(&config.gonosumdb) };
    Ok(Databases::new(databases, rule, memories))
}

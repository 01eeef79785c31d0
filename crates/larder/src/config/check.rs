//! Values that do not go with one another, or are right in form and wrong in meaning.

use std::collections::HashSet;
use std::path::Path;

use super::{Config, Credential, Duration, Found, Secret};

/// A mistake that only the whole configuration shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    /// The keys that take part; the first one that was set is where the mistake is shown.
    pub keys: Vec<&'static str>,
    /// What is wrong, and what to write.
    pub reason: String,
}

/// All conflicts of a configuration.
pub(super) fn conflicts(config: &Config) -> Vec<Conflict> {
    let mut found = Vec::from_iter(tls(config));
    let mut say =
        |keys: &[&'static str], reason: String| found.push(Conflict { keys: keys.to_vec(), reason });
    if config.listen.is_empty() {
        say(&["listen"], "the list is empty, so nobody could ask; write 127.0.0.1:3000".to_owned());
    }
    let (fresh, stale) = (config.cache.fresh, config.cache.stale);
    if fresh > stale {
        let reason =
            format!("cache.fresh {fresh} is longer than cache.stale {stale}; what is fresh is not yet stale");
        say(&["cache.fresh", "cache.stale"], reason);
    }
    for (key, limit) in limits(config) {
        if limit == 0 {
            say(&[key], "0 would let nobody in; write 1 or more".to_owned());
        }
    }
    if config.limits.header_bytes < 8192 {
        let reason =
            format!("{} is too small for ordinary requests; write 8192 or more", config.limits.header_bytes);
        say(&["limits.header_bytes"], reason);
    }
    if config.limits.path_bytes < 512 {
        let reason =
            format!("{} is too small for ordinary modules; write 512 or more", config.limits.path_bytes);
        say(&["limits.path_bytes"], reason);
    }
    for (key, duration) in timeouts(config) {
        if duration == Duration::from_secs(0) {
            say(&[key], "0s would end everything before it begins; write a duration above 0".to_owned());
        }
    }
    if let Err(error) = config.govcs() {
        say(&["govcs"], error.to_string());
    }
    for listen in config.access.private_on.iter().filter(|listen| !config.listen.contains(listen)) {
        let reason =
            format!("`{listen}` is not in `listen`, so nobody could come in there; write it as it is there");
        say(&["access.private_on", "listen"], reason);
    }
    let databases = config.sumdb.iter().map(|database| (database.spec.name(), database.spec.to_string()));
    for database in repeated(databases) {
        say(&["sumdb"], format!("{database} is named twice; a client could not tell them apart"));
    }
    let routes = config
        .route
        .iter()
        .flat_map(|route| route.patterns.iter().map(|pattern| (pattern.as_str(), pattern.to_string())));
    for pattern in repeated(routes) {
        say(&["route"], format!("`{pattern}` is matched by an earlier route, so it never comes to this one"));
    }
    found.extend(of_upstreams(config));
    found.extend(of_credentials(config));
    found.extend(config.hook.unset().map(|variable| {
        let reason = format!("the variable {variable} is not set, or is empty");
        Conflict { keys: vec!["hook.secret"], reason }
    }));
    found.extend(of_traces(config));
    found.extend(of_own_log(config));
    found
}

/// What is wrong with the checksum database that is kept here.
fn of_own_log(config: &Config) -> Option<Conflict> {
    let log = &config.log;
    let Some(name) = &log.name else {
        let key = if log.key.is_some() { "log.key" } else { "log.state" };
        let is_set = log.key.is_some() || log.state.is_some();
        let reason = "there is no log without a name; name it by log.name".to_owned();
        return is_set.then(|| Conflict { keys: vec![key], reason });
    };
    let found = log.key.as_ref().map(Secret::find);
    let inside = |path: &Path| path.starts_with(&config.data) && !config.data.as_os_str().is_empty();
    let in_data = |key| (key, "lies in the data directory, and would be in every backup of it".to_owned());
    let (key, reason) = match found {
        _ if config.sumdb.iter().any(|database| database.spec.name() == name.as_str()) => {
            ("log.name", format!("{name} is a database of `sumdb`; a client could not tell the two apart"))
        }
        None => {
            ("log.name", "a log needs a key; `larder sumdb init` makes one, log.key says where".to_owned())
        }
        Some(Found::Unset(variable)) => {
            ("log.key", format!("the variable {variable} is not set, or is empty"))
        }
        Some(Found::File(path)) if inside(path) => in_data("log.key"),
        _ => match log.state_file() {
            None => {
                let reason = "the key is in a variable: write the path of a file, outside of the data directory, in log.state";
                ("log.key", reason.to_owned())
            }
            Some(state) if inside(&state) => in_data("log.state"),
            Some(_) => return None,
        },
    };
    Some(Conflict { keys: vec![key], reason })
}

/// Conflicts of the rules by which upstreams are treated.
fn of_upstreams(config: &Config) -> Vec<Conflict> {
    let mut found = Vec::new();
    let mut say =
        |keys: &[&'static str], reason: String| found.push(Conflict { keys: keys.to_vec(), reason });
    for (key, number) in [
        ("budget.small", config.budget.small),
        ("budget.large", config.budget.large),
        ("breaker.calls", config.breaker.calls),
    ] {
        if number == 0 {
            say(&[key], "0 would let nothing through; write 1 or more".to_owned());
        }
    }
    for (key, percent) in [("retry.share", config.retry.share), ("breaker.share", config.breaker.share)] {
        if percent > 100 {
            say(&[key], format!("{percent} percent is more than all; write 100 or less"));
        }
    }
    let (pause, pause_max) = (config.breaker.pause, config.breaker.pause_max);
    if pause > pause_max {
        let reason = format!("breaker.pause {pause} is longer than breaker.pause_max {pause_max}");
        say(&["breaker.pause", "breaker.pause_max"], reason);
    }
    found
}

fn limits(config: &Config) -> [(&'static str, u32); 9] {
    let limits = &config.limits;
    [
        ("limits.connections", limits.connections),
        ("limits.connections_per_address", limits.connections_per_address),
        ("limits.streams", limits.streams),
        ("limits.fetches", limits.fetches),
        ("limits.fetches_per_address", limits.fetches_per_address),
        ("limits.waiting", limits.waiting),
        ("limits.waiting_per_address", limits.waiting_per_address),
        ("limits.downloads", limits.downloads),
        ("limits.downloads_per_address", limits.downloads_per_address),
    ]
}

/// What a listener that speaks TLS needs, and what needs such a listener.
fn tls(config: &Config) -> Option<Conflict> {
    let https = config.listen.iter().find(|listen| listen.tls);
    let (key, reason) = match (&config.tls.cert, &config.tls.key, https) {
        (Some(_), None, _) => ("tls.cert", "a certificate needs its key; name it by tls.key".to_owned()),
        (None, Some(_), _) => ("tls.key", "a key needs its certificate; name it by tls.cert".to_owned()),
        (None, None, Some(listen)) => {
            let reason = format!("{listen} needs a certificate; name it by tls.cert, and its key by tls.key");
            ("listen", reason)
        }
        (Some(_), Some(_), None) => {
            let reason =
                "TLS is spoken nowhere; write https:// before an address in `listen`, as https://:8443";
            ("tls.cert", reason.to_owned())
        }
        _ => return None,
    };
    Some(Conflict { keys: vec![key], reason })
}

fn timeouts(config: &Config) -> [(&'static str, Duration); 12] {
    let timeout = &config.timeout;
    [
        ("timeout.connect", timeout.connect),
        ("timeout.first_byte", timeout.first_byte),
        ("timeout.body_idle", timeout.body_idle),
        ("timeout.small_body", timeout.small_body),
        ("timeout.lookup", timeout.lookup),
        ("timeout.client_wait", timeout.client_wait),
        ("timeout.header_read", timeout.header_read),
        ("timeout.keep_alive", timeout.keep_alive),
        ("timeout.write_idle", timeout.write_idle),
        ("breaker.window", config.breaker.window),
        ("breaker.pause", config.breaker.pause),
        ("budget.wait", config.budget.wait),
    ]
}

/// What is wrong with where traces are sent.
fn of_traces(config: &Config) -> Vec<Conflict> {
    let endpoint = config.trace.endpoint.reveal();
    let reason = if endpoint.is_empty() {
        None
    } else if !cfg!(feature = "otlp") {
        Some("this build has no traces; build with --features otlp, or leave it empty".to_owned())
    } else if endpoint.parse::<http::Uri>().is_ok_and(|uri| is_collector(&uri)) {
        None
    } else {
        Some(format!(
            "{} is not the address of a collector; write http://127.0.0.1:4318",
            config.trace.endpoint
        ))
    };
    let sample = config.trace.sample;
    let sample = (sample > 100).then(|| format!("{sample} percent is more than all; write 100 or less"));
    let found = [("trace.endpoint", reason), ("trace.sample", sample)];
    let found = found.into_iter().filter_map(|(key, reason)| Some((key, reason?)));
    found.map(|(key, reason)| Conflict { keys: vec![key], reason }).collect()
}

fn is_collector(uri: &http::Uri) -> bool {
    let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    matches!(uri.scheme_str(), Some("http" | "https")) && is_plain && uri.query().is_none()
}

/// Conflicts of credentials, with each other and with the environment.
fn of_credentials(config: &Config) -> Vec<Conflict> {
    let named = config.credential.iter().filter_map(|entry| entry.name.as_deref());
    let named = repeated(named.map(|name| (name, name.to_owned())));
    let named = named
        .into_iter()
        .map(|name| format!("two credentials are called {name}; explain could not tell them apart"));
    let is_hidden = |(at, entry): &(usize, &Credential)| {
        let earlier = config.credential.iter().take(*at);
        earlier.filter(|other| other.patterns.is_empty()).any(|other| other.origin == entry.origin)
    };
    let hidden = config.credential.iter().enumerate().filter(is_hidden);
    let hidden = hidden.map(|(_, entry)| {
        let origin = &entry.origin;
        format!("{origin} has one already, for all modules, so this one is never sent; write the one with `match` first")
    });
    let unset = config.credential.iter().filter_map(|entry| {
        let variable = entry.unset()?;
        Some(format!("the variable {variable} for {} is not set, or is empty", entry.name()))
    });
    let reasons = named.chain(hidden).chain(unset);
    reasons.map(|reason| Conflict { keys: vec!["credential"], reason }).collect()
}

/// The entries whose name an earlier entry has.
fn repeated<'a>(entries: impl Iterator<Item = (&'a str, String)>) -> Vec<String> {
    let mut seen = HashSet::new();
    entries.filter(|(name, _)| !seen.insert(*name)).map(|(_, entry)| entry).collect()
}

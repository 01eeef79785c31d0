//! A whole Larder in this process, over a temporary directory, for one test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use larder::app::{self, App, Report, Start};
use larder::clock::Clock;
use larder::config::{Config, Environment, FlagValue, Loaded, Reading};
use larder::pipeline::Pipeline;
use tempfile::TempDir;
use testkit::eventually;
use testkit::module::ModuleFiles;
use testkit::raw::{self, Response};
use testkit::upstream::Upstream;

/// A running Larder. [`TestProxy::stop`] finds what was left behind.
pub(crate) struct TestProxy {
    app: Option<App>,
    address: SocketAddr,
    dir: TempDir,
    clock: Clock,
    settings: Vec<(String, String)>,
}

impl TestProxy {
    /// Over one upstream, otherwise as configured by default, with a clock that stands still.
    pub(crate) fn over(upstream: &Upstream) -> Self {
        Self::with(&[("upstream", &upstream.url())])
    }

    /// Over an upstream that has this version, which is held.
    pub(crate) async fn holding(files: &ModuleFiles) -> (Upstream, Self) {
        let upstream = Upstream::of(std::slice::from_ref(files)).await;
        let proxy = Self::over(&upstream);
        proxy.fill(files).await;
        (upstream, proxy)
    }

    /// With these settings, as `--set` would take them.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self::start(dir, settings, Clock::manual())
    }

    /// With these settings, for tools that see these variables.
    pub(crate) fn with_environment(settings: &[(&str, &str)], environment: &[(&str, &str)]) -> Self {
        let own = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let environment = own(environment).into_iter().collect();
        Self::start_in(tempfile::tempdir().unwrap(), own(settings), Clock::manual(), environment)
    }

    /// With a configuration file, which may be changed by [`TestProxy::reload`].
    pub(crate) fn with_file(text: &str) -> Self {
        Self::with_file_and(text, &[])
    }

    /// With a configuration file and these settings above it.
    pub(crate) fn with_file_and(text: &str, settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("larder.toml"), text).unwrap();
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self::start(dir, settings, Clock::manual())
    }

    /// Writes another configuration file and has it read.
    pub(crate) async fn reload(&self, text: &str) -> Report {
        std::fs::write(self.dir.path().join("larder.toml"), text).unwrap();
        self.app().reloader().reload().await
    }

    fn start(dir: TempDir, settings: Vec<(String, String)>, clock: Clock) -> Self {
        // Without tools, which most tests have no use for, and whose start takes long.
        let environment = Environment::from([("PATH".to_owned(), "/nowhere".to_owned())]);
        Self::start_in(dir, settings, clock, environment)
    }

    fn start_in(
        dir: TempDir,
        settings: Vec<(String, String)>,
        clock: Clock,
        environment: Environment,
    ) -> Self {
        let mut all = vec![("data".to_owned(), dir.path().join("data").display().to_string())];
        if !settings.iter().any(|(key, _)| key == "listen") {
            all.push(("listen".to_owned(), "127.0.0.1:0".to_owned()));
        }
        let file = dir.path().join("larder.toml");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let names_databases = settings.iter().any(|(key, _)| key == "sumdb")
            || text.lines().any(|line| line.starts_with("sumdb") || line == "[[sumdb]]");
        if !names_databases {
            // What tests make up is on record nowhere.
            all.push(("sumdb".to_owned(), "off".to_owned()));
        }
        // What is private goes to its own host else, and no test leaves this machine.
        all.push(("gonoproxy".to_owned(), "nobody.invalid".to_owned()));
        all.extend(settings.clone());
        let reading = Reading { named: file.exists().then_some(file), environment, ..reading(&all) };
        let with = Start { clock: clock.clone(), reading: reading.clone(), ..Start::default() };
        let app = app::start(reading.load().unwrap(), with).unwrap();
        // Nobody asks where there is none: port 0 refuses everyone.
        let address = app.addresses().first().copied().unwrap_or(([127, 0, 0, 1], 0).into());
        Self { app: Some(app), address, dir, clock, settings }
    }

    /// Stops in order and starts again over the same directory.
    pub(crate) async fn restart(mut self) -> Self {
        assert!(self.app.take().unwrap().stop().await, "tasks were left when the server stopped");
        Self::start(self.dir, self.settings, self.clock)
    }

    /// The same with another value of one setting.
    pub(crate) async fn restart_with(mut self, key: &str, value: &str) -> Self {
        self.settings.retain(|(held, _)| held != key);
        self.settings.push((key.to_owned(), value.to_owned()));
        self.restart().await
    }

    /// Stops in order; panics when tasks or spools are left behind.
    pub(crate) async fn stop(mut self) {
        assert!(self.app.take().unwrap().stop().await, "tasks were left when the server stopped");
        let left = std::fs::read_dir(self.data("tmp")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "spools were left behind");
    }

    /// Stops in order; whether all tasks ended in time.
    pub(crate) async fn stopped(mut self) -> bool {
        self.app.take().unwrap().stop().await
    }

    /// Stops in order and leaves what it has kept.
    pub(crate) async fn leave(mut self) -> TempDir {
        assert!(self.app.take().unwrap().stop().await, "tasks were left when the server stopped");
        self.dir
    }

    /// Waits until no fetch is under way.
    pub(crate) async fn settled(&self) {
        let pipeline = self.pipeline();
        eventually("the end of all flights", || async { pipeline.flights() == 0 }).await;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    pub(crate) fn pipeline(&self) -> &Arc<Pipeline> {
        self.app().pipeline()
    }

    pub(crate) fn data(&self, below: &str) -> PathBuf {
        self.dir.path().join("data").join(below)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        raw::get(self.address, path).await
    }

    /// Asks for the files of a version; all are there, whole and right.
    pub(crate) async fn fill(&self, files: &ModuleFiles) {
        for (kind, bytes) in [("info", files.info()), ("mod", files.mod_file()), ("zip", files.zip())] {
            let response = self.get(&files.url(kind)).await;
            assert_eq!(response.status, 200, "{kind}: {}", response.text());
            assert!(response.complete && response.body == bytes, "{kind}");
        }
    }

    pub(crate) async fn get_with(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        raw::request(self.address, "GET", path, fields).await
    }
}

/// Headers of interest in one line, so that a failed comparison shows them all.
pub(crate) fn cache_of(response: &Response) -> String {
    let show = |name: &str| response.header(name).unwrap_or("-").to_owned();
    format!("{} {} {}", response.status, show("x-larder-cache"), show("x-larder-source"))
}

/// A configuration of settings alone.
pub(crate) fn config_of(settings: &[(String, String)]) -> Config {
    loaded_of(settings).config
}

/// The same with the origins of its values. Without a checksum database unless one is named.
pub(crate) fn loaded_of(settings: &[(String, String)]) -> Loaded {
    let names_databases = settings.iter().any(|(key, _)| key == "sumdb");
    let off = (!names_databases).then(|| ("sumdb".to_owned(), "off".to_owned()));
    let all: Vec<_> = settings.iter().cloned().chain(off).collect();
    reading(&all).load().unwrap()
}

fn reading(settings: &[(String, String)]) -> Reading {
    let flag = |(key, value): &(String, String)| FlagValue {
        flag: "--set".to_owned(),
        key: key.clone(),
        value: value.clone(),
    };
    Reading { flags: settings.iter().map(flag).collect(), ..Reading::default() }
}

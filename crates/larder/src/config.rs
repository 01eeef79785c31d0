//! Configuration: what the operator decides, as plain structs.
//!
//! The structs are the only list of settings. Their fields are the keys, their documentation is the documentation
//! (`docs/configure.md` and `docs/larder.schema.json` are made of it), their `Default` holds the defaults; names of
//! environment variables follow from the keys ([`Key::environment`]). Adding a setting is adding a field.
//!
//! Values come in layers, each beating those before it: defaults, what the surroundings say (Go's own variables,
//! `STATE_DIRECTORY`), one TOML file, `PORT` and `LARDER_...` variables, flags. A list is replaced as a whole.
//! Where each value came from is kept ([`Origin`]), also for those that are printed.
//!
//! Promises: [`Config::load`] is pure; it reports all mistakes together, each with its place, its reason and what
//! to write; an unknown key or variable is a mistake, because a typing error must not silently open something;
//! passwords in addresses are never printed. GOPROXY and GOSUMDB are never read: on most machines they point at
//! this server. Files are read by [`Reading`], again at every reload; the process's environment by `cli`, once.

mod access;
mod admin;
mod breaker;
mod budget;
mod cache;
mod change;
mod check;
mod credential;
mod environment;
mod file;
mod hook;
mod keys;
mod layers;
mod limits;
mod listen;
mod log;
mod metrics;
mod mistake;
mod network;
mod pattern;
mod reading;
pub mod reference;
mod retry;
mod scrub;
mod secret;
mod show;
mod suggest;
mod sumdb;
mod text;
mod timeout;
mod tls;
mod trace;
mod units;
mod upstream;
mod vanity;
mod vcs;
mod verify;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use gomod::govcs::{GoVcs, GoVcsError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use access::Access;
pub use admin::Admin;
pub use breaker::Breaker;
pub use budget::Budget;
pub use cache::Cache;
pub use change::{Change, changes};
pub use credential::{Credential, Form};
pub use environment::{Environment, state_directory};
pub use hook::Hook;
pub use keys::{Key, Keys, Kind};
pub use layers::{FlagValue, Loaded, Origin, Sources, TextFile};
pub use limits::Limits;
pub use listen::{Listen, PathPrefix, Place, SocketMode};
pub use log::{Log, LogFormat, LogLevel, LogName, LogPrivate};
pub use metrics::Metrics;
pub use mistake::{Mistake, Mistakes};
pub use network::{Cidr, Network};
pub use pattern::{GovcsRule, Pattern, SchemeRule};
pub use reading::Reading;
pub use retry::Retry;
pub use scrub::{Evidence, Scrub};
pub use secret::{Found, Secret};
pub use show::Row;
pub use sumdb::{SumDb, SumDbSpec};
pub use text::redact;
pub use timeout::Timeout;
pub use tls::Tls;
pub use trace::Trace;
pub use units::{Duration, Size};
pub use upstream::{Address, Route, Upstream};
pub use vanity::VanityRule;
pub use vcs::Vcs;
pub use verify::{Unreachable, Verify};

/// The settings of Larder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen: addresses with ports (`:3000` is port 3000 of every address of the machine), unix sockets
    /// (`unix:PATH`), sockets that systemd passes (`systemd:`, or `systemd:NAME`). With `https://` before it, TLS is
    /// spoken there. When `PORT` is set to a number and `LARDER_LISTEN` is not, that port of every address. When
    /// systemd passes sockets and nothing else is set, those.
    #[schemars(extend("x-flag" = true, "x-restart" = true))]
    pub listen: Vec<Listen>,
    /// Who may connect to the unix sockets of `listen`: permissions in octal.
    #[schemars(extend("x-restart" = true))]
    pub socket_mode: SocketMode,
    /// Directory of everything that is kept. One server uses it at a time. Unset: `STATE_DIRECTORY` (which systemd
    /// sets), else `larder` in the platform's directory for data.
    #[schemars(extend("x-flag" = true, "x-restart" = true, "x-default" = "`larder` in the platform's data directory"))]
    pub data: PathBuf,
    /// Where modules come from, in the grammar of GOPROXY: proxies, `direct` (version control), `off`. After `,`
    /// the next one is asked when the answer was 404 or 410, after `|` also when there was none. The default is
    /// the go command's own.
    #[schemars(extend("x-flag" = true))]
    pub upstream: Upstream,
    /// Patterns of module paths that are private: they are never named to a public proxy or checksum database. As
    /// the lowest layer, `GOPRIVATE` sets it.
    #[schemars(extend("x-flag" = true))]
    pub private: Vec<Pattern>,
    /// Patterns of module paths that are fetched from version control, past every upstream. Unset: those in
    /// `private`. `GONOPROXY` sets it as the lowest layer, but only while `private` is not set by Larder's own
    /// settings.
    #[schemars(extend("x-default" = "those in `private`"))]
    pub gonoproxy: Vec<Pattern>,
    /// Patterns of module paths that no checksum database is asked about. Unset: those in `private`. `GONOSUMDB`
    /// sets it as the lowest layer, but only while `private` is not set by Larder's own settings.
    #[schemars(extend("x-default" = "those in `private`"))]
    pub gonosumdb: Vec<Pattern>,
    /// Patterns of module paths that may be fetched from version control over http or without a valid
    /// certificate. As the lowest layer, `GOINSECURE` sets it.
    pub goinsecure: Vec<Pattern>,
    /// Version control systems that may be used, by module path: `PATTERN:SYSTEM|SYSTEM`, the first match decides.
    /// Behind the last rule stand `private:all` and `public:git|hg`. As the lowest layer, `GOVCS` sets it.
    pub govcs: Vec<GovcsRule>,
    /// Where repositories are whose hosts do not answer `?go-get=1`, or that are elsewhere than they say: `PATH=URL`,
    /// `PATH=SYSTEM URL` or `PATH=SYSTEM URL DIRECTORY`. It goes before what the host says, for the path and all below it; the
    /// longest path counts. A path of your own is asked for nowhere else then.
    #[schemars(extend("x-separator" = ";"))]
    pub vanity: Vec<VanityRule>,
    /// File with users and passwords of upstreams, by host and port (`machine proxy.corp.example.com:8443`), as the go
    /// command reads it. It need not be there. Unset: `NETRC`, else `.netrc` in the home directory.
    #[schemars(extend("x-default" = "`.netrc` in the home directory"))]
    pub netrc: Option<PathBuf>,
    /// The path the server lives under, when another server passes a part of its own tree on: `/goproxy`.
    #[schemars(extend("x-restart" = true))]
    pub path_prefix: PathPrefix,
    /// Other upstreams for some modules; the first route that matches decides. As text a route is written
    /// `PATTERN[,PATTERN]=UPSTREAM`.
    #[schemars(extend("x-separator" = ";"))]
    pub route: Vec<Route>,
    /// What is sent to upstreams and repositories that want to know who asks. As text a credential is written
    /// `ORIGIN token=WHERE`, `ORIGIN username=NAME password=WHERE` or `ORIGIN ssh_key=PATH`, and other fields likewise. The
    /// first one that fits is sent. A user and password in the address of an upstream come before it, `netrc` after it.
    #[schemars(extend("x-separator" = ";"))]
    pub credential: Vec<Credential>,
    /// Checksum databases, the first of which decides for public modules; `off` for none. As text a database is
    /// written as GOSUMDB writes it. The default is the go command's own.
    #[serde(serialize_with = "sumdb::serialize", deserialize_with = "sumdb::deserialize")]
    #[schemars(with = "Vec<SumDb>", extend("x-flag" = true))]
    pub sumdb: Vec<SumDb>,
    /// How modules are compared with the checksum database that covers them.
    pub verify: Verify,
    /// The certificate that the server shows.
    pub tls: Tls,
    /// How repositories are asked and kept.
    pub vcs: Vcs,
    /// What may be reached, and how.
    pub network: Network,
    /// How long what is held counts as fresh, and what clients may keep.
    pub cache: Cache,
    /// When a failed call to an upstream is made again.
    pub retry: Retry,
    /// When an upstream is left alone, and how it is tried again.
    pub breaker: Breaker,
    /// How much is asked of one upstream at once.
    pub budget: Budget,
    /// How long anything may take.
    pub timeout: Timeout,
    /// How much clients may ask for at once.
    pub limits: Limits,
    /// When everything that is held is read again, to find what the disk has lost.
    pub scrub: Scrub,
    /// How much is kept of what was found wrong.
    pub evidence: Evidence,
    /// What the server says about its work, and the checksum database that it keeps itself.
    pub log: Log,
    /// Who is told the numbers at `/metrics`.
    pub metrics: Metrics,
    /// Where traces are sent. Only builds with the feature `otlp` have traces.
    pub trace: Trace,
    /// Who is served what.
    pub access: Access,
    /// Who may ask the server about itself, and tell it what to do.
    pub admin: Admin,
    /// Who may say that something was pushed to a repository.
    pub hook: Hook,
}

impl Default for Config {
    /// The defaults that need no surroundings: `data` is empty until [`Config::load`] finds a place for it.
    fn default() -> Self {
        Self {
            listen: vec![Listen { tls: false, place: Place::At((Ipv4Addr::LOCALHOST, 3000).into()) }],
            socket_mode: SocketMode::default(),
            data: PathBuf::new(),
            upstream: Upstream::default(),
            private: Vec::new(),
            gonoproxy: Vec::new(),
            gonosumdb: Vec::new(),
            goinsecure: Vec::new(),
            govcs: Vec::new(),
            vanity: Vec::new(),
            netrc: None,
            path_prefix: PathPrefix::default(),
            route: Vec::new(),
            credential: Vec::new(),
            sumdb: sumdb::default(),
            verify: Verify::default(),
            tls: Tls::default(),
            vcs: Vcs::default(),
            network: Network::default(),
            cache: Cache::default(),
            retry: Retry::default(),
            breaker: Breaker::default(),
            budget: Budget::default(),
            timeout: Timeout::default(),
            limits: Limits::default(),
            scrub: Scrub::default(),
            evidence: Evidence::default(),
            log: Log::default(),
            metrics: Metrics::default(),
            trace: Trace::default(),
            access: Access::default(),
            admin: Admin::default(),
            hook: Hook::default(),
        }
    }
}

impl Config {
    /// Reads all layers. Pure: the file's text, the environment and the flags are handed in.
    ///
    /// # Errors
    ///
    /// All mistakes of all layers, also of values that a higher layer replaces.
    pub fn load(sources: &Sources) -> Result<Loaded, Mistakes> {
        layers::load(sources)
    }

    /// The rules of `govcs` with Go's default behind them.
    ///
    /// # Errors
    ///
    /// A rule that stands behind another one with the same pattern; a configuration that was loaded has none.
    pub fn govcs(&self) -> Result<GoVcs, GoVcsError> {
        let rules: Vec<&str> = self.govcs.iter().map(GovcsRule::as_str).collect();
        GoVcs::parse(&rules.join(","))
    }
}

/// What a key was given, for reading layers one after the other.
type Layer = BTreeMap<String, layers::Given>;

//! What fetches from version control, built from the settings.
//!
//! The repositories (the jail, the way to the network, the kept copies) are made when the first of them is asked, or when
//! it is said which tools there are, live as long as the server, and are handed from settings to settings. What may be asked
//! of which of them is made anew.

mod fetches;
pub(super) mod tools;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use source::direct::find::{Finder, Findings, Ping, Rules, Schemes, Vanity};
use source::direct::status_over_http;
use source::{Apps, Builder, Direct, DirectParts, Guard, Repositories};
use vcs::gate::{Gate, GateSettings};
use vcs::jail::{Jail, JailSettings, Limits, Operator, Tools};
use vcs::{Repos, ReposSettings, VcsError};

use self::fetches::{Fetches, PROGRESS};
use super::build;
use crate::config::{Config, Environment, Pattern, VanityRule};
use crate::observe::{Samples, families};

/// The hidden command of the binary by which tools that know no proxies get through the gate; a host and a port follow.
pub const THROUGH: &str = "through-the-gate";

/// What of `direct` outlives a change of settings.
#[derive(Clone)]
pub(super) struct Workshop {
    /// The repositories.
    pub repositories: Repositories,
    /// What asking them came to.
    pub fetches: Arc<Fetches>,
    /// Where modules were found.
    pub findings: Findings,
    /// The apps whose tokens they are sent.
    pub apps: Apps,
    /// Which addresses they may be at.
    guard: Arc<ArcSwap<Guard>>,
}

impl Workshop {
    /// For a server that is started with these settings in this environment.
    pub(super) fn new(config: &Config, environment: &Environment) -> Self {
        let guard = Arc::new(ArcSwap::from_pointee(build::guard(config)));
        let (config, environment, checked) = (config.clone(), environment.clone(), guard.clone());
        let fetches = Arc::<Fetches>::default();
        let watching = fetches.clone();
        let make = move || {
            let repos = repos(&config, &environment, &checked)?;
            let fetches = watching.clone();
            repos.jail().watch(PROGRESS, move |asking, news| fetches.note(asking, news));
            Ok(repos)
        };
        let (repositories, findings) = (Repositories::new(make), Findings::default());
        Self { repositories, fetches, findings, apps: Apps::default(), guard }
    }
}

impl Workshop {
    /// Adds the numbers of asking repositories, of finding them, and of their copies.
    pub(super) fn tell(&self, samples: &mut Samples) {
        self.fetches.tell(samples);
        for (outcome, count) in self.findings.counts() {
            samples.put(&families::FOUND, &[outcome.as_str()], count);
        }
        let Some(repos) = self.repositories.opened() else { return };
        let children = repos.jail().children();
        samples.put(&families::VCS_CHILDREN, &["network"], children.network as u64);
        samples.put(&families::VCS_CHILDREN, &["content"], children.content as u64);
        samples.put(&families::VCS_WAITING, &[], children.waiting as u64);
        let Some(kept) = repos.kept() else { return };
        samples.put(&families::COPIES, &[], kept.copies);
        samples.put(&families::COPIES_BYTES, &[], kept.bytes);
        samples.put(&families::COPIES_LIMIT, &[], kept.max_bytes);
        samples.put(&families::COPIES_EVICTED, &[], kept.evicted);
    }
}

/// Makes the jail, the gate and the place of copies.
fn repos(config: &Config, environment: &Environment, guard: &Arc<ArcSwap<Guard>>) -> Result<Repos, VcsError> {
    let clients = build::clients(config).map_err(|cause| VcsError::Local {
        what: "setting up what asks over http".to_owned(),
        cause: Arc::new(cause),
    })?;
    let dir = config.data.join("vcs");
    let jail = jail(config, environment, guard, dir.join("jail"))?;
    let settings = ReposSettings {
        dir: dir.join("copies"),
        fresh: config.vcs.remember.into(),
        max_repository_bytes: config.vcs.repository.bytes(),
        max_total_bytes: config.vcs.size.bytes(),
        status: status_over_http(clients, build::deadlines(config).small),
    };
    Ok(Repos::new(jail, settings))
}

/// A jail for the tools, which works in a directory.
///
/// # Errors
/// It cannot be made here.
pub(super) fn jail(
    config: &Config,
    environment: &Environment,
    guard: &Arc<ArcSwap<Guard>>,
    dir: PathBuf,
) -> Result<Jail, VcsError> {
    let gate = Gate::open(gate(config, guard)).map_err(|cause| VcsError::Local {
        what: "opening the way to the network".to_owned(),
        cause: Arc::new(cause),
    })?;
    let variables = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    // The tools trust whom the server trusts, also where it was told by a setting.
    let authorities = config.network.ca_file.iter().map(|file| ("SSL_CERT_FILE".into(), file.into()));
    Jail::new(JailSettings {
        tools: tools(environment),
        environment: Operator::choose(variables.chain(authorities)),
        limits: limits(config),
        gate,
        dir,
    })
}

/// The tools that are installed.
pub(super) fn tools(environment: &Environment) -> Tools {
    let path = environment.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
    Tools::find(path.as_ref())
}

fn gate(config: &Config, guard: &Arc<ArcSwap<Guard>>) -> GateSettings {
    let guard = guard.clone();
    GateSettings {
        outbound: build::outbound(config),
        helper: std::env::current_exe().ok().map(|program: PathBuf| (program, vec![THROUGH.into()])),
        max_bytes: config.vcs.repository.bytes(),
        ..GateSettings::new(move |address| guard.load().check(address).is_ok())
    }
}

fn limits(config: &Config) -> Limits {
    let usual = Limits::default();
    Limits {
        deadline: config.vcs.deadline.into(),
        file_bytes: usual.file_bytes.min(config.vcs.repository.bytes()),
        network_children: config.vcs.calls as usize,
        children_per_host: config.vcs.calls_per_host as usize,
        wait: config.vcs.wait.into(),
        ..usual
    }
}

/// The source that these settings make, over what was there before.
///
/// # Errors
/// A rule cannot be used.
pub(super) fn source(config: &Config, builder: &Builder, before: &Workshop) -> anyhow::Result<Direct> {
    before.guard.store(Arc::new(build::guard(config)));
    let repositories = before.repositories.clone();
    let private = Pattern::all(&config.private);
    Ok(Direct::new(DirectParts {
        finder: finder(config, builder, &repositories)?.noting(before.findings.clone()),
        repositories,
        is_private: Arc::new(move |path| private.matches_folded(path.as_str())),
        builder: builder.clone(),
    }))
}

/// What finds repositories.
///
/// # Errors
/// A rule cannot be used.
pub(super) fn finder(
    config: &Config,
    builder: &Builder,
    repositories: &Repositories,
) -> anyhow::Result<Finder> {
    Ok(Finder::new(builder, rules(config)?, ping(repositories.clone())))
}

/// The rules of finding, as the settings have them.
///
/// # Errors
/// One cannot be used.
pub(super) fn rules(config: &Config) -> anyhow::Result<Rules> {
    let schemes: Vec<String> = config.network.schemes.iter().map(ToString::to_string).collect();
    let schemes = Schemes::parse(&schemes.join(",")).context("`network.schemes` cannot be used")?;
    let vanity = vanity(config)?;
    Ok(Rules {
        private: Pattern::all(&config.private),
        insecure: Pattern::all(&config.goinsecure),
        govcs: config.govcs()?,
        schemes,
        vanity,
    })
}

/// Asks for the tags of a repository whose scheme is only guessed.
fn ping(repositories: Repositories) -> Ping {
    Arc::new(move |place, access| {
        let opened = repositories.open();
        async move { opened?.open(&place, &access)?.tags("").await.map(drop) }.boxed()
    })
}

/// The operator's table of repositories.
///
/// # Errors
/// An entry cannot be used.
pub(super) fn vanity(config: &Config) -> anyhow::Result<Vanity> {
    let mut rules = config.vanity.iter();
    let with = |table: Vanity, rule: &VanityRule| table.with(rule.prefix(), rule.target());
    rules.try_fold(Vanity::default(), with).context("`vanity` cannot be used")
}

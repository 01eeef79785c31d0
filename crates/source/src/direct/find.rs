//! From a module path to its repository.
//!
//! In this order: the operator's own table ([`Vanity`]); what the path says by itself ([`gomod::repo`]); the page of the
//! path's host ([`gomod::meta`]), which is believed about a shorter path only if that path's page says the same. What is
//! found is checked against GOVCS and against the schemes that are open ([`Schemes`]).
//!
//! What it promises: a name is asked for at its own host, where a redirect of that host leads, and nowhere else; nothing
//! inside of the network is reached but by the operator's leave; all who ask for a page at the same time share one fetch,
//! and its answer for a short while; an outage is never told as absence.
//!
//! A path may be a guess: for the package `m/sub/pkg` the go command asks for the modules `m/sub/pkg`, `m/sub` and `m` at
//! once, and stops if one of the answers is an outage. So if the host answers with trouble for a longer path, the module
//! layer asks [`Finder::find_above`] for the repository of a path above it, and if that repository has no such directory,
//! or no go.mod in it, the module is absent.
//!
//! The rules are cmd/go's (`vcs.RepoRootForImportPath`), in module mode. Not here: whether the repository is there at all.

mod crowd;
mod failure;
mod findings;
mod page;
mod rules;
mod schemes;
mod vanity;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use gomod::ModulePath;
use gomod::goproxy::{ProxyScheme, ProxyUrl};
use gomod::govcs::Disallowed;
use gomod::meta::{self, GoImport, MatchError};
use gomod::repo::{self, Address, PathRepo, RepoError};
use reqwest::StatusCode;
use vcs::jail::Access;
use vcs::{Place, PlaceError, System, VcsError};

use super::Found;
use crate::build::Builder;
use crate::credential::Via;
use crate::shelf::Shelf;
use crate::{Credentials, NoToken, SourceError};
use failure::is_absence;
use page::{Asker, Seen};

pub(super) use failure::At;
pub use failure::{FindError, PageFault};
pub use findings::{Findings, Outcome};
pub use rules::{Lead, Rules};
pub use schemes::{Schemes, SchemesError};
pub use vanity::{Vanity, VanityEntry, VanityError};

/// How many paths above one are asked for.
const MOST_ABOVE: usize = 8;
/// The most that the tags of a page may have, in bytes, if it is to be remembered.
const MAX_REMEMBERED_BYTES: usize = 64 << 10;

/// Asks whether a repository answers at a place, in the ways that are open to it; the tools' affair (`git ls-remote`,
/// `hg identify`, `svn info`).
pub type Ping = Arc<dyn Fn(Place, Access) -> BoxFuture<'static, Result<(), VcsError>> + Send + Sync>;

/// For how long answers are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// What was found.
    pub found: Duration,
    /// What was absent.
    pub absent: Duration,
    /// What failed: only so long that a crowd does not ask again one by one.
    pub failed: Duration,
}

impl Default for Memory {
    fn default() -> Self {
        let (found, absent) = (Duration::from_mins(1), Duration::from_secs(30));
        Self { found, absent, failed: Duration::from_secs(1) }
    }
}

/// Where a module is made or kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Discovery {
    /// In a repository.
    Repo(Found),
    /// At a module proxy, which the page of its host names (`mod`).
    Proxy(ProxyUrl),
}

/// On which terms a repository is asked for a module.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What it is asked over, and with.
    pub access: Access,
    /// What the credential is called that goes along. Without one, what the tool is configured with does.
    pub credential: Option<String>,
}

/// Finds repositories. Cheap to clone; what is remembered is shared.
#[derive(Clone)]
pub struct Finder {
    asker: Arc<Asker>,
    rules: Arc<Rules>,
    credentials: Credentials,
    via: Via,
    ping: Ping,
    memory: Memory,
    findings: Findings,
    pages: Arc<Shelf<Sight>>,
    pings: Arc<Shelf<Result<Place, FindError>>>,
}

/// What came of asking for a page.
type Sight = Result<Arc<Seen>, SourceError>;

impl Finder {
    /// A finder that remembers nothing yet.
    pub fn new(with: &Builder, rules: Rules, ping: Ping) -> Self {
        Self {
            asker: Arc::new(Asker::new(with)),
            rules: Arc::new(rules),
            credentials: with.credentials.clone(),
            via: with.via(),
            ping,
            memory: Memory::default(),
            findings: Findings::default(),
            pages: Shelf::new(),
            pings: Shelf::new(),
        }
    }

    /// Remembers for other times.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// Notes what it finds here.
    #[must_use]
    pub fn noting(self, findings: Findings) -> Self {
        Self { findings, ..self }
    }

    /// Where a module is.
    ///
    /// # Errors
    /// [`FindError::class`] says whether it is absent, or cannot be told now.
    pub async fn find(&self, path: &ModulePath) -> Result<Discovery, FindError> {
        let lead = self.rules.lead(path)?;
        let by = Outcome::from(&lead);
        let found = self.follow(path, lead).await;
        self.findings.note(path, by, &found);
        found
    }

    /// By what a module is found, should it be; nothing for what cannot be a module.
    pub fn by(&self, path: &ModulePath) -> Option<Outcome> {
        self.rules.lead(path).ok().map(|lead| Outcome::from(&lead))
    }

    async fn follow(&self, path: &ModulePath, lead: Lead) -> Result<Discovery, FindError> {
        match lead {
            Lead::Table(entry) => {
                self.check_vcs(entry.place.system().command(), &entry.prefix)?;
                self.check_scheme(path, &entry.prefix, entry.place.scheme())?;
                Ok(repository(path, &entry.prefix, entry.place, &entry.subdir))
            }
            Lead::Path(named) => self.find_named(path, named).await,
            Lead::Page(address) => self.find_asking(path, &address).await.map_err(|told| told.of(path)),
        }
    }

    /// The repository of the nearest path above one whose own page could not be had ([`FindError::is_answer`]), for the
    /// proof that the module is not in it. `None` if that cannot be told either.
    pub async fn find_above(&self, path: &ModulePath) -> Option<Found> {
        let mut above = path.as_str();
        for _ in 0..MOST_ABOVE {
            above = above.rsplit_once('/')?.0;
            match self.find(&ModulePath::parse(above).ok()?).await {
                Ok(Discovery::Repo(found)) => return Some(Found { path: path.clone(), ..found }),
                Err(error) if error.is_answer() || error.class().is_absent() => {}
                Ok(Discovery::Proxy(_)) | Err(_) => return None,
            }
        }
        None
    }

    /// Forgets what is remembered of the paths at, above and below a root, because something there has changed.
    pub fn forget(&self, root: &str) {
        let touches = |key: &str| {
            let path = key.split_once(' ').map_or(key, |(_, path)| path);
            repo::below(path, root).is_some() || repo::below(root, path).is_some()
        };
        self.pages.forget(touches);
        self.pings.forget(touches);
    }

    /// The import paths of the tops of all that was found at such places, or that the operator's table has there.
    pub fn roots_at(&self, is_meant: impl Fn(&Place) -> bool) -> BTreeSet<String> {
        let mut roots = self.findings.at(&is_meant);
        roots.extend(self.rules.vanity.at(is_meant).map(str::to_owned));
        roots
    }

    /// Where a module, or a path above it, was last found.
    pub fn places_of(&self, path: &ModulePath) -> Vec<Place> {
        self.findings.places_of(path)
    }

    /// On which terms the repository at a place, whose top has the import path `root`, is asked for a module.
    ///
    /// # Errors
    /// The credential makes its own tokens, and has none.
    pub async fn terms(&self, path: &ModulePath, root: &str, place: &Place) -> Result<Terms, NoToken> {
        let trust = self.rules.trust(path, place);
        let sent = self.credentials.for_place(path, place, trust);
        let (name, credential) = match sent {
            Some(sent) => (Some(sent.name().to_owned()), Some(sent.ready(&self.via).await?)),
            None => (None, None),
        };
        let schemes = self.rules.schemes(path, root).into_iter().map(str::to_owned).collect();
        Ok(Terms { access: Access { schemes, credential, is_insecure: trust.is_insecure }, credential: name })
    }

    /// What the credential is called that a repository is sent.
    pub(super) fn credential(&self, path: &ModulePath, place: &Place) -> Option<&str> {
        self.credentials.name_for_place(path, place, self.rules.trust(path, place))
    }

    /// Notes that a repository did not accept what it was sent.
    pub(super) fn doubt(&self, path: &ModulePath, place: &Place) {
        if let Some(sent) = self.credentials.for_place(path, place, self.rules.trust(path, place)) {
            sent.doubt();
        }
    }

    async fn find_named(&self, path: &ModulePath, named: PathRepo) -> Result<Discovery, FindError> {
        let PathRepo { root, vcs, address } = named;
        self.check_vcs(vcs, &root)?;
        let system = System::parse(vcs).ok_or(PlaceError::NoScheme)?;
        let place = match address {
            Address::Url(url) => Place::new(system, &url)?,
            Address::Schemeless(address) => self.find_scheme(path, &root, system, address).await?,
        };
        Ok(repository(path, &root, place, ""))
    }

    /// Tries the schemes that are open, in Go's order; a system that cannot be asked is taken to be at the first.
    async fn find_scheme(
        &self,
        path: &ModulePath,
        root: &str,
        system: System,
        address: String,
    ) -> Result<Place, FindError> {
        let open = self.rules.schemes(path, root);
        let tried: Vec<&str> =
            schemes_of(system).iter().filter(|scheme| open.contains(scheme)).copied().collect();
        let places = tried.iter().map(|scheme| Place::new(system, &format!("{scheme}://{address}")));
        let places: Vec<Place> = places.collect::<Result<_, _>>()?;
        let secure = !open.contains(&"http");
        let (finder, module, top, memory) = (self.clone(), path.clone(), root.to_owned(), self.memory);
        let ping = move |place: Place| {
            let (finder, module, top) = (finder.clone(), module.clone(), top.clone());
            async move {
                let terms = finder.terms(&module, &top, &place).await?;
                Ok((finder.ping)(place, terms.access).await)
            }
            .boxed()
        };
        let keep = move |found: &Result<Place, FindError>| match found {
            Ok(_) => memory.found,
            Err(error) if error.class().is_absent() => memory.absent,
            Err(_) => memory.failed,
        };
        let key = format!("{system}+{} {root}", tried.join("+"));
        self.pings.ask(&key, keep, || first_that_answers(ping, places, secure).boxed()).await
    }

    async fn find_asking(&self, path: &ModulePath, address: &str) -> Result<Discovery, Told> {
        let insecure = self.rules.is_insecure(path);
        let seen = self.see(path.as_str(), address, insecure).await.map_err(|error| {
            let scheme = if insecure { "http" } else { "https" };
            PageFault::Fetch { url: format!("{scheme}://{address}"), insecure, error }
        })?;
        let import = tag_of(&seen, path.as_str(), address)?;
        if import.prefix != path.as_str() {
            self.check_prefix(path.as_str(), &seen, import, insecure).await?;
        }
        import.check().map_err(|fault| PageFault::Tag { url: seen.url.clone(), fault })?;
        self.accept(path, import, &seen.url)
    }

    /// Makes sure that the page of a shorter path says the same of it (cmd/go `vcs.metaImportsForPrefix`).
    async fn check_prefix(
        &self,
        path: &str,
        seen: &Seen,
        import: &GoImport,
        insecure: bool,
    ) -> Result<(), Told> {
        let prefix = &import.prefix;
        let address = repo::page_address(prefix).map_err(FindError::from)?;
        let other = self.see(prefix, &address, insecure).await;
        let other = other.map_err(|error| PageFault::FetchPrefix { prefix: prefix.clone(), error })?;
        if other.imports.is_empty() {
            let (url, prefix) = (other.url.clone(), prefix.clone());
            let fault = other.fault.clone().map(|fault| PageFault::Parse { page: url.clone(), fault });
            return Err(PageFault::of_status(&other, true)
                .or(fault)
                .unwrap_or(PageFault::NoPrefixTag { prefix, url })
                .into());
        }
        if meta::matching(&other.imports, path).is_ok_and(|same| same == import) {
            return Ok(());
        }
        Err(PageFault::Disagree { url: seen.url.clone(), address, prefix: prefix.clone() }.into())
    }

    /// What a tag that was believed leads to, if the rules allow it.
    fn accept(&self, path: &ModulePath, import: &GoImport, url: &str) -> Result<Discovery, Told> {
        let root = import.prefix.trim_end_matches('/');
        let place = |fault: String| PageFault::Place { url: url.to_owned(), fault };
        if import.vcs == "mod" {
            let proxy = ProxyUrl::parse(&import.repo_root).map_err(|fault| place(fault.to_string()))?;
            if proxy.scheme() == ProxyScheme::Http {
                self.check_scheme(path, root, "http")?;
            }
            return Ok(Discovery::Proxy(proxy));
        }
        let unknown = || PageFault::UnknownVcs { url: url.to_owned(), vcs: import.vcs.clone() };
        let system = System::parse(&import.vcs).ok_or_else(unknown)?;
        self.check_vcs(&import.vcs, &import.prefix).map_err(PageFault::GoVcs)?;
        let found = Place::new(system, &import.repo_root).map_err(|fault| place(fault.to_string()))?;
        self.check_scheme(path, root, found.scheme())?;
        if path.as_str().contains("...") && root.contains("...") {
            return Err(PageFault::Wildcard(RepoError::Wildcard(path.as_str().to_owned())).into());
        }
        Ok(repository(path, root, found, &import.subdir))
    }

    /// The page of a path, shared with all who ask for it.
    async fn see(&self, path: &str, address: &str, insecure: bool) -> Sight {
        let memory = self.memory;
        let keep = move |sight: &Sight| match sight {
            Ok(seen) if weight(&seen.imports) > MAX_REMEMBERED_BYTES => Duration::ZERO,
            Ok(seen) if seen.status == StatusCode::OK && !seen.imports.is_empty() => memory.found,
            Ok(seen) if is_absence(seen.status) && !seen.said.transient => memory.absent,
            Err(error) if error.is_absent() => memory.absent,
            _ => memory.failed,
        };
        let (asker, address) = (Arc::clone(&self.asker), address.to_owned());
        let key = if insecure { format!("insecure {path}") } else { path.to_owned() };
        let flight = || async move { asker.ask(&address, insecure).await.map(Arc::new) }.boxed();
        self.pages.ask(&key, keep, flight).await
    }

    fn check_vcs(&self, vcs: &str, root: &str) -> Result<(), Disallowed> {
        self.rules.govcs.check(vcs, root, self.rules.private.matches(root))
    }

    fn check_scheme(&self, path: &ModulePath, root: &str, scheme: &str) -> Result<(), FindError> {
        if self.rules.schemes(path, root).contains(&scheme) {
            return Ok(());
        }
        Err(FindError::Scheme { root: root.to_owned(), scheme: scheme.to_owned() })
    }
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// A failure that may still have to be told as one of the path's page.
enum Told {
    OfPage(Box<PageFault>),
    Whole(FindError),
}

impl Told {
    fn of(self, path: &ModulePath) -> FindError {
        match self {
            Self::OfPage(fault) => FindError::Page { path: path.as_str().to_owned(), fault },
            Self::Whole(error) => error,
        }
    }
}

impl From<PageFault> for Told {
    fn from(fault: PageFault) -> Self {
        Self::OfPage(Box::new(fault))
    }
}

impl From<FindError> for Told {
    fn from(error: FindError) -> Self {
        Self::Whole(error)
    }
}

fn repository(path: &ModulePath, root: &str, place: Place, subdir: &str) -> Discovery {
    let (root, subdir) = (root.to_owned(), subdir.to_owned());
    Discovery::Repo(Found { path: path.clone(), root, place, subdir })
}

/// The tag of a page for a path. A page with tags counts whatever its status is.
fn tag_of<'a>(seen: &'a Seen, path: &str, address: &str) -> Result<&'a GoImport, PageFault> {
    if seen.imports.is_empty() {
        if let Some(fault) = PageFault::of_status(seen, false) {
            return Err(fault);
        }
        if let Some(fault) = seen.fault.clone() {
            return Err(PageFault::Parse { page: path.to_owned(), fault });
        }
    }
    meta::matching(&seen.imports, path).map_err(|fault| match fault {
        // Tags for others on a page that is in trouble say nothing of this path.
        MatchError::None { .. } if !is_absence(seen.status) => {
            PageFault::of_status(seen, false).unwrap_or(PageFault::NoTag { url: seen.url.clone(), fault })
        }
        MatchError::None { .. } => PageFault::NoTag { url: seen.url.clone(), fault },
        MatchError::Several(_) => PageFault::Several { address: address.to_owned(), fault },
    })
}

/// The schemes of a system in the order in which they are tried (cmd/go `vcs.Cmd.Scheme`).
fn schemes_of(system: System) -> &'static [&'static str] {
    match system {
        System::Git => &["git", "https", "http", "git+ssh", "ssh"],
        System::Hg => &["https", "http", "ssh"],
        System::Svn => &["https", "http", "svn", "svn+ssh"],
        System::Fossil => &["https", "http"],
    }
}

/// The first place that answers. That none does is told as absence only if each has said so.
async fn first_that_answers(
    ping: impl Fn(Place) -> BoxFuture<'static, Result<Result<(), VcsError>, NoToken>>,
    places: Vec<Place>,
    secure: bool,
) -> Result<Place, FindError> {
    let mut unclear = None;
    for place in places {
        if place.system() == System::Fossil {
            return Ok(place);
        }
        match ping(place.clone()).await? {
            Ok(()) => return Ok(place),
            Err(fault) if fault.is_absent() => {}
            Err(fault) => unclear = unclear.or(Some(FindError::Unanswered { place, fault })),
        }
    }
    Err(unclear.unwrap_or(FindError::NoProtocol { secure }))
}

fn weight(imports: &[GoImport]) -> usize {
    let length = |import: &GoImport| {
        import.prefix.len()
            + import.vcs.len()
            + import.repo_root.len()
            + import.subdir.len()
            + size_of::<GoImport>()
    };
    imports.iter().map(length).sum()
}

//! Our versions of modules against those that the real go command makes in direct mode, of the same repositories.
//!
//! Compared are the version, the `.info` file as the go command caches it, the hashes of zip and go.mod, the origin of what was
//! queried, lists, and the words of errors. What the repositories are, and what is asked, is in the two texts beside.

mod answerer;
mod hosts;
mod made;
mod others;
mod pinned;
mod served;
mod web;

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gomod::info::{Info, Origin};
use gomod::{H1, ModulePath, ModuleVersion, Request, pseudo, semver, zip};
use serde_json::Value;
use source::direct::{Code, CodeError, Found};
use source::{Class, Source as _, SourceError};
use testkit::Upstream;
use testkit::go::{self, Go};
use vcs::gate::{Gate, GateSettings};
use vcs::jail::{Access, Jail, JailSettings, Limits, Operator, Tools};
use vcs::{Place, Repos, ReposSettings, System};

use made::Made;
use served::{Served, Settings};
use web::Web;

const REPOSITORIES: &str = include_str!("differential/repositories.txt");
const CASES: &str = include_str!("differential/cases.txt");

/// What is told of a module version, or why there is none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Told {
    version: String,
    /// The `.info`, of what was asked for as a version.
    info: String,
    /// Where it is from, as JSON, of what was not.
    origin: String,
    sum: String,
    go_mod_sum: String,
    error: String,
}

/// The repositories, and the two who are asked about them.
struct World {
    dir: tempfile::TempDir,
    made: std::collections::HashMap<String, Made>,
    repos: Arc<Repos>,
    web: Web,
    /// The proxy that the page of `example.test/proxied` names.
    upstream: Upstream,
}

/// Where the module with a path is: the import path of its repository's top, the repository's name, and a directory in it.
fn place_of(path: &str) -> Option<(String, String, &'static str)> {
    if let Some(rest) = path.strip_prefix("gopkg.in/") {
        let root = rest.split('/').next()?;
        return Some((format!("gopkg.in/{root}"), "gopkg".to_owned(), ""));
    }
    if path == "example.test/whole/v2" {
        return Some((path.to_owned(), "whole".to_owned(), ""));
    }
    let name = path.strip_prefix("example.test/")?.split('/').next()?;
    let subdir = if name == "fourth" { "go" } else { "" };
    Some((format!("example.test/{name}"), name.to_owned(), subdir))
}

impl World {
    async fn new() -> Self {
        Self::whose_servers_say(None).await
    }

    /// A world in which all URLs of repositories, if asked for as pages, have this status.
    async fn whose_servers_say(status: Option<u16>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let served = dir.path().join("served");
        let made = Made::all(REPOSITORIES, &served);
        let config = format!("[url \"file://{}/\"]\n\tinsteadOf = https://example.test/\n", served.display());
        fs::write(dir.path().join("gitconfig"), config).unwrap();
        let upstream = Upstream::start().await;
        let proxied = format!("http://localhost:{}", upstream.address().port());
        let web = Web::start(move |path| {
            let (root, name, subdir) = place_of(path)?;
            Some(match name.as_str() {
                "proxied" => format!("{root} mod {proxied}"),
                _ => format!("{root} git https://example.test/{name} {subdir}"),
            })
        });
        let repos = Arc::new(repos(dir.path(), status));
        Self { made, repos, web: web.await, upstream, dir }
    }

    /// A go command with caches of its own.
    fn go(&self, name: &str) -> Go {
        Go::new(&self.dir.path().join(name))
            .proxy("direct")
            .env("GOVCS", "*:all")
            .env("GOINSECURE", "*")
            .env("GIT_CONFIG_GLOBAL", self.dir.path().join("gitconfig").display().to_string())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HTTP_PROXY", &self.web.url)
            .env("HTTPS_PROXY", &self.web.url)
    }

    fn code(&self, path: &str) -> Result<Code, CodeError> {
        let (root, name, subdir) = place_of(path).unwrap();
        let place = Place::new(System::Git, &format!("https://example.test/{name}")).unwrap();
        let access = Access { schemes: vec!["https".to_owned(), "file".to_owned()], ..Access::default() };
        let repo = self.repos.open(&place, &access).unwrap();
        let path = ModulePath::parse(path).unwrap();
        Code::new(&Found { path, root, place, subdir: subdir.to_owned() }, repo)
    }

    /// All that is asked: modules with their versions and queries.
    fn asked(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut asked: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for line in CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (path, texts) = line.split_once(' ').unwrap();
            let made = &self.made[&place_of(path).unwrap().1];
            asked.entry(path).or_default().extend(texts.split(' ').map(|text| made.filled(text)));
        }
        asked
    }
}

fn repos(dir: &Path, status: Option<u16>) -> Repos {
    let environment = [
        ("GIT_CONFIG_GLOBAL".into(), dir.join("gitconfig").into()),
        ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ("HOME".into(), dir.join("home").into()),
    ];
    repos_of(dir, Operator::choose(environment), GateSettings::new(|_| false), status)
}

/// Repositories that are asked in such an environment, over such a way; their URLs, asked as pages, have this status.
fn repos_of(dir: &Path, environment: Operator, gate: GateSettings, status: Option<u16>) -> Repos {
    let jail = Jail::new(JailSettings {
        tools: Tools::find("/usr/local/bin:/usr/bin:/bin".as_ref()),
        environment,
        limits: Limits::default(),
        gate: Gate::open(gate).unwrap(),
        dir: dir.join("jail"),
    });
    let settings = ReposSettings {
        dir: dir.join("vcs"),
        fresh: Duration::from_mins(5),
        max_repository_bytes: 1 << 30,
        max_total_bytes: 1 << 30,
        status: Arc::new(move |_, _| Box::pin(async move { status })),
    };
    Repos::new(jail.unwrap(), settings)
}

/// What we make of a version or query.
async fn ours(code: &Code, path: &str, text: &str) -> Told {
    let module = ModulePath::parse(path).unwrap();
    let request = match Request::named(&module, text) {
        Ok(request) => request,
        Err(error) => return Told { error: error.to_string(), ..Told::default() },
    };
    let answered = match &request {
        Request::Latest(_) => code.latest().await.map(|info| (info, false)),
        Request::Query(_, query) => code.query(query).await.map(|info| (info, false)),
        Request::File(module, _) => code.info(&module.version).await.map(|info| (info, true)),
        other => panic!("{other}"),
    };
    match answered {
        Ok((info, is_version)) => match files(code, &module, &info).await {
            Ok((go_mod_sum, sum)) => Told {
                version: info.version.as_str().to_owned(),
                info: if is_version { info.to_json() } else { String::new() },
                origin: if is_version { String::new() } else { origin_text(info.origin.as_ref()) },
                sum,
                go_mod_sum,
                error: String::new(),
            },
            Err(error) => Told { error: fault(&error), ..Told::default() },
        },
        Err(error) => Told { error: fault(&error), ..Told::default() },
    }
}

/// An error's text; trouble is told apart.
fn fault(error: &CodeError) -> String {
    if error.is_absent() { error.to_string() } else { format!("TROUBLE {error}") }
}

async fn files(code: &Code, path: &ModulePath, info: &Info) -> Result<(String, String), CodeError> {
    let go_mod = H1::of_mod(&code.go_mod(&info.version).await?).to_string();
    let bytes = code.zip(&info.version).await?.whole().await.unwrap();
    let module = ModuleVersion::new(path.clone(), info.version.clone()).unwrap();
    let checked = zip::check(&mut Cursor::new(&bytes), bytes.len() as u64, &module).unwrap();
    Ok((go_mod, checked.h1.to_string()))
}

fn origin_text(origin: Option<&Origin>) -> String {
    origin.map(|origin| serde_json::to_value(origin).unwrap().to_string()).unwrap_or_default()
}

/// What the go command makes of many versions or queries, in their order.
async fn theirs(go: &Go, asked: &[(String, bool)]) -> BTreeMap<String, Told> {
    let mut arguments = vec!["mod", "download", "-json"];
    arguments.extend(asked.iter().map(|(text, _)| text.as_str()));
    let output = go.run(&arguments).await;
    let mut told = BTreeMap::new();
    for value in serde_json::Deserializer::from_str(&output.stdout).into_iter::<Value>() {
        let value = value.unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr));
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let query = if value["Query"].is_string() { text("Query") } else { text("Version") };
        let asked_as = format!("{}@{query}", text("Path"));
        let is_version = asked.iter().any(|(asked, is_version)| *asked == asked_as && *is_version);
        let is_fine = value["Error"].is_null();
        let one = Told {
            version: if is_fine { text("Version") } else { String::new() },
            info: if is_version && is_fine {
                fs::read_to_string(text("Info")).unwrap()
            } else {
                String::new()
            },
            origin: if is_version || !is_fine || value["Origin"].is_null() {
                String::new()
            } else {
                value["Origin"].to_string()
            },
            sum: text("Sum"),
            go_mod_sum: text("GoModSum"),
            error: text("Error"),
        };
        told.insert(asked_as, one);
    }
    told
}

/// What is different on purpose, and why.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "example.test/newer@v1.0.0",
        "the go command refuses what needs a newer one; clients decide that for themselves",
    ),
    ("example.test/newer@latest", "as above"),
    ("example.test/plain@sub/v1.9.0", "a query with a slash cannot be asked of a proxy"),
    (
        "example.test/v2root/v2@v1.0.0",
        "absent as well, but refused by its form, before a repository is asked",
    ),
    ("gopkg.in/gp.v1@v0.1.0", "as above"),
    ("gopkg.in/gp.v2@v3.0.0", "as above"),
    (
        "example.test/odd@v1.1.0",
        "a tag of a file is no version; the go command stumbles over what git says of it",
    ),
    ("example.test/odd@latest", "as above"),
];

/// What clients of a server get otherwise, and why.
const SERVED_DIFFERENT: &[(&str, &str)] = &[
    ("example.test/plain@sub/v1.9.0", "a query with a slash cannot be asked of a proxy"),
    (
        "example.test/compatible@v2",
        "clients choose from the whole list, which has no v2 since v1 has a go.mod",
    ),
    ("example.test/newer@v1.0.0", "the client refuses it as well, but after it has fetched the zip"),
    ("example.test/newer@latest", "as above"),
];

/// Whether two answers are the same, but for what depends on what the go command happens to have fetched before: it says by which
/// ref it found a commit that was asked for by id only if it did not have it yet.
fn is_same(asked: &str, ours: &Told, theirs: &Told) -> bool {
    if theirs.error.is_empty() {
        let (_, text) = asked.split_once('@').unwrap();
        let is_id =
            pseudo::is_pseudo(text) || text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let origin = if is_id && !theirs.origin.contains("\"Ref\"") {
            without_ref(&ours.origin)
        } else {
            ours.origin.clone()
        };
        return Told { origin, ..ours.clone() } == *theirs;
    }
    // We say which version could not be made into a zip, and show what is no UTF-8 as a replacement.
    let zip = ours.error.split_once("create zip: ").map_or(ours.error.as_str(), |(_, fault)| fault);
    !zip.is_empty() && theirs.error.replace("\\xe9", "\u{fffd}").contains(zip)
}

fn without_ref(origin: &str) -> String {
    let mut members: serde_json::Map<String, Value> = serde_json::from_str(origin).unwrap_or_default();
    members.remove("Ref");
    if members.is_empty() { String::new() } else { Value::Object(members).to_string() }
}

/// Everything that is asked, in groups: each gets a go command with a cache of its own, because what one question leaves there
/// changes what is told of the next.
fn groups(world: &World) -> BTreeMap<&'static str, Vec<(String, bool)>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (path, texts) in world.asked() {
        let module = ModulePath::parse(path).unwrap();
        for text in texts.iter().map(String::as_str).chain(["latest"]) {
            let group = match Request::named(&module, text) {
                Ok(Request::File(..)) => "versions",
                Ok(Request::Latest(_)) => "latest",
                Ok(Request::Query(..)) if semver::is_valid(text) => "short",
                _ => "queries",
            };
            groups.entry(group).or_default().push((format!("{path}@{text}"), group == "versions"));
        }
    }
    groups
}

async fn asked_of_us(world: &World, asked: &str) -> Told {
    let (path, text) = asked.split_once('@').unwrap();
    match world.code(path) {
        Ok(code) => ours(&code, path, text).await,
        Err(error) => Told { error: error.to_string(), ..Told::default() },
    }
}

/// Whether what the go command made of what we serve is what it makes itself. Where a version is from is told less of, since what
/// is served is kept; and of what cannot be had the words are ours, but that it cannot be had is the same.
fn is_served(served: &Told, theirs: &Told) -> bool {
    let facts = |told: &Told| {
        let Told { version, info, sum, go_mod_sum, error, .. } = told.clone();
        let go_mod_sum = if error.is_empty() { go_mod_sum } else { String::new() };
        (version, info, sum, go_mod_sum, error.is_empty())
    };
    facts(served) == facts(theirs)
}

/// Asked of our module layer itself, and by a go command of a server that knows nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_those_that_the_go_command_makes() {
    if !go::available() {
        return;
    }
    let world = World::new().await;
    let server = Served::start(Arc::clone(&world.repos), &world.web.url).await;
    let mut differences = Vec::new();
    let mut count = 0;
    for (group, asked) in groups(&world) {
        let told = theirs(&world.go(group), &asked).await;
        let client = world.go(&format!("{group}-served")).proxy(&server.url).env("HTTP_PROXY", "");
        let served = theirs(&client, &asked).await;
        for (asked, _) in &asked {
            count += 1;
            let ours = asked_of_us(&world, asked).await;
            let (theirs, served) = (&told[asked], &served[asked]);
            let is_listed = |different: &[(&str, &str)]| different.iter().any(|(one, _)| one == asked);
            if is_same(asked, &ours, theirs) == is_listed(DIFFERENT) {
                differences.push(format!("{asked}\n  ours   {ours:?}\n  theirs {theirs:?}"));
            }
            if is_served(served, theirs) == is_listed(SERVED_DIFFERENT) {
                differences.push(format!("{asked}\n  served {served:?}\n  theirs {theirs:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{} of {count} differ\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_those_that_the_go_command_makes() {
    if !go::available() {
        return;
    }
    let world = World::new().await;
    let paths: Vec<&str> = world.asked().into_keys().collect();
    let asked: Vec<String> = paths.iter().map(|path| format!("{path}@latest")).collect();
    let mut arguments = vec!["list", "-m", "-e", "-json", "-versions", "-retracted"];
    arguments.extend(asked.iter().map(String::as_str));
    let output = world.go("lists").run(&arguments).await;
    let mut compared = 0;
    for value in serde_json::Deserializer::from_str(&output.stdout).into_iter::<Value>() {
        let value = value.unwrap();
        let path = value["Path"].as_str().unwrap();
        let ours = match world.code(path) {
            Ok(code) => code.versions().await,
            Err(error) => Err(error),
        };
        let ours: Vec<String> =
            ours.unwrap_or_default().iter().map(|version| version.as_str().to_owned()).collect();
        let theirs: Vec<String> = serde_json::from_value(value["Versions"].clone()).unwrap_or_default();
        // A module without a newest version is not told of any further.
        if value["Error"].is_null() {
            compared += 1;
            assert_eq!(ours, theirs, "{path}");
        }
    }
    assert!(compared > 25, "{compared}: {}", output.stderr);
}

/// What our source says of the list of a path, with the paths that are private.
async fn list(world: &World, path: &str, private: &'static str) -> Result<String, SourceError> {
    list_with(world, path, Settings { private, ..Settings::default() }).await
}

async fn list_with(world: &World, path: &str, settings: Settings) -> Result<String, SourceError> {
    let direct = served::direct(Arc::clone(&world.repos), &world.web.url, settings);
    let body = direct.fetch(&Request::List(ModulePath::parse(path).unwrap())).await?.whole().await?;
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guess_that_a_host_answers_with_trouble_is_absent_where_the_repository_above_has_no_such_module() {
    let world = World::new().await;
    let absent = list(&world, "example.test/plain/trouble/pkg", "").await.unwrap_err();
    assert_eq!(absent.class(), Class::Absent, "{absent}");
    let text = "missing example.test/plain/trouble/pkg/go.mod at revision HEAD";
    assert!(absent.text().ends_with(text), "{}", absent.text());
    // Neither the page nor the repository above tells anything.
    let trouble = list(&world, "example.test/gone/trouble/pkg", "").await.unwrap_err();
    assert_eq!(trouble.class(), Class::Unavailable, "{trouble}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repository_that_a_server_denies_is_absent_unless_it_could_be_hidden_from_us() {
    let says_404 = World::whose_servers_say(Some(404)).await;
    let absent = list(&says_404, "example.test/gone", "").await.unwrap_err();
    assert_eq!(absent.class(), Class::Absent, "{absent}");
    let hidden = list(&says_404, "example.test/gone", "example.test").await.unwrap_err();
    assert_eq!(hidden.class(), Class::Unavailable, "{hidden}");
    let says_401 = World::whose_servers_say(Some(401)).await;
    let denied = list(&says_401, "example.test/gone", "").await.unwrap_err();
    assert_eq!(denied.class(), Class::Unavailable, "{denied}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy_that_a_page_names_is_asked_unless_it_is_inside_the_network() {
    let world = World::new().await;
    world.upstream.put("/example.test/proxied/@v/list", "v1.0.0\n");
    let open = Settings { opens_loopback: true, ..Settings::default() };
    assert_eq!(list_with(&world, "example.test/proxied", open).await.unwrap(), "v1.0.0\n");
    let refused = list(&world, "example.test/proxied", "").await.unwrap_err();
    assert!(matches!(refused, SourceError::Refused { .. }), "{refused}");
}

//! The comparison for Mercurial, Subversion and Fossil.

use std::path::Path;
use std::sync::Arc;

use testkit::{Daemon, recipe};
use vcs::Repo;

use super::{
    Access, BTreeMap, Code, CodeError, Found, GateSettings, Go, ModulePath, Operator, Place, Repos, Request,
    System, Told, Value, Web, go, is_same, ours, repos_of, theirs,
};

/// The files of all three, and what makes repositories of them.
const FILES: &str = "-- one/go.mod --
module example.test/NAME
-- one/LICENSE --
free
-- one/a.go --
package a

const Id = \"$Id$\"
-- one/sub/go.mod --
module example.test/NAME/sub
-- one/sub/b.go --
package b
-- one/v2/go.mod --
module example.test/NAME/v2
-- one/v2/c.go --
package c
-- one/sub/vendor/x/x.go --
package x
";

const SVN: &str = "svnadmin create r
cp hook r/hooks/pre-revprop-change
chmod 0755 r/hooks/pre-revprop-change
env U=file://$ROOT/r
svn mkdir -q -m r-one $U/trunk $U/tags
svn propset -q svn:date 2020-01-01T00:00:01.500000Z --revprop -r1 $U
svn import -q -m r-two one $U/trunk
svn propset -q svn:date 2020-01-01T00:00:02.000000Z --revprop -r2 $U
svn copy -q -m r-three $U/trunk $U/tags/v1.0.0
svn propset -q svn:date 2020-01-01T00:00:03.250000Z --revprop -r3 $U
svn checkout -q $U/trunk wc
cp one/LICENSE wc/d.go
cd wc
svn add -q d.go
svn propset -q svn:keywords Id a.go
svn commit -q -m r-four
svn propset -q svn:date 2020-01-01T00:00:04.000000Z --revprop -r4 $U
-- hook --
#!/bin/sh
";

const HG: &str = "hg init r
cp one/go.mod one/LICENSE one/a.go r
mkdir r/sub r/v2
cp one/sub/go.mod one/sub/b.go r/sub
cp one/v2/go.mod one/v2/c.go r/v2
cd r
hg commit -q -A -m one -d '2020-01-01 00:00:01 +0000'
hg tag -d '2020-01-01 00:00:02 +0000' v1.0.0
hg tag -d '2020-01-01 00:00:03 +0000' sub/v1.1.0
cp LICENSE d.go
hg commit -q -A -m two -d '2020-01-01 00:00:04 +0000'
hg tag -d '2020-01-01 00:00:05 +0000' v1.2.0-rc.1
hg tag -d '2020-01-01 00:00:06 +0000' v2.0.0
cp LICENSE e.go
hg commit -q -A -m three -d '2020-01-01 00:00:07 +0000'
hg branch -q feature
cp LICENSE f.go
hg commit -q -A -m four -d '2020-01-01 00:00:08 +0000'
hg update -q default
cp LICENSE g.go
hg commit -q -A -m five -d '2020-01-01 00:00:09 +0000'
";

const FOSSIL: &str = "fossil init --date-override 2020-01-01T00:00:00Z r.fossil
cd one
fossil open --keep ../r.fossil
fossil add go.mod LICENSE a.go sub v2
fossil commit --no-prompt --nosign --date-override 2020-01-01T00:00:01Z --comment one --tag v1.0.0
cp LICENSE d.go
fossil add d.go
fossil commit --no-prompt --nosign --date-override 2020-01-01T00:00:02Z --comment two --tag v1.1.0+meta
cp LICENSE e.go
fossil add e.go
fossil commit --no-prompt --nosign --date-override 2020-01-01T00:00:03Z --comment three
cp LICENSE f.go
fossil add f.go
fossil commit --no-prompt --nosign --date-override 2020-01-01T00:00:04Z --comment four --branch feature
";

/// What is asked: a module, and versions or queries of it. `{name}` is the time and the short id of what the name means, as
/// pseudo-versions have them; `{7#name}` the first digits of its id, and `{#name}` all.
const CASES: &str = "svn latest 4 2 3 99 HEAD main v1.0.0 v0.0.0-{1} v0.0.0-{4} v0.0.0-20200101000003-000000000003
svn v0.0.0-20200101000009-000000000004 v0.0.0-20200101000004-4 v1.0.1-0.{4} v1.0.0-{4} v2.0.0+incompatible
svn/sub latest 2 v0.0.0-{4}
svn/v2 4 v2.0.0-{4}
svn/none latest
hg latest v1.0.0 v2.0.0 default {12#feature} {7#feature} nothing v1.0.1-0.{feature} v0.0.0-{feature} v1.2.1-0.{feature}
hg/sub v1.1.0 default v1.0.0
hg/v2 v2.0.0 v2.0.1-0.{feature}
fossil latest v1.0.0 v1.1.0 trunk feature tip {#feature} {12#v1.0.0} {7#feature} nothing v0.0.0-{trunk} v0.0.0-{v1.0.0}
fossil v1.0.1-0.{trunk} v1.1.0+meta ffffffffffff 2020-01-01
fossil/v2 trunk
";

/// What is different on purpose, and why.
const DIFFERENT: &[(&str, &str)] = &[(
    "example.test/fossil/v2@trunk",
    "the go command asks fossil for files whose whole name is that of the directory, and gets none",
)];

struct World {
    dir: tempfile::TempDir,
    repos: Repos,
    web: Web,
    /// Where the go command is led, and where we are.
    places: BTreeMap<&'static str, (String, Place)>,
    _daemons: Vec<Daemon>,
}

fn made(name: &str, steps: &str) -> std::path::PathBuf {
    let files = FILES.replace("NAME", name);
    recipe::once(&format!("{steps}{files}"), Path::new(env!("CARGO_TARGET_TMPDIR")))
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (svn, hg, fossil) = (made("svn", SVN), made("hg", HG), dir.path().join("fossil"));
        std::fs::create_dir(&fossil).unwrap();
        std::fs::copy(made("fossil", FOSSIL).join("r.fossil"), fossil.join("r.fossil")).unwrap();
        let root = svn.to_str().unwrap();
        let svnserve =
            ["-d", "--foreground", "--listen-host", "127.0.0.1", "--listen-port", "PORT", "-r", root];
        let daemons = vec![
            Daemon::start("svnserve", &svnserve, dir.path()).await,
            Daemon::start("hg", &["serve", "--address", "127.0.0.1", "--port", "PORT"], &hg.join("r")).await,
            Daemon::start("fossil", &["server", "--localhost", "--port", "PORT", "r.fossil"], &fossil).await,
        ];
        let mut places = BTreeMap::new();
        for (daemon, (system, scheme, path)) in daemons.iter().zip([
            (System::Svn, "svn", "r/trunk"),
            (System::Hg, "http", ""),
            (System::Fossil, "http", ""),
        ]) {
            let url = daemon.url(scheme, path);
            let url = url.trim_end_matches('/').to_owned();
            // Ours has no helper here that would lead `svn://` through the gate.
            let own = if system == System::Svn { format!("file://{root}/{path}") } else { url.clone() };
            places.insert(system.command(), (url, Place::new(system, &own).unwrap()));
        }
        let urls: BTreeMap<_, _> = places.iter().map(|(name, (url, _))| (*name, url.clone())).collect();
        let web = Web::start(move |path| {
            let name = path.strip_prefix("example.test/")?.split('/').next()?;
            Some(format!("example.test/{name} {name} {}", urls.get(name)?))
        });
        let gate = GateSettings::new(|address| address.is_loopback());
        let repos = repos_of(dir.path(), Operator::default(), gate, None);
        Self { repos, web: web.await, places, _daemons: daemons, dir }
    }

    fn repo(&self, name: &str) -> Arc<dyn Repo> {
        let (_, place) = &self.places[name];
        let access = Access { schemes: vec![place.scheme().to_owned()], ..Access::default() };
        self.repos.open(place, &access).unwrap()
    }

    fn code(&self, path: &str) -> Result<Code, CodeError> {
        let name = path.split('/').nth(1).unwrap();
        let (_, place) = &self.places[name];
        let found = Found {
            path: ModulePath::parse(path).unwrap(),
            root: format!("example.test/{name}"),
            place: place.clone(),
            subdir: String::new(),
        };
        Code::new(&found, self.repo(name))
    }

    fn go(&self, name: &str) -> Go {
        Go::new(&self.dir.path().join(name))
            .proxy("direct")
            .env("GOVCS", "*:all")
            .env("GOINSECURE", "*")
            .env("USER", "x")
            .env("FOSSIL_HOME", self.dir.path().join("fossil").display().to_string())
            .env("HTTP_PROXY", &self.web.url)
            .env("HTTPS_PROXY", &self.web.url)
    }

    /// A text with what stands in braces replaced.
    async fn filled(&self, name: &str, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').unwrap();
            let (digits, asked) = inside.split_once('#').unwrap_or(("pseudo", inside));
            let revision = self.repo(name).stat(Some(asked)).await.unwrap();
            let text = match digits.parse() {
                Ok(digits) => revision.id[..digits].to_owned(),
                Err(_) if digits.is_empty() => revision.id,
                Err(_) => format!("{}-{}", revision.time.strftime("%Y%m%d%H%M%S"), revision.short),
            };
            out.extend([before, &text]);
            rest = after;
        }
        out + rest
    }

    /// All that is asked, by module and text, in groups that get a go command of their own each.
    async fn groups(&self) -> BTreeMap<&'static str, Vec<(String, bool)>> {
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in CASES.lines() {
            let (module, texts) = line.split_once(' ').unwrap();
            let (name, path) = (module.split('/').next().unwrap(), format!("example.test/{module}"));
            for text in texts.split(' ') {
                let text = self.filled(name, text).await;
                let request = Request::named(&ModulePath::parse(&path).unwrap(), &text);
                let group = if matches!(request, Ok(Request::File(..))) { "versions" } else { "queries" };
                groups.entry(group).or_default().push((format!("{path}@{text}"), group == "versions"));
            }
        }
        groups
    }

    /// The versions that the go command lists.
    async fn lists(&self) -> BTreeMap<String, Vec<String>> {
        let paths = ["svn", "svn/sub", "hg", "hg/sub", "hg/v2", "fossil"];
        let asked: Vec<String> = paths.iter().map(|path| format!("example.test/{path}@latest")).collect();
        let mut arguments = vec!["list", "-m", "-json", "-versions"];
        arguments.extend(asked.iter().map(String::as_str));
        // After the queries, whose repositories it has.
        let output = self.go("queries").run(&arguments).await;
        let values = serde_json::Deserializer::from_str(output.success()).into_iter::<Value>();
        let list = |value: &Value| serde_json::from_value(value["Versions"].clone()).unwrap_or_default();
        values.flatten().map(|value| (value["Path"].as_str().unwrap().to_owned(), list(&value))).collect()
    }

    /// What we are told, with the URL that the go command was led to.
    fn as_led(&self, told: Told) -> Told {
        let (url, place) = &self.places["svn"];
        let led = |text: String| text.replace(place.url(), url);
        Told { info: led(told.info), origin: led(told.origin), ..told }
    }
}

/// An answer without the hash of a whole repository, which the go command has a tool of its own for.
fn without_sum(told: &Told) -> Told {
    let mut origin: serde_json::Map<String, Value> = serde_json::from_str(&told.origin).unwrap_or_default();
    origin.remove("RepoSum");
    let origin = if origin.is_empty() { String::new() } else { Value::Object(origin).to_string() };
    Told { origin, ..told.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_lists_of_other_systems_are_those_that_the_go_command_makes() {
    if !go::available() {
        return;
    }
    let world = World::new().await;
    let (mut differences, mut count) = (Vec::new(), 0);
    for (group, asked) in world.groups().await {
        let told = theirs(&world.go(group), &asked).await;
        for (asked, _) in &asked {
            count += 1;
            let (path, text) = asked.split_once('@').unwrap();
            let ours = match world.code(path) {
                Ok(code) => world.as_led(ours(&code, path, text).await),
                Err(error) => Told { error: error.to_string(), ..Told::default() },
            };
            let theirs = without_sum(&told[asked]);
            let is_listed = DIFFERENT.iter().any(|(one, _)| one == asked);
            if is_same(asked, &ours, &theirs) == is_listed {
                differences.push(format!("{asked}\n  ours   {ours:?}\n  theirs {theirs:?}"));
            }
        }
    }
    for (path, theirs) in world.lists().await {
        let ours = world.code(&path).unwrap().versions().await.unwrap();
        let ours: Vec<&str> = ours.iter().map(gomod::Version::as_str).collect();
        assert_eq!(ours, theirs, "{path}");
    }
    assert!(differences.is_empty(), "{} of {count} differ\n{}", differences.len(), differences.join("\n"));
}

/// The newest version of the repository that a recipe of Go's own tests makes at a place in its directory.
async fn newest(system: System, recipe: &str, place: &str) -> Option<String> {
    let made = recipe::once(&recipe::of_go(recipe)?, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let dir = tempfile::tempdir().unwrap();
    let repos = repos_of(dir.path(), Operator::default(), GateSettings::new(|_| false), None);
    let place = Place::new(system, &format!("file://{}/{place}", made.display())).unwrap();
    let access = Access { schemes: vec!["file".to_owned()], ..Access::default() };
    let repo = repos.open(&place, &access).unwrap();
    let root = "example.test/hello".to_owned();
    let found = Found { path: ModulePath::parse(&root).unwrap(), root, place, subdir: String::new() };
    let info = Code::new(&found, repo).unwrap().latest().await.unwrap();
    Some(info.version.as_str().to_owned())
}

/// Of Subversion by its script `mod_download_svn`; of Fossil by the timeline that its recipe compares.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_of_gos_own_repositories_are_those_that_its_tests_name() {
    if !go::available() {
        return;
    }
    let Some(svn) = newest(System::Svn, "svn/hello", "").await else {
        return eprintln!("SKIPPED: Go's own tests are not installed");
    };
    assert_eq!(svn, "v0.0.0-20170922011245-000000000001");
    let fossil = newest(System::Fossil, "fossil/hello", "hello.fossil").await.unwrap();
    assert!(fossil.starts_with("v0.0.0-20170922011907-d4c7dcdc29"), "{fossil}");
}

//! Hosts of repositories that fail, and what is told of the modules there; and how little is asked of those that do not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gomod::{ModulePath, Request};
use source::direct::find::{Finder, Ping, Rules, Schemes, Vanity};
use source::direct::{Direct, DirectParts};
use source::{Builder, Class, Clients, Deadlines, Network, Source as _};
use testkit::githost::{Fault, GitHost};
use vcs::Repos;
use vcs::gate::GateSettings;
use vcs::jail::Operator;

use super::made::Made;

const REPOSITORY: &str = "
== r
commit main
+ go.mod module example.test/r\\n
+ a.go package r\\n
tag v1.0.0
commit main
keep
+ b.go package r\\n
tag v1.1.0
commit main
keep
+ c.go package r\\n
";

/// All that is asked of a module, by what comes after its path.
const ASKED: [&str; 6] =
    ["@v/list", "@latest", "@v/main.info", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"];

struct World {
    dir: tempfile::TempDir,
    host: GitHost,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Made::all(REPOSITORY, &dir.path().join("served"));
        let host = GitHost::start(&dir.path().join("served")).await;
        Self { dir, host }
    }

    /// A source that knows nothing yet; URLs of repositories, asked as pages, have this status.
    fn direct(&self, name: &str, status: Option<u16>, is_private: bool) -> Direct {
        let builder = Builder::new(
            Clients::new(&Network::default(), Duration::from_secs(5)).unwrap(),
            Deadlines::default(),
        );
        let rules = Rules {
            schemes: Schemes::parse("example.test:http").unwrap(),
            vanity: Vanity::default().with("example.test/r", &self.host.url("r")).unwrap(),
            ..Rules::default()
        };
        let ping: Ping = Arc::new(|place, _| panic!("{place} was pinged"));
        Direct::new(DirectParts {
            finder: Finder::new(&builder, rules, ping),
            repositories: Arc::new(repos(&self.dir.path().join(name), status)).into(),
            is_private: Arc::new(move |_| is_private),
            builder,
        })
    }
}

fn repos(dir: &Path, status: Option<u16>) -> Repos {
    let gate = GateSettings::new(|address| address.is_loopback());
    super::repos_of(dir, Operator::default(), gate, status)
}

/// What is told of a request: its class, or nothing where it is answered to the end.
async fn class(direct: &Direct, asked: &str) -> Option<Class> {
    let request = Request::parse(&format!("example.test/r/{asked}")).unwrap();
    let answered = match direct.fetch(&request).await {
        Ok(fetched) => fetched.whole().await,
        Err(error) => Err(error),
    };
    answered.err().map(|error| error.class())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn host_that_fails_makes_no_version_absent() {
    let world = World::new().await;
    let faults = [
        Fault::Status(401, "who?"),
        Fault::Status(403, "no"),
        Fault::Status(429, "slower"),
        Fault::Status(500, "ouch"),
        Fault::Status(503, "later"),
        Fault::Wants("Basic abc".to_owned()),
        Fault::Cut("ls-refs", 20),
        Fault::Cut("fetch", 200),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        world.host.fault(fault.clone());
        let direct = world.direct(&number.to_string(), None, false);
        for asked in ASKED {
            let told = class(&direct, asked).await;
            let needs_no_fetch = matches!(fault, Fault::Cut("fetch", _)) && asked == "@v/list";
            let expected = if needs_no_fetch { None } else { Some(Class::Unavailable) };
            assert_eq!(told, expected, "{asked} while {fault:?}");
        }
        world.host.fault(Fault::None);
        assert_eq!(class(&direct, "@v/v1.0.0.zip").await, None, "after {fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repository_that_is_gone_is_absent_unless_it_is_private() {
    let world = World::new().await;
    world.host.fault(Fault::Status(404, "no such repository"));
    for (is_private, expected) in [(false, Class::Absent), (true, Class::Unavailable)] {
        let direct = world.direct(&is_private.to_string(), Some(404), is_private);
        for asked in ASKED {
            assert_eq!(class(&direct, asked).await, Some(expected), "{asked}, private: {is_private}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_a_version_costs_one_look_at_the_refs_and_few_fetches() {
    let world = World::new().await;
    let direct = world.direct("few", None, false);
    assert_eq!(class(&direct, "@v/list").await, None);
    assert_eq!(world.host.count("fetch"), 0, "a list needs no content");
    for asked in ["@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"] {
        assert_eq!(class(&direct, asked).await, None, "{asked}");
    }
    let fetched = world.host.count("fetch");
    assert!(fetched <= 2, "{fetched} fetches");
    // All of it again, by others.
    for asked in ["@v/list", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"] {
        assert_eq!(class(&direct, asked).await, None, "{asked}");
    }
    assert_eq!(world.host.count("fetch"), fetched);
    let found = direct.open(&ModulePath::parse("example.test/r").unwrap()).await;
    assert!(found.is_ok());
}

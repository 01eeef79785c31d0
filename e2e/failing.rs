//! A repository fails in every way that it can: what clients are told of private and of public modules, what goes on being
//! served, and that nothing of it stays when the fault is over.

mod broken;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use testkit::githost::Fault;
use testkit::recipe;

use crate::company::{AUTHORIZATION, Company};
use crate::larder::Larder;

/// Two versions.
const MODULE: &str = r"
handle git
env GIT_AUTHOR_NAME='A Person'
env GIT_AUTHOR_EMAIL=a@corp.example
env GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME
env GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
git init
at 2026-01-02T03:04:05Z
git add go.mod
git commit -m one
git tag v1.0.0
at 2026-01-03T03:04:05Z
git add m.go
git commit -m two
git tag v1.1.0
-- go.mod --
module corp.example/old

go 1.21
-- m.go --
package m
";

/// Where the repositories are.
const VANITY: &str =
    "vanity=corp.example/*=https://corp.example/git/*;open.example/*=https://open.example/git/open/*";

/// What is asked of a module: what is known of it, the version that was asked for before, and one that was not.
const KNOWN: [&str; 5] = ["@v/list", "@latest", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"];
const UNKNOWN: [&str; 4] = ["@v/v1.1.0.info", "@v/v1.1.0.mod", "@v/v1.1.0.zip", "@v/main.info"];

/// A way to fail.
struct Way {
    /// What it is called when it is not answered rightly.
    name: &'static str,
    fault: Fault,
    /// The status and a word of the answers for a private module.
    private: (u16, &'static str),
    /// The same for a public one.
    public: (u16, &'static str),
    /// Whether the refs are told as before, and what was fetched along with others is not asked for again.
    knows_refs: bool,
}

impl Way {
    fn outage(name: &'static str, fault: Fault, word: &'static str) -> Self {
        Self { name, fault, private: (503, word), public: (503, word), knows_refs: false }
    }
}

fn ways() -> Vec<Way> {
    let cut_off = |name, fault, word| Way { knows_refs: true, ..Way::outage(name, fault, word) };
    let hidden = "a server says the same of what it hides";
    let token = || Fault::Wants(AUTHORIZATION.to_owned());
    vec![
        Way {
            private: (503, hidden),
            public: (404, "not found: "),
            ..Way::outage("gone", Fault::Status(404, "no such repository\n"), "")
        },
        Way {
            private: (503, hidden),
            public: (404, "not found: "),
            ..Way::outage("gone for ever", Fault::Status(410, "removed\n"), "")
        },
        Way::outage(
            "moved to itself",
            Fault::Moved("https://corp.example".to_owned()),
            "git ls-remote failed",
        ),
        Way::outage("authentication ended", token(), "no `credential` of Larder's settings is for it"),
        Way::outage("forbidden", Fault::Status(403, "not for you\n"), "the server refused us"),
        Way::outage("asks for a pause", Fault::Status(429, "slow down\n"), "the server asks for a pause"),
        Way::outage("fails", Fault::Status(500, "oh no\n"), "500"),
        Way::outage("is down", Fault::Status(503, "back soon\n"), "503"),
        Way::outage(
            "another page",
            Fault::Status(200, "<html>please sign in</html>\n"),
            "git ls-remote failed",
        ),
        Way::outage("breaks off", Fault::Cut("ls-refs", 20), "broke off"),
        cut_off("breaks off in content", Fault::Cut("fetch", 120), "git fetch failed"),
        cut_off("is corrupt", Fault::Garbled("fetch", 60), "git fetch failed"),
    ]
}

/// The four modules of a world, and a server that has asked for two of them.
struct World {
    company: Company,
    larder: Larder,
}

impl World {
    async fn new(settings: &[&str]) -> Self {
        let company = Company::start().await;
        company.network.leads("open.example", company.host.address());
        for name in ["old", "new", "open/old", "open/new"] {
            recipe::make(MODULE, &company.file("repositories/git").join(name));
        }
        let usual: [&str; 6] = [
            "upstream=direct",
            VANITY,
            "private=corp.example",
            "vcs.remember=0s",
            "cache.fresh=0s",
            "cache.negative=0s",
        ];
        let larder = company.bare_larder(&[usual.as_slice(), settings].concat());
        Self { company, larder }
    }

    async fn ask(&self, module: &str, doors: &[&str]) -> Vec<testkit::raw::Response> {
        let paths: Vec<String> = doors.iter().map(|door| format!("/{module}/{door}")).collect();
        join_all(paths.iter().map(|path| self.larder.ask(path))).await
    }

    /// What is served of a module in order.
    async fn bodies(&self, module: &str, doors: &[&str]) -> Vec<Vec<u8>> {
        let answers = self.ask(module, doors).await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{module}: {}", answer.text());
        }
        answers.into_iter().map(|answer| answer.body).collect()
    }

    /// Sees that all these questions about a module are answered by a status and a word.
    async fn told(&self, way: &str, module: &str, doors: &[&str], (status, word): (u16, &str)) {
        for (answer, door) in self.ask(module, doors).await.iter().zip(doors) {
            let text = answer.text();
            assert_eq!(answer.status, status, "{way}: {module}/{door}: {text}");
            assert!(text.contains(word), "{way}: {module}/{door}: {text}");
            let is_outage = text.contains("this is not an absence: try again later");
            assert_eq!(is_outage, status != 404, "{way}: {module}/{door}: {text}");
            assert_eq!(answer.header("retry-after").is_some(), status != 404, "{way}: {module}/{door}");
        }
    }
}

/// One way to fail, from before the fault to after it.
async fn fails(way: Way) {
    let world = World::new(&[]).await;
    let Way { name, fault, private, public, knows_refs } = way;
    let mut before = Vec::new();
    for module in ["corp.example/old", "open.example/old"] {
        before.push(world.bodies(module, &KNOWN).await);
    }
    world.company.host.fault(fault);
    let refs = usize::from(knows_refs);
    for (new, held, told) in
        [("corp.example/new", "corp.example/old", private), ("open.example/new", "open.example/old", public)]
    {
        let held_before = if held.starts_with("corp") { &before[0] } else { &before[1] };
        world.told(name, new, &KNOWN[refs..], told).await;
        if !knows_refs {
            world.told(name, held, &UNKNOWN, told).await;
        }
        assert_eq!(&world.bodies(held, &KNOWN).await, held_before, "{name}: what is held");
    }
    world.company.host.fault(Fault::None);
    for (new, old) in [("corp.example/new", &before[0]), ("open.example/new", &before[1])] {
        let right = async || {
            let answers = world.ask(new, &KNOWN).await;
            answers.iter().all(|answer| answer.status == 200).then_some(answers)
        };
        let answers = testkit::eventually(name, right).await;
        assert_eq!(answers[0].body, old[0], "{name}: the list after it");
        assert_eq!(answers[3].body, old[3], "{name}: the go.mod after it");
        // It differs in the name of the module alone, which is as long.
        assert!(answers[4].complete && answers[4].body.len() == old[4].len(), "{name}: the zip after it");
    }
}

#[tokio::test]
async fn every_way_to_fail_is_answered_rightly_and_leaves_nothing() {
    stream::iter(ways()).map(fails).buffer_unordered(3).collect::<()>().await;
}

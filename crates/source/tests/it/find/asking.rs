//! Pages that tell, and how often they are asked for.

use std::time::Duration;

use source::direct::find::{Discovery, Finder, Memory, Rules};
use source::{Class, Credential, Credentials, Deadlines};
use testkit::go::{self, Go};

use super::world::authority;
use super::{Https, World, find, finder, no_ping, path};

#[tokio::test]
async fn a_tag_names_the_repository_the_proxy_or_the_directory() {
    let world = World::of(&["example.com"]).await;
    world.tags("example.com/m", &["example.com/m git https://code.example.com/m.git"]);
    world.tags("example.com/s", &["example.com/s git ssh://git@code.example.com/s libs/s"]);
    world.tags("example.com/h", &["example.com/h hg https://code.example.com/h"]);
    world.tags(
        "example.com/p",
        &["example.com/p git https://a.b/c", "example.com/p mod https://p.example.com/x"],
    );
    let finder = finder(&world, Rules::default());
    for (module, found) in [
        ("example.com/m", "example.com/m git https://code.example.com/m.git"),
        ("example.com/s", "example.com/s git ssh://git@code.example.com/s libs/s"),
        ("example.com/h", "example.com/h hg https://code.example.com/h"),
        ("example.com/p", "mod https://p.example.com/x"),
        ("github.com/a/b/c", "github.com/a/b git https://github.com/a/b"),
    ] {
        assert_eq!(find(&finder, module).await.unwrap(), found);
    }
}

/// The go command shows with -x what it is about to ask, and then fails, since nobody is there.
#[tokio::test]
async fn where_the_real_go_looks_is_what_is_found() {
    if !go::available() {
        return;
    }
    let world = World::of(&["example.com"]).await;
    for (module, tags) in [
        ("example.com/m", &["example.com/m git https://code.example.com/m.git"] as &[&str]),
        ("example.com/m/v2", &["example.com/m git https://code.example.com/m.git"]),
        ("example.com/s", &["example.com/s git https://code.example.com/s libs/s"]),
        ("example.com/p", &["example.com/p git https://a.b/c", "example.com/p mod https://p.example.com/x"]),
        (
            "example.com/q",
            &["example.com mod https://q.example.com", "example.com/q git https://code.example.com/q"],
        ),
        ("example.com/", &["example.com mod https://q.example.com"]),
        (
            "example.com/x/y",
            &["example.com/x/y git https://code.example.com/&#121;", "example.com/x/z git https://a.b/z"],
        ),
    ] {
        world.tags(module, tags);
    }
    let finder = finder(&world, Rules::default());
    let dir = tempfile::tempdir().unwrap();
    let go = Go::new(dir.path())
        .proxy("direct")
        .env("GOVCS", "*:all")
        .env("HTTPS_PROXY", world.proxy())
        .env("SSL_CERT_FILE", authority().display().to_string());
    for module in [
        "example.com/m",
        "example.com/m/v2",
        "example.com/s",
        "example.com/p",
        "example.com/q",
        "example.com/x/y",
        "github.com/a/b/c/v3",
        "bitbucket.org/a/b",
        "git.openstack.org/a/b.git/c",
    ] {
        let said = go.run(&["list", "-m", "-x", &format!("{module}@latest")]).await.stderr;
        let shown = match finder.find(&path(module)).await.unwrap() {
            Discovery::Repo(found) => format!("# git3 {}\n", found.place.url()),
            Discovery::Proxy(url) => format!("# get {}/{module}/@v/list\n", url.as_str()),
        };
        assert!(said.contains(&shown), "{module}: we would ask\n{shown}go says\n{said}");
    }
}

#[tokio::test]
async fn the_page_of_a_bare_host_is_at_its_root() {
    let world = World::of(&["example.com"]).await;
    world.tags("example.com/", &["example.com git https://code.example.com/r"]);
    let found = find(&finder(&world, Rules::default()), "example.com").await.unwrap();
    assert_eq!(found, "example.com git https://code.example.com/r");
    assert_eq!(world.host("example.com").requests()[0].target, "/?go-get=1");
}

#[tokio::test]
async fn tags_count_whatever_the_status_of_their_page() {
    let world = World::of(&["example.com"]).await;
    let tag = |path: &str| format!("<meta name=go-import content=\"{path} git https://code.example.com/r\">");
    for status in [404, 410, 403, 500] {
        let module = format!("example.com/s{status}");
        world.page(&module, status, &tag(&module));
        let found = find(&finder(&world, Rules::default()), &module).await.unwrap();
        assert_eq!(found, format!("{module} git https://code.example.com/r"));
    }
}

#[tokio::test]
async fn redirects_are_followed_and_lead_to_no_inside_address() {
    let world = World::of(&["example.com", "www.example.com"]).await;
    world.host("example.com").on("/m").redirect("https://www.example.com/go/m?go-get=1");
    world.tags("www.example.com/go/m", &["example.com/m git https://code.example.com/r"]);
    let finder = finder(&world, Rules::default());
    assert!(find(&finder, "example.com/m").await.is_ok());
    for (module, location) in [
        ("example.com/a", "https://127.0.0.1/secret"),
        ("example.com/b", "https://[::ffff:169.254.169.254]/latest"),
        ("example.com/c", "https://10.0.0.1/"),
        ("example.com/d", "http://www.example.com/go/m?go-get=1"),
        ("example.com/e", "file:///etc/passwd"),
        ("example.com/f", "/f"),
    ] {
        world.host("example.com").on(&module["example.com".len()..]).redirect(location);
        let error = find(&finder, module).await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable, "{location}: {error}");
    }
    assert_eq!(world.count("example.com/f"), 11, "ten redirects are followed");
    assert_eq!(world.count("www.example.com/go/m"), 1);
}

#[tokio::test]
async fn an_address_inside_of_the_network_is_not_asked_for_its_page() {
    let world = World::of(&[]).await;
    for module in ["127.0.0.1/m", "10.1.2.3/m", "169.254.169.254/latest", "192.168.1.1/r"] {
        let error = find(&finder(&world, Rules::default()), module).await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable);
        assert!(error.to_string().contains("network.allow"), "{error}");
    }
}

#[tokio::test]
async fn a_thousand_askers_share_one_fetch_and_its_answer_is_remembered() {
    let world = World::of(&["example.com"]).await;
    world.tags("example.com/m", &["example.com/m git https://code.example.com/r"]);
    world
        .host("example.com")
        .on("/m")
        .html(200, "<meta name=go-import content=\"example.com/m git https://a.b/c\">")
        .hold();
    let finder = finder(&world, Rules::default());
    let asked = (0..1000).map(|_| find(&finder, "example.com/m"));
    let all = futures_util::future::join_all(asked);
    let release = async {
        world.host("example.com").held("/m", 1).await;
        world.host("example.com").release();
    };
    let (all, ()) = futures_util::future::join(all, release).await;
    assert!(all.iter().all(Result::is_ok));
    assert!(find(&finder, "example.com/m").await.is_ok());
    assert_eq!(world.count("example.com/m"), 1);
    finder.forget("example.com/m");
    assert!(find(&finder, "example.com/m").await.is_ok());
    assert_eq!(world.count("example.com/m"), 2);
}

#[tokio::test]
async fn what_was_absent_or_failed_is_asked_for_again_when_it_is_no_longer_remembered() {
    let world = World::of(&["example.com"]).await;
    let forgetful = Memory { found: Duration::ZERO, absent: Duration::ZERO, failed: Duration::ZERO };
    let remembering = finder(&world, Rules::default());
    let forgetting = remembering.clone().remembering(forgetful);
    world.page("example.com/gone", 404, "");
    for _ in 0..3 {
        assert_eq!(find(&remembering, "example.com/gone").await.unwrap_err().class(), Class::Absent);
    }
    assert_eq!(world.count("example.com/gone"), 1);
    world.page("example.com/down", 503, "");
    for _ in 0..3 {
        assert_eq!(find(&forgetting, "example.com/down").await.unwrap_err().class(), Class::Unavailable);
    }
    assert_eq!(world.count("example.com/down"), 3);
    world.tags("example.com/down", &["example.com/down git https://code.example.com/r"]);
    assert!(find(&forgetting, "example.com/down").await.is_ok());
}

#[tokio::test]
async fn a_credential_goes_to_its_own_host_s_page_and_nowhere_else() {
    let world = World::of(&["corp.example.com", "www.example.com"]).await;
    world.tags("corp.example.com/m", &["corp.example.com/m git https://code.example.com/r"]);
    world.host("corp.example.com").on("/n").redirect("https://www.example.com/n");
    world.tags("www.example.com/n", &["corp.example.com/n git https://code.example.com/r"]);
    let token = Credential::Bearer { token: "hunter2".to_owned() };
    let mut credentials = Credentials::default();
    for origin in ["https://corp.example.com", "https://www.example.com"] {
        credentials = credentials.with(origin, &token).unwrap();
    }
    let builder = world.builder(Deadlines::default(), credentials);
    let finder = Finder::new(&builder, Rules::default(), no_ping());
    for module in ["corp.example.com/m", "corp.example.com/n"] {
        find(&finder, module).await.unwrap();
    }
    let sent = |host: &str| {
        let seen = world.host(host).requests();
        seen.iter().map(|seen| seen.header("authorization").map(str::to_owned)).collect::<Vec<_>>()
    };
    let bearer = Some("Bearer hunter2".to_owned());
    assert_eq!(sent("corp.example.com"), [bearer.clone(), bearer]);
    assert_eq!(sent("www.example.com"), [None], "who redirects must not choose what is read with it");
    // Whoever is asked without a look at certificates gets nothing secret.
    world.https("corp.example.com", Https::Wrong);
    world.host("corp.example.com").forget();
    let insecure = Rules { insecure: gomod::Patterns::parse("corp.example.com"), ..Rules::default() };
    assert!(insecure.is_insecure(&path("corp.example.com/m")));
    let finder = Finder::new(&builder, insecure, no_ping());
    find(&finder, "corp.example.com/m").await.unwrap();
    assert_eq!(sent("corp.example.com"), [None]);
}

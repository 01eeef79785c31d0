//! The operator's table, rules about systems and schemes, and insecure hosts.

use gomod::Patterns;
use gomod::govcs::GoVcs;
use source::direct::find::{Finder, Rules, Schemes, Vanity};
use source::{Class, Credential, Credentials, Deadlines, Listed};
use vcs::{Place, System};

use super::{Https, World, find, finder};

#[tokio::test]
async fn what_the_table_holds_is_asked_for_nowhere() {
    let world = World::of(&["corp.example.com", "example.com"]).await;
    let vanity = Vanity::default()
        .with("corp.example.com/lib", "ssh://git@code.corp.example.com/lib.git")
        .and_then(|table| table.with("github.com/ours", "https://mirror.corp.example.com/ours"))
        .unwrap();
    let finder = finder(&world, Rules { vanity, ..Rules::default() });
    for (module, found) in [
        ("corp.example.com/lib/sub/v2", "corp.example.com/lib git ssh://git@code.corp.example.com/lib.git"),
        ("github.com/ours/x", "github.com/ours git https://mirror.corp.example.com/ours"),
    ] {
        assert_eq!(find(&finder, module).await.unwrap(), found);
    }
    assert_eq!(world.host("corp.example.com").connections(), 0);
}

#[tokio::test]
async fn a_private_name_is_asked_for_at_its_own_host_only() {
    let world = World::of(&["corp.example.com", "example.com"]).await;
    world.page("corp.example.com/secret/x", 503, "");
    let finder = finder(&world, Rules { private: Patterns::parse("corp.example.com"), ..Rules::default() });
    assert!(find(&finder, "corp.example.com/secret/x").await.is_err());
    assert_eq!(finder.find_above(&super::path("corp.example.com/secret/x")).await, None);
    assert_eq!(world.host("example.com").connections(), 0);
}

#[tokio::test]
async fn govcs_decides_which_systems_may_be_used_for_which_roots() {
    let world = World::of(&["example.com", "corp.example.com"]).await;
    world.tags("example.com/m", &["example.com/m svn https://a.b/c"]);
    world.tags("corp.example.com/m", &["corp.example.com/m svn https://a.b/c"]);
    let private = Patterns::parse("corp.example.com");
    let default = finder(&world, Rules { private: private.clone(), ..Rules::default() });
    let error = find(&default, "example.com/m").await.unwrap_err();
    assert_eq!(error.class(), Class::Absent);
    assert!(
        error.to_string().ends_with("GOVCS disallows using svn for public example.com/m; see 'go help vcs'")
    );
    assert!(find(&default, "corp.example.com/m").await.is_ok());
    let vanity = Vanity::default().with("example.com/v", "fossil https://a.b/c").unwrap();
    let strict = GoVcs::parse("corp.example.com:git").unwrap();
    let strict = finder(&world, Rules { private, govcs: strict, vanity, ..Rules::default() });
    assert!(find(&strict, "corp.example.com/m").await.is_err());
    let error = find(&strict, "example.com/v").await.unwrap_err();
    assert_eq!(error.to_string(), "GOVCS disallows using fossil for public example.com/v; see 'go help vcs'");
    let error = find(&default, "chiselapp.com/user/u/repository/r").await.unwrap_err();
    assert!(error.to_string().starts_with("GOVCS disallows using fossil"), "{error}");
}

#[tokio::test]
async fn schemes_that_are_not_open_are_refused_in_tags_and_in_the_table() {
    let world = World::of(&["example.com", "lab.example.com"]).await;
    for host in ["example.com", "lab.example.com"] {
        for scheme in ["http", "git"] {
            let path = format!("{host}/{scheme}");
            world.tags(&path, &[&format!("{path} git {scheme}://code.example.com/r")]);
        }
        world.tags(&format!("{host}/ext"), &[&format!("{host}/ext git ext::sh%20-c%20x")]);
        world.tags(&format!("{host}/option"), &[&format!("{host}/option git ssh://-oProxyCommand=x/r")]);
        world.tags(
            &format!("{host}/user"),
            &[&format!("{host}/user git https://u:hunter2@code.example.com/r")],
        );
        world.tags(&format!("{host}/proxy"), &[&format!("{host}/proxy mod http://p.example.com")]);
    }
    let schemes = Schemes::parse("lab.example.com:http|git|file").unwrap();
    let vanity = Vanity::default()
        .with("lab.example.com/file", "file:///srv/r")
        .and_then(|table| table.with("example.com/file", "file:///srv/r"))
        .unwrap();
    let finder = finder(&world, Rules { schemes, vanity, ..Rules::default() });
    for name in ["http", "git", "file", "proxy"] {
        assert!(find(&finder, &format!("lab.example.com/{name}")).await.is_ok(), "{name}");
        let error = find(&finder, &format!("example.com/{name}")).await.unwrap_err();
        assert_eq!(error.class(), Class::Absent);
        assert!(error.to_string().contains("`network.schemes`"), "{error}");
    }
    for name in ["ext", "option", "user"] {
        let error = find(&finder, &format!("lab.example.com/{name}")).await.unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn an_insecure_host_is_asked_without_a_look_at_its_certificate_and_then_over_http() {
    let world = World::of(&["lab.example.com", "example.com"]).await;
    for host in ["lab.example.com", "example.com"] {
        world.tags(&format!("{host}/m"), &[&format!("{host}/m git http://code.example.com/r")]);
    }
    for https in [Https::Wrong, Https::Refused] {
        for host in ["lab.example.com", "example.com"] {
            world.https(host, https);
        }
        let finder =
            finder(&world, Rules { insecure: Patterns::parse("lab.example.com"), ..Rules::default() });
        let found = find(&finder, "lab.example.com/m").await.unwrap();
        assert_eq!(found, "lab.example.com/m git http://code.example.com/r");
        assert_eq!(find(&finder, "example.com/m").await.unwrap_err().class(), Class::Unavailable);
        assert_eq!(world.count("example.com/m"), 0);
    }
}

/// A page of anybody's may say that a public module is in a private repository, for us to fetch it and to serve it to all.
#[tokio::test]
async fn a_stranger_s_page_does_not_choose_what_is_read_with_our_credentials() {
    let world = World::of(&["example.com", "corp.example.com"]).await;
    world.tags("example.com/m", &["example.com/m git https://corp.example.com/secret.git"]);
    let password = || Credential::Basic { username: "ci".to_owned(), password: "hunter2".to_owned() };
    let named = Listed::new("named", "https://corp.example.com", password()).unwrap();
    let named = named.only_for(Patterns::parse("example.com/named"));
    let credentials = Credentials::default()
        .with_listed(named)
        .and_then(|all| all.with_listed(Listed::new("corp", "https://corp.example.com", password())?))
        .unwrap();
    let vanity = Vanity::default().with("example.com/table", "https://corp.example.com/table.git").unwrap();
    let rules = Rules { private: Patterns::parse("go.example.com/team"), vanity, ..Rules::default() };
    let finder = Finder::new(&world.builder(Deadlines::default(), credentials), rules, super::no_ping());
    let place = Place::new(System::Git, "https://corp.example.com/secret.git").unwrap();
    for (module, credential) in [
        ("example.com/m", None),
        ("corp.example.com.evil.example/m", None),
        ("sub.corp.example.com/m", None),
        ("example.com/named", Some("named")),
        ("corp.example.com/m", Some("corp")),
        ("go.example.com/team/m", Some("corp")),
        ("go.example.com/Team/m", Some("corp")),
        ("go.example.com/m", None),
        ("example.com/table/m", Some("corp")),
    ] {
        let terms = finder.terms(&super::path(module), module, &place).await.unwrap();
        assert_eq!(terms.credential.as_deref(), credential, "{module}");
        assert_eq!(terms.access.credential.is_some(), credential.is_some(), "{module}");
    }
    let found = find(&finder, "example.com/m").await.unwrap();
    assert_eq!(found, "example.com/m git https://corp.example.com/secret.git");
}

//! Pages that do not tell, and hosts that do not answer: which of it is absence, and what the real go says of the same.

use std::fmt::Write as _;
use std::time::Duration;

use gomod::govcs::GoVcs;
use source::direct::find::{Finder, Rules};
use source::{Builder, Class, Clients, Credentials, Deadlines, Network, SourceError};
use testkit::go::{self, Go};

use super::world::authority;
use super::{Https, World, find, finder, no_ping};

const HEAD: &str = "<meta name=\"go-import\" content=\"";

/// A page for each name, and whether what it says is absence.
fn pages() -> Vec<(&'static str, u16, String, bool)> {
    let tag = |content: &str| format!("<head>{HEAD}{content}\"></head>");
    let git = "git https://code.example.com/r";
    vec![
        ("found", 200, tag(&format!("example.com/found {git}")), true),
        ("in404", 404, tag(&format!("example.com/in404 {git}")), true),
        ("in500", 500, tag(&format!("example.com/in500 {git}")), true),
        ("missing", 404, String::new(), true),
        ("gone", 410, String::new(), true),
        ("login", 401, "<p>who are you?".to_owned(), false),
        ("denied", 403, String::new(), false),
        ("slowly", 429, String::new(), false),
        ("broken", 500, String::new(), false),
        ("down", 503, "<html>maintenance".to_owned(), false),
        ("teapot", 418, String::new(), false),
        ("plain", 200, "hello".to_owned(), true),
        ("empty", 200, String::new(), true),
        ("other", 200, tag(&format!("example.com/elsewhere {git}")), true),
        ("others", 404, tag(&format!("example.com/x {git}\">{HEAD}example.com/y {git}")), true),
        ("otherdown", 502, tag(&format!("example.com/x {git}")), false),
        ("twice", 200, tag(&format!("example.com/twice {git}\">{HEAD}example.com/twice {git}")), true),
        ("short", 200, tag("example.com/short git"), true),
        ("script", 200, format!("<script>a<b</script>{}", tag(&format!("example.com/script {git}"))), true),
        ("gbk", 200, format!("<?xml encoding='gbk'?>{}", tag(&format!("example.com/gbk {git}"))), true),
        ("body", 200, format!("<body>{}", tag(&format!("example.com/body {git}"))), true),
        ("scp", 200, tag("example.com/scp git code.example.com:r"), true),
        ("bare", 200, tag("example.com/bare git code.example.com/r"), true),
        ("file", 200, tag("example.com/file git file:///srv/r"), true),
        ("slash", 200, tag(&format!("example.com/slash {git} /sub")), true),
        ("hyphen", 200, tag(&format!("example.com/hyphen {git} -sub")), true),
        ("cvs", 200, tag("example.com/cvs cvs https://code.example.com/r"), true),
        ("svn", 200, tag("example.com/svn svn https://code.example.com/r"), true),
    ]
}

fn off() -> Rules {
    Rules { govcs: GoVcs::parse("*:off").unwrap(), ..Rules::default() }
}

/// With every system forbidden, what is found ends in the same refusal, which names the root.
#[tokio::test]
async fn verdicts_and_texts_are_those_of_the_real_go() {
    if !go::available() {
        return;
    }
    let world = World::of(&["example.com"]).await;
    for (name, status, html, _) in &pages() {
        world.page(&format!("example.com/{name}"), *status, html);
    }
    world.page("example.com/sub/x", 200, &format!("{HEAD}example.com/sub git https://a.b/c\">"));
    world.page("example.com/sub", 200, &format!("{HEAD}example.com/sub git https://a.b/other\">"));
    world.page("example.com/none/x", 200, &format!("{HEAD}example.com/none git https://a.b/c\">"));
    world.page("example.com/none", 200, "");
    world.page("example.com/down/x", 200, &format!("{HEAD}example.com/down git https://a.b/c\">"));
    world.host("example.com").on("/told").status_text(503, "we are moving\ncome back tomorrow");
    world.host("example.com").on("/said").status_text(404, "never heard of it");
    let dir = tempfile::tempdir().unwrap();
    let go = Go::new(dir.path())
        .proxy("direct")
        .env("HTTPS_PROXY", world.proxy())
        .env("SSL_CERT_FILE", authority().display().to_string());
    let finder = finder(&world, off());
    let more = ["sub/x", "none/x", "down/x", "told", "said"];
    let names: Vec<String> = pages().iter().map(|(name, ..)| (*name).to_owned()).collect();
    let static_paths =
        ["github.com/a", "github.com/a/b.git", "github.com/a/b", "chiselapp.com/x", "example.org/r.git/x"];
    let modules = names.iter().map(String::as_str).chain(more).map(|name| format!("example.com/{name}"));
    for module in modules.chain(static_paths.map(str::to_owned)) {
        let said = go.run(&["list", "-m", &format!("{module}@latest")]).await;
        let error = find(&finder, &module).await.unwrap_err();
        // Where go tells of the tags that such a page has for others, we tell of the outage.
        if module.ends_with("/otherdown") {
            assert!(
                said.stderr.contains("no go-import meta tags")
                    && error.to_string().ends_with("502 Bad Gateway")
            );
            continue;
        }
        assert!(!said.ok);
        assert!(
            said.stderr.contains(&error.to_string()),
            "{module}: go says\n{}we say\n{error}",
            said.stderr
        );
    }
}

#[tokio::test]
async fn absence_is_told_from_outage() {
    let world = World::of(&["example.com"]).await;
    let finder = finder(&world, off());
    for (name, status, html, is_absent) in pages() {
        let module = format!("example.com/{name}");
        world.page(&module, status, &html);
        let error = find(&finder, &module).await.unwrap_err();
        assert_eq!(error.class().is_absent(), is_absent, "{error}");
        let text = SourceError::from(error);
        assert_eq!(text.is_absent(), is_absent, "{text:?}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_an_outage() {
    let world = World::of(&["example.com"]).await;
    world.tags("example.com/m", &["example.com/m git https://a.b/c"]);
    let quick = Deadlines { first_byte: Duration::from_millis(50), ..Deadlines::default() };
    for (https, deadlines) in
        [(Https::Refused, Deadlines::default()), (Https::Wrong, Deadlines::default()), (Https::Silent, quick)]
    {
        world.https("example.com", https);
        let builder = world.builder(deadlines, Credentials::default());
        let finder = Finder::new(&builder, Rules::default(), no_ping());
        let error = find(&finder, "example.com/m").await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable, "{error}");
        assert!(!error.is_answer());
        assert_eq!(world.count("example.com/m"), 0);
    }
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_absent() {
    // No name has such a label, so nobody has to be asked.
    let module = format!("{}.example.com/m", "a".repeat(64));
    let clients = Clients::new(&Network::default(), Duration::from_secs(5)).unwrap();
    let finder = Finder::new(&Builder::new(clients, Deadlines::default()), Rules::default(), no_ping());
    let error = find(&finder, &module).await.unwrap_err();
    assert_eq!(error.class(), Class::Absent, "{error}");
    assert!(error.to_string().ends_with(": no such host"), "{error}");
}

#[tokio::test]
async fn a_page_is_read_no_further_than_it_counts() {
    let world = World::of(&["example.com"]).await;
    let head = format!("<head>{HEAD}example.com/m git https://a.b/c\"></head>");
    let stalls = format!("{head}{}", " ".repeat(4096));
    world.host("example.com").on("/m").html(200, &stalls).stall_after(head.len());
    let found = find(&finder(&world, Rules::default()), "example.com/m").await.unwrap();
    assert_eq!(found, "example.com/m git https://a.b/c");
}

#[tokio::test]
async fn pages_that_stall_break_off_or_never_end_are_outages() {
    let world = World::of(&["example.com"]).await;
    let tag = format!("<head>{HEAD}example.com/m git https://a.b/c\">");
    let quick = Deadlines { idle: Duration::from_millis(50), ..Deadlines::default() };
    let builder = world.builder(quick, Credentials::default());
    let finder = Finder::new(&builder, Rules::default(), no_ping());
    let server = world.host("example.com");
    let long = format!("{tag}{}", "<p>".repeat(1000));
    server.on("/stalls").html(200, &long).stall_after(tag.len());
    server.on("/cut").html(200, &long).cut_after(tag.len());
    server.on("/huge").html(200, &format!("{tag}{}", "<!-- x -->".repeat(200_000)));
    server.on("/zipped").html(200, &tag).gzip();
    for name in ["stalls", "cut", "huge", "zipped"] {
        let error = find(&finder, &format!("example.com/{name}")).await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable, "{name}: {error}");
        assert!(!SourceError::from(error).is_absent());
    }
}

#[tokio::test]
async fn what_a_server_says_reaches_the_client_cleaned_and_cut() {
    let world = World::of(&["example.com"]).await;
    let mut page = String::new();
    for at in 0..200 {
        let _ = write!(page, "{HEAD}example.com/\u{1b}[31m{at} git https://a.b/c\">");
    }
    world.page("example.com/m", 200, &page.replace('\u{1b}', "&#155;"));
    let error = find(&finder(&world, Rules::default()), "example.com/m").await.unwrap_err();
    let text = SourceError::from(error).text();
    assert!(text.len() <= 480 && !text.contains('\u{9b}'), "{text}");
}

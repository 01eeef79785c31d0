//! From configured lists to chains, and from module paths to the chain to walk.

use std::sync::Arc;

use gomod::ModulePath;
use gomod::goproxy::ProxyList;
use gomod::pattern::Patterns;
use source::{
    Builder, Chain, ChainError, Class, Deadlines, Fallback, RouteError, Routes, SourceFault, Tree,
    UpstreamError, Walk,
};
use testkit::Upstream;

use crate::ask::{INFO, LIST, clients, request};

fn chain(list: &str) -> Result<Chain, ChainError> {
    let builder = Builder::new(clients(&[]), Deadlines::default());
    Chain::from_list(&ProxyList::parse(list).unwrap(), &builder)
}

fn names(chain: &Chain) -> Vec<&str> {
    chain.links().iter().map(|link| link.source().name()).collect()
}

#[test]
fn a_list_becomes_a_chain_with_its_names_and_separators() {
    let built =
        chain("https://user:secret@p.example/go?token=secret|http://q.example:8080,file:///srv,direct")
            .unwrap();
    assert_eq!(names(&built), ["p.example", "q.example:8080", "file", "direct"]);
    assert_eq!(built.links()[0].fallback(), Fallback::OnAnyError);
    assert_eq!(built.links()[1].fallback(), Fallback::OnAbsent);
    assert!(!built.links()[2].is_direct());
    assert!(built.links()[3].is_direct());
    assert!(!built.ends_off());
    assert!(!format!("{built:?}").contains("secret"));
}

#[test]
fn off_is_the_end_of_a_chain_and_no_source() {
    let built = chain("https://p.example,off,https://q.example").unwrap();
    assert_eq!(names(&built), ["p.example"]);
    assert!(built.ends_off());
    assert!(chain("off").unwrap().links().is_empty());
}

#[test]
fn a_password_over_plain_http_is_refused_without_being_shown() {
    let error = chain("https://p.example,http://user:secret@q.example").unwrap_err();
    let fault = SourceFault::Upstream(UpstreamError::InsecureCredentials);
    assert_eq!(error, ChainError { place: 2, fault });
    assert!(!format!("{error} {error:?} {}", error.fault).contains("secret"));
}

#[test]
fn another_source_can_stand_for_direct() {
    let builder =
        Builder::new(clients(&[]), Deadlines::default()).with_direct(Arc::new(Tree::new("vcs", "/srv")));
    let built = Chain::from_list(&ProxyList::parse("direct").unwrap(), &builder).unwrap();
    assert_eq!(names(&built), ["vcs"]);
    assert!(built.links()[0].is_direct());
}

fn routes(private: &str, routed: &[(&str, &str)], default: &str) -> Routes {
    let routed = routed.iter().map(|(patterns, list)| (Patterns::parse(patterns), chain(list).unwrap()));
    Routes::new(Patterns::parse(private), routed.collect(), chain(default).unwrap())
}

fn routed(routes: &Routes, path: &str) -> Result<Vec<String>, RouteError> {
    let chain = routes.chain_for(&ModulePath::parse(path).unwrap())?;
    Ok(names(chain).into_iter().map(str::to_owned).collect())
}

#[test]
fn the_first_route_that_matches_wins() {
    let routes = routes(
        "",
        &[("example.com/a", "https://one.example"), ("example.com", "https://two.example")],
        "https://p.example",
    );
    for (path, source) in [
        ("example.com/a", "one.example"),
        ("example.com/a/b", "one.example"),
        ("example.com/c", "two.example"),
        ("other.example/a", "p.example"),
    ] {
        assert_eq!(routed(&routes, path).unwrap(), [source], "{path}");
    }
}

#[test]
fn a_private_path_never_goes_to_a_proxy_of_the_default_list() {
    let with_direct = routes("corp.example/Team", &[], "https://p.example|file:///srv,direct");
    for path in ["corp.example/Team", "corp.example/Team/x", "corp.example/team", "corp.example/TEAM/x"] {
        assert_eq!(routed(&with_direct, path).unwrap(), ["direct"], "{path}");
    }
    assert_eq!(routed(&with_direct, "corp.example/other").unwrap(), ["p.example", "file", "direct"]);
    for list in ["https://p.example", "https://p.example,off", "off"] {
        let without = routes("corp.example", &[], list);
        assert_eq!(routed(&without, "corp.example/x"), Err(RouteError::PrivateWithoutSource), "{list}");
    }
}

#[test]
fn a_private_path_goes_where_a_route_names_it_and_an_odd_spelling_does_not() {
    let routes =
        routes("corp.example", &[("corp.example/Team", "https://inside.example")], "https://p.example");
    assert_eq!(routed(&routes, "corp.example/Team/x").unwrap(), ["inside.example"]);
    assert_eq!(routed(&routes, "corp.example/team/x"), Err(RouteError::PrivateWithoutSource));
}

#[test]
fn the_refusal_of_a_private_path_names_the_settings() {
    let text = RouteError::PrivateWithoutSource.to_string();
    assert!(text.contains("private") && text.contains("[[route]]") && text.contains("upstream"), "{text}");
}

/// Walks a chain for one request as a caller would.
async fn walk(chain: &Chain, path: &str) -> Result<String, source::WalkError> {
    let mut walk = Walk::over(chain);
    while let Some(link) = walk.next() {
        match link.source().fetch(&request(path)).await {
            Ok(_) => return Ok(link.source().name().to_owned()),
            Err(error) => walk.failed(error),
        }
    }
    Err(walk.finish())
}

#[tokio::test]
async fn a_chain_of_real_sources_is_walked() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    second.put(INFO, "{}");
    let fallback = |separator| chain(&format!("{}{separator}{},direct", first.url(), second.url())).unwrap();
    assert_eq!(walk(&fallback(','), INFO).await.unwrap(), second.address().to_string());
    let absent = walk(&fallback(','), LIST).await.unwrap_err();
    assert_eq!(absent.class, Class::Absent);
    assert_eq!(absent.lines[0].source, "direct");
    assert!(absent.lines[0].text.contains("not set up here"), "{absent}");
    first.on("*").status(503);
    assert_eq!(walk(&fallback('|'), INFO).await.unwrap(), second.address().to_string());
    assert_eq!(walk(&fallback('|'), LIST).await.unwrap_err().class, Class::Unavailable);
    second.forget();
    assert_eq!(walk(&fallback(','), INFO).await.unwrap_err().class, Class::Unavailable);
    assert!(second.requests().is_empty(), "a comma goes on after absence only");
}

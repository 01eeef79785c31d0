//! Paths that name their system: which schemes are tried, and what it means that none answers.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use gomod::Patterns;
use source::direct::find::{Finder, Ping, Rules, Schemes};
use source::{Class, Credentials, Deadlines, SourceError};
use vcs::jail::Access;
use vcs::{Place, Trouble, VcsError};

use super::{World, find};

type Asked = Arc<Mutex<Vec<String>>>;

/// A ping that answers by the scheme.
fn ping(answer: impl Fn(&str) -> Result<(), VcsError> + Send + Sync + 'static) -> (Ping, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let ping = move |place: Place, _: Access| {
        seen.lock().unwrap().push(place.url().to_owned());
        futures_util::future::ready(answer(place.scheme())).boxed()
    };
    (Arc::new(ping), asked)
}

fn missing() -> VcsError {
    VcsError::Missing { text: String::new() }
}

fn failed() -> VcsError {
    let command = "git ls-remote".to_owned();
    VcsError::Failed { command, trouble: Trouble::Network, text: String::new() }
}

async fn finder(rules: Rules, ping: Ping) -> Finder {
    let world = World::of(&[]).await;
    Finder::new(&world.builder(Deadlines::default(), Credentials::default()), rules, ping)
}

#[tokio::test]
async fn schemes_are_tried_in_go_s_order_and_the_first_that_answers_is_remembered() {
    let (ping, asked) = ping(|scheme| if scheme == "ssh" { Ok(()) } else { Err(missing()) });
    let finder = finder(Rules::default(), ping).await;
    for module in ["example.com/r.git", "example.com/r.git/sub"] {
        assert_eq!(find(&finder, module).await.unwrap(), "example.com/r.git git ssh://example.com/r");
    }
    let tried = ["https://example.com/r", "git+ssh://example.com/r", "ssh://example.com/r"];
    assert_eq!(*asked.lock().unwrap(), tried);
    finder.forget("example.com/r.git");
    find(&finder, "example.com/r.git").await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn schemes_that_are_opened_are_tried_too() {
    let (ping, asked) = ping(|scheme| if scheme == "http" { Ok(()) } else { Err(missing()) });
    let schemes = Schemes::parse("example.com/r.git:git|http").unwrap();
    let finder = finder(Rules { schemes, ..Rules::default() }, ping).await;
    assert_eq!(
        find(&finder, "example.com/r.git").await.unwrap(),
        "example.com/r.git git http://example.com/r"
    );
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn that_none_answers_is_absence_only_if_each_said_so() {
    let (none, _) = ping(|_| Err(missing()));
    let error = find(&finder(Rules::default(), none).await, "example.com/r.git").await.unwrap_err();
    assert_eq!(error.class(), Class::Absent);
    assert_eq!(error.to_string(), "no secure protocol found for repository");
    let (unclear, _) = ping(|scheme| Err(if scheme == "ssh" { failed() } else { missing() }));
    let error = find(&finder(Rules::default(), unclear).await, "example.com/r.git").await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert!(!SourceError::from(error).is_absent());
}

#[tokio::test]
async fn fossil_is_taken_to_be_at_its_first_scheme() {
    let (ping, asked) = ping(|_| Err(missing()));
    let private = Patterns::parse("example.com");
    let finder = finder(Rules { private, ..Rules::default() }, ping).await;
    let found = find(&finder, "example.com/r.fossil/x").await.unwrap();
    assert_eq!(found, "example.com/r.fossil fossil https://example.com/r");
    assert!(asked.lock().unwrap().is_empty());
}

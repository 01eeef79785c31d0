//! What is told of commands while they run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::eventually;
use testkit::githost::Fault;
use vcs::jail::{News, Outcome};

use super::World;

const RECIPE: &str = r"
handle git
git init
at 2026-01-02T03:04:05Z
git add f
git commit -m one
git tag v1.0.0
-- f --
text
";

type Told = Arc<Mutex<Vec<(String, News)>>>;

async fn watched() -> (World, Told) {
    let (world, told) = (World::new(RECIPE).await, Told::default());
    let (tell, url) = (told.clone(), world.url());
    world.repos.jail().watch(Duration::from_millis(5), move |asking, news| {
        assert_eq!(asking.place.url(), url);
        tell.lock().unwrap().push((asking.command.clone(), *news));
    });
    (world, told)
}

fn ended(told: &Told) -> Vec<(String, Outcome, bool)> {
    let told = told.lock().unwrap();
    let ended = told.iter().filter_map(|(command, news)| match news {
        News::Ended { outcome, bytes, .. } => Some((command.clone(), *outcome, *bytes > 0)),
        _ => None,
    });
    ended.collect()
}

#[tokio::test]
async fn a_command_is_told_of_when_it_begins_goes_on_and_ends() {
    let (world, told) = watched().await;
    world.host.fault(Fault::Hold(""));
    let repo = world.repo();
    let (tags, ()) = tokio::join!(repo.tags(""), async {
        eventually("that it goes on", || async {
            told.lock().unwrap().iter().any(|(_, news)| matches!(news, News::GoesOn { .. }))
        })
        .await;
        world.host.fault(Fault::None);
    });
    assert_eq!(tags.unwrap().len(), 1);
    let first = told.lock().unwrap()[0].clone();
    assert!(first.0 == "git ls-remote" && matches!(first.1, News::Began { .. }), "{first:?}");
    assert_eq!(ended(&told), [("git ls-remote".to_owned(), Outcome::Done, true)]);
    let children = world.repos.jail().children();
    assert_eq!((children.network, children.waiting), (0, 0));
}

#[tokio::test]
async fn how_a_command_failed_is_told_and_that_nobody_waited_for_it() {
    let (world, told) = watched().await;
    world.host.fault(Fault::Status(401, "who are you?"));
    assert!(world.repo().tags("").await.is_err());
    assert_eq!(ended(&told).last().unwrap().1, Outcome::Auth);
    world.host.fault(Fault::Hold(""));
    let asked = world.host.seen().len();
    {
        let repo = world.repo();
        let mut tags = repo.tags("");
        tokio::select! {
            _ = &mut tags => panic!("it was held"),
            () = eventually("its question", || async { world.host.seen().len() > asked }) => {}
        }
        assert_eq!(world.repos.jail().children().network, 1);
    }
    assert_eq!(ended(&told).last().unwrap().1, Outcome::Abandoned);
}

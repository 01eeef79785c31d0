//! Many askers, and askers that leave.

use futures_util::future::{BoxFuture, join_all};
use testkit::githost::Fault;

use super::{World, place, versions};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_askers_cost_one_look_at_the_refs_and_one_fetch() {
    let world = World::new(&versions(3)).await;
    let asked = join_all((0..200).map(|_| async {
        let repo = world.repo();
        let revision = repo.stat(Some("v1.1.0")).await.unwrap();
        repo.read_file(&revision.id, "go.mod", 100).await.unwrap().unwrap();
        revision.id
    }));
    let ids = asked.await;
    // A fetch by id asks for no refs.
    assert_eq!((world.host.count("ls-refs"), world.host.count("fetch")), (1, 1));
    let asked = join_all(ids.iter().map(|id| async {
        let repo = world.repo();
        repo.archive(id, "").await.unwrap().entries.len()
    }));
    assert_eq!(asked.await, [2; 200]);
    assert_eq!((world.host.count("ls-refs"), world.host.count("fetch")), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_another_fetch_is_taken_along_by_the_next() {
    let world = World::new(&versions(20)).await;
    world.host.fault(Fault::Hold("fetch"));
    let ask = |version: usize| {
        let repo = world.repo();
        async move { repo.stat(Some(&format!("v1.{version}.0"))).await.map(|revision| revision.name) }
    };
    let all = join_all((0..20).map(ask));
    let release = async {
        world.host.asked("fetch", 1).await;
        world.host.fault(Fault::None);
    };
    let (all, ()) = tokio::join!(all, release);
    assert!(all.iter().all(Result::is_ok));
    // A look at the refs, two fetches of which each begins with one request, and the second negotiates, in one or two more.
    assert_eq!(world.host.count("ls-refs"), 1);
    assert!(world.host.seen().len() <= 7, "{:?}", world.host.seen());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_fetched_twice_for_those_who_wait_for_their_turn() {
    let world = World::new(&versions(110)).await;
    let ask = |version: usize| {
        let repo = world.repo();
        async move { repo.stat(Some(&format!("v1.{version}.0"))).await.map(|revision| revision.name) }
    };
    let all = join_all((0..110).map(ask)).await;
    assert!(all.iter().all(Result::is_ok));
    // The first alone, then 64 at once with 16 that are likely, then the others.
    assert!(world.host.count("fetch") <= 3, "{:?}", world.host.seen());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_asker_may_leave_in_the_middle_of_a_fetch() {
    let world = World::new(&versions(2)).await;
    world.host.fault(Fault::Hold("fetch"));
    let repo = world.repo();
    let mut first = repo.stat(Some("v1.1.0"));
    let mut second = repo.stat(Some("v1.1.0"));
    tokio::select! {
        _ = &mut first => panic!("it was held"),
        _ = &mut second => panic!("it was held"),
        () = world.host.asked("fetch", 1) => {}
    }
    drop(first);
    world.host.fault(Fault::None);
    assert_eq!(second.await.unwrap().name, "v1.1.0");
    assert_eq!(world.host.count("fetch"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_nobody_waits_for_ends_and_the_next_one_begins_anew() {
    let world = World::new(&versions(2)).await;
    world.host.fault(Fault::Hold("fetch"));
    let repo = world.repo();
    let mut alone = repo.stat(Some("v1.1.0"));
    tokio::select! {
        _ = &mut alone => panic!("it was held"),
        () = world.host.asked("fetch", 1) => {}
    }
    drop(alone);
    world.host.fault(Fault::None);
    assert!(repo.stat(Some("v1.1.0")).await.is_ok());
    assert_eq!(world.host.count("fetch"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refs_are_asked_for_once_while_they_are_fresh_and_again_after_a_push() {
    let world = World::new(&versions(1)).await;
    let repo = world.repo();
    for _ in 0..3 {
        assert_eq!(repo.tags("").await.unwrap().len(), 1);
    }
    assert_eq!(world.host.count("ls-refs"), 1);
    world.go_on("git tag v1.5.0\n");
    assert_eq!(repo.tags("").await.unwrap().len(), 2);
    assert_eq!(world.host.count("ls-refs"), 2);
}

/// Tells of a push while the refs are being asked for, whose answer is held back from now on.
async fn push_while<T>(world: &World, asking: &mut BoxFuture<'_, T>) {
    world.host.fault(Fault::Hold("ls-refs"));
    tokio::select! {
        _ = asking => panic!("it was held"),
        () = world.host.asked("ls-refs", 1) => {}
    }
    world.repos.refresh(&place(&world.url()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_asked_for_before_a_push_is_not_given_after_it() {
    let world = World::new(&versions(1)).await;
    let repo = world.repo();
    let mut before = repo.tags("");
    push_while(&world, &mut before).await;
    let mut after = repo.tags("");
    tokio::select! {
        _ = &mut after => panic!("it was held"),
        _ = &mut before => panic!("it was held"),
        () = world.host.asked("ls-refs", 2) => {}
    }
    world.host.fault(Fault::None);
    assert!(tokio::join!(before, after).1.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_asked_for_before_a_push_is_not_remembered_after_it() {
    let world = World::new(&versions(1)).await;
    let repo = world.repo();
    let mut before = repo.tags("");
    push_while(&world, &mut before).await;
    world.host.fault(Fault::None);
    assert!(before.await.is_ok());
    assert!(repo.tags("").await.is_ok());
    assert_eq!(world.host.count("ls-refs"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_fetch_fails_for_all_who_waited_and_for_nobody_after() {
    let world = World::new(&versions(1)).await;
    let repo = world.repo();
    repo.tags("").await.unwrap();
    world.host.fault(Fault::Status(503, "later\n"));
    let before = world.host.seen().len();
    let all = join_all((0..50).map(|_| repo.stat(Some("v1.0.0")))).await;
    assert!(all.iter().all(|answer| answer.as_ref().is_err_and(|error| !error.is_absent())));
    // By id, by name, and whatever there is: three fetches, each turned away at its first request.
    assert!(world.host.seen().len() - before <= 3, "{:?}", world.host.seen());
    world.host.fault(Fault::None);
    assert!(repo.stat(Some("v1.0.0")).await.is_ok());
}

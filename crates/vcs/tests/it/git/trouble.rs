//! Servers that fail, and what is said of it.

use std::sync::Arc;

use testkit::githost::Fault;
use vcs::jail::{Access, Secret, Sent};
use vcs::{Repo, Trouble, VcsError};

use super::{World, place, repos, settings, versions};

/// What a failure is.
fn trouble(error: &VcsError) -> Option<Trouble> {
    match error {
        VcsError::Failed { trouble, .. } => Some(*trouble),
        _ => None,
    }
}

/// The repository, whose URL is said to answer with this status.
fn answering(world: &World, url: &str, status: Option<u16>) -> Arc<dyn Repo> {
    let mut settings = settings(&world.dir.path().join(format!("{status:?}")));
    settings.status = Arc::new(move |_, _| Box::pin(async move { status }));
    super::open(&repos(world.dir.path(), settings), url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_is_missing_only_if_its_url_says_so() {
    let world = World::new("git init\n").await;
    let url = world.host.url("absent");
    for status in [404, 410] {
        let error = answering(&world, &url, Some(status)).tags("").await.unwrap_err();
        assert!(matches!(&error, VcsError::Missing { text } if text.contains("not found")), "{error:?}");
        assert!(error.is_absent());
    }
    for status in [None, Some(200), Some(403), Some(503)] {
        let error = answering(&world, &url, status).tags("").await.unwrap_err();
        assert!(!error.is_absent(), "{status:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_repository_is_a_fault() {
    let world = World::new("git init\n").await;
    let url = format!("file://{}/absent", world.dir.path().display());
    let error = answering(&world, &url, Some(404)).stat(None).await.unwrap_err();
    assert_eq!(trouble(&error), Some(Trouble::Other));
    let VcsError::Failed { command, text, .. } = error else { unreachable!() };
    assert_eq!(command, "git ls-remote");
    assert!(!text.contains("git init"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_servers_are_told_apart_and_are_never_absence() {
    let world = World::new(&versions(1)).await;
    let cases = [
        (Fault::Status(401, "who?"), Trouble::Auth),
        (Fault::Status(403, "no"), Trouble::Auth),
        (Fault::Status(429, "slower"), Trouble::RateLimited),
        (Fault::Status(500, "ouch"), Trouble::Network),
        (Fault::Status(503, "later"), Trouble::Network),
        (Fault::Status(200, "<html>sign in</html>"), Trouble::Other),
        (Fault::Wants("Bearer x".to_owned()), Trouble::Auth),
    ];
    for (fault, want) in cases {
        world.host.fault(fault.clone());
        let error = answering(&world, &world.url(), Some(200)).stat(Some("v1.0.0")).await.unwrap_err();
        assert!(!error.is_absent(), "{fault:?}: {error:?}");
        assert_eq!(trouble(&error), Some(want), "{fault:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_sent_and_shared_with_nobody_who_has_none() {
    let world = World::new(&versions(1)).await;
    world.host.fault(Fault::Wants("Bearer s3cret".to_owned()));
    let with = |token: &str| {
        let header = Sent::Header { name: "Authorization".to_owned(), value: Secret::new(token) };
        let access =
            Access { schemes: vec!["http".to_owned()], credential: Some(header), is_insecure: false };
        world.repos.open(&place(&world.url()), &access).unwrap()
    };
    let expired = with("Bearer old");
    assert_eq!(trouble(&expired.tags("").await.unwrap_err()), Some(Trouble::Auth));
    let known = with("Bearer s3cret");
    let id = known.stat(Some("v1.0.0")).await.unwrap().id;
    assert!(known.read_file(&id, "go.mod", 100).await.unwrap().is_some());
    let nobody = Access { schemes: vec!["http".to_owned()], ..Access::default() };
    let stranger = world.repos.open(&place(&world.url()), &nobody).unwrap();
    assert_eq!(trouble(&stranger.tags("").await.unwrap_err()), Some(Trouble::Auth));
    assert_eq!(trouble(&stranger.read_file(&id, "go.mod", 100).await.unwrap_err()), Some(Trouble::Auth));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_breaks_off_is_a_fault_and_leaves_no_trace() {
    let world = World::new(&versions(2)).await;
    let repo = world.repo();
    for after in [0, 10, 100, 300] {
        world.host.fault(Fault::Cut("fetch", after));
        let error = repo.stat(Some("v1.1.0")).await.unwrap_err();
        assert!(!error.is_absent(), "{after}: {error:?}");
    }
    world.host.fault(Fault::None);
    let id = repo.stat(Some("v1.1.0")).await.unwrap().id;
    assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some());
    let half: Vec<_> =
        world.kept().into_iter().filter(|file| file.to_string_lossy().contains("tmp_")).collect();
    assert_eq!(half, [""; 0].map(std::path::PathBuf::from));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refs_that_break_off_are_a_fault_and_not_fewer_refs() {
    let world = World::new(&versions(50)).await;
    world.host.fault(Fault::Cut("ls-refs", 1000));
    let error = world.repo().tags("").await.unwrap_err();
    assert!(!error.is_absent(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_fetched_is_read_while_the_server_is_away() {
    let world = World::new(&versions(2)).await;
    let repo = world.repo();
    let id = repo.stat(Some("v1.1.0")).await.unwrap().id;
    drop(repo.archive(&id, "").await.unwrap());
    world.host.fault(Fault::Status(503, "later\n"));
    world.repos.refresh(&place(&world.url()));
    assert!(repo.read_file(&id, "go.mod", 100).await.unwrap().is_some());
    assert_eq!(repo.archive(&id, "").await.unwrap().entries.len(), 2);
    assert!(repo.stat(Some("v1.1.0")).await.is_err_and(|error| !error.is_absent()));
}

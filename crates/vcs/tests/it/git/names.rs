//! What names mean, and what they mean later.

use super::{World, versions};

/// What is stored at a name.
async fn version(world: &World, name: &str) -> String {
    let repo = world.repo();
    let id = repo.stat(Some(name)).await.unwrap().id;
    let text = repo.read_file(&id, "VERSION", 100).await.unwrap().unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_tag_means_its_new_commit_and_the_old_one_stays_readable() {
    let world = World::new(&versions(3)).await;
    assert_eq!(version(&world, "v1.1.0").await, "v1\n");
    let old = world.repo().stat(Some("v1.1.0")).await.unwrap().id;
    world.go_on("git tag -f v1.1.0 v1.2.0\n");
    assert_eq!(version(&world, "v1.1.0").await, "v2\n");
    assert!(world.repo().read_file(&old, "VERSION", 100).await.unwrap().is_some());
    let both = world.repo().stat(Some("v1.1.0")).await.unwrap();
    assert_eq!((both.name.as_str(), both.tags), ("v1.1.0", vec!["v1.1.0".to_owned(), "v1.2.0".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_moves_while_it_is_fetched_is_asked_for_again() {
    let world = World::new(&versions(3)).await;
    world.repo().tags("").await.unwrap();
    // Nobody tells of it, and the old commit is gone.
    let steps = "git tag -f v1.2.0 v1.0.0\ngit reset -q --hard v1.0.0\ngit reflog expire --expire=all --all\n\
                 git gc -q --prune=now\n";
    testkit::recipe::make(steps, &world.dir.path().join("host/r"));
    assert_eq!(version(&world, "v1.2.0").await, "v0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_tag_is_unknown_and_not_behind_anything() {
    let world = World::new(&versions(3)).await;
    let repo = world.repo();
    let id = repo.stat(Some("v1.2.0")).await.unwrap().id;
    assert_eq!(repo.tags_behind(&id, "v").await.unwrap(), ["v1.0.0", "v1.1.0", "v1.2.0"]);
    world.go_on("git tag -d v1.1.0\n");
    assert_eq!(repo.tags_behind(&id, "v").await.unwrap(), ["v1.0.0", "v1.2.0"]);
    let error = repo.stat(Some("v1.1.0")).await.unwrap_err();
    assert_eq!(error.to_string(), "unknown revision v1.1.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_in_the_place_of_a_folder_of_tags_is_fetched() {
    let world = World::new(&versions(2)).await;
    world.go_on("git tag a/b v1.0.0\n");
    let id = world.repo().stat(Some("a/b")).await.unwrap().id;
    world.repo().tags_behind(&id, "a").await.unwrap();
    world.go_on("git tag -d a/b\ngit tag a v1.1.0\n");
    assert_eq!(version(&world, "a").await, "v1\n");
    let id = world.repo().stat(Some("a")).await.unwrap().id;
    assert_eq!(world.repo().tags_behind(&id, "a").await.unwrap(), ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_only_a_pull_request_has_are_unknown() {
    let world = World::new(&versions(2)).await;
    world.go_on("git checkout -q -b tmp\necho 'never'\ncp stdout VERSION\ngit commit -q -a -m never\n");
    let secret = world.git(&["rev-parse", "HEAD"]);
    world.go_on("git update-ref refs/pull/1/head tmp\ngit checkout -q main\ngit branch -D tmp\n");
    for name in [secret.as_str(), &secret[..12], "refs/pull/1/head", "pull/1/head"] {
        let error = world.repo().stat(Some(name)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("unknown revision {name}"));
    }
    assert!(world.repo().read_file(&secret, "VERSION", 100).await.unwrap_err().is_absent());
    assert!(world.repo().archive(&secret, "").await.unwrap_err().is_absent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_repository_has_no_commits() {
    let world = World::new("git init\n").await;
    let repo = world.repo();
    assert_eq!(repo.tags("").await.unwrap(), []);
    assert_eq!(repo.stat(None).await.unwrap_err().to_string(), "no commits");
    for name in ["v1.0.0", "HEAD", "abcdef0", "main"] {
        assert_eq!(repo.stat(Some(name)).await.unwrap_err().to_string(), format!("unknown revision {name}"));
    }
    world.go_on("echo 'v0'\ncp stdout VERSION\ngit add VERSION\ngit commit -q -m first\ngit tag v1.0.0\n");
    assert_eq!(version(&world, "v1.0.0").await, "v0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_like_options_are_names() {
    let world = World::new(&versions(2)).await;
    world.git(&["update-ref", "refs/tags/--upload-pack=x", "v1.0.0"]);
    world.git(&["update-ref", "refs/tags/-v1", "v1.0.0"]);
    world.git(&["update-ref", "refs/heads/--help", "v1.1.0"]);
    assert_eq!(version(&world, "-v1").await, "v0\n");
    assert_eq!(version(&world, "--upload-pack=x").await, "v0\n");
    assert_eq!(version(&world, "--help").await, "v1\n");
    assert_eq!(world.repo().tags("-").await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_on_a_file_is_no_revision() {
    let world = World::new(&versions(2)).await;
    world.go_on("git tag blob v1.0.0:VERSION\ngit tag tree v1.0.0^{tree}\n");
    for name in ["blob", "tree"] {
        assert!(world.repo().stat(Some(name)).await.unwrap_err().is_absent());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_on_no_branch_is_the_default_and_has_its_ancestors() {
    let world = World::new(&versions(3)).await;
    world.go_on("git checkout -q --detach\necho 'lonely'\ncp stdout VERSION\ngit commit -q -a -m lonely\n");
    let head = world.git(&["rev-parse", "HEAD"]);
    let repo = world.repo();
    let revision = repo.stat(None).await.unwrap();
    assert_eq!((revision.id.as_str(), revision.reference.as_deref()), (head.as_str(), Some("HEAD")));
    assert_eq!(repo.tags_behind(&head, "v").await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_with_longer_ids_is_read_too() {
    let world = World::new(&versions(3).replace("git init", "git init --object-format=sha256")).await;
    let repo = world.repo();
    let revision = repo.stat(Some("v1.2.0")).await.unwrap();
    assert_eq!((revision.id.len(), revision.short.len()), (64, 12));
    assert_eq!(repo.read_file(&revision.id, "sub/go.mod", 100).await.unwrap(), None);
    assert_eq!(repo.stat(Some(&revision.id[..50])).await.unwrap().id, revision.id);
    assert_eq!(repo.tags_behind(&revision.id, "v").await.unwrap().len(), 3);
    assert_eq!(super::unpack(repo.archive(&revision.id, "").await.unwrap()).await.len(), 2);
}

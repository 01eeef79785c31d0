//! On entry: what arrives is compared with the record before it is held, and before its last byte is given out.

use testkit::Upstream;
use testkit::database::lookup_path;
use testkit::module::ModuleFiles;

use super::{BY_RECORD, World, large, other, small, told};
use crate::proxy::TestProxy;

#[tokio::test]
async fn what_agrees_with_the_record_is_held_by_it_and_costs_one_lookup_a_version() {
    for files in [small(), large()] {
        let world = World::of(std::slice::from_ref(&files)).await;
        for (kind, bytes) in [("info", files.info()), ("mod", files.mod_file()), ("zip", files.zip())] {
            let response = world.proxy.get(&files.url(kind)).await;
            assert_eq!((response.status, response.complete), (200, true), "{kind}: {}", response.text());
            assert_eq!(response.body, bytes, "{kind}");
        }
        for kind in ["mod", "zip"] {
            let held = world.proxy.get(&files.url(kind)).await;
            assert_eq!(told(&held), (200, BY_RECORD.to_owned()), "{kind}");
        }
        assert_eq!(told(&world.proxy.get(&files.url("info")).await).1, "first-seen", "no record binds it");
        assert_eq!(world.database.count(&lookup_path(files.path(), files.version())), 1);
        let proxy = world.proxy.restart().await;
        world.database.stop().await;
        world.upstream.stop().await;
        assert_eq!(told(&proxy.get(&files.url("zip")).await), (200, BY_RECORD.to_owned()));
        proxy.stop().await;
    }
}

#[tokio::test]
async fn a_file_that_differs_is_refused_for_as_long_as_it_does_and_leaves_evidence() {
    for (files, kind) in [(small(), "mod"), (small(), "zip"), (large(), "mod"), (large(), "zip")] {
        let world = World::of(std::slice::from_ref(&files)).await;
        let lie = other(&files);
        world.upstream.serve(&lie);
        let is_shown = kind == "zip" && files.zip().len() > 65_536;
        let first = world.proxy.get(&files.url(kind)).await;
        assert!(if is_shown { !first.complete } else { first.status == 502 }, "{kind}: {}", first.status);
        for _ever_after in 0..2 {
            world.later();
            let again = world.proxy.get(&files.url(kind)).await;
            let text = again.text();
            assert_eq!(again.status, 502, "{kind}: {text}");
            let (right, wrong) = match kind {
                "mod" => (files.mod_h1(), lie.mod_h1()),
                _ => (files.zip_h1(), lie.zip_h1()),
            };
            assert!(text.contains(&right) && text.contains(&wrong), "{text}");
            assert!(text.contains("localhost.localdev/sumdb"), "{text}");
            let notes = world.evidence();
            assert_eq!(notes.len(), 1, "the same lie is one piece of evidence: {notes:?}");
            assert_eq!(notes[0]["damage"]["got"], wrong);
            assert_eq!(
                (&notes[0]["witness"]["h1"], &notes[0]["sent_by"]),
                (&right.into(), &world.upstream.address().to_string().into())
            );
            let answer = notes[0]["witness"]["answer"].as_str().unwrap();
            assert!(
                answer.contains(&files.sum_lines()) && answer.contains("go.sum database tree"),
                "{answer}"
            );
        }
        let asked = world.upstream.count(&files.url(kind));
        assert_eq!(asked, 3, "{kind}: it was asked again for one request");
        world.upstream.serve(&files);
        world.later();
        assert_eq!(world.proxy.get(&files.url(kind)).await.status, 200, "{kind}");
        let metrics = world.proxy.get("/metrics").await.text();
        assert!(metrics.contains("larder_verified_total{result=\"differs\"} 3\n"), "{metrics}");
        world.proxy.stop().await;
    }
}

#[tokio::test]
async fn another_source_is_asked_after_a_lie_whatever_the_separator_says() {
    for (files, kind) in [(small(), "mod"), (small(), "zip"), (large(), "zip")] {
        let (liar, honest) =
            (Upstream::of(&[other(&files)]).await, Upstream::of(std::slice::from_ref(&files)).await);
        let chain = format!("{},{}", liar.url(), honest.url());
        let world = World::with(std::slice::from_ref(&files), &[("upstream", &chain)]).await;
        let first = world.proxy.get(&files.url(kind)).await;
        if !first.complete {
            world.later();
        }
        let answer = world.proxy.get(&files.url(kind)).await;
        assert_eq!(told(&answer), (200, BY_RECORD.to_owned()), "{kind}: {}", answer.text());
        assert_eq!(answer.header("x-larder-source"), Some(honest.address().to_string().as_str()));
        assert_eq!(first.complete, first.body.len() == answer.body.len(), "{kind}: a lie was ended cleanly");
        // Without a record a lie is where the walk ends.
        let proxy = TestProxy::with(&[("upstream", &chain)]);
        let content = proxy.get(&files.url(kind)).await.body;
        assert_ne!(content, answer.body, "{kind}: the first source is believed");
        proxy.stop().await;
        world.proxy.stop().await;
    }
}

#[tokio::test]
async fn a_version_may_come_from_two_sources_only_where_a_record_binds_it() {
    let files = small();
    for (is_covered, status) in [(true, 200), (false, 503)] {
        let (one, two) = (
            Upstream::of(std::slice::from_ref(&files)).await,
            Upstream::of(std::slice::from_ref(&files)).await,
        );
        let chain = format!("{}|{}", one.url(), two.url());
        let unasked = if is_covered { "other.example" } else { "example.com" };
        let settings = [("upstream", chain.as_str()), ("gonosumdb", unasked)];
        let world = World::with(std::slice::from_ref(&files), &settings).await;
        assert_eq!(world.proxy.get(&files.url("info")).await.status, 200);
        one.stop().await;
        for kind in ["mod", "zip"] {
            let response = world.proxy.get(&files.url(kind)).await;
            assert_eq!(response.status, status, "{kind}, covered {is_covered}: {}", response.text());
        }
        assert_eq!(two.paths().is_empty(), !is_covered);
        world.proxy.stop().await;
    }
}

#[tokio::test]
async fn bytes_on_record_are_served_whatever_they_are() {
    for text in ["", "<html>", "{\"go\":1}", "// no module line\n", "a\0b"] {
        let files =
            ModuleFiles::new("golang.org/toolchain", "v0.0.1-go1.26.0.linux-amd64").go_mod(text.to_owned());
        let world = World::of(std::slice::from_ref(&files)).await;
        let response = world.proxy.get(&files.url("mod")).await;
        assert_eq!(response.status, 200, "{text:?}: {}", response.text());
        assert_eq!(response.body, files.mod_file(), "{text:?}");
        assert_eq!(told(&world.proxy.get(&files.url("mod")).await).1, BY_RECORD);
        world.proxy.stop().await;
    }
}

#[tokio::test]
async fn what_no_database_covers_is_looked_up_nowhere() {
    let files = small();
    let settings = [("gonosumdb", "example.com"), ("private", "corp.example")];
    let world = World::with(std::slice::from_ref(&files), &settings).await;
    for kind in ["info", "mod", "zip"] {
        assert_eq!(world.proxy.get(&files.url(kind)).await.status, 200, "{kind}");
        assert_eq!(told(&world.proxy.get(&files.url(kind)).await), (200, "first-seen".to_owned()), "{kind}");
    }
    let secret = ModuleFiles::new("corp.example/secret", "v1.0.0");
    let route = format!("corp.example={}", world.upstream.url());
    world.upstream.serve(&secret);
    let spec = world.database.spec();
    let settings = [("upstream", "off"), ("private", "corp.example"), ("route", &route), ("sumdb", &spec)];
    let private = TestProxy::with(&settings);
    assert_eq!(private.get(&secret.url("zip")).await.status, 200);
    assert_eq!(told(&private.get(&secret.url("zip")).await).1, "first-seen");
    assert!(world.database.paths().is_empty(), "{:?}", world.database.paths());
    private.stop().await;
    world.proxy.stop().await;
}

#[tokio::test]
async fn toolchains_are_covered_whatever_else_is_set_and_marked_where_checking_is_off() {
    let files = ModuleFiles::new("golang.org/toolchain", "v0.0.1-go1.26.0.linux-amd64");
    let world = World::with(std::slice::from_ref(&files), &[("gonosumdb", "golang.org")]).await;
    for kind in ["mod", "zip"] {
        assert_eq!(world.proxy.get(&files.url(kind)).await.status, 200, "{kind}");
        assert_eq!(told(&world.proxy.get(&files.url(kind)).await).1, BY_RECORD, "{kind}");
    }
    let unchecked = TestProxy::with(&[("upstream", &world.upstream.url()), ("sumdb", "off")]);
    for kind in ["mod", "zip"] {
        assert_eq!(unchecked.get(&files.url(kind)).await.status, 200, "{kind}");
        assert_eq!(told(&unchecked.get(&files.url(kind)).await).1, "unverified", "{kind}");
    }
    unchecked.stop().await;
    world.proxy.stop().await;
}

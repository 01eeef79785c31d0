//! Tags for a shorter path are believed only if that path's page says the same.

use source::Class;
use source::direct::find::Rules;

use super::{World, find, finder};

const TAG: &str = "example.com/m git https://code.example.com/r";

#[tokio::test]
async fn the_page_of_the_prefix_is_asked_once_for_all_below_it() {
    let world = World::of(&["example.com"]).await;
    for path in ["example.com/m", "example.com/m/a", "example.com/m/b", "example.com/m/a/c"] {
        world.tags(path, &[TAG]);
    }
    let finder = finder(&world, Rules::default());
    for module in ["example.com/m/a", "example.com/m/b", "example.com/m/a/c", "example.com/m"] {
        assert_eq!(find(&finder, module).await.unwrap(), TAG);
    }
    assert_eq!(world.count("example.com/m"), 1);
}

#[tokio::test]
async fn a_prefix_that_says_otherwise_or_nothing_makes_the_path_absent() {
    let world = World::of(&["example.com"]).await;
    let finder = finder(&world, Rules::default());
    for (name, prefix) in [
        ("a", "git https://evil.example.com/r"),
        ("b", "hg https://code.example.com/r"),
        ("c", "git https://code.example.com/r sub"),
    ] {
        let tag = format!("example.com/{name} git https://code.example.com/r");
        world.tags(&format!("example.com/{name}/x"), &[&tag]);
        world.tags(&format!("example.com/{name}"), &[&format!("example.com/{name} {prefix}")]);
        let error = find(&finder, &format!("example.com/{name}/x")).await.unwrap_err();
        assert_eq!(error.class(), Class::Absent);
        let wanted = format!(
            "unrecognized import path \"example.com/{name}/x\": https://example.com/{name}/x?go-get=1 and \
             //example.com/{name}?go-get=1 disagree about go-import for example.com/{name}"
        );
        assert_eq!(error.to_string(), wanted);
    }
    world.tags("example.com/d/x", &["example.com/d git https://code.example.com/r"]);
    world.page("example.com/d", 200, "<html><body>");
    let error = find(&finder, "example.com/d/x").await.unwrap_err();
    assert!(
        error.to_string().ends_with(
            "fetching example.com/d: no go-import meta tag found in https://example.com/d?go-get=1"
        )
    );
    assert_eq!(error.class(), Class::Absent);
}

#[tokio::test]
async fn a_prefix_whose_page_is_down_is_an_outage() {
    let world = World::of(&["example.com"]).await;
    world.tags("example.com/m/x", &[TAG]);
    world.page("example.com/m", 502, "");
    world.tags("example.com/", &["example.com git https://code.example.com/all"]);
    let error = find(&finder(&world, Rules::default()), "example.com/m/x").await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert!(!error.is_answer(), "the repository of example.com is no proof for example.com/m");
}

#[tokio::test]
async fn a_guessed_path_that_is_in_trouble_leads_to_the_repository_above_it() {
    let world = World::of(&["example.com"]).await;
    world.tags("example.com/m", &[TAG]);
    world.page("example.com/m/sub/pkg", 503, "");
    world.page("example.com/m/sub", 500, "");
    let finder = finder(&world, Rules::default());
    let guess = super::path("example.com/m/sub/pkg");
    let error = finder.find(&guess).await.unwrap_err();
    assert!(error.is_answer() && error.class() == Class::Unavailable, "{error}");
    let above = finder.find_above(&guess).await.unwrap();
    assert_eq!((above.path.as_str(), above.root.as_str()), ("example.com/m/sub/pkg", "example.com/m"));
    assert_eq!(above.place.url(), "https://code.example.com/r");
    // Nothing above tells: that is no proof of anything.
    world.page("example.com/o/sub", 500, "");
    world.page("example.com/o", 500, "");
    world.page("example.com/", 404, "");
    assert_eq!(finder.find_above(&super::path("example.com/o/sub")).await, None);
}

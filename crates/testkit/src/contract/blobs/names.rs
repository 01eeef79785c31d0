//! Keys, absence, listings.

use store::{Durability, Key, Publish, put};

use super::{Subject, is_absent, is_misplaced, keep, key, keys, load};

/// Absence may become a 404: nothing else may pass for it.
pub async fn absent_is_said_of_what_is_not_there_and_of_nothing_else(blobs: Subject) {
    assert!(is_absent(&blobs, "a/x").await);
    keep(&blobs, "a/x", "x").await;
    assert!(!is_absent(&blobs, "a/x").await);
    for missing in ["a", "a/y", "a/x/below", "b/c/d"] {
        assert!(is_absent(&blobs, missing).await, "{missing}");
    }
    let long = format!("a{}", "/a".repeat(1999));
    assert!(is_absent(&blobs, &long).await);
}

/// The end is the same.
pub async fn removing_what_is_absent_is_success(blobs: Subject) {
    keep(&blobs, "a/x", "x").await;
    for missing in ["b", "a/y", "a", "a/x/below"] {
        blobs.remove(&key(missing), None).await.unwrap();
    }
    assert_eq!(keys(&blobs).await, ["a/x"]);
    blobs.remove(&key("a/x"), None).await.unwrap();
    blobs.remove(&key("a/x"), None).await.unwrap();
    assert_eq!(keys(&blobs).await, [""; 0]);
}

/// Escaped capitals, versions, and what else module paths and file systems allow.
pub async fn keys_with_odd_characters_are_kept_apart(blobs: Subject) {
    let mut odd = [
        "m/github.com/!burnt!sushi/toml/@v/v1.0.0+incompatible.zip",
        "m/github.com/burnt/@v/list",
        "m/a~b/@latest",
        "m/%21x/%2f",
        "m/ space /tab less",
        "m/-dash/--",
        "m/über/世界",
        "m/.hidden/...",
        "m/a:b*c?d\"e<f>g|h",
    ];
    for name in odd {
        keep(&blobs, name, name).await;
    }
    for name in odd {
        assert_eq!(load(&blobs, name).await, name);
    }
    odd.sort_unstable_by_key(|name| key(name));
    assert_eq!(keys(&blobs).await, odd);
    let longest = format!("m/{}", "x".repeat(store::ELEMENT_MAX));
    keep(&blobs, &longest, "long").await;
    assert_eq!(load(&blobs, &longest).await, "long");
}

/// Whatever the size of a page, the pages together are everything, once, in the order of keys.
pub async fn a_listing_is_in_order_and_comes_in_pages(blobs: Subject) {
    let names = ["a", "b/1", "b/2/x", "b/2/y", "b/3", "b!/0", "b-c/x", "b.d/e/f/g", "c/1/2/3", "d"];
    for name in names.iter().rev() {
        keep(&blobs, name, *name).await;
    }
    let ordered = keys(&blobs).await;
    assert_eq!(ordered, names);
    for limit in 1..=names.len() + 1 {
        let mut paged = Vec::new();
        let mut after: Option<Key> = None;
        loop {
            let page = blobs.list(None, after.as_ref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            paged.extend(page.iter().map(|one| one.key.to_string()));
            after = page.last().map(|one| one.key.clone());
            if page.len() < limit {
                break;
            }
        }
        assert_eq!(paged, ordered, "by {limit}");
    }
    assert!(blobs.list(None, None, 0).await.unwrap().is_empty());
    let between = blobs.list(None, Some(&key("b/2")), 2).await.unwrap();
    assert_eq!(between.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["b/2/x", "b/2/y"]);
}

/// `b` is not above `b-c`, nor above itself.
pub async fn a_listing_is_of_what_is_below_at_a_slash(blobs: Subject) {
    for name in ["a", "b/1", "b/2/x", "b-c/1", "c"] {
        keep(&blobs, name, "12345").await;
    }
    let under = async |above: &str, after: Option<&str>| -> Vec<String> {
        let after = after.map(key);
        let listed = blobs.list(Some(&key(above)), after.as_ref(), 99).await.unwrap();
        assert!(listed.iter().all(|one| one.stamp.size == 5));
        listed.into_iter().map(|one| one.key.to_string()).collect()
    };
    assert_eq!(under("b", None).await, ["b/1", "b/2/x"]);
    assert_eq!(under("b", Some("b/1")).await, ["b/2/x"]);
    assert_eq!(under("b", Some("a")).await, ["b/1", "b/2/x"]);
    assert_eq!(under("b", Some("c")).await, [""; 0]);
    assert_eq!(under("b/2", None).await, ["b/2/x"]);
    assert_eq!(under("c", None).await, [""; 0]);
    assert_eq!(under("none/such", None).await, [""; 0]);
}

/// As in a file system, and said as such: neither absence nor an accident.
pub async fn a_key_is_not_an_object_and_a_prefix(blobs: Subject) {
    keep(&blobs, "a/b", "object").await;
    for (name, mode) in [
        ("a", Publish::New),
        ("a", Publish::Replace),
        ("a/b/c", Publish::New),
        ("a/b/c", Publish::Replace),
        ("a/b/c/d", Publish::New),
    ] {
        let put = put(&*blobs, &key(name), "x".into(), mode, Durability::Batched).await;
        assert!(is_misplaced(&put), "{name} {mode:?}");
        let appended = blobs.append(&key(name), "x".into(), Durability::Batched).await;
        assert!(is_misplaced(&appended), "{name}");
    }
    assert_eq!(keys(&blobs).await, ["a/b"]);
    assert_eq!(load(&blobs, "a/b").await, "object");
}

/// What is moved aside is under its other key and not under its own; open objects stay as they are; absent is success.
pub async fn what_is_moved_aside_is_found_there_and_nowhere_else(blobs: Subject) {
    let open = keep(&blobs, "a/x", "one").await;
    keep(&blobs, "evidence/x", "earlier").await;
    for _absent_the_second_time in 0..2 {
        blobs.remove(&key("a/x"), Some(&key("evidence/x"))).await.unwrap();
        assert!(is_absent(&blobs, "a/x").await);
        assert_eq!(load(&blobs, "evidence/x").await, "one");
    }
    assert_eq!(open.read_all(9).await.unwrap(), "one");
    keep(&blobs, "a/x", "two").await;
    assert!(is_misplaced(&blobs.remove(&key("a/x"), Some(&key("evidence/x/y"))).await));
    assert_eq!(load(&blobs, "a/x").await, "two");
}

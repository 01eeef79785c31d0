//! Lists of versions, and which of them is the latest.

use gomod::list::{self, List, ListError};
use gomod::{ModulePath, Version, latest};
use proptest::prelude::*;

fn path(text: &str) -> ModulePath {
    ModulePath::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn listed(text: &str, of: &str) -> List {
    List::parse(text.as_bytes(), &path(of)).unwrap_or_else(|error| panic!("{error}"))
}

fn names(list: &List) -> Vec<&str> {
    list.versions().iter().map(Version::as_str).collect()
}

#[test]
fn list_is_sorted_and_has_each_version_once() {
    let list =
        listed("v1.10.0\nv1.2.0\r\n  v1.2.0\t\n\nv1.2.0-rc.1\nv1.2.0-rc.10\nv1.2.0-rc.2", "example.com/m");
    assert_eq!(names(&list), ["v1.2.0-rc.1", "v1.2.0-rc.2", "v1.2.0-rc.10", "v1.2.0", "v1.10.0"]);
    assert_eq!(list.to_text(), "v1.2.0-rc.1\nv1.2.0-rc.2\nv1.2.0-rc.10\nv1.2.0\nv1.10.0\n");
    assert_eq!(list.dropped_lines(), 0);
}

#[test]
fn empty_list_is_a_list() {
    for text in ["", "\n", "\r\n \n"] {
        let list = listed(text, "example.com/m");
        assert_eq!((list.to_text().as_str(), list.dropped_lines()), ("", 0));
    }
}

#[test]
fn only_canonical_versions_that_fit_the_path_stay() {
    let all = "v1\nv1.2\nv1.3.0+meta\nlatest\n1.0.0\nv01.0.0\nv0.1.0\nv1.0.0\nv2.0.0\nv3.0.0\n\
               v1.5.0+incompatible\nv0.5.0+incompatible\nv2.1.0+incompatible\nv3.0.0+Incompatible\n\
               v0.0.0-pre\nv1.0.1-0.20260101000000-0123456789ab\n";
    let fit = |of| names(&listed(all, of)).join(" ");
    assert_eq!(fit("example.com/m"), "v0.0.0-pre v0.1.0 v1.0.0 v2.1.0+incompatible");
    assert_eq!(fit("example.com/m/v2"), "v2.0.0");
    assert_eq!(fit("gopkg.in/m.v3"), "v3.0.0");
    assert_eq!(fit("gopkg.in/m.v3-unstable"), "v3.0.0");
    assert_eq!(fit("gopkg.in/m.v0"), "v0.0.0-pre v0.1.0");
    assert_eq!(listed(all, "example.com/m/v2").dropped_lines(), 15);
}

#[test]
fn pseudo_versions_and_times_never_go_out() {
    let text = "v1.0.0 2026-01-01T00:00:00Z\nv0.0.0-20260101000000-0123456789ab\nv1.0.1 junk\n";
    let list = listed(text, "example.com/m");
    assert_eq!(list.to_text(), "v1.0.0\nv1.0.1\n");
    assert_eq!(list.dropped_lines(), 0);
}

#[test]
fn newest_pseudo_is_what_the_go_command_would_fall_back_to() {
    let newest = |text| listed(text, "example.com/m").newest_pseudo().map(|v| v.as_str().to_owned());
    assert_eq!(newest("v1.0.0\nv1.1.0\n"), None);
    let two = "v0.0.0-20260102000000-bbbbbbbbbbbb\nv0.0.0-20260101000000-aaaaaaaaaaaa\n";
    assert_eq!(newest(two).unwrap(), "v0.0.0-20260102000000-bbbbbbbbbbbb");
    let same = "v0.0.0-20260102000000-bbbbbbbbbbbb\nv0.0.0-20260102000000-aaaaaaaaaaaa\n";
    assert_eq!(newest(same).unwrap(), "v0.0.0-20260102000000-bbbbbbbbbbbb");
    let dated = "v0.0.0-20260102000000-bbbbbbbbbbbb\nv1.0.0 2026-01-03T00:00:00+01:00\n";
    assert_eq!(newest(dated).unwrap(), "v1.0.0");
    let listed_time_wins =
        "v0.0.0-20260102000000-bbbbbbbbbbbb 2020-01-01T00:00:00Z\nv0.0.0-20210101000000-aaaaaaaaaaaa\n";
    assert_eq!(newest(listed_time_wins).unwrap(), "v0.0.0-20210101000000-aaaaaaaaaaaa");
    assert_eq!(newest("v0.0.0-20260102000000-bbbbbbbbbbbb soon\n"), None);
    assert_eq!(newest("v0.0.0-20269902000000-bbbbbbbbbbbb\n"), None);
    assert_eq!(newest("v2.0.0-20260102000000-bbbbbbbbbbbb\n"), None);
}

#[test]
fn pages_and_binaries_are_no_lists() {
    let error = |bytes: &[u8]| List::parse(bytes, &path("example.com/m")).unwrap_err();
    assert_eq!(error(b"<!DOCTYPE html>"), ListError::Markup);
    assert_eq!(error(b"\xef\xbb\xbf \r\n<html>"), ListError::Markup);
    assert_eq!(error(b"v1.0.0\n\0"), ListError::Binary { at: 7 });
    assert_eq!(error(b"v1.0.0\n\xff"), ListError::Binary { at: 7 });
    assert_eq!(error(b"{\"error\":\"sign in\"}\n"), ListError::NoVersion { lines: 1 });
    assert_eq!(error(b"not found\n\nmaster\n1.0.0\n"), ListError::NoVersion { lines: 3 });
    assert_eq!(error(&vec![b' '; list::MAX_BYTES + 1]), ListError::TooLarge { bytes: list::MAX_BYTES + 1 });
    assert_eq!(error(&vec![b'\n'; list::MAX_LINES]), ListError::TooLong);
    assert!(List::parse(&vec![b'\n'; list::MAX_LINES - 1], &path("example.com/m")).is_ok());
}

#[test]
fn list_of_versions_that_do_not_fit_is_an_empty_list() {
    for text in ["v2.0.0\n", "v1.2\n", "v1.0.0+meta\nmaster\n", "v0.0.0-20260101000000-0123456789ab\n"] {
        assert_eq!(listed(text, "example.com/m").to_text(), "", "{text}");
    }
}

#[test]
fn list_from_tags_obeys_the_same_rules() {
    let tags = ["v1.1.0", "v2.0.0", "v1.0.0", "v1.0.1-0.20260101000000-0123456789ab"];
    let list = List::from_versions(tags.map(|tag| Version::parse(tag).unwrap()), &path("example.com/m"));
    assert_eq!(names(&list), ["v1.0.0", "v1.1.0"]);
}

fn latest_of(text: &str, retracted: &[&str]) -> Option<String> {
    let list = listed(text, "example.com/m");
    latest::choose(list.versions(), |v| retracted.contains(&v.as_str())).map(|v| v.as_str().to_owned())
}

#[test]
fn latest_is_the_highest_release_that_is_not_retracted() {
    let text = "v1.0.0\nv1.1.0\nv1.2.0-rc.1\n";
    assert_eq!(latest_of(text, &[]).unwrap(), "v1.1.0");
    assert_eq!(latest_of(text, &["v1.1.0"]).unwrap(), "v1.0.0");
    assert_eq!(latest_of(text, &["v1.1.0", "v1.0.0"]).unwrap(), "v1.2.0-rc.1");
    assert_eq!(latest_of(text, &["v1.1.0", "v1.0.0", "v1.2.0-rc.1"]), None);
    assert_eq!(latest_of("", &[]), None);
}

#[test]
fn compatible_pre_release_goes_before_incompatible_release() {
    let text = "v1.0.0-rc.1\nv2.0.0+incompatible\nv3.0.0-rc.1+incompatible\n";
    assert_eq!(latest_of(text, &[]).unwrap(), "v1.0.0-rc.1");
    assert_eq!(latest_of(text, &["v1.0.0-rc.1"]).unwrap(), "v2.0.0+incompatible");
    let list = listed(text, "example.com/m");
    assert_eq!(latest::choose_any(list.versions(), |_| false).unwrap().as_str(), "v2.0.0+incompatible");
    let gate = |v: &Version| v.as_str() == "v1.0.0-rc.1";
    assert_eq!(latest::incompatible_gate(list.versions(), |_| false).unwrap().as_str(), "v1.0.0-rc.1");
    assert!(latest::incompatible_gate(list.versions(), gate).is_none());
    assert!(latest::incompatible_gate(listed("v1.0.0\n", "example.com/m").versions(), |_| false).is_none());
    assert_eq!(latest::retraction_source(list.versions()).unwrap().as_str(), "v1.0.0-rc.1");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, text in "[v0-9.+a-z \r\n-]{0,200}") {
        let _ = List::parse(&bytes, &path("example.com/m"));
        let _ = List::parse(text.as_bytes(), &path("example.com/m/v2"));
    }

    #[test]
    fn printed_list_reads_back(text in "v1\\.0\\.0\n(v[01]\\.[0-9]{1,2}\\.[0-9](-[a-z0-9]{1,3})?\n|[a-z]{1,9} ?\n){0,30}") {
        let list = listed(&text, "example.com/m");
        let again = listed(&list.to_text(), "example.com/m");
        prop_assert_eq!(again.versions(), list.versions());
        prop_assert_eq!(again.dropped_lines(), 0);
    }
}

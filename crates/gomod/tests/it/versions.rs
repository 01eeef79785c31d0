//! Semantic versions, canonical versions and pseudo-versions, compared with Go.

use std::borrow::Cow;
use std::cmp::Ordering;

use gomod::pseudo::{self, PseudoVersion};
use gomod::version::VersionFault;
use gomod::{Query, Version, semver};
use jiff::Timestamp;
use testkit::cases;
use testkit::cases::Case;

#[test]
fn semantic_versions_are_those_of_go() {
    for case in cases!("semver") {
        let version = case.text(0);
        assert_eq!(semver::is_valid(version), case.is(1, "true"), "{case}");
        let (canonical, rest) = if case.is(1, "true") {
            (Some(case.text(2)), [case.text(3), case.text(4), case.text(5), case.text(6)])
        } else {
            (None, ["", "", "", ""])
        };
        assert_eq!(semver::canonical(version).as_deref(), canonical, "{case}");
        let parts = [
            Cow::Borrowed(semver::major(version)),
            semver::major_minor(version),
            Cow::Borrowed(semver::prerelease(version)),
            Cow::Borrowed(semver::build(version)),
        ];
        assert_eq!(parts, rest, "{case}");
    }
}

#[test]
fn precedence_is_that_of_go() {
    for case in cases!("semver_compare") {
        let wanted = if case.is(2, "0") {
            Ordering::Equal
        } else if case.is(2, "1") {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        assert_eq!(semver::compare(case.text(0), case.text(1)), wanted, "{case}");
        assert_eq!(semver::compare(case.text(1), case.text(0)), wanted.reverse(), "{case}");
    }
}

#[test]
fn versions_are_sorted_as_go_sorts_them() {
    let cases = cases!("semver_sort");
    let wanted: Vec<&str> = cases.iter().map(|case| case.text(0)).collect();
    let mut sorted = wanted.clone();
    sorted.sort_unstable();
    assert_ne!(sorted, wanted, "the order of bytes is no test");
    sorted.sort_by(|left, right| semver::compare_total(left, right));
    assert_eq!(sorted, wanted);
    let versions: Vec<Version> = wanted.iter().filter_map(|version| Version::parse(version).ok()).collect();
    assert!(versions.len() > 20 && versions.is_sorted());
}

#[test]
fn canonical_versions_are_those_of_go() {
    for case in cases!("canonical_version") {
        let (version, canonical) = (case.text(0), case.text(1));
        match Version::parse(version) {
            Ok(found) => assert_eq!(found.as_str(), canonical, "{case}"),
            Err(error) if canonical.is_empty() => assert_eq!(error.fault, VersionFault::NotSemver, "{case}"),
            Err(error) => {
                assert_ne!(version, canonical, "{case}");
                assert_eq!(error.fault, VersionFault::NotCanonical, "{case}");
            }
        }
    }
}

#[test]
fn escaped_versions_are_those_of_go() {
    for case in cases!("escape_version") {
        let query = Query::parse(case.text(0));
        match (&query, case.verdict(1)) {
            (Ok(query), Ok(wanted)) => assert_eq!(query.escape(), wanted, "{case}"),
            (Err(error), Ok(_)) => assert_eq!(error.fault, VersionFault::Reserved, "{case}"),
            // The escaper refuses what is not ASCII in words of its own, and empty words are refused twice.
            (Err(error), Err(wanted)) => {
                let is_known = wanted.contains("internal error") || error.to_string().starts_with(&wanted);
                assert!(is_known, "{case}: {error}");
            }
            (Ok(_), Err(_)) => panic!("{case}: {query:?}"),
        }
        if let Ok(version) = Version::parse(case.text(0)) {
            assert_eq!(Ok(version.escape()), case.verdict(1), "{case}");
        }
    }
}

#[test]
fn unescaped_versions_are_those_of_go() {
    for case in cases!("unescape_version") {
        let version = Version::unescape(case.text(0));
        match (&version, case.verdict(1)) {
            (Ok(version), Ok(wanted)) => assert_eq!(version.as_str(), wanted, "{case}"),
            (Err(error), Ok(wanted)) => {
                assert!(
                    matches!(error.fault, VersionFault::NotSemver | VersionFault::NotCanonical),
                    "{case}"
                );
                assert_eq!(error.version, wanted, "{case}");
            }
            (Err(error), Err(wanted)) => match &error.fault {
                VersionFault::Escape(_) => {
                    assert!(error.to_string().starts_with(&format!("{wanted}: ")), "{case}");
                }
                VersionFault::Element(fault) => assert!(wanted.ends_with(&format!(": {fault}")), "{case}"),
                _ => panic!("{case}: {error}"),
            },
            (Ok(_), Err(_)) => panic!("{case}: {version:?}"),
        }
    }
}

/// A result of the cases of pseudo-versions, and the index of the next field.
fn part(case: &Case, at: usize) -> (Result<String, String>, usize) {
    (case.verdict(at), if case.is(at, "error") { at + 2 } else { at + 1 })
}

#[test]
fn pseudo_versions_are_those_of_go() {
    for case in cases!("pseudo") {
        let version = case.text(0);
        assert_eq!(pseudo::is_pseudo(version), case.is(1, "true"), "{case}");
        let parts = PseudoVersion::parse(version);
        if case.is(1, "false") {
            let text = parts.map(|parts| parts.rev().to_owned()).map_err(|error| error.to_string());
            assert_eq!(
                text,
                Err(format!("pseudo-version {} invalid: syntax error", gomod::quote::quoted(version)))
            );
            continue;
        }
        let parts = parts.unwrap();
        assert_eq!(parts.rev(), case.text(2), "{case}");
        let (mut time, at) = part(&case, 3);
        // The last day that a timestamp of jiff can hold is the one before.
        if time.as_ref().is_ok_and(|time| time.starts_with("9999-12-31")) {
            time = parts.time().map(|time| time.to_string()).map_err(|error| error.to_string());
            assert!(time.is_err(), "{case}");
        }
        let (base, _) = part(&case, at);
        assert_eq!(
            parts.time().map(|time| time.to_string()).map_err(|error| error.to_string()),
            time,
            "{case}"
        );
        let found = parts.base().map(Option::unwrap_or_default).map_err(|error| error.to_string());
        assert_eq!(found, base, "{case}");
    }
}

#[test]
fn pseudo_versions_are_built_as_go_builds_them() {
    for case in cases!("pseudo_build") {
        let time: Timestamp = case.text(2).parse().unwrap();
        let built = pseudo::pseudo_version(case.text(0), case.text(1), time, case.text(3));
        assert_eq!(built, case.text(4), "{case}");
    }
    for case in cases!("pseudo_zero") {
        assert_eq!(pseudo::zero_pseudo_version(case.text(0)), case.text(1), "{case}");
        assert!(pseudo::is_zero_pseudo_version(case.text(1)), "{case}");
    }
    assert!(!pseudo::is_zero_pseudo_version("v0.0.0-00010101000001-000000000000"));
}

#[test]
fn kinds_of_versions_are_told_apart() {
    let version = |text| Version::parse(text).unwrap();
    assert!(version("v1.0.0-rc.1").is_prerelease() && !version("v1.0.0").is_prerelease());
    assert!(version("v2.0.0+incompatible").is_incompatible() && !version("v1.0.0").is_incompatible());
    assert!(!version("v2.0.0+incompatible").is_prerelease());
    assert!(version("v0.0.0-20260102030405-0123456789ab").is_pseudo());
    assert!(!version("v0.0.0-rc.1").is_pseudo());
    assert!(version("v2.0.0") < version("v2.0.0+incompatible"));
    assert_eq!(serde_json::to_string(&version("v1.0.0-RC1")).unwrap(), "\"v1.0.0-RC1\"");
}

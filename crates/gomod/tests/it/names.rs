//! Module paths, import paths and names of files, compared with Go.

use gomod::path::{self, PathError};
use gomod::{EscapedPath, ModulePath, ModuleVersion, Version};
use testkit::cases;
use testkit::cases::Field;

/// What our function says, in the form of the cases.
fn said<T: ToString, E: ToString>(result: Result<T, E>) -> Result<String, String> {
    result.map(|value| value.to_string()).map_err(|error| error.to_string())
}

#[test]
fn module_paths_are_those_of_go() {
    for case in cases!("check_path") {
        let said = said(ModulePath::parse(case.text(0)).map(|_| ""));
        assert_eq!(said, case.verdict(1), "{case}");
    }
}

#[test]
fn import_paths_are_those_of_go() {
    for case in cases!("check_import_path") {
        let said = said(path::check_import_path(case.text(0)).map(|()| ""));
        assert_eq!(said, case.verdict(1), "{case}");
    }
}

#[test]
fn names_of_files_are_those_of_go() {
    for case in cases!("check_file_path") {
        let said = said(path::check_file_path(case.text(0)).map(|()| ""));
        assert_eq!(said, case.verdict(1), "{case}");
    }
}

#[test]
fn escaped_paths_are_those_of_go() {
    for case in cases!("escape_path") {
        let said = said(ModulePath::parse(case.text(0)).map(|path| path.escape()));
        assert_eq!(said, case.verdict(1), "{case}");
    }
}

#[test]
fn unescaped_paths_are_those_of_go() {
    for case in cases!("unescape_path") {
        let found = EscapedPath::unescape(case.text(0));
        match (&found, case.verdict(1)) {
            (Ok(path), Ok(wanted)) => assert_eq!(path.as_str(), wanted, "{case}"),
            // Go does not say what is wrong with the escapes.
            (Err(error @ PathError::Escape { .. }), Err(wanted)) => {
                assert!(error.to_string().starts_with(&format!("{wanted}: ")), "{case}: {error}");
            }
            // Go names the path in both of its forms.
            (Err(error), Err(wanted)) => assert!(wanted.ends_with(&error.to_string()), "{case}: {error}"),
            _ => panic!("{case}: {found:?}"),
        }
    }
}

#[test]
fn major_version_suffixes_are_those_of_go() {
    for case in cases!("split_path_version") {
        let split = path::split_path_version(case.text(0));
        if case.is(3, "true") {
            assert_eq!(split, Some((case.text(1), case.text(2))), "{case}");
        } else {
            assert_eq!(split, None, "{case}");
        }
    }
}

#[test]
fn versions_fit_the_majors_that_go_says() {
    for case in cases!("check_path_major") {
        let (version, major) = (case.text(0), case.text(1));
        let said = said(path::check_path_major(version, major).map(|()| ""));
        let wanted = case.verdict(2).map_err(|text| {
            let reason = text.find("invalid: ").map(|at| at + "invalid: ".len());
            text[reason.unwrap()..].to_owned()
        });
        assert_eq!(said, wanted, "{case}");
    }
}

#[test]
fn modules_have_the_versions_that_go_says() {
    for case in cases!("check") {
        let (Ok(path), Ok(version)) = (ModulePath::parse(case.text(0)), Version::parse(case.text(1))) else {
            continue;
        };
        let said = said(ModuleVersion::new(path, version).map(|_| ""));
        assert_eq!(said, case.verdict(2), "{case}");
    }
}

#[test]
fn quotes_are_those_of_go() {
    for case in cases!("check_file_path") {
        let quoted = gomod::quote::quoted(case.text(0)).to_string();
        assert!(case.line.starts_with(&format!("{quoted} ")), "{case}: {quoted}");
        assert!(matches!(case.fields[0], Field::Bytes(_)));
    }
}

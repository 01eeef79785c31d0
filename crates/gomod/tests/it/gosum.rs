//! go.sum files: reading, looking up, and printing as the go command does.

use gomod::gosum::{self, GoSum, GoSumError, Sum, Summed};
use gomod::{H1, ModulePath, ModuleVersion, Version};
use proptest::prelude::*;

const A: &str = "h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=";
const B: &str = "h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=";

fn parsed(text: &str) -> GoSum {
    GoSum::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn module(path: &str, version: &str) -> ModuleVersion {
    ModuleVersion::new(ModulePath::parse(path).unwrap(), Version::parse(version).unwrap()).unwrap()
}

#[test]
fn file_of_the_go_command_is_printed_as_it_was() {
    let text = format!(
        "example.com/a v1.2.0 {A}\nexample.com/a v1.2.0/go.mod {B}\nexample.com/a v1.10.0/go.mod {B}\n\
         example.com/a v1.10.0-rc.1 {A}\nexample.com/a/b v0.1.0 {A}\n"
    );
    let sorted = format!(
        "example.com/a v1.2.0 {A}\nexample.com/a v1.2.0/go.mod {B}\nexample.com/a v1.10.0-rc.1 {A}\n\
         example.com/a v1.10.0/go.mod {B}\nexample.com/a/b v0.1.0 {A}\n"
    );
    assert_eq!(parsed(&text).to_string(), sorted);
    assert_eq!(parsed(&sorted).to_string(), sorted);
}

#[test]
fn hashes_are_found_for_the_module_and_for_its_go_mod_file() {
    let sums = parsed(&format!(
        "example.com/a v1.0.0 {B}\nexample.com/a v1.0.0 {A}\nexample.com/a v1.0.0 {A}\nexample.com/a v1.0.0/go.mod {B}\n"
    ));
    assert_eq!(sums.hashes(&module("example.com/a", "v1.0.0"), Summed::Zip), [A, B]);
    assert_eq!(sums.hashes(&module("example.com/a", "v1.0.0"), Summed::GoMod), [B]);
    assert!(sums.hashes(&module("example.com/a", "v1.0.1"), Summed::Zip).is_empty());
    let allows = |version, hash| {
        sums.allows(&module("example.com/a", version), Summed::GoMod, &H1::parse(hash).unwrap())
    };
    assert_eq!(
        (allows("v1.0.0", B), allows("v1.0.0", A), allows("v1.0.1", A)),
        (Some(true), Some(false), None)
    );
    let lines: Vec<_> = sums.iter().collect();
    assert_eq!(lines[0], Sum { path: "example.com/a", version: "v1.0.0", of: Summed::Zip, hash: A });
    assert_eq!(lines[2], Sum { path: "example.com/a", version: "v1.0.0", of: Summed::GoMod, hash: B });
    assert_eq!(lines.len(), 3);
}

#[test]
fn blank_lines_and_the_hash_of_an_empty_file_are_passed_over() {
    let empty = "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=";
    let text = format!("\n \r\n\texample.com/a  v1.0.0 {A} \r\nexample.com/b v1.0.0/go.mod {empty}\n\n");
    assert_eq!(parsed(&text).to_string(), format!("example.com/a v1.0.0 {A}\n"));
    assert!(parsed("").is_empty());
}

#[test]
fn hashes_of_other_kinds_are_kept() {
    let text = "example.com/a v1.0.0 h2:whatever\n";
    assert_eq!(parsed(text).to_string(), text);
}

#[test]
fn malformed_lines_are_refused_with_their_number() {
    let error = |text: &str| GoSum::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error("example.com/a v1.0.0"), GoSumError::Fields { line: 1, fields: 2 });
    assert_eq!(error("\n<html>\n"), GoSumError::Fields { line: 2, fields: 1 });
    let five = format!("example.com/a v1.0.0 {A}\n\nexample.com/a v1.0.0 {A} x y\n");
    assert_eq!(error(&five), GoSumError::Fields { line: 3, fields: 5 });
    assert_eq!(error(&five).to_string(), "malformed go.sum:\ngo.sum:3: wrong number of fields 5");
    for hash in ["h1:", "h1:AAAA", "h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo"] {
        let wanted = GoSumError::Hash { line: 1, hash: hash.to_owned() };
        assert_eq!(error(&format!("example.com/a v1.0.0 {hash}\n")), wanted);
    }
    assert_eq!(GoSum::parse(b"\n\xff a b\n").unwrap_err(), GoSumError::Binary { line: 2 });
}

#[test]
fn file_over_the_limits_is_refused() {
    let error = |bytes: &[u8]| GoSum::parse(bytes).err();
    let bytes = gosum::MAX_BYTES + 1;
    assert_eq!(error(&vec![b' '; bytes]), Some(GoSumError::TooLarge { bytes }));
    assert_eq!(error(&vec![b'\n'; gosum::MAX_LINES]), Some(GoSumError::TooLong));
    assert_eq!(error(&vec![b'\n'; gosum::MAX_LINES - 1]), None);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, text in "[a-c./v0-9 \nh:=-]{0,100}") {
        let _ = GoSum::parse(&bytes);
        let _ = GoSum::parse(text.as_bytes());
    }

    #[test]
    fn printed_file_reads_back(text in "([a-c]/m v[0-9]{1,2}(\\.[0-9]\\.0)?(-rc)?(\\+[ab])?(/go\\.mod|/x)? h[2-4]:[a-c]\n){0,30}") {
        let sums = parsed(&text);
        prop_assert_eq!(&parsed(&sums.to_string()), &sums);
        prop_assert_eq!(parsed(&sums.to_string()).to_string(), sums.to_string());
    }
}

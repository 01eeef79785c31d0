//! The h1 hash: known values, and reading and printing as inverses.

use gomod::h1::{H1, H1Error, NewlineInName};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

fn h1(text: &str) -> H1 {
    H1::parse(text).unwrap()
}

#[test]
fn go_mod_hash_is_that_of_a_list_of_one_file() {
    let hash = H1::of_mod(b"module example.com/a\n\ngo 1.20\n");
    assert_eq!(hash, h1("h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI="));
    assert_eq!(H1::of_mod(b""), h1("h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY="));
}

#[test]
fn hash_of_files_does_not_depend_on_their_order() {
    let go_mod = ("example.com/a@v1.0.0/go.mod", Sha256::digest(b"module example.com/a\n\ngo 1.20\n").into());
    let source = ("example.com/a@v1.0.0/a.go", Sha256::digest(b"package a\n").into());
    let want = h1("h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=");
    assert_eq!(H1::of_files(vec![go_mod, source]), Ok(want));
    assert_eq!(H1::of_files(vec![source, go_mod]), Ok(want));
}

#[test]
fn hash_of_no_files_is_that_of_nothing() {
    let none: Vec<(&str, [u8; 32])> = Vec::new();
    assert_eq!(H1::of_files(none), Ok(h1("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")));
}

#[test]
fn names_with_newlines_have_no_hash() {
    assert_eq!(H1::of_files(vec![("a\nb", [0; 32])]), Err(NewlineInName { name: "a\nb".to_owned() }));
}

#[test]
fn only_the_canonical_spelling_is_a_hash() {
    let cases = [
        ("", H1Error::Algorithm),
        ("h2:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", H1Error::Algorithm),
        ("H1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", H1Error::Algorithm),
        ("h1:", H1Error::Base64),
        ("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", H1Error::Base64),
        // The last character has unused bits set.
        ("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", H1Error::Base64),
        ("h1:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=", H1Error::Base64),
        ("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", H1Error::Base64),
        ("h1:AAAA", H1Error::Base64),
        ("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFVA", H1Error::Base64),
        ("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFVAAAAA", H1Error::Base64),
    ];
    for (text, want) in cases {
        assert_eq!(H1::parse(text), Err(want), "{text:?}");
    }
}

#[test]
fn hash_is_a_string_in_json() {
    let hash = H1::of_mod(b"");
    let json = serde_json::to_string(&hash).unwrap();
    assert_eq!(json, format!("\"{hash}\""));
    assert_eq!(serde_json::from_str::<H1>(&json).unwrap(), hash);
    assert!(serde_json::from_str::<H1>("\"h1:x\"").is_err());
}

proptest! {
    #[test]
    fn parse_and_print_are_inverses(name in "[a-z]{0,9}", content: [u8; 32]) {
        let hash = H1::of_files(vec![(name, content)]).unwrap();
        prop_assert_eq!(H1::parse(&hash.to_string()), Ok(hash));
    }
}

//! The grammar of GOSUMDB, as cmd/go reads it (`modfetch.dbDial`).

use sumdb::Spec;
use sumdb::spec::SpecError;

use crate::note::TEST;

const GO: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

#[test]
fn known_databases_are_named_alone() {
    for (text, address) in [
        ("sum.golang.org", None),
        (" sum.golang.org\n", None),
        (GO, None),
        ("sum.golang.google.cn", Some("https://sum.golang.google.cn")),
        ("sum.golang.org https://proxy.example/sum", Some("https://proxy.example/sum")),
        ("sum.golang.org\thttp://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
    ] {
        let spec = Spec::parse(text).unwrap();
        assert_eq!((spec.name(), spec.address()), ("sum.golang.org", address), "{text}");
        assert_eq!(spec.verifier().to_string(), GO);
    }
    let spec = Spec::parse(&format!("{TEST} https://user:secret@example.com")).unwrap();
    assert_eq!(spec.name(), "localhost.localdev/sumdb");
    assert!(!format!("{spec:?}").contains("secret"));
}

#[test]
fn what_names_no_database_is_refused() {
    for text in ["", " \t"] {
        assert_eq!(Spec::parse(text), Err(SpecError::Missing));
    }
    assert_eq!(Spec::parse("a b c"), Err(SpecError::TooManyFields));
    for text in
        ["off", "sum.golang.google.cn https://x.example", "sum.example.org", "sum.golang.org+033de0af+Ac4z"]
    {
        assert!(matches!(Spec::parse(text), Err(SpecError::Key(_))), "{text}");
    }
    let mistyped = GO.replace("033de0ae", "033de0af");
    assert!(matches!(Spec::parse(&mistyped), Err(SpecError::Key(_))));
    for address in ["sum.example.org", "ftp://sum.example.org", "https://", "https:///x"] {
        assert_eq!(Spec::parse(&format!("sum.golang.org {address}")), Err(SpecError::Address), "{address}");
    }
}

#[test]
fn a_name_is_that_of_a_host_and_a_path() {
    let key = |name: &str| {
        let name = sumdb::note::Name::parse(name).unwrap();
        sumdb::Signer::from_seed(name, &[7; 32]).verifier().to_string()
    };
    for name in ["a.example", "a.example/b/c", "localhost:8080", "localhost:8080/x", "a_b~c"] {
        assert_eq!(Spec::parse(&key(name)).unwrap().name(), name);
    }
    for name in [
        "a.example/",
        "/a",
        "a?b",
        "a#b",
        "u@a.example",
        "a%20b",
        ":80",
        "a:b",
        "é.example",
        "https://a.example",
        "a:",
    ] {
        assert_eq!(Spec::parse(&key(name)), Err(SpecError::Name { name: name.to_owned() }));
    }
}

//! What single settings accept, and what is said about those that they refuse.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use larder::config::{
    Address, Cidr, Duration, GovcsRule, Listen, PathPrefix, Pattern, Route, SchemeRule, Size, SocketMode,
    SumDb, SumDbSpec, Upstream,
};
use proptest::prelude::*;

/// Each text is read, and printed as the second one, which is read as the same value.
fn accepted<T: FromStr<Err: Display> + Display + PartialEq>(cases: &[(&str, &str)]) {
    for (text, printed) in cases {
        let value = text.parse::<T>().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(value.to_string(), *printed);
        assert!(printed.parse::<T>().is_ok_and(|again| again == value), "{printed}");
    }
}

/// Each text is refused with a message that has these words in it.
fn refused<T: FromStr<Err: Display>>(cases: &[(&str, &str)]) {
    for (text, words) in cases {
        let error = text.parse::<T>().err().unwrap_or_else(|| panic!("{text} was accepted")).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn durations_have_units_that_fall() {
    accepted::<Duration>(&[
        ("90s", "90s"),
        ("60s", "1m"),
        ("1h30m", "90m"),
        ("1500ms", "1500ms"),
        ("7d", "7d"),
        ("0s", "0s"),
        ("0ms", "0s"),
    ]);
    refused::<Duration>(&[
        ("90", "`90` has no unit; write 500ms, 90s"),
        ("", "is not a number with a unit"),
        ("s", "is not a number with a unit"),
        ("-1s", "is not a number with a unit"),
        ("1.5s", "`.` is not a unit here"),
        ("90sec", "`sec` is not a unit here; use ms, s, m, h or d"),
        ("30m1h", "do not go from large to small"),
        ("1s1s", "do not go from large to small"),
        ("1h30", "has no unit"),
        ("99999999999999999999s", "too large"),
        ("18446744073709551615d", "too large"),
    ]);
}

#[test]
fn sizes_are_powers_of_two() {
    accepted::<Size>(&[("64MiB", "64MiB"), ("1024KiB", "1MiB"), ("1000B", "1000B"), ("0KiB", "0B")]);
    refused::<Size>(&[
        ("64", "`64` has no unit; write 512KiB"),
        ("64MB", "`MB` is not a unit here; use B, KiB, MiB"),
        ("64M", "`M` is not a unit here"),
        ("1MiB1KiB", "`MiB1KiB` is not a unit here"),
        ("MiB", "is not a number with a unit"),
        ("99999999TiB", "too large"),
    ]);
}

#[test]
fn addresses_to_listen_on_name_their_address_or_all() {
    accepted::<Listen>(&[
        ("127.0.0.1:3000", "127.0.0.1:3000"),
        ("localhost:3000", "127.0.0.1:3000"),
        ("[::1]:0", "[::1]:0"),
        (":3000", ":3000"),
        (":0", ":0"),
        ("http://127.0.0.1:3000", "127.0.0.1:3000"),
        ("https://:8443", "https://:8443"),
        ("https://localhost:8443", "https://127.0.0.1:8443"),
        ("unix:/run/larder.sock", "unix:/run/larder.sock"),
        ("https://unix:/run/larder.sock", "https://unix:/run/larder.sock"),
        ("systemd:", "systemd:"),
        ("systemd:web", "systemd:web"),
    ]);
    refused::<Listen>(&[
        ("3000", "write 127.0.0.1:3000 for this machine, :3000 for all addresses"),
        ("127.0.0.1", "has no port; write 127.0.0.1:3000"),
        ("localhost", "has no port"),
        (":http", "is not an address with a port"),
        (":99999", "is not an address with a port"),
        ("proxy.example.com:80", "is not an address with a port"),
        ("https://8443", "write 127.0.0.1:8443 for this machine, :8443 for all addresses"),
        ("https://", "is not an address with a port"),
        ("ftp://:21", "`ftp` is not spoken here; write https:// for TLS, or nothing"),
        ("unix:larder.sock", "is not a whole path; write it from the root on"),
        ("unix:", "is not a whole path"),
    ]);
}

#[test]
fn permissions_of_a_socket_are_octal() {
    accepted::<SocketMode>(&[("0660", "0660"), ("666", "0666"), ("0", "0000")]);
    refused::<SocketMode>(&[
        ("0888", "write them in octal, as 0660"),
        ("1777", "octal"),
        ("rw", "octal"),
        ("", "octal"),
    ]);
}

#[test]
fn a_path_prefix_is_empty_or_begins_with_a_slash() {
    accepted::<PathPrefix>(&[("", ""), ("/goproxy", "/goproxy"), ("/a/b-c_d.e", "/a/b-c_d.e")]);
    refused::<PathPrefix>(&[
        ("goproxy", "is not a path prefix"),
        ("/", "is not a path prefix"),
        ("/a/", "is not a path prefix"),
        ("/a//b", "is not a path prefix"),
        ("/../b", "is not a path prefix"),
        ("/a%2f", "is not a path prefix"),
    ]);
}

#[test]
fn patterns_that_can_never_match_are_refused() {
    accepted::<Pattern>(&[
        ("corp.example.com", "corp.example.com"),
        ("*.corp.example.com/team-?/[a-z]", "*.corp.example.com/team-?/[a-z]"),
        ("corp.example.com/", "corp.example.com/"),
        ("none", "none"),
        ("a[^\\]b-d]", "a[^\\]b-d]"),
    ]);
    refused::<Pattern>(&[
        ("", "empty"),
        (" corp.example.com", "has a blank in it"),
        ("https://corp.example.com", "have no scheme"),
        ("corp.example.com/m@v1.0.0", "have no `@version`"),
        ("a.example,b.example", "write two patterns"),
        ("/corp", "empty element"),
        ("corp//m", "empty element"),
        ("corp//", "empty element"),
        ("./corp", "relative"),
        ("corp/[a-", "not closed"),
        ("corp/[]a]", "not closed"),
        ("corp\\", "not closed"),
    ]);
}

#[test]
fn rules_have_a_pattern_and_a_list() {
    accepted::<GovcsRule>(&[
        ("public:git|hg", "public:git|hg"),
        (" corp.example.com: all ", "corp.example.com: all"),
    ]);
    accepted::<SchemeRule>(&[("corp.example.com:http|git", "corp.example.com:http|git")]);
    refused::<GovcsRule>(&[
        ("git", "malformed entry in GOVCS (missing colon): \"git\"; write github.com:git|hg"),
        (":git", "empty pattern in GOVCS"),
        ("public:", "empty VCS list in GOVCS"),
        ("public:git||hg", "empty VCS name in GOVCS"),
        ("./x:git", "relative pattern not allowed in GOVCS"),
        ("corp.example.com/[a:git", "can never match"),
    ]);
    refused::<SchemeRule>(&[
        ("corp.example.com:ssh", "`ssh` is not a scheme that can be opened"),
        ("corp.example.com", "missing colon"),
        ("corp.example.com:http|", "nothing stands behind the colon"),
    ]);
}

#[test]
fn networks_have_no_bits_behind_their_prefix() {
    accepted::<Cidr>(&[
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.168.1.5", "192.168.1.5"),
        ("fd00::/8", "fd00::/8"),
    ]);
    accepted::<Cidr>(&[("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"), ("10.1.1.1/32", "10.1.1.1")]);
    refused::<Cidr>(&[
        ("10.0.0.5/8", "write 10.0.0.0/8, or 10.0.0.5 for that address alone"),
        ("10.0.0.0/33", "is not a network"),
        ("corp.example.com", "is not a network"),
        ("10.0.0.0/", "is not a network"),
    ]);
    let contains = |network: &str, address: &str| {
        network.parse::<Cidr>().unwrap().contains(address.parse::<IpAddr>().unwrap())
    };
    assert!(contains("10.0.0.0/8", "10.255.0.1"));
    assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
    assert!(!contains("10.0.0.0/8", "11.0.0.0"));
    assert!(!contains("0.0.0.0/0", "fd00::1"));
    assert!(!contains("::/0", "::ffff:10.0.0.1"), "it is an IPv4 address");
    assert!(contains("fd00::/8", "fdff::1") && !contains("fd00::/8", "fe00::1"));
}

const KEY: &str = "sum.example.com+b2e18263+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
/// The hash is right, but no point of the curve has this key.
const NO_POINT: &str = "sum.example.com+c2675af5+AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn checksum_databases_are_named_as_gosumdb_names_them() {
    let spec = |text: &str| text.parse::<SumDbSpec>().unwrap();
    assert_eq!(spec("sum.golang.org").address(), None);
    assert_eq!(spec("sum.golang.google.cn").name(), "sum.golang.org");
    assert_eq!(spec("sum.golang.google.cn").address(), Some("https://sum.golang.google.cn"));
    let own = spec(&format!("{KEY} https://proxy.example.com/sumdb/sum.example.com"));
    assert_eq!((own.name(), own.verifier().to_string().as_str()), ("sum.example.com", KEY));
    assert_eq!(own.address(), Some("https://proxy.example.com/sumdb/sum.example.com"));
    refused::<SumDb>(&[
        ("", "missing database"),
        ("sum.corp.example.com", "the key of `sum.corp.example.com` is not known"),
        ("sum.golang.org https://a https://b", "too many fields"),
        ("sum.golang.org ftp://a", "invalid sumdb address"),
        ("sum.golang.org https://", "invalid sumdb address"),
        ("sum.example.com+033de0ae+AAAA", "the hash of the key is c2a295cd"),
        ("sum.example.com+033de0ae+AAA", "malformed verifier key"),
        ("sum.example.com+zzzzzzzz+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", "malformed verifier key"),
        ("/sum.example.com+a8018c0c+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", "invalid sumdb name"),
        (&KEY.replace("b2e18263", "b2e18264"), "the hash of the key is b2e18263, not b2e18264"),
        (NO_POINT, "the key is no public key of Ed25519"),
    ]);
}

#[test]
fn routes_and_upstreams_hide_their_passwords() {
    let route: Route = "a.example, *.b.example=https://me:secret@proxy.example,direct".parse().unwrap();
    assert_eq!(route.patterns.len(), 2);
    assert_eq!(route.upstream.reveal(), "https://me:secret@proxy.example,direct");
    assert!(!format!("{route:?}").contains("secret"));
    let address: Address = "http://me:secret@proxy.example:3128".parse().unwrap();
    assert!(!format!("{address:?}{address}").contains("secret"));
    refused::<Route>(&[
        ("a.example", "is not a route; write PATTERN"),
        ("=direct", "nothing in `match`"),
        ("a.example=", "no `upstream`"),
        ("a b=direct", "has a blank"),
    ]);
    refused::<Upstream>(&[
        ("", "the list is empty"),
        (",|", "GOPROXY list is not the empty string, but contains no entries"),
        ("foo", "invalid proxy URL missing scheme: foo"),
        ("ftp://x/y", "invalid proxy URL scheme (must be https, http, file): ftp://x/y"),
    ]);
}

proptest! {
    #[test]
    fn durations_are_read_as_they_are_printed(millis: u64) {
        let duration = Duration::from_millis(millis);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn sizes_are_read_as_they_are_printed(bytes: u64) {
        let size = Size::from_bytes(bytes);
        prop_assert_eq!(size.to_string().parse(), Ok(size));
    }

    #[test]
    fn networks_are_read_as_they_are_printed(bits: u32, length in 0..=32_u8) {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let network: Cidr = format!("{}/{length}", std::net::Ipv4Addr::from(bits & mask)).parse().unwrap();
        prop_assert_eq!(network.to_string().parse(), Ok(network));
        prop_assert!(network.contains(IpAddr::V4(bits.into())));
    }

    #[test]
    fn no_text_makes_a_setting_panic(text in "\\PC*") {
        drop((text.parse::<Duration>(), text.parse::<Size>(), text.parse::<Listen>(), text.parse::<Pattern>()));
        drop((text.parse::<Cidr>(), text.parse::<GovcsRule>(), text.parse::<Route>(), text.parse::<SumDb>()));
        drop((text.parse::<PathPrefix>(), text.parse::<Upstream>(), larder::config::redact(&text)));
    }
}

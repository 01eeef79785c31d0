//! `.info` files: what is accepted, what is refused, and that bytes stay as they came.

use gomod::info::{self, Info, InfoError, Origin, Time};
use proptest::prelude::*;

const TAGGED: &str = r#"{"Version":"v1.0.1","Time":"2026-11-20T22:13:31Z","Origin":{"VCS":"git","URL":"https://example.com/r","Hash":"0123456789012345678901234567890123456789","Ref":"refs/tags/v1.0.1"}}"#;

fn parsed(json: &str) -> Info {
    Info::parse(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn info_of_the_go_command_is_read_and_printed_byte_for_byte() {
    let info = parsed(TAGGED);
    assert_eq!(info.version.as_str(), "v1.0.1");
    assert_eq!(info.time.as_ref().unwrap().timestamp().as_second(), 1_795_212_811);
    let origin = info.origin.as_ref().unwrap();
    assert_eq!(origin.vcs.as_deref(), Some("git"));
    assert_eq!(origin.reference.as_deref(), Some("refs/tags/v1.0.1"));
    assert_eq!(origin.subdir, None);
    assert_eq!(info.to_json(), TAGGED);
}

#[test]
fn time_and_origin_are_optional() {
    for json in [
        r#"{"Version":"v1.0.0"}"#,
        r#"{"Version":"v1.0.0","Time":null,"Origin":null}"#,
        r#" { "Version" : "v1.0.0" } "#,
        "{\"Version\":\"v1.0.0\"}\n",
    ] {
        let info = parsed(json);
        assert_eq!((info.time.is_none(), info.origin.is_none()), (true, true), "{json}");
        assert_eq!(info.to_json(), r#"{"Version":"v1.0.0"}"#);
    }
}

#[test]
fn fields_match_in_any_case_and_the_last_one_wins() {
    let info = parsed(r#"{"version":"v9.0.0","VERSION":"v1.0.0","Name":"x","Short":[1,{"Version":2}]}"#);
    assert_eq!(info.version.as_str(), "v1.0.0");
    let info = parsed(r#"{"Version":"v1.0.0","origin":{"vcs":"git","Vcs":"hg","Extra":1,"hash":""}}"#);
    assert_eq!(info.origin.unwrap(), Origin { vcs: Some("hg".into()), ..Origin::default() });
}

#[test]
fn wrong_json_is_refused() {
    for json in [
        "",
        "null",
        "[]",
        "v1.0.0",
        "{",
        r#"{"Version":1}"#,
        r#"{"Version":"v1.0.0"} x"#,
        "<html></html>",
        r#"{"Version":"v1.0.0","Time":5}"#,
        r#"{"Version":"v1.0.0","Origin":"git"}"#,
        r#"{"Version":"v1.0.0","Origin":{"URL":1}}"#,
    ] {
        assert!(matches!(Info::parse(json.as_bytes()), Err(InfoError::Json { .. })), "{json}");
    }
}

#[test]
fn version_must_be_canonical() {
    for version in ["", "v1", "v1.2", "v1.2.3+meta", "1.2.3", "master", "v01.2.3", "v1.2.3-01", " v1.2.3"] {
        let json = format!(r#"{{"Version":"{version}"}}"#);
        assert!(matches!(Info::parse(json.as_bytes()), Err(InfoError::Version { .. })), "{version}");
    }
    assert!(matches!(Info::parse(b"{}"), Err(InfoError::Version { .. })));
    for version in ["v1.2.3", "v2.0.0+incompatible", "v0.0.0-20260101000000-0123456789ab", "v1.2.3-rc.1"] {
        assert_eq!(parsed(&format!(r#"{{"Version":"{version}"}}"#)).version.as_str(), version);
    }
}

#[test]
fn malformed_time_is_refused() {
    for time in [
        "",
        "yesterday",
        "2026-11-20",
        "2026-11-20T22:13:31",
        "2026-11-20 22:13:31Z",
        "2026-02-30T00:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T22:60:00Z",
        "2026-11-20T22:13:60Z",
        "2026-11-20T22:13:31.Z",
        "2026-11-20T22:13:31z",
        "2026-11-20T22:13:31+25:00",
        "2026-11-20T22:13:31Zx",
        "2026-13-20T22:13:31Z",
        "2026-11-20T22:13:31-0700",
        "02026-11-20T22:13:31Z",
        "-026-11-20T22:13:31Z",
    ] {
        let json = format!(r#"{{"Version":"v1.0.0","Time":"{time}"}}"#);
        assert!(matches!(Info::parse(json.as_bytes()), Err(InfoError::Time { .. })), "{time}");
    }
}

#[test]
fn time_keeps_its_offset_and_takes_the_form_of_go() {
    for (text, wanted, second) in [
        ("2026-11-20T15:13:31-07:00", "2026-11-20T15:13:31-07:00", 1_795_212_811),
        ("2026-11-20T22:13:31+00:00", "2026-11-20T22:13:31Z", 1_795_212_811),
        ("2026-11-20T22:13:31-00:00", "2026-11-20T22:13:31Z", 1_795_212_811),
        ("2026-11-20T22:13:31.500Z", "2026-11-20T22:13:31.5Z", 1_795_212_811),
        ("2026-11-20T22:13:31.000000000Z", "2026-11-20T22:13:31Z", 1_795_212_811),
        ("2026-11-20T22:13:31.12345678987+01:30", "2026-11-20T22:13:31.123456789+01:30", 1_795_207_411),
        ("2026-11-20T2:13:31,5Z", "2026-11-20T02:13:31.5Z", 1_795_140_811),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", -62_135_596_800),
    ] {
        let time = Time::parse(text).unwrap();
        assert_eq!((time.as_str(), time.timestamp().as_second()), (wanted, second), "{text}");
    }
    let at = jiff::Timestamp::from_second(1_795_212_811).unwrap();
    assert_eq!(Time::utc(at).as_str(), "2026-11-20T22:13:31Z");
    assert_eq!(Time::utc(at), Time::parse("2026-11-20T22:13:31Z").unwrap());
}

#[test]
fn more_than_a_mebibyte_is_refused() {
    let mut json = TAGGED.to_owned();
    json.push_str(&" ".repeat(info::MAX_BYTES - json.len()));
    assert!(Info::parse(json.as_bytes()).is_ok());
    json.push(' ');
    assert!(matches!(Info::parse(json.as_bytes()), Err(InfoError::TooLarge { .. })));
}

#[test]
fn json_escapes_what_go_escapes() {
    let url = "https://example.com/?a=<b>&c=\"\\\u{2028}".to_owned();
    let origin = Origin { url: Some(url), ..Origin::default() };
    let info = Info { origin: Some(origin), time: None, ..parsed(TAGGED) };
    let json = info.to_json();
    assert_eq!(
        json,
        r#"{"Version":"v1.0.1","Origin":{"URL":"https://example.com/?a=\u003cb\u003e\u0026c=\"\\\u2028"}}"#
    );
    assert_eq!(parsed(&json), info);
}

fn clean(text: &str) -> String {
    String::from_utf8_lossy(&info::without_userinfo(text.as_bytes())).into_owned()
}

#[test]
fn userinfo_is_taken_out_of_urls_and_nothing_else_changes() {
    for (text, wanted) in [
        (r#"{ "URL" : "https://user:word@example.com/r" }"#, r#"{ "URL" : "https://example.com/r" }"#),
        (r#"{"URL":"https:\/\/tok\u0040n@example.com\/r"}"#, r#"{"URL":"https://example.com/r"}"#),
        (
            r#"{"a":"x","b":"git+ssh://git@example.com:22/r","c":1}"#,
            r#"{"a":"x","b":"git+ssh://example.com:22/r","c":1}"#,
        ),
        (r#"{"URL":"//u:p@example.com"}"#, r#"{"URL":"//example.com"}"#),
        (r#"{"m":"at https://a@b/c and https://d:e@f"}"#, r#"{"m":"at https://b/c and https://f"}"#),
        (r#"{"u":"https://u@v@example.com/p@q"}"#, r#"{"u":"https://example.com/p@q"}"#),
        (r#"["https://u:p@h", "\"https://u:p@h"#, r#"["https://h", "\"https://u:p@h"#),
    ] {
        assert_eq!(clean(text), wanted);
    }
}

#[test]
fn bytes_without_userinfo_are_borrowed() {
    for text in [
        TAGGED,
        "",
        "\"",
        "\"\\",
        r#"{"URL":"https://example.com/@v/list?a=b@c#d@e"}"#,
        r#"{"Ref":"a//b@c"}"#,
        r#"{"a":"user@example.com"}"#,
    ] {
        let cleaned = info::without_userinfo(text.as_bytes());
        assert!(matches!(cleaned, std::borrow::Cow::Borrowed(bytes) if bytes == text.as_bytes()), "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, at in 0..TAGGED.len(), byte: u8) {
        let _ = Info::parse(&bytes);
        let _ = info::without_userinfo(&bytes);
        let mut mutated = TAGGED.as_bytes().to_vec();
        mutated[at] = byte;
        let _ = Info::parse(&mutated);
        let _ = info::without_userinfo(&mutated);
    }

    #[test]
    fn no_text_makes_the_time_reader_panic(text in "[0-9T:Z.,+-]{0,40}", other: String) {
        let _ = Time::parse(&text);
        let _ = Time::parse(&other);
    }

    #[test]
    fn printed_info_reads_back(second in -62_135_596_800_i64..253_000_000_000, nano in 0..1_000_000_000_i32, url: String) {
        let time = Time::utc(jiff::Timestamp::new(second, if second < 0 { 0 } else { nano }).unwrap());
        prop_assert_eq!(&Time::parse(time.as_str()).unwrap(), &time);
        let origin = Origin { url: Some(url).filter(|url| !url.is_empty()), ..Origin::default() };
        let info = Info { time: Some(time), origin: Some(origin), ..parsed(TAGGED) };
        prop_assert_eq!(&parsed(&info.to_json()), &info);
    }

    #[test]
    fn cleaning_twice_is_cleaning_once(bytes in r#"["/:@\\a-c?# {}]{0,40}"#) {
        let once = info::without_userinfo(bytes.as_bytes()).into_owned();
        prop_assert_eq!(info::without_userinfo(&once).into_owned(), once);
    }
}

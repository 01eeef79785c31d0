//! Lies that only one kind of file can tell.

use std::time::Duration;

use bytes::Bytes;
use testkit::{ModuleFiles, Upstream};

use super::questions::Question;
use crate::proxy::TestProxy;

/// One upstream that has other bytes at a path, and what is answered for them; then the right bytes are.
async fn answered(question: Question, bytes: impl Into<Bytes>) -> (u16, String) {
    let upstream = question.upstream().await;
    upstream.on(&question.path()).bytes(bytes);
    let proxy = TestProxy::over(&upstream);
    let response = proxy.get(&question.path()).await;
    if response.status != 200 {
        upstream.heal(&question.path());
        proxy.clock().advance(Duration::from_millis(1001));
        let again = proxy.get(&question.path()).await;
        assert!(again.status == 200 && again.body == question.right(), "{question:?}: {}", again.text());
    }
    (response.status, response.text())
}

#[tokio::test]
async fn an_info_that_lies_is_refused() {
    for info in [
        r#"{"Version":"v1.0.1","Time":"2026-01-02T03:04:05Z"}"#,
        r#"{"Version":"v1.0.0","Time":"yesterday"}"#,
        r#"{"Version":"v1.0.0","Time":"2026-13-02T03:04:05Z"}"#,
        r#"{"Version":"v1.0.0","Time":1767322800}"#,
        r#"{"Version":"v1.0.0","Time":""}"#,
        r#"{"Version":"1.0.0"}"#,
        r#"{"Version":"v1"}"#,
        r#"{"Version":["v1.0.0"]}"#,
        r#"{"Time":"2026-01-02T03:04:05Z"}"#,
        r#"{"Version":"v1.0.0"} and more"#,
        r#"{"Version":"v1.0.0""#,
        r#"["v1.0.0"]"#,
        "null",
        "\u{feff}{\"Version\":\"v1.0.0\"}",
        &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        &format!(r#"{{"Version":"v1.0.0","More":"{}"}}"#, "x".repeat(2 << 20)),
    ] {
        let shown = &info[..info.len().min(60)];
        let (status, text) = answered(Question::Info, info.to_owned()).await;
        assert_eq!(status, 502, "{shown}: {text}");
        assert!(text.starts_with("refused: example.com/m@v1.0.0 (info): "), "{shown}: {text}");
    }
}

#[tokio::test]
async fn a_latest_version_or_a_branch_of_another_major_is_refused() {
    for question in [Question::Latest, Question::Query] {
        for version in ["v2.0.0", "v1.0", "main", "v1.0.0+meta", ""] {
            let (status, text) = answered(question, format!(r#"{{"Version":"{version}"}}"#)).await;
            assert_eq!(status, 502, "{version}: {text}");
        }
    }
}

#[tokio::test]
async fn a_list_full_of_junk_gives_what_is_right_in_it() {
    for (listed, shown) in [
        ("", ""),
        ("\n\r\n  \n", ""),
        ("v1.1.0\nv1.0.0\n", "v1.0.0\nv1.1.0\n"),
        ("v1.0.0\nv1.0.0\r\n v1.0.0 \n", "v1.0.0\n"),
        ("v1.0.0 2026-01-02T03:04:05Z\n", "v1.0.0\n"),
        ("v1.0.0\nv2.0.0\nv1.2\nmaster\n1.0.0\nv1.0.1+meta\n\u{1b}[31mv1.0.2\n", "v1.0.0\n"),
        ("\u{feff}v1.0.0\nv1.1.0\n", "v1.1.0\n"),
        ("v1.0.0\nv0.0.0-20260102030405-0123456789ab\n", "v1.0.0\n"),
        ("v2.0.0\nv3.0.0\n", ""),
    ] {
        assert_eq!(answered(Question::List, listed).await, (200, shown.to_owned()), "{listed:?}");
    }
}

#[tokio::test]
async fn a_list_without_one_version_is_no_list() {
    for listed in [
        "Please sign in.\n".to_owned(),
        "not found\n".to_owned(),
        r#"{"versions":["v1.0.0"]}"#.to_owned(),
        "\u{feff}v1.0.0\n".to_owned(),
        "v1.0.0\n\0".to_owned(),
        "x\n".repeat(300_000),
        "x".repeat(1 << 20),
    ] {
        let (status, text) = answered(Question::List, listed.clone()).await;
        assert_eq!(status, 502, "{:?}: {text}", &listed[..listed.len().min(40)]);
        assert!(text.starts_with("refused: versions of example.com/m: "), "{text}");
    }
    let (status, _) = answered(Question::List, b"v1.0.0\n\xff\xfe\n".to_vec()).await;
    assert_eq!(status, 502);
}

#[tokio::test]
async fn a_list_that_became_junk_does_not_replace_the_one_that_is_known() {
    let files = ModuleFiles::new("example.com/m", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    assert_eq!(proxy.get(&files.list_url()).await.text(), "v1.0.0\n");
    upstream.on(&files.list_url()).bytes("Please sign in.\n");
    for _ in 0..3 {
        proxy.clock().advance(Duration::from_mins(11));
        let response = proxy.get(&files.list_url()).await;
        assert_eq!((response.status, response.text().as_str()), (200, "v1.0.0\n"));
        assert_eq!(response.header("x-larder-cache"), Some("stale"));
        proxy.settled().await;
    }
}

#[tokio::test]
async fn a_go_mod_is_passed_on_as_it_is_whatever_module_it_names() {
    for go_mod in
        ["module example.com/other\n", "", "// nothing\r\n", "module \"example.com/m\"\nunknown directive\n"]
    {
        assert_eq!(answered(Question::Mod, go_mod).await, (200, go_mod.to_owned()));
    }
}

#[tokio::test]
async fn a_go_mod_that_is_no_go_mod_is_refused() {
    for other in ["<html>", " \r\n<!doctype html>", "\u{feff}<a>", "{\"error\":1}", "\n [1]", "module m\0"] {
        let (status, text) = answered(Question::Mod, other).await;
        assert_eq!(status, 502, "{other:?}: {text}");
    }
    let (status, text) = answered(Question::Mod, "// x\n".repeat(4 << 20)).await;
    assert_eq!(status, 502, "{text}");
}

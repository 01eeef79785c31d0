//! Credentials of upstreams in the settings: where they are read from, what is a mistake, and that nothing shows them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder::app;
use larder::clock::Clock;
use larder::config::{Config, Found, Loaded, Sources, TextFile};
use larder::tasks::Tasks;
use store::Memory;

/// The secret of all tests.
const SECRET: &str = "hunter2";

fn load(text: &str) -> Result<Loaded, String> {
    let file = TextFile { name: "larder.toml".into(), text: text.into() };
    let mut sources = Sources { file: Some(file), ..Sources::default() };
    sources.environment.insert("HOME".into(), "/nowhere".into());
    sources.environment.insert("PROXY_TOKEN".into(), SECRET.into());
    sources.environment.insert("EMPTY".into(), String::new());
    Config::load(&sources).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.0.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

/// Builds what a start and a reload build.
fn build(text: &str) -> Result<(), String> {
    let config = load(text).unwrap().config;
    let built = app::pipeline_over(&config, Arc::new(Memory::new()), Tasks::default(), Clock::manual());
    built.map(drop).map_err(|error| format!("{error:#}"))
}

fn with_password(path: &Path) -> String {
    let path = path.display();
    format!("[[credential]]\norigin = \"https://proxy.corp\"\nusername = \"ci\"\npassword = \"{path}\"\n")
}

fn secret_file(dir: &Path, content: &[u8], mode: u32) -> PathBuf {
    let path = dir.join("password");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn a_credential_has_a_long_and_a_short_form_and_its_secret_is_never_shown() {
    let table = "[[credential]]\norigin = \"https://Proxy.Corp:8443/\"\ntoken = \"env:PROXY_TOKEN\"\n";
    let short = "credential = [\"https://proxy.corp:8443 token=env:PROXY_TOKEN\"]";
    for text in [table, short] {
        let loaded = load(text).unwrap();
        let credential = &loaded.config.credential[0];
        assert_eq!(credential.origin, "https://proxy.corp:8443");
        assert!(matches!(credential.token.as_ref().unwrap().find(), Found::Value(SECRET)));
        let row = loaded.rows().into_iter().find(|row| row.key == "credential").unwrap();
        assert!(row.value.to_string().contains("env:PROXY_TOKEN"), "{:?}", row.value);
        let json = serde_json::to_string(&loaded.config).unwrap();
        let shown = format!("{loaded:?} {:?} {json}", loaded.rows());
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let short = "credential = [\"https://proxy.corp username=ci password=/run/secrets/proxy\"]";
    let credential = load(short).unwrap().config.credential.remove(0);
    assert_eq!(credential.username.as_deref(), Some("ci"));
    assert!(matches!(credential.password.unwrap().find(), Found::File(path) if path.ends_with("proxy")));
}

#[test]
fn what_is_wrong_with_a_credential_is_told_with_its_place_and_without_its_secret() {
    let origin = "origin = \"https://proxy.corp\"\n";
    let token = "token = \"env:PROXY_TOKEN\"\n";
    for (credential, told) in [
        (format!("origin = \"http://proxy.corp\"\n{token}"), "begins with https://"),
        (format!("origin = \"https://proxy.corp/go\"\n{token}"), "and nothing more"),
        (format!("origin = \"https://ci:hunter2@proxy.corp\"\n{token}"), "and nothing more"),
        (token.to_owned(), "no `origin`"),
        (format!("{origin}token = \"hunter2\""), "it may be the secret itself"),
        (format!("{origin}token = \"env:\""), "write env:NAME"),
        (origin.to_owned(), "either `username` and `password`, or `token`"),
        (
            format!("{origin}app = \"1\"\napp_key = \"hunter2\"\nowner = \"corp\""),
            "it may be the secret itself",
        ),
        (
            format!("{origin}app = \"1\"\napp_key = \"env:NOT_THERE\"\nowner = \"corp\""),
            "variable NOT_THERE for",
        ),
        (format!("{origin}username = \"ci\""), "either `username` and `password`"),
        (format!("{origin}{token}username = \"ci\"\npassword = \"/x\""), "either `username` and `password`"),
        (format!("{origin}username = \"a:b\"\npassword = \"/x\""), "holds no colon"),
        (format!("{origin}token = \"env:NOT_THERE\""), "variable NOT_THERE for https://proxy.corp"),
        (format!("{origin}token = \"env:EMPTY\""), "is not set, or is empty"),
    ] {
        let mistakes = load(&format!("[[credential]]\n{credential}\n")).unwrap_err();
        assert!(mistakes.starts_with("larder.toml:1: credential"), "{mistakes}");
        assert!(mistakes.contains(told) && !mistakes.contains(SECRET), "{mistakes}");
    }
    for (text, told) in [
        ("https://p.corp ssh_key=/k", "goes to an `origin` that begins with ssh://"),
        ("ssh://git@p.corp token=env:PROXY_TOKEN", "nothing else goes there"),
        ("ssh://git:hunter2@p.corp ssh_key=/k", "and nothing more"),
        ("https://p.corp token=env:PROXY_TOKEN known_hosts=/h", "together with `ssh_key`"),
        ("https://p.corp token=env:PROXY_TOKEN form=github username=me", "sent without a `username`"),
        ("https://p.corp token=env:PROXY_TOKEN form=gitlab-deploy", "together with a `username`"),
        ("https://p.corp username=me password=/p form=basic", "there is none"),
        ("https://p.corp token=env:PROXY_TOKEN form=gihub", "is bearer, basic, github"),
        ("https://p.corp token=env:PROXY_TOKEN match=corp//x", "can never match"),
        ("https://p.corp token=env:PROXY_TOKEN name=", "is one word"),
    ] {
        let mistakes = load(&format!("credential = [\"{text}\"]")).unwrap_err();
        assert!(mistakes.contains(told) && !mistakes.contains(SECRET), "{text}: {mistakes}");
    }
    let named = "credential = [\"https://p.corp name=a token=/x\", \"https://q.corp name=a token=/x\"]";
    assert!(load(named).unwrap_err().contains("two credentials are called a"));
    let hidden = "credential = [\"https://p.corp token=/x\", \"https://p.corp match=p.corp/a token=/x\"]";
    assert!(load(hidden).unwrap_err().contains("for all modules, so this one is never sent"));
    let ordered = "credential = [\"https://p.corp match=p.corp/a token=/x\", \"https://p.corp token=/x\"]";
    load(ordered).unwrap();
    let twice = "credential = [\"https://p.corp token=env:PROXY_TOKEN\", \"https://P.corp token=/x\"]";
    assert!(load(twice).unwrap_err().contains("https://p.corp has one already"));
}

#[test]
fn a_credential_of_repositories_says_for_which_modules_in_which_form_and_by_which_key() {
    let text = "credential = [\"https://Git.corp name=team match=git.corp/a,git.corp/b token=env:PROXY_TOKEN form=gitlab-job\", \
                \"ssh://Git@git.Corp:2222/ ssh_key=/k known_hosts=/h\"]";
    let config = load(text).unwrap().config;
    let [token, key] = config.credential.as_slice() else { panic!("two credentials") };
    assert_eq!((token.name(), token.origin.as_str()), ("team", "https://git.corp"));
    assert_eq!(
        token.patterns.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["git.corp/a", "git.corp/b"]
    );
    assert_eq!(token.token_form().user(), Some("gitlab-ci-token"));
    assert_eq!((key.name(), key.known_hosts.as_deref()), ("ssh://Git@git.corp:2222", Some(Path::new("/h"))));
}

#[test]
fn an_app_that_is_not_whole_or_is_mixed_with_something_else_is_a_mistake() {
    for (text, told) in [
        ("https://p.corp app=1 owner=corp", "goes together with `app_key`"),
        ("https://p.corp app=1 app_key=/k", "with either `installation` or `owner`"),
        (
            "https://p.corp app=1 app_key=/k owner=corp installation=7",
            "with either `installation` or `owner`",
        ),
        ("https://p.corp app=1 app_key=/k installation=seven", "with either `installation` or `owner`"),
        ("https://p.corp app= app_key=/k installation=7", "goes together with `app_key`"),
        ("https://p.corp token=/t api=https://p.corp/api", "`api` goes with nothing else"),
        ("https://p.corp app=1 app_key=/k installation=7 token=/t", "or `app`"),
        ("https://p.corp app=1 app_key=/k installation=7 form=github", "there is none"),
        ("https://p.corp app=1 app_key=/k owner=../users/me", "the name of an organisation or a person"),
        ("https://p.corp app=1 app_key=/k owner=corp api=http://p.corp", "the `api` is https://HOST"),
        (
            "https://p.corp app=1 app_key=/k owner=corp api=https://u:hunter2@p.corp",
            "the `api` is https://HOST",
        ),
        ("ssh://git@p.corp app=1 app_key=/k owner=corp", "nothing else goes there"),
    ] {
        let mistakes = load(&format!("credential = [\"{text}\"]")).unwrap_err();
        assert!(mistakes.contains(told) && !mistakes.contains(SECRET), "{text}: {mistakes}");
    }
}

#[test]
fn the_api_of_an_app_follows_from_its_origin_and_its_key_must_be_one() {
    for (origin, more, api) in [
        ("https://github.com", "", "https://api.github.com"),
        ("https://corp.ghe.com", "", "https://api.corp.ghe.com"),
        ("https://ghe.com.example", "", "https://ghe.com.example/api/v3"),
        ("https://git.corp:8443", "", "https://git.corp:8443/api/v3"),
        ("https://git.corp", " api=https://api.corp/v3", "https://api.corp/v3"),
    ] {
        let text = format!("credential = [\"{origin} app=Iv23li app_key=/k owner=Corp-1_x{more}\"]");
        let credential = load(&text).unwrap().config.credential.remove(0);
        assert_eq!(credential.api(), api);
        assert_eq!(
            (credential.app.as_deref(), credential.owner.as_deref()),
            (Some("Iv23li"), Some("Corp-1_x"))
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let key = include_bytes!("../../../source/testdata/app/key.pem");
    for (content, mode, told) in [
        (&key[..], 0o600, None),
        (&key[..], 0o604, Some("`app_key`: the file")),
        (b"hunter2", 0o600, Some("`app_key`: its key is not the private RSA key of an app")),
    ] {
        std::fs::remove_file(dir.path().join("password")).unwrap_or_default();
        let path = secret_file(dir.path(), content, mode);
        let built =
            build(&format!("credential = [\"https://p.corp app=1 app_key={} owner=corp\"]", path.display()));
        match told {
            None => built.unwrap(),
            Some(told) => {
                let error = built.unwrap_err();
                assert!(error.contains(told) && !error.contains("hunter2"), "{error}");
            }
        }
    }
}

#[test]
fn a_key_that_others_may_read_is_refused_at_start() {
    let dir = tempfile::tempdir().unwrap();
    for (mode, told) in [(0o600, None), (0o644, Some("is open to everybody"))] {
        let path = secret_file(dir.path(), b"key", mode);
        let built = build(&format!("credential = [\"ssh://git@git.corp ssh_key={}\"]", path.display()));
        match told {
            None => built.unwrap(),
            Some(told) => assert!(built.unwrap_err().contains(told)),
        }
    }
    let missing = format!("credential = [\"ssh://git@git.corp ssh_key={}\"]", dir.path().join("x").display());
    assert!(build(&missing).unwrap_err().contains("`ssh_key`: the file"));
}

#[test]
fn a_secret_file_is_read_whole_and_must_be_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    for (content, mode, told) in [
        (&b"hunter2\n"[..], 0o600, None),
        (b"hunter2\r\n", 0o440, None),
        (b"hunter2", 0o604, Some("is open to everybody on this machine; run: chmod o= ")),
        (b"hunter2", 0o602, Some("is open to everybody")),
        (b"", 0o600, Some("is empty, too long, or not text")),
        (b"\n", 0o600, Some("is empty")),
        (b"hunter\xff", 0o600, Some("not text")),
        ("x".repeat(70_000).as_bytes(), 0o600, Some("too long")),
    ] {
        std::fs::remove_file(dir.path().join("password")).unwrap_or_default();
        let path = secret_file(dir.path(), content, mode);
        let built = build(&with_password(&path));
        let Some(told) = told else {
            built.unwrap();
            continue;
        };
        let error = built.unwrap_err();
        let place = format!("`credential` for https://proxy.corp: `password`: the file {}", path.display());
        assert!(error.starts_with(&place) && error.contains(told), "{error}");
        assert!(!error.contains("hunter"), "{error}");
    }
    let error = build(&with_password(&dir.path().join("missing"))).unwrap_err();
    assert!(error.contains("`password`") && error.contains("cannot be read"), "{error}");
}

#[test]
fn a_token_that_no_header_can_carry_is_a_mistake_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = secret_file(dir.path(), b"two\nlines", 0o600);
    let error =
        build(&format!("credential = [\"https://proxy.corp token={}\"]", path.display())).unwrap_err();
    assert!(error.contains("https://proxy.corp") && error.contains("cannot be sent"), "{error}");
}

#[test]
fn a_netrc_need_not_be_there_nor_be_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = secret_file(dir.path(), b"machine proxy.corp login ci password hunter2\n", 0o644);
    for netrc in [path, dir.path().join("missing"), dir.path().to_owned()] {
        build(&format!("netrc = \"{}\"", netrc.display())).unwrap();
    }
}

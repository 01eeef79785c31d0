//! `larder explain`: what it tells is what happens, and nobody is asked.

use std::path::Path;
use std::process::Command;

use gomod::ModulePath;
use larder::app::explain::{After, Explained, FoundBy, explain};
use larder::config::{Config, Sources, TextFile};
use serde_json::Value;
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::admin;
use crate::proxy::TestProxy;

/// The settings of a company.
const CORP: &str = r#"
upstream = "https://proxy.golang.org|https://me:hunter2@second.example:8443/go,direct"
private = ["corp.example", "github.com/corp"]
gonoproxy = ["corp.example/direct", "github.com/corp"]
gonosumdb = ["quiet.example"]
goinsecure = ["corp.example/lab", "github.com/corp/lab"]
govcs = ["corp.example/svnless:git|hg", "github.com/corp/off:off"]

[[route]]
match = ["corp.example/proxied"]
upstream = "https://goproxy.corp.example,off"

[[credential]]
origin = "https://goproxy.corp.example"
name = "goproxy"
token = "/not/read"

[[credential]]
origin = "https://github.com"
name = "github"
match = ["github.com/corp"]
form = "github"
token = "/not/read"

[[credential]]
origin = "https://github.com"
name = "github-app"
match = ["github.com/apps"]
app = "Iv23li"
app_key = "/not/read"
owner = "corp"

[[credential]]
origin = "https://corp.example"
name = "pages"
match = ["corp.example"]
username = "ci"
password = "/not/read"

[access]
private_from = ["10.0.0.0/8"]
private_hosts = ["go.corp.example"]
"#;

fn explained(text: &str, path: &str) -> Explained {
    let file = TextFile { name: "larder.toml".into(), text: text.into() };
    let mut sources = Sources { file: Some(file), ..Sources::default() };
    sources.environment.insert("HOME".into(), "/nowhere".into());
    explain(&Config::load(&sources).unwrap(), &ModulePath::parse(path).unwrap()).unwrap()
}

fn sources(explained: &Explained) -> Vec<(&str, Option<&str>)> {
    explained.way.sources.iter().map(|source| (source.name.as_str(), source.credential.as_deref())).collect()
}

#[test]
fn the_rule_the_sources_and_the_credentials_of_a_module_are_told() {
    for (path, rule, wanted) in [
        (
            "example.com/m",
            ("upstream", None),
            vec![("proxy.golang.org", None), ("second.example:8443", Some("its address")), ("direct", None)],
        ),
        (
            "corp.example/proxied/m",
            ("route", Some("corp.example/proxied")),
            vec![("goproxy.corp.example", Some("goproxy")), ("off", None)],
        ),
        ("corp.example/direct/m", ("gonoproxy", Some("corp.example/direct")), vec![("direct", None)]),
        ("corp.example/m", ("private", Some("corp.example")), vec![("direct", None)]),
        ("github.com/Corp/m", ("private", Some("github.com/corp")), vec![("direct", None)]),
    ] {
        let told = explained(CORP, path);
        assert_eq!((told.way.by.setting.as_str(), told.way.by.pattern.as_deref()), rule, "{path}");
        assert_eq!(sources(&told), wanted, "{path}");
        assert!(told.way.no_source.is_none());
        assert!(!serde_json::to_string(&told).unwrap().contains("hunter2"));
    }
    let asked: Vec<_> =
        explained(CORP, "example.com/m").way.sources.iter().map(|source| source.asked).collect();
    assert_eq!(asked, [After::First, After::Failure, After::Absence]);
    assert!(explained(CORP, "example.com/m").way.by.from.starts_with("larder.toml:"));
}

#[test]
fn a_private_module_without_a_source_is_told_as_such() {
    let told = explained(
        "upstream = \"https://p.example\"\nprivate = [\"corp.example\"]\ngonoproxy = [\"other.example\"]",
        "corp.example/m",
    );
    assert!(told.way.sources.is_empty() && told.direct.is_none());
    assert!(told.way.no_source.unwrap().contains("no source is configured"));
    let off = explained("upstream = \"off\"", "example.com/m");
    assert!(off.way.no_source.unwrap().contains("`off`"));
}

#[test]
fn the_checksum_database_and_why_are_told() {
    let text = format!(
        "{CORP}\n[[sumdb]]\nspec = \"sum.golang.org\"\n[[sumdb]]\nspec = \"sum.example.com+b2e18263+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8\"\ncovers = [\"github.com/cn\"]\n"
    );
    for (path, database, setting) in [
        ("example.com/m", Some("sum.golang.org"), "sumdb"),
        ("github.com/CN/m", Some("sum.example.com"), "sumdb"),
        ("quiet.example/m", None, "gonosumdb"),
        ("github.com/Corp/m", None, "private"),
        ("golang.org/toolchain", Some("sum.golang.org"), "sumdb"),
    ] {
        let checksum = explained(&text, path).checksum;
        assert_eq!(
            (checksum.database.as_deref(), checksum.by.setting.as_str()),
            (database, setting),
            "{path}"
        );
    }
    assert_eq!(explained("sumdb = [\"off\"]", "example.com/m").checksum.why, "no database is configured");
}

#[test]
fn what_direct_would_do_is_told_without_asking() {
    let direct = |path: &str| explained(CORP, path).direct.unwrap();
    let github = direct("github.com/corp/lib/v2");
    assert_eq!((github.found_by, github.root.as_deref()), (FoundBy::Path, Some("github.com/corp/lib")));
    assert_eq!(github.repository.as_deref(), Some("https://github.com/corp/lib"));
    assert_eq!((github.credential.as_deref(), github.refused), (Some("github"), None));
    assert_eq!(direct("github.com/other/lib").credential, None, "it is for the company's modules only");
    let off = direct("github.com/corp/off").refused.unwrap();
    assert!(off.contains("GOVCS disallows using git for private github.com/corp/off"), "{off}");
    let page = direct("corp.example/m/v3");
    assert_eq!(page.page.as_deref(), Some("https://corp.example/m/v3?go-get=1"));
    assert_eq!((page.found_by, page.credential.as_deref()), (FoundBy::Page, Some("pages")));
    assert_eq!(page.systems, ["git", "hg", "svn", "fossil"]);
    assert_eq!(page.schemes, ["https", "ssh", "git+ssh", "svn+ssh"]);
    assert_eq!(direct("corp.example/svnless/m").systems, ["git", "hg"]);
    let lab = direct("corp.example/lab/m");
    assert!(lab.insecure && lab.schemes.contains(&"http".to_owned()));
    assert_eq!(lab.credential, None, "nothing secret goes where certificates do not matter");
    let app = direct("github.com/apps/x").minting.unwrap();
    assert_eq!((app.app.as_str(), app.owner.as_deref(), app.expires), ("Iv23li", Some("corp"), None));
    assert_eq!(direct("github.com/corp/lib").minting, None);
    assert_eq!(direct("github.com/corp/lab").credential, None);
    assert_eq!(direct("corp.example/r.svn/m").repository.as_deref(), Some("corp.example/r"));
    let refused = direct("github.com/corp").refused.unwrap();
    assert!(refused.contains("invalid github.com import path"), "{refused}");
    let public = direct("example.com/m.svn");
    assert!(public.refused.unwrap().contains("GOVCS disallows using svn for public"));
}

#[test]
fn who_is_served_it_is_told() {
    let private = explained(CORP, "corp.example/m").served;
    assert_eq!(
        (private.everybody, private.from, private.hosts),
        (false, vec!["10.0.0.0/8".to_owned()], vec!["go.corp.example".to_owned()])
    );
    assert!(explained(CORP, "example.com/m").served.everybody);
    assert!(explained("private = [\"corp.example\"]", "corp.example/m").served.everybody);
}

/// Runs the command in a home of its own.
fn larder(home: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    let output = command.args(args).env_clear().env("HOME", home).current_dir(home).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn without_a_server_the_settings_are_explained_in_aligned_text() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("larder.toml"), CORP).unwrap();
    let explain = |path: &str| larder(home.path(), &["explain", path, "--config", "larder.toml"]);
    let (code, text, errors) = explain("corp.example/proxied/m@v1.0.0");
    assert_eq!((code, errors.as_str()), (0, ""), "{text}");
    let expected = "\
corp.example/proxied/m@v1.0.0
private    yes                                                                  private `corp.example` (larder.toml:3)
sources    goproxy.corp.example, with the credential goproxy                    route `corp.example/proxied` (larder.toml:9)
           then, when that has it not, off
checksums  none: the module is private: no database hears of it                 private `corp.example` (larder.toml:3)
served to  clients from 10.0.0.0/8; under the host name go.corp.example
held       not known: no server runs on the data directory
told by    the settings, as a server would start with them
";
    let squeezed = |text: &str| {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(squeezed(&text), squeezed(expected), "{text}");
    assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    let column = |line: &str, word: &str| line.find(word).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(column(lines[1], "private `"), column(lines[2], "route `"), "{text}");
    let (code, text, _) = explain("github.com/corp/off");
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("refused: GOVCS disallows using git"), "{text}");
    let (code, _, errors) = explain("not a path");
    assert_eq!(code, 2, "{errors}");
    let json = larder(home.path(), &["explain", "example.com/m", "--config", "larder.toml", "--json"]).1;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["told_by"], &json["private"]), (&"settings".into(), &false.into()));
    assert_eq!(json["way"]["sources"][1]["asked"], "failure");
}

#[tokio::test]
async fn the_running_server_explains_what_it_does_and_asks_nobody() {
    let files = ModuleFiles::new("corp.example/Lib", "v1.0.0");
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let (route, url) = (format!("corp.example={}", upstream.url()), upstream.url());
    let settings = [
        ("private", "corp.example,direct.example"),
        ("route", route.as_str()),
        ("gonoproxy", "direct.example"),
    ];
    let proxy = TestProxy::with(&[settings.as_slice(), &[("upstream", url.as_str())]].concat());
    proxy.fill(&files).await;
    let asked = upstream.paths().len();
    for path in ["corp.example/!lib", "none.example/m", "example.com/m"] {
        let explained = admin::read(&proxy, &format!("/api/v1/explain/{path}")).await;
        let known = admin::read(&proxy, &format!("/api/v1/modules/{path}")).await;
        assert_eq!(explained["private"], known["private"], "{path}");
        let names: Vec<&Value> =
            explained["way"]["sources"].as_array().unwrap().iter().map(|source| &source["name"]).collect();
        assert_eq!(names, known["sources"].as_array().unwrap().iter().collect::<Vec<_>>(), "{path}");
        assert_eq!(explained["way"]["no_source"], known["no_source"], "{path}");
        assert_eq!(explained["told_by"], "server");
    }
    let version = admin::read(&proxy, "/api/v1/explain/corp.example/!lib/@v/v1.0.0").await;
    assert_eq!(version["held"]["files"]["zip"]["state"], "held");
    assert_eq!(version["held"]["files"]["zip"]["verified_by"], "first-seen");
    assert_eq!((&version["versions_held"], &version["version"]), (&1.into(), &"v1.0.0".into()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(["explain", "corp.example/Lib@v1.0.0", "--data"]).arg(proxy.data("")).env_clear();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for words in
        ["route `corp.example` (--set)", "held       1 version", "first-seen", "its first file came from"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(upstream.paths().len(), asked, "a source was asked");
    proxy.stop().await;
}

//! Projects and module caches against a database and a proxy, each with one thing that is wrong.

use std::path::Path;

use client::verify::{Finding, Kind, Proxy, Report, Subject, SubjectError, Verdict, Verify, way};
use gomod::Patterns;
use testkit::{Database, ModuleFiles, Upstream};

use crate::world::{builder, client_of, spec};

fn module(path: &str, version: &str) -> ModuleFiles {
    ModuleFiles::new(path, version).file("lib.go", format!("package lib // {path} {version}\n"))
}

fn modules() -> Vec<ModuleFiles> {
    vec![
        module("example.com/lib", "v1.0.0"),
        module("example.com/Upper", "v1.2.0"),
        module("corp.example/secret", "v0.1.0"),
        module("golang.org/toolchain", "v0.0.1-go1.99.9.linux-amd64"),
    ]
}

/// A database that has recorded these, among others.
async fn database(of: &[ModuleFiles]) -> Database {
    let database = Database::start().await;
    database.grow(300);
    for files in of {
        database.record(files);
    }
    database.grow(519);
    database
}

fn sums(of: &[ModuleFiles]) -> String {
    of.iter().map(ModuleFiles::sum_lines).collect()
}

fn project(go_sum: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("go.mod"), "module example.com/main\n").unwrap();
    std::fs::write(dir.path().join("go.sum"), go_sum).unwrap();
    dir
}

/// A module cache with the files of these.
fn cache(of: &[ModuleFiles]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for files in of {
        for (kind, bytes) in [("mod", files.mod_file()), ("zip", files.zip())] {
            let file = dir.path().join(format!("cache/download{}", files.url(kind)));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }
    dir
}

async fn verify(path: &Path, database: &Database, private: &str) -> Report {
    with_proxy(path, database, private, None).await
}

async fn with_proxy(path: &Path, database: &Database, private: &str, proxy: Option<Proxy>) -> Report {
    let subject = Subject::at(path).unwrap();
    let database = client_of(database);
    Verify { subject, database, proxy, private: Patterns::parse(private) }.run(|_| {}).await
}

fn kinds(report: &Report) -> Vec<Kind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

#[tokio::test]
async fn a_project_whose_sums_are_recorded_is_the_same() {
    let database = database(&modules()).await;
    let dir = project(&sums(&modules()));
    let report = verify(dir.path(), &database, "").await;
    assert_eq!((report.verdict, report.same, report.private), (Verdict::Same, 8, 0), "{report:?}");
    assert_eq!(report.tree.unwrap().size, 519);
    let by_file = verify(&dir.path().join("go.sum"), &database, "").await;
    assert_eq!((by_file.verdict, by_file.same), (Verdict::Same, 8));
    // A line that is not there is no fault; another kind of hash is none that can be compared.
    let lines = sums(&modules());
    let some = lines.lines().step_by(2).collect::<Vec<_>>().join("\n\n");
    let dir = project(&format!("{some}\nexample.com/lib v1.0.0 h2:abcd\n"));
    std::fs::write(dir.path().join("go.work.sum"), lines).unwrap();
    let report = verify(dir.path(), &database, "").await;
    assert_eq!((report.verdict, report.same, report.unknown), (Verdict::Same, 12, 1), "{report:?}");
}

#[tokio::test]
async fn private_modules_are_named_to_nobody_but_toolchains_are_always_compared() {
    let database = database(&[]).await;
    let proxy = Upstream::start().await;
    let dir = project(&sums(&modules()));
    let asked = Proxy::at(&proxy.url(), true, &builder()).unwrap();
    let report = with_proxy(dir.path(), &database, "*.example,example.com,golang.org", Some(asked)).await;
    assert_eq!((report.private, report.same), (6, 0));
    assert_eq!(kinds(&report), [Kind::Absent, Kind::Absent]);
    for path in database.paths().iter().chain(&proxy.paths()) {
        assert!(!path.contains("example"), "{path}");
    }
}

#[tokio::test]
async fn a_line_that_the_database_contradicts_is_told_with_both_hashes() {
    let genuine = modules();
    let database = database(&genuine).await;
    let forged = module("example.com/lib", "v1.0.0").file("lib.go", "package lib // and more\n");
    let lines = sums(&genuine).replace(&genuine[0].zip_h1(), &forged.zip_h1());
    let dir = project(&format!("\n{lines}"));
    let report = verify(dir.path(), &database, "").await;
    assert_eq!((report.verdict, report.same, kinds(&report)), (Verdict::Differs, 7, vec![Kind::Differs]));
    let Finding { file, line, module, of, here, database, .. } = &report.findings[0];
    assert_eq!((file, *line), (&dir.path().join("go.sum"), Some(2)));
    assert_eq!((module.as_deref(), *of), (Some("example.com/lib@v1.0.0"), Some("zip")));
    assert_eq!(here.unwrap().to_string(), forged.zip_h1());
    assert_eq!(database.unwrap().to_string(), genuine[0].zip_h1());
}

#[tokio::test]
async fn lines_that_contradict_each_other_are_a_conflict() {
    let genuine = modules();
    let database = database(&genuine).await;
    let other = genuine[1].zip_h1();
    let more = format!("{}example.com/lib v1.0.0 {other}\n", sums(&genuine[..1]));
    let dir = project(&format!("{more}{more}"));
    let report = verify(dir.path(), &database, "").await;
    assert_eq!(report.verdict, Verdict::Differs);
    assert_eq!((report.count(Kind::Conflict), report.count(Kind::Differs), report.same), (2, 2, 4));
    // Also where nobody may be asked which is right.
    let report = verify(dir.path(), &database, "example.com").await;
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Differs, vec![Kind::Conflict, Kind::Conflict]));
}

#[tokio::test]
async fn no_record_no_answer_and_no_proof_are_three_things() {
    let all = modules();
    let database = database(&all[..1]).await;
    let dir = project(&sums(&all[..2]));
    let report = verify(dir.path(), &database, "").await;
    assert_eq!((report.verdict, report.same), (Verdict::Incomplete, 2));
    assert_eq!(kinds(&report), [Kind::Absent, Kind::Absent]);
    database.on("/lookup/example.com/lib@v1.0.0").status(503);
    let report = verify(dir.path(), &database, "example.com/Upper").await;
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Incomplete, vec![Kind::Unreachable; 2]));
    let answer = database.says("/lookup/example.com/lib@v1.0.0").unwrap();
    let forged = String::from_utf8(answer.to_vec()).unwrap().replacen("h1:", "h1:A", 1);
    database.on("/lookup/example.com/lib@v1.0.0").bytes(forged);
    let report = verify(dir.path(), &database, "example.com/Upper").await;
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Differs, vec![Kind::Unbelievable; 2]));
    database.stop().await;
    let report = verify(dir.path(), &database, "").await;
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Incomplete, vec![Kind::Unreachable]));
    // Where it is blocked, a proxy may lead to it; by which way it was asked is told.
    let advice = report.advice(&report.findings[0]);
    for part in ["--proxy https://HOST", "try again later", &*database.name(), &*report.source] {
        assert!(advice.contains(part), "{part}: {advice}");
    }
    let proxy = Proxy::at("https://goproxy.example", false, &builder()).unwrap();
    let report = with_proxy(dir.path(), &database, "", Some(proxy)).await;
    let advice = report.advice(&report.findings[0]);
    assert!(advice.contains("not by goproxy.example") && advice.contains("--proxy"), "{advice}");
}

#[tokio::test]
async fn the_files_of_a_module_cache_are_hashed() {
    let all = modules();
    let database = database(&all).await;
    let dir = cache(&all);
    for path in [dir.path().to_owned(), dir.path().join("cache/download")] {
        let report = verify(&path, &database, "corp.example").await;
        assert_eq!((report.verdict, report.same, report.private), (Verdict::Same, 6, 2), "{report:?}");
    }
    let zip = dir.path().join(format!("cache/download{}", all[0].url("zip")));
    std::fs::write(zip.with_extension("ziphash"), all[1].zip_h1()).unwrap();
    let report = verify(dir.path(), &database, "").await;
    assert_eq!((report.same, kinds(&report)), (8, vec![Kind::Damaged]), "{report:?}");
    let other = module("example.com/lib", "v1.0.0").file("lib.go", "package lib // and more\n");
    std::fs::write(&zip, other.zip()).unwrap();
    std::fs::write(zip.with_extension("ziphash"), other.zip_h1()).unwrap();
    std::fs::write(zip.with_file_name("v1.0.0.mod"), "module other\n").unwrap();
    let report = verify(dir.path(), &database, "").await;
    assert_eq!((report.same, kinds(&report)), (6, vec![Kind::Differs, Kind::Differs]), "{report:?}");
    assert_eq!(report.findings[1].file, zip);
    std::fs::write(&zip, &other.zip()[..100]).unwrap();
    let report = verify(dir.path(), &database, "").await;
    assert_eq!(kinds(&report), [Kind::Damaged, Kind::Differs], "{report:?}");
}

#[tokio::test]
async fn what_a_proxy_serves_is_compared_with_the_record() {
    let all = modules();
    let database = database(&all).await;
    let dir = project(&sums(&all[..2]));
    let proxy = Upstream::of(&all[..1]).await;
    let asked = |zips| Some(Proxy::at(&proxy.url(), zips, &builder()).unwrap());
    // What a proxy has not got is no fault of its.
    let report = with_proxy(dir.path(), &database, "", asked(true)).await;
    assert_eq!((report.verdict, report.served, report.same), (Verdict::Same, 2, 4), "{report:?}");
    let other = module("example.com/lib", "v1.0.0").file("lib.go", "package lib // and more\n");
    proxy.put(&all[0].url("zip"), other.zip());
    let report = with_proxy(dir.path(), &database, "", asked(false)).await;
    assert_eq!((report.verdict, report.served), (Verdict::Same, 1));
    let report = with_proxy(dir.path(), &database, "", asked(true)).await;
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Differs, vec![Kind::Proxy]));
    assert_eq!(report.findings[0].proxy.unwrap().to_string(), other.zip_h1());
    proxy.on(&all[0].url("mod")).status(500);
    let report = with_proxy(dir.path(), &database, "", asked(false)).await;
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Incomplete, vec![Kind::ProxyUnreachable]));
}

#[tokio::test]
async fn a_database_is_reached_through_a_proxy_that_fronts_it() {
    let all = modules();
    let database = database(&all).await;
    let fronting = Upstream::start().await;
    database.mirror_on(&fronting);
    let key = sumdb::Spec::parse(&database.verifier().to_string()).unwrap();
    let proxy = Proxy::at(&fronting.url(), false, &builder()).unwrap();
    let by_proxy = way(&key, Some(&proxy), &builder()).await.unwrap();
    assert_eq!(by_proxy.name(), proxy.name());
    let dir = project(&sums(&all));
    let database = client::Database::new(&key, by_proxy).unwrap();
    let subject = Subject::at(dir.path()).unwrap();
    let report = Verify { subject, database, proxy: None, private: Patterns::default() }.run(|_| {}).await;
    assert_eq!((report.verdict, report.same), (Verdict::Same, 8), "{report:?}");
    let plain = Upstream::start().await;
    let plain = Proxy::at(&plain.url(), false, &builder()).unwrap();
    assert_eq!(way(&key, Some(&plain), &builder()).await.unwrap().name(), "localhost.localdev");
}

#[tokio::test]
async fn an_address_of_its_own_goes_before_every_proxy() {
    let database = database(&[]).await;
    let proxy = Upstream::start().await;
    let asked = Proxy::at(&proxy.url(), false, &builder()).unwrap();
    let own = way(&spec(&database), Some(&asked), &builder()).await.unwrap();
    assert_eq!(own.name(), database.address().to_string());
    assert!(proxy.paths().is_empty());
}

#[test]
fn what_is_neither_a_project_nor_a_cache_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("src/example")).unwrap();
    assert!(matches!(Subject::at(dir.path()), Err(SubjectError::Neither { .. })));
    assert!(matches!(Subject::at(&dir.path().join("absent")), Err(SubjectError::Read { .. })));
    std::fs::write(dir.path().join("go.sum"), "a b\n").unwrap();
    let error = Subject::at(dir.path()).unwrap_err();
    assert!(matches!(error, SubjectError::GoSum { .. }));
    std::fs::write(dir.path().join("go.sum"), "Example v1 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
        .unwrap();
    Subject::at(dir.path()).unwrap();
}

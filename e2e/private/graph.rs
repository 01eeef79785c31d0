//! Private and public modules in one build: each comes from its place, and no private name is said where others hear it.

use testkit::go;

use crate::company::Company;
use crate::company::repositories::{APP, LIB};
use crate::database::{Database, KEY};
use crate::world;

const MAIN: &str = "module corp.example/main\n\ngo 1.21\n";
const USES: &str = "package main\n\nimport _ \"corp.example/Team/app\"\n\nfunc main() {}\n";

#[tokio::test]
async fn a_build_of_private_and_public_modules_says_no_private_name_outside() {
    if !go::available() {
        return;
    }
    let company = Company::start().await;
    company.repository("Team/lib", LIB);
    company.repository("Team/app", APP);
    for files in world::modules() {
        company.public.serve(&files);
    }
    let database = Database::start(company.dir.path(), &world::modules()).await;
    let sumdb = format!("sumdb={}", database.spec());
    let larder = company.larder(&[&sumdb]);
    // A developer at a desk: only the company's name in GONOSUMDB.
    let go = company.client("developer", &larder).sumdb(KEY);
    go.write("go.mod", MAIN);
    go.write("main.go", USES);
    go.run(&["get", "corp.example/Team/app@main"]).await.success();
    go.run(&["get", "-u", "./..."]).await.success();
    go.run(&["mod", "tidy"]).await.success();
    go.run(&["mod", "verify"]).await.success();
    assert_eq!(larder.ask("/corp%2Eexample/%21team/lib/@v/v1.0.0.zip").await.status, 200);
    let required = std::fs::read_to_string(go.work_dir().join("go.mod")).unwrap();
    for newest in
        ["corp.example/Team/lib v1.1.0", "corp.example/Team/app v0.1.0", "example.com/Upper/Lib v1.2.0"]
    {
        assert!(required.contains(newest), "{required}");
    }
    // Odd spellings, guesses, and what does not exist.
    for path in [
        "/corp.example/!team/!lib/@v/list",
        "/!c!o!r!p.example/!team/lib/@v/list",
        "/corp.example/!team/lib/deep/er/@latest",
        "/corp.example/!team/nothing/@v/v1.0.0.mod",
        "/corp.example/@v/list",
        "/sumdb/localhost.localdev/sumdb/lookup/corp.example/!team/lib@v1.0.0",
        "/sumdb/localhost.localdev/sumdb/lookup/!c!o!r!p.example/!team/lib@v1.0.0",
    ] {
        assert_ne!(larder.ask(path).await.status, 200, "{path}");
    }
    let asked: Vec<String> = company.public.paths().into_iter().chain(database.asked()).collect();
    assert!(asked.iter().any(|path| path.contains("example.com")), "{asked:?}");
    for path in asked {
        let plain = path.replace('!', "").to_ascii_lowercase();
        assert!(!plain.contains("corp"), "a private name left the house: {path}");
    }
    let hosts = company.network.asked();
    assert!(hosts.iter().all(|host| host == "corp.example:443"), "somebody else was asked for: {hosts:?}");
}

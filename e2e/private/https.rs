//! Over https, with a certificate of the company's own authority, and a token that only the server has.

use std::path::Path;

use testkit::eventually;
use testkit::githost::Fault;
use testkit::go;

use crate::company::repositories::LIB;
use crate::company::{AUTHORIZATION, Company, TOKEN, agree, close};

/// Versions and queries that are compared: of the module at the top, of one in a directory, of a second major version.
const ASKED: [&str; 10] = [
    "corp.example/Team/lib@v1.0.0",
    "corp.example/Team/lib@latest",
    "corp.example/Team/lib@main",
    "corp.example/Team/lib@stable",
    "corp.example/Team/lib/sub@v0.1.0",
    "corp.example/Team/lib/sub@main",
    "corp.example/Team/lib/v2@v2.0.0",
    "corp.example/Team/lib/v2@v2.1.0-rc.1",
    "corp.example/Team/lib/v2@latest",
    "corp.example/Team/lib/v2@main",
];

/// The forms in which the token could be seen.
fn secrets() -> [&'static str; 2] {
    [TOKEN, AUTHORIZATION.trim_start_matches("Basic ")]
}

/// The files below a directory that hold one of these.
fn files_with(dir: &Path, secrets: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, secrets));
        } else {
            let text = std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let text = text.unwrap_or_default();
            found.extend(
                secrets.iter().any(|secret| text.contains(secret)).then(|| path.display().to_string()),
            );
        }
    }
    found
}

/// The command lines of all processes of this machine.
fn command_lines() -> Vec<String> {
    let numbered = std::fs::read_dir("/proc").unwrap().flatten();
    numbered.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok()).collect()
}

/// A company whose repository wants the token.
async fn behind_a_token() -> Company {
    let company = Company::start().await;
    company.repository("Team/lib", LIB);
    company.host.fault(Fault::Wants(AUTHORIZATION.to_owned()));
    company
}

#[tokio::test]
async fn private_modules_come_over_https_and_only_larder_has_a_token() {
    if !go::available() {
        return;
    }
    let company = behind_a_token().await;
    let larder = company.larder(&[]);
    let (through, alone) = (company.client("through", &larder), company.alone("alone"));
    // First, since of commits that it has already the go command does not tell by which name they are known.
    let commit = format!("corp.example/Team/lib@{}", company.commit("Team/lib", "v1.1.0^"));
    let untagged = format!("corp.example/Team/lib@{}", &company.commit("Team/lib", "main")[..12]);
    agree(&through, &alone, &[&commit, &untagged]).await;
    agree(&through, &alone, &ASKED).await;
    for module in ["corp.example/Team/lib", "corp.example/Team/lib/v2", "corp.example/Team/lib/sub"] {
        let list = ["list", "-m", "-versions", module];
        assert_eq!(through.run(&list).await.success(), alone.run(&list).await.success());
    }
    assert!(company.public.requests().is_empty(), "{:?}", company.public.paths());
    let hosts = company.network.asked();
    assert!(hosts.iter().all(|host| host == "corp.example:443"), "somebody else was asked for: {hosts:?}");
}

#[tokio::test]
async fn the_token_is_seen_by_its_server_alone() {
    let company = behind_a_token().await;
    let larder = company.larder(&["log.level=trace"]);
    company.host.fault(Fault::Hold("fetch"));
    let asked = larder.ask("/corp.example/!team/lib/@v/v1.0.0.zip");
    let look = async {
        company.host.asked("fetch", 1).await;
        let lines = command_lines();
        company.host.fault(Fault::Wants(AUTHORIZATION.to_owned()));
        lines
    };
    let (answer, lines) = tokio::join!(asked, look);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(lines.iter().any(|line| line.contains("https://corp.example/git/Team/lib")), "{lines:?}");
    for secret in secrets() {
        assert!(!lines.iter().any(|line| line.contains(secret)), "in the arguments of a process: {lines:?}");
        let log = larder.log();
        assert!(!log.iter().any(|line| line.contains(secret)), "in the log: {log:?}");
    }
    let found = files_with(&company.file("data"), &secrets());
    assert!(found.is_empty(), "kept in {found:?}");
    let shown = company.host.seen();
    assert!(shown.iter().all(|asked| asked.authorization.as_deref() == Some(AUTHORIZATION)), "{shown:?}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_an_outage_that_names_the_credential_and_ends_with_another_token() {
    let company = behind_a_token().await;
    std::fs::write(company.file("token"), "glpat-3xp1r3d-y3st3rday").unwrap();
    let larder = company.larder(&[]);
    for path in [
        "lib/@v/list",
        "lib/@latest",
        "lib/@v/v1.0.0.info",
        "lib/@v/v1.0.0.mod",
        "lib/@v/v1.0.0.zip",
        "gone/@v/list",
    ] {
        let answer = larder.ask(&format!("/corp.example/!team/{path}")).await;
        let text = answer.text();
        assert_eq!(answer.status, 503, "{path}: {text}");
        for words in ["corp-gitlab", "401"] {
            assert!(text.contains(words), "{path}: {text}");
        }
        assert!(!text.contains("3xp1r3d") && !text.contains("https://oauth2"), "{text}");
    }
    // The file is looked at twice a second, and failures are remembered for one.
    std::fs::write(company.file("token"), TOKEN).unwrap();
    let works = async || (larder.ask("/corp.example/!team/lib/@v/list").await.status == 200).then_some(());
    eventually("the new token", works).await;
}

#[tokio::test]
async fn what_the_operator_has_configured_for_git_leads_there_too() {
    if !go::available() {
        return;
    }
    let company = behind_a_token().await;
    company.network.leads("code.corp.example", company.host.address());
    let config = "[url \"https://code.corp.example/git/\"]\n\tinsteadOf = https://corp.example/\n";
    let netrc = format!("machine code.corp.example login oauth2 password {TOKEN}\n");
    let alone = company.alone("alone");
    for home in ["server", "alone/home"] {
        std::fs::create_dir_all(company.file(home)).unwrap();
        std::fs::write(company.file(home).join(".gitconfig"), config).unwrap();
        std::fs::write(company.file(home).join(".netrc"), &netrc).unwrap();
        close(&company.file(home).join(".netrc"));
    }
    let larder = company
        .bare_larder_at("server/data", &["private=corp.example", "vcs.remember=0s", "cache.negative=0s"]);
    let through = company.client("through", &larder);
    agree(&through, &alone, &["corp.example/Team/lib.git@v1.0.0"]).await;
    // A path that names its repository is asked for at no page. That there is none, only its server says.
    for door in ["@v/list", "@latest", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"] {
        let answer = larder.ask(&format!("/corp.example/!team/nothing.git/{door}")).await;
        assert_eq!(answer.status, 503, "{door}: {}", answer.text());
    }
}

//! Without tools of version control: nothing is missed where nothing is made of repositories, and what is missing is named
//! where something is.

use crate::company::Company;
use crate::company::repositories::LIB;
use crate::larder::Larder;
use crate::world;

#[tokio::test]
async fn without_tools_a_chain_of_proxies_is_served_and_direct_names_what_is_missing() {
    let (dir, public) = (tempfile::tempdir().unwrap(), world::upstream().await);
    let flags = ["--upstream", &public.url(), "--sumdb", "off", "--set", "private=corp.example"];
    let larder = Larder::start_in(&dir.path().join("data"), &flags, &[("PATH", "/nonexistent")]);
    assert_eq!(larder.ask("/readyz").await.status, 200);
    for files in world::modules() {
        for kind in ["info", "mod", "zip"] {
            assert_eq!(larder.ask(&files.url(kind)).await.status, 200, "{}", files.url(kind));
        }
    }
    let company = Company::start().await;
    company.repository("Team/lib", LIB);
    let vanity = "vanity=corp.example/*/*=https://corp.example/git/*/*;corp.example/*/old=svn https://corp.example/svn/*";
    let larder = Larder::start_in(
        &dir.path().join("direct"),
        &["--upstream", "off", "--sumdb", "off", "--set", "private=corp.example", "--set", vanity],
        &[("PATH", "/nonexistent")],
    );
    let made = "@v/v0.0.0-20260102030405-000000000002.zip";
    for (path, tool, doors) in [
        ("!team/lib", "git", ["@v/list", "@latest", "@v/v1.0.0.info", "@v/v1.0.0.zip"].as_slice()),
        // It has no tags: nobody need be asked for a list.
        ("!team/old", "svn", ["@latest", "@v/7.info", made].as_slice()),
    ] {
        for door in doors {
            let answer = larder.ask(&format!("/corp.example/{path}/{door}")).await;
            let text = answer.text();
            assert_eq!(answer.status, 503, "{door}: {text}");
            assert!(text.contains(&format!("{tool} is not installed on this server")), "{door}: {text}");
        }
    }
}

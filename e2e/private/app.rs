//! Over https with the tokens of a GitHub App, which Larder makes and renews by itself.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use testkit::githost::Fault;
use testkit::go;
use testkit::upstream::Reply;
use testkit::{Upstream, eventually};

use crate::company::repositories::LIB;
use crate::company::{Company, close};
use crate::larder::{Larder, command};

const MINT: &str = "/api/v3/app/installations/7/access_tokens";
/// As of GitHub itself, no page is asked where the repositories are.
const TABLE: &str = "vanity=corp.example/Team/lib=https://corp.example/git/Team/lib";
/// The key in the form in which GitHub gives it, and another one.
const KEYS: [&str; 2] = [
    include_str!("../../crates/source/testdata/app/key.pem"),
    include_str!("../../crates/source/testdata/app/other.pem"),
];

/// A company at GitHub: a repository that wants the token of today, and an API that gives it.
struct AtGitHub {
    company: Company,
    api: Upstream,
    token: Arc<Mutex<String>>,
    lives_s: Arc<AtomicI64>,
}

impl AtGitHub {
    async fn start() -> Self {
        let (company, api) = (Company::start().await, Upstream::start().await);
        company.repository("Team/lib", LIB);
        company.network.leads("api.corp.example", api.address());
        api.put("/api/v3/orgs/team/installation", r#"{"id":7}"#);
        let (token, lives_s) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicI64::new(3600)));
        let (given, lives) = (token.clone(), lives_s.clone());
        api.mount("/api/v3/app/installations", move |_| {
            let expires = jiff::Timestamp::now() + Duration::from_secs(lives.load(SeqCst).cast_unsigned());
            let json = format!(r#"{{"token":"{}","expires_at":"{expires}"}}"#, given.lock().unwrap());
            Some(Reply { status: 201, content_type: "application/json", body: json.into() })
        });
        let this = Self { company, api, token, lives_s };
        this.key(KEYS[0]);
        this.rotates_to("ghs_monday");
        this
    }

    /// From now on the API gives this token, and the repository accepts no other.
    fn rotates_to(&self, token: &str) {
        token.clone_into(&mut self.token.lock().unwrap());
        let basic = STANDARD.encode(format!("x-access-token:{token}"));
        self.company.host.fault(Fault::Wants(format!("Basic {basic}")));
    }

    fn key(&self, pem: &str) {
        std::fs::write(self.company.file("app.pem"), pem).unwrap();
        close(&self.company.file("app.pem"));
    }

    fn credential(&self) -> String {
        let key = self.company.file("app.pem").display().to_string();
        format!(
            "credential=https://corp.example name=corp-app match=corp.example app=Iv23li app_key={key} owner=team \
             api=https://api.corp.example/api/v3"
        )
    }

    fn larder(&self, more: &[&str]) -> Larder {
        let credential = self.credential();
        let settings = ["private=corp.example", &credential, TABLE, "vcs.remember=0s", "cache.fresh=0s"];
        self.company.bare_larder(&[&settings, more].concat())
    }

    /// The tokens that the repository was shown, each once, in order.
    fn shown(&self) -> Vec<String> {
        let seen = self.company.host.seen().into_iter().filter_map(|asked| asked.authorization);
        let tokens = seen.map(|header| {
            let bytes = STANDARD.decode(header.trim_start_matches("Basic ")).unwrap();
            String::from_utf8(bytes).unwrap().trim_start_matches("x-access-token:").to_owned()
        });
        let mut tokens: Vec<String> = tokens.collect();
        tokens.dedup();
        tokens
    }
}

#[tokio::test]
async fn go_gets_private_modules_with_tokens_that_larder_makes_and_a_fetch_after_a_rotation_has_the_new_one()
{
    if !go::available() {
        return;
    }
    let github = AtGitHub::start().await;
    // Too short for something to be begun with a token that is there already.
    github.lives_s.store(45, SeqCst);
    let larder = github.larder(&["log.level=trace"]);
    let through = github.company.client("through", &larder);
    let download = |asked: &'static str| ["mod", "download", "-json", asked];
    through.run(&download("corp.example/Team/lib@v1.0.0")).await.success();
    assert_eq!(github.shown(), ["ghs_monday"]);
    github.rotates_to("ghs_tuesday");
    through.run(&download("corp.example/Team/lib/v2@v2.0.0")).await.success();
    through.run(&download("corp.example/Team/lib@main")).await.success();
    assert_eq!(github.shown(), ["ghs_monday", "ghs_tuesday"], "the old one was sent again");
    let asked = github.api.requests();
    assert_eq!(asked[0].path, "/api/v3/orgs/team/installation");
    for secret in ["ghs_monday", "ghs_tuesday", "eyJ", "BEGIN RSA"] {
        let encoded = STANDARD.encode(format!("x-access-token:{secret}"));
        let log = larder.log();
        assert!(!log.iter().any(|line| line.contains(secret) || line.contains(&encoded)), "{log:?}");
    }
    assert!(github.company.public.requests().is_empty(), "{:?}", github.company.public.paths());
}

#[tokio::test]
async fn an_api_without_a_token_is_an_outage_that_names_the_credential_and_another_key_is_used_without_a_restart()
 {
    let github = AtGitHub::start().await;
    let larder = github.larder(&[]);
    let list = "/corp.example/!team/lib/@v/list";
    let explained = "/api/v1/explain/corp.example/!team/lib";
    github.api.on(MINT).status_text(401, r#"{"message":"Bad credentials"}"#);
    let refused = larder.ask(list).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    for words in ["the credential corp-app has no token", "the app Iv23li (401: Bad credentials)"] {
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    larder.logged("app_token_failed").await;
    let doctor = doctor(&github).await;
    for words in [
        "corp-app",
        "tokens are made by the app Iv23li, installation 7 of team",
        "it failed",
        "401: Bad credentials",
    ] {
        assert!(doctor.contains(words), "{words}: {doctor}");
    }
    github.api.heal(MINT);
    let asked = github.api.count(MINT);
    // A file that is no key changes nothing; another key is another app, which asks at once.
    github.key("no key at all");
    larder.logged("reload_failed").await;
    github.key(KEYS[1]);
    let works = async || (larder.ask(list).await.status == 200).then_some(());
    eventually("the new key", works).await;
    assert_eq!(github.api.count(MINT), asked + 1, "one token for all");
    github.key(KEYS[0]);
    let renewed = async || {
        larder.ask(list).await;
        (github.api.count(MINT) == asked + 2).then_some(())
    };
    eventually("the old key again", renewed).await;
    let told = larder.ask(explained).await.text();
    for words in ["\"app\":\"Iv23li\"", "\"expires\":\"20", "\"installation\":7"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("ghs_"), "{told}");
}

/// What the command says, in the environment of the server.
async fn doctor(github: &AtGitHub) -> String {
    let credential = github.credential();
    let home = github.company.file("doctor");
    let mut command = command(
        &home,
        &[
            "doctor",
            "auth",
            "corp.example/Team/lib",
            "--set",
            "private=corp.example",
            "--set",
            &credential,
            "--set",
            TABLE,
        ],
    );
    command
        .env("HTTPS_PROXY", github.company.network.url())
        .env("SSL_CERT_FILE", crate::company::network::authority());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

//! A GitHub App that makes its own tokens, against an API that fails in every way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::FutureExt as _;
use rustls::SignatureScheme;
use serde_json::Value;
use source::direct::find::{Finder, Rules, Terms};
use source::{
    App, AppKey, AppSettings, Apps, Class, Clients, Credential, CredentialError, Credentials, Deadlines,
    Installation, Listed, Network, NoToken, SourceError, TokenFault,
};
use testkit::eventually;
use testkit::upstream::{On, Reply};
use vcs::jail::{Secret, Sent};
use vcs::{Place, System};

use crate::find::{World, no_ping, path};

const MINT: &str = "/app/installations/7/access_tokens";
const HOUR_S: i64 = 3600;

fn testdata(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/app").join(name)).unwrap()
}

fn key(name: &str) -> AppKey {
    AppKey::parse(&String::from_utf8(testdata(name)).unwrap()).unwrap()
}

/// An API that gives `ghs_1`, `ghs_2` and so on, each for so many seconds.
struct Api {
    world: World,
    made: Arc<AtomicUsize>,
    lives_s: Arc<AtomicI64>,
}

impl Api {
    async fn start() -> Self {
        let world = World::of(&["api.example.com", "code.example.com"]).await;
        let (made, lives_s) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicI64::new(HOUR_S)));
        let (count, lives) = (made.clone(), lives_s.clone());
        world.host("api.example.com").mount("/app/installations", move |rest| {
            assert_eq!(rest, "/7/access_tokens");
            let token = format!("ghs_{}", count.fetch_add(1, SeqCst) + 1);
            let expires = jiff::Timestamp::now() + Duration::from_secs(lives.load(SeqCst).cast_unsigned());
            let json =
                serde_json::json!({"token": token, "expires_at": expires.to_string(), "permissions": {}});
            Some(Reply { status: 201, content_type: "application/json", body: json.to_string().into() })
        });
        Self { world, made, lives_s }
    }

    fn on(&self, path: &str) -> On<'_> {
        self.world.host("api.example.com").on(path)
    }

    fn heal(&self) {
        self.world.host("api.example.com").heal(MINT);
    }

    fn asked(&self, path: &str) -> usize {
        self.world.host("api.example.com").count(path)
    }

    fn settings(installation: Installation) -> AppSettings {
        let (name, id) = ("github-corp".to_owned(), "Iv23li".to_owned());
        let api = "https://api.example.com".to_owned();
        AppSettings { name, id, installation, api, key: Some(key("key.pem")) }
    }

    /// A finder that sends an app's tokens to repositories at one host.
    fn finder(&self, app: &App, deadlines: Deadlines) -> Finder {
        let listed = Listed::new("github-corp", "https://code.example.com", Credential::App(app.clone()));
        let credentials = Credentials::default().with_listed(listed.unwrap()).unwrap();
        Finder::new(&self.world.builder(deadlines, credentials), Rules::default(), no_ping())
    }

    fn app(&self) -> (App, Finder) {
        let app = App::new(Self::settings(Installation::Id(7))).unwrap();
        let finder = self.finder(&app, Deadlines::default());
        (app, finder)
    }
}

async fn terms(finder: &Finder, url: &str) -> Result<Terms, NoToken> {
    let place = Place::new(System::Git, url).unwrap();
    finder.terms(&path("code.example.com/m.git"), "code.example.com/m.git", &place).await
}

async fn ask(finder: &Finder) -> Result<Option<Sent>, NoToken> {
    terms(finder, "https://code.example.com/m.git").await.map(|terms| terms.access.credential)
}

/// Whether this token is what a repository is sent.
fn is_token(sent: Option<Sent>, token: &str) -> bool {
    let Some(Sent::Header { name, value }) = sent else { return false };
    let basic = format!("Basic {}", STANDARD.encode(format!("x-access-token:{token}")));
    name == "authorization" && value == Secret::new(basic)
}

/// Lets time pass. Not while anybody talks: a clock that stands still runs ahead to the next deadline.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// What an app said of itself; nothing if it is not signed as RS256 by this key.
fn claims(authorization: &str, public: &[u8]) -> Option<Value> {
    let (said, signature) = authorization.strip_prefix("Bearer ").unwrap().rsplit_once('.').unwrap();
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let json = |part: &str| serde_json::from_slice::<Value>(&decoded(part)).unwrap();
    let (header, claims) = said.split_once('.').unwrap();
    assert_eq!(json(header), serde_json::json!({"alg": "RS256", "typ": "JWT"}));
    let known = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    let rs256 =
        known.mapping.iter().find(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256).unwrap();
    let is_right = rs256.1[0].verify_signature(public, said.as_bytes(), &decoded(signature)).is_ok();
    is_right.then(|| json(claims))
}

fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn a_token_is_made_with_a_sound_signature_and_no_more_rights_than_needed_and_used_again() {
    let api = Api::start().await;
    let (app, finder) = api.app();
    for _ in 0..3 {
        assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"));
    }
    let [asked] = &api.world.host("api.example.com").requests()[..] else { panic!("one exchange") };
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", MINT));
    assert_eq!(asked.header("accept"), Some("application/vnd.github+json"));
    let wanted: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(wanted, serde_json::json!({"permissions": {"contents": "read"}}));
    let authorization = asked.header("authorization").unwrap();
    let claims = claims(authorization, &testdata("public.der")).unwrap();
    let (made, ends) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!((now_s() - 70..=now_s() - 60).contains(&made), "clocks differ by a minute: {claims}");
    assert!(ends > now_s() + 60 && ends <= made + 600, "no more than ten minutes: {claims}");
    let state = app.state();
    assert_eq!((state.installation, state.trouble), (Some(7), None));
    assert!((now_s() + HOUR_S - 60..=now_s() + HOUR_S).contains(&state.expires.unwrap().as_second()));
    let shown = format!("{app:?} {finder:?} {:?}", terms(&finder, "https://code.example.com/m.git").await);
    assert!(!shown.contains("ghs_") && !shown.contains("BEGIN"), "{shown}");
}

#[tokio::test]
async fn a_key_is_read_in_both_forms_and_nothing_else_is_a_key() {
    assert_eq!(key("key.pem"), key("key.pem"));
    assert_ne!(key("key.pem"), key("other.pem"));
    let api = Api::start().await;
    let settings = AppSettings { key: Some(key("pkcs8.pem")), ..Api::settings(Installation::Id(7)) };
    ask(&api.finder(&App::new(settings).unwrap(), Deadlines::default())).await.unwrap();
    let asked = api.world.host("api.example.com").requests().remove(0);
    claims(asked.header("authorization").unwrap(), &testdata("public.der")).unwrap();
    let elliptic =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls/server.key"));
    for text in [
        "",
        "hunter2",
        &elliptic.unwrap(),
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ] {
        assert_eq!(AppKey::parse(text).unwrap_err(), CredentialError::AppKey);
    }
    for address in [
        "http://api.example.com",
        "api.example.com",
        "https://u@api.example.com",
        "https://a/?b",
        "https://a/#b",
    ] {
        let settings = AppSettings { api: address.to_owned(), ..Api::settings(Installation::Id(7)) };
        assert_eq!(App::new(settings).unwrap_err(), CredentialError::Api, "{address}");
    }
}

#[tokio::test]
async fn a_token_goes_to_repositories_at_its_origin_alone() {
    let api = Api::start().await;
    let (app, finder) = api.app();
    for url in [
        "https://code.example.com:8443/m.git",
        "https://code.example.com.evil.example/m.git",
        "https://api.example.com/m.git",
        "http://code.example.com/m.git",
        "ssh://git@code.example.com/m.git",
    ] {
        let terms = terms(&finder, url).await.unwrap();
        assert!(terms.access.credential.is_none() && terms.credential.is_none(), "{url}");
    }
    // Not to the page that says where a repository is.
    api.world.tags("code.example.com/n", &["code.example.com/n git https://code.example.com/n.git"]);
    finder.find(&path("code.example.com/n")).await.unwrap();
    let [page] = &api.world.host("code.example.com").requests()[..] else { panic!("one page") };
    assert_eq!(page.header("authorization"), None);
    // Nor to an upstream, although no pattern says so.
    let listed = Listed::new("a", "https://code.example.com", Credential::App(app)).unwrap();
    let credentials = Credentials::default().with_listed(listed).unwrap();
    assert_eq!(credentials.name_for_upstream("https://code.example.com"), None);
    assert_eq!(api.made.load(SeqCst), 0);
}

#[tokio::test]
async fn a_token_is_renewed_behind_those_who_use_it_before_it_ends() {
    let api = Api::start().await;
    let (_app, finder) = api.app();
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"));
    pass(Duration::from_mins(49)).await;
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"));
    assert_eq!(api.asked(MINT), 1, "too early");
    pass(Duration::from_mins(2)).await;
    api.on(MINT).hold();
    for _ in 0..5 {
        assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"), "nobody waits");
    }
    api.world.host("api.example.com").arrived(MINT, 2).await;
    api.world.host("api.example.com").release();
    api.heal();
    let finder = &finder;
    eventually("the new token is used", || async move { is_token(ask(finder).await.unwrap(), "ghs_2") })
        .await;
    assert_eq!(api.asked(MINT), 2, "one exchange for all who asked");
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_exchange_and_the_first_may_leave() {
    let api = Api::start().await;
    let (_app, finder) = api.app();
    api.on(MINT).once().hold();
    let mut first = Box::pin(ask(&finder));
    assert!((&mut first).now_or_never().is_none());
    let others = futures_util::future::join_all((0..50).map(|_| ask(&finder)));
    let released = async {
        api.world.host("api.example.com").arrived(MINT, 1).await;
        drop(first);
        api.world.host("api.example.com").release();
    };
    let (others, ()) = tokio::join!(others, released);
    assert!(others.into_iter().all(|sent| is_token(sent.unwrap(), "ghs_1")));
    assert_eq!(api.asked(MINT), 1);
}

#[tokio::test]
async fn while_the_api_is_down_the_last_token_counts_as_long_as_it_lives_and_then_it_is_an_outage() {
    let api = Api::start().await;
    let (app, finder) = api.app();
    ask(&finder).await.unwrap();
    api.on(MINT).status(503);
    for minutes in [51, 8] {
        pass(Duration::from_mins(minutes)).await;
        assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"));
    }
    // With half a minute left a new one is waited for, and the old one is still better than none.
    pass(Duration::from_secs(30)).await;
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"));
    assert!(app.state().trouble.unwrap().contains("the API answered with status 503"));
    pass(Duration::from_secs(31)).await;
    let error = ask(&finder).await.unwrap_err();
    let asked = api.asked(MINT);
    for _ in 0..20 {
        ask(&finder).await.unwrap_err();
    }
    assert_eq!(api.asked(MINT), asked, "an API in trouble is not asked by all who come");
    let told = SourceError::from(error);
    assert_eq!((told.class(), told.retry_after()), (Class::Unavailable, Some(Duration::from_secs(5))));
    assert!(told.text().starts_with("the credential github-corp has no token: "), "{}", told.text());
    api.heal();
    pass(Duration::from_secs(6)).await;
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_2"));
    assert_eq!(app.state().trouble, None);
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_with_the_name_of_the_credential_and_no_secret() {
    let api = Api::start().await;
    let settings = AppSettings { key: Some(key("other.pem")), ..Api::settings(Installation::Id(7)) };
    let app = App::new(settings).unwrap();
    let finder = api.finder(&app, Deadlines::default());
    let said = format!("A JSON web token could not be decoded: {}", "eyJhbGciOiJSUzI1NiJ9".repeat(9));
    api.on(MINT).status_text(401, &serde_json::json!({"message": said}).to_string());
    let error = ask(&finder).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the credential github-corp has no token: the API does not accept the key of the app Iv23li \
         (401: A JSON web token could not be decoded: ****); was it deleted, or is a clock wrong?"
    );
    let asked = api.world.host("api.example.com").requests().remove(0);
    claims(asked.header("authorization").unwrap(), &testdata("public.der"))
        .ok_or("signed by another key")
        .unwrap_err();
    assert!(!format!("{error:?} {app:?} {:?}", app.state()).contains("eyJ"));
    assert_eq!(SourceError::from(error).class(), Class::Unavailable);
}

#[tokio::test]
async fn what_the_api_says_instead_of_a_token_is_never_used_as_one() {
    let api = Api::start().await;
    let (app, finder) = api.app();
    let whole = "2026-01-02T03:04:05Z";
    for (status, body, told) in [
        (201, String::new(), "there is no token in it"),
        (201, "<html>sign in</html>".to_owned(), "there is no token in it"),
        (200, r#"{"token":7,"expires_at":"2026-01-02T03:04:05Z"}"#.to_owned(), "there is no token in it"),
        (201, format!(r#"{{"token":"","expires_at":"{whole}"}}"#), "its token is empty"),
        (201, format!(r#"{{"token":"a\r\nHost: b","expires_at":"{whole}"}}"#), "its token is empty"),
        (201, format!(r#"{{"token":"{}","expires_at":"{whole}"}}"#, "a".repeat(20_000)), "too long"),
        (201, r#"{"token":"a"}"#.to_owned(), "when the token expires"),
        (201, r#"{"token":"a","expires_at":"tomorrow"}"#.to_owned(), "when the token expires"),
        (201, format!("\"{}\"", "x".repeat(5 << 20)), "it is too long"),
        (302, String::new(), "status 302"),
        (
            404,
            r#"{"message":"Integration not found"}"#.to_owned(),
            "no such installation of the app (404: Integration not found)",
        ),
        (
            422,
            r#"{"message":"The permissions requested are not granted to this installation."}"#.to_owned(),
            "422: The permissions",
        ),
        (
            403,
            r#"{"message":"This installation has been suspended"}"#.to_owned(),
            "403: This installation has been suspended",
        ),
    ] {
        api.on(MINT).once().status_text(status, &body).header("Location", "https://code.example.com/");
        let error = ask(&finder).await.unwrap_err().to_string();
        assert!(error.contains(told), "{body:.60}: {error}");
        assert!(app.state().expires.is_none());
        pass(Duration::from_secs(6)).await;
    }
    assert_eq!(api.world.host("code.example.com").connections(), 0, "nobody else learns who we are");
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"));
}

#[tokio::test]
async fn an_api_that_is_slow_breaks_off_or_asks_for_a_pause_is_an_outage() {
    let api = Api::start().await;
    let app = App::new(Api::settings(Installation::Id(7))).unwrap();
    let deadlines = Deadlines {
        first_byte: Duration::from_millis(300),
        small: Duration::from_millis(900),
        ..Deadlines::default()
    };
    let finder = api.finder(&app, deadlines);
    api.on(MINT).once().hold();
    let error = ask(&finder).await.unwrap_err();
    assert!(error.to_string().contains("asking the API: fetch timed out"), "{error}");
    pass(Duration::from_secs(6)).await;
    api.on(MINT).once().status_text(201, "{}").stall_after(1);
    let error = ask(&finder).await.unwrap_err();
    assert!(error.to_string().contains("fetch timed out"), "{error}");
    pass(Duration::from_secs(6)).await;
    api.on(MINT).once().status_text(201, "{\"token\":\"ghs_0\"").cut_after(10);
    let error = ask(&finder).await.unwrap_err();
    assert!(matches!(error.fault, TokenFault::Unanswered(_)), "{error}");
    pass(Duration::from_secs(6)).await;
    api.on(MINT).once().status(429).header("Retry-After", "30");
    let error = SourceError::from(ask(&finder).await.unwrap_err());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    pass(Duration::from_secs(20)).await;
    ask(&finder).await.unwrap_err();
    assert_eq!(api.asked(MINT), 4, "it was asked not to");
    pass(Duration::from_secs(11)).await;
    // The first was made too, but never came.
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_2"));
}

#[tokio::test]
async fn clocks_may_differ() {
    let api = Api::start().await;
    let (app, finder) = api.app();
    // The API is two hours ahead of us, and says so when it does not believe us.
    let ahead = SystemTime::now() + Duration::from_hours(2);
    let date = httpdate::fmt_http_date(ahead);
    api.on(MINT)
        .once()
        .status_text(401, "{\"message\":\"'Expiration time' claim ('exp') must be in the future\"}")
        .header("Date", &date);
    let expires = jiff::Timestamp::try_from(ahead).unwrap() + Duration::from_hours(1);
    let made = serde_json::json!({"token": "ghs_ahead", "expires_at": expires.to_string()}).to_string();
    api.on(MINT).once().status_text(201, &made).header("Date", &date);
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_ahead"));
    let asked = api.world.host("api.example.com").requests();
    let claims = claims(asked[1].header("authorization").unwrap(), &testdata("public.der")).unwrap();
    assert!(claims["iat"].as_i64().unwrap() > now_s() + 7000, "{claims}");
    assert_eq!(app.state().expires, Some(expires));
    // It lives for an hour, whatever our clock makes of its end.
    pass(Duration::from_mins(61)).await;
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"));
}

#[tokio::test]
async fn the_installation_of_an_account_is_found_once_and_again_when_it_has_gone() {
    let api = Api::start().await;
    let app = App::new(Api::settings(Installation::Of("corp".to_owned()))).unwrap();
    let finder = api.finder(&app, Deadlines::default());
    let (of_org, of_user) = ("/orgs/corp/installation", "/users/corp/installation");
    let error = ask(&finder).await.unwrap_err();
    assert!(matches!(error.fault, TokenFault::Installation { .. }), "{error}");
    assert_eq!((api.asked(of_org), api.asked(of_user), api.asked(MINT)), (1, 1, 0));
    pass(Duration::from_secs(6)).await;
    api.world.host("api.example.com").put(of_user, r#"{"id":7}"#);
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_1"));
    assert_eq!(app.state().installation, Some(7));
    pass(Duration::from_mins(61)).await;
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_2"));
    assert_eq!(api.asked(of_user), 2, "the number is known");
    pass(Duration::from_mins(61)).await;
    api.on(MINT).once().status(404);
    ask(&finder).await.unwrap_err();
    pass(Duration::from_secs(6)).await;
    api.world.host("api.example.com").put(of_org, r#"{"id":7}"#);
    assert!(is_token(ask(&finder).await.unwrap(), "ghs_3"));
    assert_eq!(api.asked(of_org), 3);
    let asked = api.world.host("api.example.com").requests();
    assert!(asked.iter().all(|asked| asked.header("authorization").unwrap().starts_with("Bearer eyJ")));
}

#[tokio::test]
async fn tokens_that_live_shortly_are_made_anew_for_each_who_asks() {
    let api = Api::start().await;
    let (_app, finder) = api.app();
    api.lives_s.store(30, SeqCst);
    for token in ["ghs_1", "ghs_2", "ghs_3"] {
        assert!(is_token(ask(&finder).await.unwrap(), token));
    }
}

#[tokio::test]
async fn an_app_outlives_its_settings_unless_they_change() {
    let api = Api::start().await;
    let apps = Apps::default();
    let join = |key: AppKey| {
        apps.join(AppSettings { key: Some(key), ..Api::settings(Installation::Id(7)) }).unwrap()
    };
    let first = join(key("key.pem"));
    ask(&api.finder(&first, Deadlines::default())).await.unwrap();
    let again = join(key("key.pem"));
    assert!(is_token(ask(&api.finder(&again, Deadlines::default())).await.unwrap(), "ghs_1"));
    let rotated = join(key("other.pem"));
    assert!(is_token(ask(&api.finder(&rotated, Deadlines::default())).await.unwrap(), "ghs_2"));
    assert!(apps.state("github-corp").unwrap().expires.is_some());
    drop((first, again, rotated));
    assert_eq!(apps.state("github-corp"), None);
}

#[tokio::test]
async fn the_guard_looks_at_the_address_of_the_api() {
    let inside = AppSettings { api: "https://127.0.0.1:1".to_owned(), ..Api::settings(Installation::Id(7)) };
    let listed = Listed::new("a", "https://code.example.com", Credential::App(App::new(inside).unwrap()));
    let credentials = Credentials::default().with_listed(listed.unwrap()).unwrap();
    let clients = Clients::new(&Network::default(), Duration::from_secs(5)).unwrap();
    let builder = source::Builder::new(clients, Deadlines::default()).with_credentials(credentials);
    let error = ask(&Finder::new(&builder, Rules::default(), no_ping())).await.unwrap_err();
    assert!(error.to_string().contains("an address inside the network"), "{error}");
}

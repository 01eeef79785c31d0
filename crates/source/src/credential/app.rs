//! A GitHub App: a credential that makes its own tokens, each for an hour.
//!
//! What this is for: nobody has to hand out, or to renew, a token of a person. Why this shape: an [`App`] knows the key and
//! the last token, [`Apps`] hands the same one from settings to settings, so that a reload costs no token, and what goes over
//! the wire is [`exchange`]'s. What it promises: of all who ask at the same time one exchange serves all; a token is renewed
//! behind those who use it, ten minutes before its end; while the API is away the last token counts as long as it lives; a
//! failure names the credential and never holds a secret. A token goes to repositories at the exact origin, and nowhere else.
//! Deliberately not here: who may be sent the token ([`super::Credentials`] knows).
//!
//! The rules are those of GitHub's documentation, "Authenticating as a GitHub App".

mod exchange;
mod jwt;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use reqwest::Url;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::CredentialError;
use crate::shelf::Shelf;
use crate::text::{one_line, shown};
use crate::{Clients, Deadlines, SourceError};

pub use jwt::AppKey;

/// How long before its end a token is renewed.
const RENEW_BEFORE: Duration = Duration::from_mins(10);
/// A token with less left is not begun with: what is fetched with it takes its time.
const AT_LEAST: Duration = Duration::from_mins(1);
/// How long a failure is told to all who ask.
const PAUSE: Duration = Duration::from_secs(5);
/// The longest pause that the API may ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What an app is known by.
#[derive(Clone, PartialEq, Eq)]
pub struct AppSettings {
    /// What the credential is called.
    pub name: String,
    /// The client id of the app, or its app id.
    pub id: String,
    /// Whose repositories it reads.
    pub installation: Installation,
    /// The base of the API: `https://api.github.com`, `https://HOST/api/v3`.
    pub api: String,
    /// The app's private key; without one the app can only be named.
    pub key: Option<AppKey>,
}

/// An installation of an app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Installation {
    /// By its number.
    Id(u64),
    /// That on the account of an organisation or a person.
    Of(String),
}

/// An app. Clones are the same one.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    settings: AppSettings,
    api: Url,
    known: Mutex<Known>,
    exchanges: Arc<Shelf<Result<Token, NoToken>>>,
    /// Exchanges that nobody waits for.
    behind: Mutex<JoinSet<()>>,
}

/// What came of exchanges.
#[derive(Default)]
struct Known {
    token: Option<Token>,
    /// Of the last exchange, if it failed.
    trouble: Option<NoToken>,
    /// The number of the installation, where it had to be asked for.
    installation: Option<u64>,
    /// How many seconds the API's clock is ahead of ours.
    ahead_s: i64,
}

/// A token of an installation.
#[derive(Clone)]
struct Token {
    text: Arc<str>,
    made: Instant,
    /// It is renewed from then on.
    old: Instant,
    ends: Instant,
    expires: Timestamp,
}

/// What goes over the wire goes over these.
#[derive(Clone)]
pub(crate) struct Via {
    pub(crate) clients: Clients,
    pub(crate) deadlines: Deadlines,
}

/// How an app does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppState {
    /// Its client id or app id.
    pub id: String,
    /// The number of its installation, if that is known.
    pub installation: Option<u64>,
    /// When its token expires, if it has one.
    pub expires: Option<Timestamp>,
    /// Why it has none, or why the one it has could not be renewed: up to four lines, without secrets.
    pub trouble: Option<String>,
}

/// A credential has no token.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the credential {name} has no token: {fault}")]
pub struct NoToken {
    /// What the credential is called.
    pub name: String,
    /// Why.
    pub fault: TokenFault,
}

/// Why an app has no token. What the API said is one line, and may be empty.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenFault {
    /// The API does not know the app by this key (401).
    #[error(
        "the API does not accept the key of the app {id} (401{}); was it deleted, or is a clock wrong?",
        behind(said)
    )]
    Key {
        /// The client id or app id.
        id: String,
        /// What the API said.
        said: String,
    },
    /// There is no such installation (404).
    #[error("the API knows no such installation of the app (404{})", behind(said))]
    Installation {
        /// What the API said.
        said: String,
    },
    /// Any other status than that of success.
    #[error("the API answered with status {status}{}", behind(said))]
    Status {
        /// The status.
        status: u16,
        /// What the API said.
        said: String,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// The API did not answer.
    #[error("asking the API: {}", one_line(&**.0))]
    Unanswered(Box<SourceError>),
    /// What the API sent is not what it should be.
    #[error("the API sent an answer that cannot be used: {0}")]
    Answer(&'static str),
    /// There is no key, or it cannot sign.
    #[error("its key cannot sign")]
    Unsigned,
}

fn behind(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl NoToken {
    /// How long it is of no use to ask again.
    fn pause(&self) -> Duration {
        match self.fault {
            TokenFault::Status { retry_after: Some(wait), .. } => wait.clamp(PAUSE, LONGEST_PAUSE),
            _ => PAUSE,
        }
    }
}

impl From<NoToken> for SourceError {
    /// An outage: that we cannot ask says nothing of what is there.
    fn from(error: NoToken) -> Self {
        Self::Unavailable { status: None, text: shown(&error.to_string()), retry_after: Some(error.pause()) }
    }
}

impl App {
    /// An app that has made no token yet.
    ///
    /// # Errors
    /// [`CredentialError::Api`].
    pub fn new(settings: AppSettings) -> Result<Self, CredentialError> {
        let api = parse_api(&settings.api)?;
        let (known, exchanges, behind) = (Mutex::default(), Shelf::new(), Mutex::default());
        Ok(Self(Arc::new(Inner { settings, api, known, exchanges, behind })))
    }

    /// A token that lives long enough for something to be fetched with it.
    ///
    /// # Errors
    /// There is none, and the API gives none.
    pub(crate) async fn token(&self, via: &Via) -> Result<Arc<str>, NoToken> {
        let held = self.0.known().token.clone();
        let now = Instant::now();
        match held {
            Some(token) if now < token.old => Ok(token.text),
            Some(token) if now + AT_LEAST < token.ends => {
                self.renew_behind(via);
                Ok(token.text)
            }
            held => match (self.exchange(via).await, held) {
                (Ok(token), _) => Ok(token.text),
                (Err(_), Some(last)) if Instant::now() < last.ends => Ok(last.text),
                (Err(error), _) => Err(error),
            },
        }
    }

    /// Forgets a token that a repository did not accept, unless it was made only just now.
    pub(crate) fn doubt(&self) {
        let mut known = self.0.known();
        known.token = known.token.take().filter(|token| token.made.elapsed() < AT_LEAST);
    }

    /// How it does.
    pub fn state(&self) -> AppState {
        let known = self.0.known();
        let installation = match self.0.settings.installation {
            Installation::Id(id) => Some(id),
            Installation::Of(_) => known.installation,
        };
        AppState {
            id: self.0.settings.id.clone(),
            installation,
            expires: known.token.as_ref().map(|token| token.expires),
            trouble: known.trouble.as_ref().map(|error| shown(&error.to_string())),
        }
    }

    /// The exchange under way, or a new one; or the failure of the last, for a short while.
    async fn exchange(&self, via: &Via) -> Result<Token, NoToken> {
        let keep = |made: &Result<Token, NoToken>| made.as_ref().err().map_or(Duration::ZERO, NoToken::pause);
        let (app, via) = (self.clone(), via.clone());
        self.0.exchanges.ask("", keep, || async move { app.0.exchange(&via).await }.boxed()).await
    }

    fn renew_behind(&self, via: &Via) {
        let mut behind = self.0.behind.lock().unwrap_or_else(PoisonError::into_inner);
        while behind.try_join_next().is_some() {}
        if behind.is_empty() {
            let (app, via) = (self.clone(), via.clone());
            behind.spawn(async move { drop(app.exchange(&via).await) });
        }
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a token and notes what came of it.
    async fn exchange(&self, via: &Via) -> Result<Token, NoToken> {
        let name = &self.settings.name;
        let made = self.mint(via).await.map_err(|fault| NoToken { name: name.clone(), fault });
        match &made {
            Ok(token) => {
                tracing::info!(
                    event = "app_token",
                    credential = name,
                    expires = %token.expires,
                    "made a token for the credential {name}"
                );
                let mut known = self.known();
                (known.token, known.trouble) = (Some(token.clone()), None);
            }
            Err(error) => {
                tracing::warn!(event = "app_token_failed", credential = name, "{error}");
                self.known().trouble = Some(error.clone());
            }
        }
        made
    }
}

/// `https://HOST[:PORT][/PATH]`, ending in a slash. Over plain http the token could be read on the way.
fn parse_api(text: &str) -> Result<Url, CredentialError> {
    let mut url = Url::parse(text.trim()).map_err(|_| CredentialError::Api)?;
    let is_bare = url.username().is_empty() && url.password().is_none();
    let is_bare = is_bare && url.query().is_none() && url.fragment().is_none();
    if url.scheme() != "https" || !url.has_host() || !is_bare {
        return Err(CredentialError::Api);
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// The apps that are in use, whatever settings they were made by. Clones are the same.
#[derive(Clone, Default)]
pub struct Apps(Arc<Mutex<Vec<Weak<Inner>>>>);

impl Apps {
    /// The app with these settings, and with the token that it has if it is in use already.
    ///
    /// # Errors
    /// See [`App::new`].
    pub fn join(&self, settings: AppSettings) -> Result<App, CredentialError> {
        let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        apps.retain(|app| app.strong_count() > 0);
        let mut same = apps.iter().filter_map(Weak::upgrade).filter(|app| app.settings == settings);
        if let Some(app) = same.next() {
            return Ok(App(app));
        }
        let app = App::new(settings)?;
        apps.push(Arc::downgrade(&app.0));
        Ok(app)
    }

    /// How the app of a credential does, if it is in use.
    pub fn state(&self, name: &str) -> Option<AppState> {
        let apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest: one that is being replaced may still be in use.
        let mut named = apps.iter().rev().filter_map(Weak::upgrade).filter(|app| app.settings.name == name);
        named.next().map(|app| App(app).state())
    }
}

impl PartialEq for App {
    fn eq(&self, other: &Self) -> bool {
        self.0.settings == other.0.settings
    }
}

impl Eq for App {}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("App").field(&self.0.settings).finish()
    }
}

impl fmt::Debug for AppSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSettings").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Apps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Apps")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_that_a_repository_refused_is_made_anew_but_not_for_each_refusal() {
        let settings = AppSettings {
            name: "corp".to_owned(),
            id: "1".to_owned(),
            installation: Installation::Id(7),
            api: "https://api.example.com".to_owned(),
            key: None,
        };
        let app = App::new(settings).unwrap();
        let (made, hour) = (Instant::now(), Duration::from_hours(1));
        let (ends, old) = (made + hour, made + hour - RENEW_BEFORE);
        let token = Token { text: "ghs_1".into(), made, old, ends, expires: Timestamp::UNIX_EPOCH };
        app.0.known().token = Some(token);
        app.doubt();
        assert!(app.state().expires.is_some(), "it was made only just now");
        tokio::time::advance(AT_LEAST).await;
        app.doubt();
        assert_eq!(app.state().expires, None);
    }
}

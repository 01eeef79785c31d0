//! From the key of an app to the token of an installation.
//!
//! ```text
//! POST /app/installations/7/access_tokens  {"permissions":{"contents":"read"}}
//! 201  {"token":"ghs_…","expires_at":"2026-01-02T04:04:05Z", …}
//! ```
//!
//! The API is at an address that the operator chose or that follows from the origin; the guard looks at it as at that of a
//! repository. Redirects are not followed: the one that is asked learns who we are. A token lives as long as the answer's own
//! date says, so that our clock does not matter; and if the API refuses us while its clock and ours differ, it is asked once
//! more by its own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{AT_LEAST, Inner, Installation, RENEW_BEFORE, Token, TokenFault, Via};
use crate::text::shown;
use crate::upstream::{header, redirect, refused, wait};
use crate::{Deadline, SourceError};

/// What is asked for, and no more.
const PERMISSIONS: &str = r#"{"permissions":{"contents":"read"}}"#;
/// The largest answer that is read, in bytes: it may list 500 repositories.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// The longest token, in bytes. Those of 2026 have some hundreds.
const MAX_TOKEN_BYTES: usize = 16 << 10;
/// A word of so many bytes may be a secret; the shortest tokens have 40.
const SECRET_BYTES: usize = 36;
/// By how many seconds clocks must differ for it to matter.
const DIFFERENT_S: i64 = 30;

/// An answer that was read.
struct Answer {
    status: StatusCode,
    json: Value,
    /// The answer's own time, or ours if it has none.
    now: SystemTime,
    retry_after: Option<Duration>,
}

impl Inner {
    /// Makes a token.
    pub(super) async fn mint(&self, via: &Via) -> Result<Token, TokenFault> {
        let after = via.deadlines.small;
        let minted = timeout(after, self.ask_for_token(via)).await;
        minted.unwrap_or_else(|_| Err(unanswered(SourceError::Timeout { what: Deadline::Whole, after })))
    }

    async fn ask_for_token(&self, via: &Via) -> Result<Token, TokenFault> {
        let id = match &self.settings.installation {
            Installation::Id(id) => *id,
            Installation::Of(owner) => self.installation_of(owner, via).await?,
        };
        let path = format!("app/installations/{id}/access_tokens");
        let answer = self.ask(via, &path, true).await?;
        if answer.status == StatusCode::NOT_FOUND {
            // It may have been installed anew, under another number.
            self.known().installation = None;
        }
        if answer.status.is_success() { answer.token() } else { Err(self.refusal(&answer)) }
    }

    /// The number of the installation on an account: that of an organisation, or else of a person.
    async fn installation_of(&self, owner: &str, via: &Via) -> Result<u64, TokenFault> {
        let known = self.known().installation;
        if let Some(id) = known {
            return Ok(id);
        }
        let mut answer = self.ask(via, &format!("orgs/{owner}/installation"), false).await?;
        if answer.status == StatusCode::NOT_FOUND {
            answer = self.ask(via, &format!("users/{owner}/installation"), false).await?;
        }
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        let id = answer.json.get("id").and_then(Value::as_u64);
        let id = id.ok_or(TokenFault::Answer("it does not tell the number of the installation"))?;
        self.known().installation = Some(id);
        Ok(id)
    }

    /// Asks, and asks again if the API's clock is another than ours.
    async fn ask(&self, via: &Via, path: &str, is_exchange: bool) -> Result<Answer, TokenFault> {
        let url = self.api.join(path).map_err(|_| TokenFault::Answer("its address is none"))?;
        let answer = self.call(via, &url, is_exchange).await?;
        let ahead_s = seconds(answer.now) - seconds(wait::system_time());
        if answer.status != StatusCode::UNAUTHORIZED || (ahead_s - self.known().ahead_s).abs() < DIFFERENT_S {
            return Ok(answer);
        }
        self.known().ahead_s = ahead_s;
        self.call(via, &url, is_exchange).await
    }

    async fn call(&self, via: &Via, url: &Url, is_exchange: bool) -> Result<Answer, TokenFault> {
        redirect::check_outside(url, &via.clients).map_err(unanswered)?;
        let now_s = seconds(wait::system_time()) + self.known().ahead_s;
        let key = self.settings.key.as_ref().ok_or(TokenFault::Unsigned)?;
        let jwt = key.jwt(&self.settings.id, now_s).ok_or(TokenFault::Unsigned)?;
        let mut proof = HeaderValue::try_from(format!("Bearer {jwt}")).map_err(|_| TokenFault::Unsigned)?;
        proof.set_sensitive(true);
        let method = if is_exchange { Method::POST } else { Method::GET };
        let mut request = via.clients.pick(false, false).request(method, url.clone());
        request = request
            .header(AUTHORIZATION, proof)
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28");
        if is_exchange {
            request = request.header(CONTENT_TYPE, "application/json").body(PERMISSIONS);
        }
        let after = via.deadlines.first_byte;
        let sent = timeout(after, request.send()).await;
        let sent = sent.map_err(|_| unanswered(SourceError::Timeout { what: Deadline::FirstByte, after }))?;
        read(sent.map_err(unreachable)?).await
    }

    fn refusal(&self, answer: &Answer) -> TokenFault {
        let said = answer.json.get("message").and_then(Value::as_str).unwrap_or_default();
        let said = without_secrets(shown(said).lines().next().unwrap_or_default());
        match answer.status {
            StatusCode::UNAUTHORIZED => TokenFault::Key { id: self.settings.id.clone(), said },
            StatusCode::NOT_FOUND => TokenFault::Installation { said },
            status => TokenFault::Status { status: status.as_u16(), said, retry_after: answer.retry_after },
        }
    }
}

impl Answer {
    /// The token, if there is one that can be sent.
    fn token(&self) -> Result<Token, TokenFault> {
        let text = |key: &str| self.json.get(key).and_then(Value::as_str);
        let token = text("token").ok_or(TokenFault::Answer("there is no token in it"))?;
        let is_sendable = (1..=MAX_TOKEN_BYTES).contains(&token.len());
        if !is_sendable || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenFault::Answer("its token is empty, too long, or not text"));
        }
        let expires: Option<Timestamp> = text("expires_at").and_then(|time| time.parse().ok());
        let expires = expires.ok_or(TokenFault::Answer("it does not tell when the token expires"))?;
        let left_s = expires.as_second().saturating_sub(seconds(self.now));
        let left = Duration::from_secs(u64::try_from(left_s).unwrap_or(0)).min(Duration::from_hours(24));
        let made = Instant::now();
        // One that lives shortly is used for half of its time.
        let old = made + left.saturating_sub(RENEW_BEFORE).max(left.saturating_sub(AT_LEAST) / 2);
        Ok(Token { text: token.into(), made, old, ends: made + left, expires })
    }
}

/// Reads an answer. One that is not JSON is `null`.
async fn read(mut response: Response) -> Result<Answer, TokenFault> {
    let (status, retry_after) = (response.status(), wait::asked(&response));
    let date = header(&response, &DATE).and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_ANSWER_BYTES {
            return Err(TokenFault::Answer("it is too long"));
        }
    }
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Answer { status, json, now: date.unwrap_or_else(wait::system_time), retry_after })
}

/// Words that are as long as a token, or a JWT, are not repeated.
fn without_secrets(said: &str) -> String {
    let word = |word| if str::len(word) < SECRET_BYTES { word } else { "****" };
    said.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn unanswered(error: SourceError) -> TokenFault {
    TokenFault::Unanswered(Box::new(error))
}

fn unreachable(cause: reqwest::Error) -> TokenFault {
    let cause = cause.without_url();
    unanswered(match refused(&cause) {
        Some(inside) => SourceError::Refused { address: inside.0 },
        None => SourceError::Unreachable { cause: std::sync::Arc::new(cause) },
    })
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

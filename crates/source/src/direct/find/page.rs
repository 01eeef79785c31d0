//! Asking a host for the page that says where a repository is (cmd/go `web.Get`).
//!
//! The host is named by whoever asked for a module, so nothing of it is trusted: addresses are checked by the guard, every
//! redirect is, a page is read only as far as it counts and no further than a bound, and every wait ends. A credential that
//! is configured for the exact origin goes with the question, and with the hops that stay there.
//!
//! For hosts that the operator lists as insecure (GOINSECURE), https is tried without a look at certificates, then http; no
//! credential is sent there.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gomod::meta::{self, GoImport, PageError};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};
use rustls::pki_types::ServerName;
use tokio::time::timeout;

use super::crowd::Crowd;
use crate::build::Builder;
use crate::credential::Proof;
use crate::limits::Deadline;
use crate::text::{Explanation, explanation};
use crate::upstream::{header, is_encoded, redirect, refused, wait};
use crate::{Clients, Credentials, Deadlines, Malformed, RedirectFault, SourceError};

/// The longest head of a page that is read; real ones have some kilobytes.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// How many pieces of a page are looked at as they come; later ones when the page has doubled.
const EAGER_LOOKS: usize = 64;
/// How long https may take at a host that may not have it (cmd/go `impatientInsecureHTTPClient`).
const IMPATIENCE: Duration = Duration::from_secs(5);

/// What resolvers say of a name that does not exist, or has no address: glibc (two), macOS, musl, Windows.
const UNKNOWN_NAMES: [&str; 5] = [
    "Name or service not known",
    "No address associated with hostname",
    "nodename nor servname provided",
    "Name does not resolve",
    "(os error 11001)",
];

/// A page that was seen, whatever its status.
#[derive(Debug)]
pub(super) struct Seen {
    /// What was asked for, not where it led to.
    pub(super) url: String,
    pub(super) status: StatusCode,
    pub(super) imports: Vec<GoImport>,
    /// What ended the reading before anything was found.
    pub(super) fault: Option<PageError>,
    /// The server's explanation, if the status is not 200.
    pub(super) said: Explanation,
    pub(super) retry_after: Option<Duration>,
}

/// Asks for pages.
pub(super) struct Asker {
    clients: Clients,
    deadlines: Deadlines,
    credentials: Credentials,
    crowd: Crowd,
}

impl Asker {
    pub(super) fn new(with: &Builder) -> Self {
        Self {
            clients: with.clients.clone(),
            deadlines: with.deadlines.clone(),
            credentials: with.credentials.clone(),
            crowd: Crowd::default(),
        }
    }

    /// The page at an address without a scheme.
    pub(super) async fn ask(&self, address: &str, insecure: bool) -> Result<Seen, SourceError> {
        let host = address.split('/').next().unwrap_or_default();
        let whole = self.deadlines.small;
        let asked = timeout(whole, async {
            let _place = self.crowd.enter(host).await?;
            if insecure {
                self.ask_insecure(address).await
            } else {
                self.ask_over("https", address, false).await
            }
        });
        asked.await.map_err(|_| SourceError::Timeout { what: Deadline::Whole, after: whole })?
    }

    async fn ask_insecure(&self, address: &str) -> Result<Seen, SourceError> {
        match timeout(IMPATIENCE, self.ask_over("https", address, true)).await {
            Ok(done @ (Ok(_) | Err(SourceError::Refused { .. }))) => done,
            _ => self.ask_over("http", address, true).await,
        }
    }

    async fn ask_over(&self, scheme: &str, address: &str, insecure: bool) -> Result<Seen, SourceError> {
        let url = format!("{scheme}://{address}");
        let first = Url::parse(&url).map_err(|_| SourceError::Redirect(RedirectFault::Target))?;
        redirect::check_outside(&first, &self.clients)?;
        if first.host_str().is_none_or(|host| ServerName::try_from(host).is_err()) {
            return Err(no_such_host());
        }
        let path = address.split('?').next().unwrap_or_default().trim_end_matches('/');
        let proof = if insecure { None } else { self.credentials.for_page(path, &first) };
        let proof = proof.map(|(_, proof)| proof);
        let mut at = first.clone();
        for _ in 0..=redirect::MAX_HOPS {
            let own = at.origin() == first.origin();
            let response = self.send(&at, proof.as_ref().filter(|_| own), insecure).await?;
            let Some(location) = redirect::location(&response) else {
                return self.read(response, url).await;
            };
            at = if insecure {
                let to = redirect::any_target(&at, location)?;
                redirect::check_outside(&to, &self.clients)?;
                to
            } else {
                redirect::target(&at, location, None, &self.clients)?
            };
        }
        Err(SourceError::Redirect(RedirectFault::TooMany))
    }

    async fn send(&self, url: &Url, proof: Option<&Proof>, insecure: bool) -> Result<Response, SourceError> {
        let client = if insecure { self.clients.insecure() } else { self.clients.pick(false, false) };
        let mut request = client.get(url.clone());
        if let Some((name, value)) = proof {
            request = request.header(name, value);
        }
        let after = self.deadlines.first_byte;
        let sent = timeout(after, request.send()).await;
        let sent = sent.map_err(|_| SourceError::Timeout { what: Deadline::FirstByte, after })?;
        sent.map_err(|cause| self.unreachable(cause.without_url()))
    }

    fn unreachable(&self, cause: reqwest::Error) -> SourceError {
        if let Some(inside) = refused(&cause) {
            return SourceError::Refused { address: inside.0 };
        }
        if is_unknown_name(&cause) {
            return no_such_host();
        }
        if cause.is_timeout() && cause.is_connect() {
            return SourceError::Timeout { what: Deadline::Connect, after: self.deadlines.connect };
        }
        SourceError::Unreachable { cause: Arc::new(cause) }
    }

    /// Reads a page as far as it counts. What breaks off under another status than 200 has said enough with that.
    async fn read(&self, mut response: Response, url: String) -> Result<Seen, SourceError> {
        let status = response.status();
        let retry_after = wait::asked(&response);
        let content_type = header(&response, &CONTENT_TYPE).map(str::to_owned);
        let page = if is_encoded(&response) {
            Err(SourceError::Malformed(Malformed::Encoded))
        } else {
            self.head_of(&mut response).await
        };
        let (page, bytes) = match page {
            Ok(read) => read,
            Err(error) if status == StatusCode::OK => return Err(error),
            Err(_) => (meta::parse(b""), Bytes::new()),
        };
        let said = if status == StatusCode::OK {
            Explanation::default()
        } else {
            explanation(content_type.as_deref(), bytes.get(..crate::text::MAX_ERROR_BYTES).unwrap_or(&bytes))
        };
        Ok(Seen { url, status, imports: page.imports, fault: page.fault, said, retry_after })
    }

    async fn head_of(&self, response: &mut Response) -> Result<(meta::Page, Bytes), SourceError> {
        let after = self.deadlines.idle;
        let (mut bytes, mut looks, mut looked_at) = (BytesMut::new(), 0, 0);
        loop {
            let piece = timeout(after, response.chunk()).await;
            let piece = piece.map_err(|_| SourceError::Timeout { what: Deadline::Idle, after })?;
            let piece = piece.map_err(|cause| SourceError::Cut {
                got: bytes.len() as u64,
                size: response.content_length(),
                cause: Some(Arc::new(cause.without_url())),
            })?;
            let Some(piece) = piece else { return Ok((meta::parse(&bytes), bytes.freeze())) };
            bytes.extend_from_slice(&piece);
            if looks < EAGER_LOOKS || bytes.len() >= 2 * looked_at {
                (looks, looked_at) = (looks + 1, bytes.len());
                let page = meta::parse(&bytes);
                if page.is_decided {
                    return Ok((page, bytes.freeze()));
                }
            }
            if bytes.len() > MAX_PAGE_BYTES {
                return Err(SourceError::Malformed(Malformed::TooLarge { max: MAX_PAGE_BYTES as u64 }));
            }
        }
    }
}

/// What is said of a name that is known not to exist, or that none can have, in Go's words.
fn no_such_host() -> SourceError {
    SourceError::Absent { text: "no such host".to_owned(), transient: false }
}

/// Whether the resolver said that the name does not exist, which is not the same as that it could not tell.
fn is_unknown_name(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| says_unknown(&error.to_string())) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn says_unknown(said: &str) -> bool {
    UNKNOWN_NAMES.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use reqwest::dns::{Name, Resolve, Resolving};

    use super::*;

    /// A resolver that always says this.
    struct Says(&'static str);

    impl Resolve for Says {
        fn resolve(&self, _name: Name) -> Resolving {
            let said = format!("failed to lookup address information: {}", self.0);
            Box::pin(async move { Err(io::Error::other(said).into()) })
        }
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a client whose resolver is told what to say")]
    async fn what_a_resolver_says_is_found_in_the_client_s_error() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        for (said, unknown) in
            [("Name or service not known", true), ("Temporary failure in name resolution", false)]
        {
            let client =
                reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(Says(said))).build().unwrap();
            let error = client.get("http://code.example.com/").send().await.unwrap_err();
            assert_eq!(is_unknown_name(&error), unknown, "{said}");
        }
    }

    #[test]
    fn a_resolver_that_could_not_tell_has_not_said_that_a_name_does_not_exist() {
        let resolving = "failed to lookup address information: ";
        for (said, unknown) in [
            ("Name or service not known", true),
            ("No address associated with hostname", true),
            ("nodename nor servname provided, or not known", true),
            ("Name does not resolve", true),
            ("Temporary failure in name resolution", false),
            ("Non-recoverable failure in name resolution", false),
            ("Try again", false),
            ("System error", false),
        ] {
            assert_eq!(says_unknown(&format!("{resolving}{said}")), unknown, "{said}");
        }
        assert!(says_unknown("No such host is known. (os error 11001)"));
        assert!(!says_unknown("A non-recoverable error occurred during a database lookup. (os error 11003)"));
    }
}

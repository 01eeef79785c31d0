//! The configured URL of an upstream, and the URLs of requests below it.
//!
//! The URL may carry a path, with or without a slash at its end, a query that is kept on each request (as the go
//! command does) and, for https, a user and a password. None of it is ever printed.

use std::fmt::{self, Write as _};

use reqwest::Url;

/// Why a URL is no upstream. The URL is not repeated: it may carry a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No URL at all.
    #[error("not a URL")]
    Url,
    /// Neither http nor https.
    #[error("the scheme must be http or https")]
    Scheme,
    /// Credentials that would travel readable (cmd/go: `refusing to pass credentials to insecure URL`).
    #[error("refusing to send a user and password over plain http")]
    InsecureCredentials,
}

/// A checked base URL.
#[derive(Clone)]
pub(super) struct Base(Url);

impl Base {
    pub(super) fn parse(url: &str) -> Result<Self, UpstreamError> {
        let mut url = Url::parse(url.trim()).map_err(|_| UpstreamError::Url)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(UpstreamError::Scheme);
        }
        if url.scheme() == "http" && !(url.username().is_empty() && url.password().is_none()) {
            return Err(UpstreamError::InsecureCredentials);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// `host[:port]`, the default name of an upstream.
    pub(super) fn host_and_port(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The name of the origin: `host[:port]`, where only https has a port that goes without saying.
    pub(super) fn origin_name(&self) -> String {
        match (self.0.scheme(), self.0.port()) {
            ("http", None) => format!("{}:80", self.host_and_port()),
            _ => self.host_and_port(),
        }
    }

    /// The URL that requests are compared with for trust.
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether the URL itself says who asks.
    pub(super) fn has_user(&self) -> bool {
        !self.0.username().is_empty() || self.0.password().is_some()
    }

    /// The URL of a path below the base, un-encoded; without credentials.
    pub(super) fn locate(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let base = url.path();
        let path = format!("{}/{}", base.strip_suffix('/').unwrap_or(base), encoded(path));
        url.set_path(&path);
        // Cannot fail: the URL has a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url
    }

    /// The same URL with the configured credentials if it is of the same origin, which then is https.
    pub(super) fn with_credentials(&self, url: &Url) -> Url {
        let mut url = url.clone();
        if url.scheme() == "https" && url.origin() == self.0.origin() {
            let _ = url.set_username(self.0.username());
            let _ = url.set_password(self.0.password());
        }
        url
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base({})", self.host_and_port())
    }
}

/// A relative path as the go command sends it (Go's `url.PathEscape`, slashes kept): `!` becomes `%21`.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-_.~/$&+=:@".contains(&byte);
        if plain {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use gomod::Request;

    use super::*;

    fn located(base: &str, request: &str) -> String {
        Base::parse(base)
            .unwrap()
            .locate(&Request::parse(request.trim_start_matches('/')).unwrap().to_string())
            .to_string()
    }

    #[test]
    fn requests_are_encoded_as_the_go_command_encodes_them() {
        for (base, request, url) in [
            (
                "https://p.example",
                "/example.com/!a!b!c/@v/v1.0.0.info",
                "https://p.example/example.com/%21a%21b%21c/@v/v1.0.0.info",
            ),
            ("https://p.example/", "/example.com/m/@v/list", "https://p.example/example.com/m/@v/list"),
            ("https://p.example/go/", "/example.com/m/@latest", "https://p.example/go/example.com/m/@latest"),
            (
                "http://p.example:8080/a%20b?key=1#x",
                "/example.com/m/@v/v2.0.0+incompatible.zip",
                "http://p.example:8080/a%20b/example.com/m/@v/v2.0.0+incompatible.zip?key=1",
            ),
            (
                "https://p.example",
                "/example.com/m/@v/a%23b.info",
                "https://p.example/example.com/m/@v/a%23b.info",
            ),
            (
                "https://p.example",
                "/example.com/m/@v/a%25b.info",
                "https://p.example/example.com/m/@v/a%25b.info",
            ),
            (
                "https://user:secret@p.example/x",
                "/example.com/m/@v/list",
                "https://p.example/x/example.com/m/@v/list",
            ),
        ] {
            assert_eq!(located(base, request), url, "{base} {request}");
        }
    }

    #[test]
    fn credentials_go_to_their_exact_origin_over_https_only() {
        let base = Base::parse("https://user:s%40cret@p.example/go").unwrap();
        for (url, sent) in [
            ("https://p.example/other", true),
            ("https://p.example:443/other", true),
            ("https://p.example:8443/other", false),
            ("https://sub.p.example/other", false),
            ("https://q.example/other", false),
            ("http://p.example/other", false),
        ] {
            let url = base.with_credentials(&Url::parse(url).unwrap());
            assert_eq!(url.password() == Some("s%40cret") && url.username() == "user", sent, "{url}");
            assert_eq!(url.password().is_some(), sent, "{url}");
        }
    }

    #[test]
    fn a_base_url_is_http_or_https_and_its_credentials_are_never_readable() {
        for (url, fault) in [
            ("p.example", UpstreamError::Url),
            ("ftp://p.example", UpstreamError::Scheme),
            ("file:///x", UpstreamError::Scheme),
            ("http://user:secret@p.example", UpstreamError::InsecureCredentials),
            ("http://user@127.0.0.1", UpstreamError::InsecureCredentials),
            ("http://:secret@p.example", UpstreamError::InsecureCredentials),
        ] {
            assert_eq!(Base::parse(url).unwrap_err(), fault, "{url}");
        }
        let debug = format!("{:?}", Base::parse("https://user:secret@p.example:8443/x?token=1").unwrap());
        assert_eq!(debug, "Base(p.example:8443)");
    }
}

//! The head of a request to the gate.
//!
//! Only what decides where it goes is understood: the first line, and the header that shows the pass. A tunnel needs no more;
//! a plain request is passed on with the rest of its headers as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Target, USER};

/// What a request is for.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// Where to.
    pub(super) target: Target,
    /// How.
    pub(super) form: Form,
    /// The secret of the pass that was shown.
    pub(super) secret: Option<String>,
    /// Whether it asks not to be sent through an outbound proxy, which is for web traffic: ssh, `git://`.
    pub(super) is_direct: bool,
}

/// The two forms of requests to proxies.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A tunnel: `CONNECT host:port`.
    Tunnel,
    /// A plain request: `GET http://host/path`.
    Plain {
        /// Its method.
        method: String,
        /// The path and query, as the server is asked for them.
        path: String,
        /// Its headers without those for proxies, and without those about the connection.
        headers: String,
    },
}

/// The header by which [`super::connect_stdio`] asks for a way of its own.
pub(super) const DIRECT: &str = "larder-direct";

impl Head {
    /// Reads a head, up to its blank line; `None` if it is not for a proxy, or malformed.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target, version) = (first.next()?, first.next()?, first.next()?);
        if first.next().is_some()
            || !version.starts_with("HTTP/1.")
            || !method.bytes().all(|b| b.is_ascii_uppercase())
        {
            return None;
        }
        let mut secret = None;
        let mut is_direct = false;
        let mut headers = String::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            match name.to_ascii_lowercase().as_str() {
                "proxy-authorization" => secret = password(value.trim()),
                DIRECT => is_direct = true,
                "connection" | "proxy-connection" | "keep-alive" => {}
                _ => headers.extend([line, "\r\n"]),
            }
        }
        if method == "CONNECT" {
            return Some(Self { target: authority(target, None)?, form: Form::Tunnel, secret, is_direct });
        }
        let rest =
            target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).and(target.get(7..))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(end)?;
        // Fossil says to whom it asks who asks.
        let host = host.rsplit('@').next().unwrap_or(host);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let form = Form::Plain { method: method.to_owned(), path, headers };
        Some(Self { target: authority(host, Some(80))?, form, secret, is_direct })
    }
}

/// `host:port`, `[address]:port`, and where there is a default also without the port.
pub(super) fn authority(text: &str, default: Option<u16>) -> Option<Target> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
        Some(_) => return None,
        None => default?,
    };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte) || byte >= 0x80;
    let is_host = !host.is_empty() && host.len() <= 255 && host.bytes().all(known);
    // The root's dot says nothing more, and names are compared.
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    (is_host && port != 0).then_some(Target { host, port })
}

/// The password in `Basic …` of our user.
fn password(value: &str) -> Option<String> {
    let (scheme, encoded) = value.split_once(' ')?;
    let plain = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
    let (user, password) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
    (user == USER).then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, port: u16) -> Target {
        Target { host: host.to_owned(), port }
    }

    #[test]
    fn both_forms_of_proxy_requests_are_read() {
        let head = Head::parse(
            b"CONNECT Example.com.:443 HTTP/1.1\r\nProxy-Authorization: basic bGFyZGVyOmFiYw==\r\n\r\n",
        )
        .unwrap();
        assert_eq!((head.target, head.form), (target("example.com", 443), Form::Tunnel));
        assert_eq!((head.secret.as_deref(), head.is_direct), (Some("abc"), false));
        let head = Head::parse(b"GET http://[::1]?q HTTP/1.1\r\nA: b\r\nConnection: x\r\n\r\n").unwrap();
        let headers = "A: b\r\n".to_owned();
        let plain = Form::Plain { method: "GET".to_owned(), path: "/?q".to_owned(), headers };
        assert_eq!((head.target, head.form, head.secret), (target("::1", 80), plain, None));
        let head = Head::parse(b"POST http://me@example.com:81/r HTTP/1.0\r\n\r\n").unwrap();
        assert_eq!(head.target, target("example.com", 81));
    }

    #[test]
    fn what_is_no_proxy_request_is_refused() {
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET https://example.com/ HTTP/1.1\r\n\r\n",
            "CONNECT example.com HTTP/1.1\r\n\r\n",
            "CONNECT example.com:0 HTTP/1.1\r\n\r\n",
            "CONNECT example.com:70000 HTTP/1.1\r\n\r\n",
            "CONNECT a b:1 HTTP/1.1\r\n\r\n",
            "CONNECT a@b:1 HTTP/1.1\r\n\r\n",
            "CONNECT :1 HTTP/1.1\r\n\r\n",
            "CONNECT a:1 SSH/2\r\n\r\n",
            "connect a:1 HTTP/1.1\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nno colon\r\n\r\n",
            "",
        ] {
            assert_eq!(Head::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Head::parse(b"CONNECT a:1 HTTP/1.1\r\nX: \xff\r\n\r\n"), None);
    }
}

//! Whether a request says in one way only what it asks of whom.
//!
//! The parser below refuses heads that are not HTTP; what it lets pass and two readers may still understand differently
//! is refused here (RFC 9112 section 3.2, RFC 9113 section 8.3.1): a server in front of this one must not route a
//! request by one name while it is answered under another.

use http::{HeaderMap, Method, Request, Version, header};

/// What is wrong with the target or the host of a request.
pub(super) fn wrong<B>(request: &Request<B>) -> Option<&'static str> {
    let (uri, method) = (request.uri(), request.method());
    let is_host_and_port = uri.scheme().is_none() && uri.authority().is_some();
    if (is_host_and_port && method != Method::CONNECT) || (uri.path() == "*" && method != Method::OPTIONS) {
        return Some("the target is not a path");
    }
    if uri.authority().is_some_and(|authority| !is_host(authority.as_str().as_bytes())) {
        return Some("the target names no host");
    }
    match hosts(request.headers()) {
        Hosts::None if request.version() == Version::HTTP_11 => Some("the request has no Host field"),
        Hosts::None => None,
        Hosts::Many => Some("the request has several Host fields"),
        Hosts::One(host) if !is_host(host) => Some("the Host field names no host"),
        Hosts::One(host) => {
            let other = uri.authority().filter(|_| request.version() >= Version::HTTP_2);
            let differs = other.is_some_and(|other| !other.as_str().as_bytes().eq_ignore_ascii_case(host));
            differs.then_some("the Host field differs from the target")
        }
    }
}

enum Hosts<'a> {
    None,
    One(&'a [u8]),
    Many,
}

fn hosts(headers: &HeaderMap) -> Hosts<'_> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Hosts::None,
        (Some(host), None) => Hosts::One(host.as_bytes()),
        (Some(_), Some(_)) => Hosts::Many,
    }
}

/// Whether every byte may stand in a host and port (RFC 3986 section 3.2.2), so that there is no user and no path.
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte))
}

//! Whether, and where to, a redirect is followed (cmd/go `web.checkRedirect`, made stricter by the guard).
//!
//! The target is somebody else's word. It is followed to http and https only, never from https to http, never to
//! an address inside of the network, and it gets no credentials: those belong to the exact origin that they were
//! configured for. The configured upstream's own origin is the operator's choice and needs no guard.
//!
//! The rules hold for whatever is asked over HTTP; pages that say where a repository is have no origin that is trusted.

use reqwest::header::LOCATION;
use reqwest::{Response, Url};

use crate::clients::Clients;
use crate::upstream::header;
use crate::{RedirectFault, SourceError};

/// How many redirects are followed, one after the other (net/http `Client`).
pub(crate) const MAX_HOPS: usize = 10;

/// Where a response leads to, if it is a redirect (net/http `redirectBehavior`).
pub(crate) fn location(response: &Response) -> Option<&str> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    header(response, &LOCATION).filter(|_| redirects)
}

/// The next URL of a walk along redirects, without userinfo and fragment. Only the `trusted` origin needs no guard.
pub(crate) fn target(
    from: &Url,
    location: &str,
    trusted: Option<&Url>,
    clients: &Clients,
) -> Result<Url, SourceError> {
    let to = any_target(from, location)?;
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(SourceError::Redirect(RedirectFault::Downgrade));
    }
    if trusted.is_none_or(|trusted| to.origin() != trusted.origin()) {
        check_outside(&to, clients)?;
    }
    Ok(to)
}

/// The same, where https may be left and the guard is still to be asked.
pub(crate) fn any_target(from: &Url, location: &str) -> Result<Url, SourceError> {
    let fault = SourceError::Redirect(RedirectFault::Target);
    let Ok(mut to) = from.join(location) else { return Err(fault) };
    if !matches!(to.scheme(), "http" | "https") || !to.has_host() {
        return Err(fault);
    }
    if to.set_username("").and_then(|()| to.set_password(None)).is_err() {
        return Err(fault);
    }
    to.set_fragment(None);
    Ok(to)
}

/// Refuses a literal address that is inside, and outbound proxies, whose names the guarding resolver lets through.
pub(crate) fn check_outside(url: &Url, clients: &Clients) -> Result<(), SourceError> {
    let host = url.host_str().ok_or(SourceError::Redirect(RedirectFault::Target))?;
    clients.guard().check_host(host).map_err(|inside| SourceError::Refused { address: inside.0 })?;
    if clients.is_outbound(host) {
        return Err(SourceError::Redirect(RedirectFault::OutboundProxy));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Network;

    fn followed(from: &str, location: &str) -> Result<String, SourceError> {
        let clients = Clients::new(&Network::default(), Duration::from_secs(1)).unwrap();
        let upstream = Url::parse("https://proxy.example/go").unwrap();
        target(&Url::parse(from).unwrap(), location, Some(&upstream), &clients).map(String::from)
    }

    #[test]
    fn https_is_never_left() {
        for (from, location, leaves) in [
            ("https://proxy.example/a", "http://proxy.example/b", true),
            ("https://store.example/a", "http://store.example/b", true),
            ("https://store.example/a", "HTTP://store.example/b", true),
            ("https://proxy.example/a", "https://store.example/b", false),
            ("https://proxy.example/a", "//store.example/b", false),
            ("http://proxy.example/a", "https://store.example/b", false),
            ("http://proxy.example/a", "http://store.example/b", false),
        ] {
            let refused =
                matches!(followed(from, location), Err(SourceError::Redirect(RedirectFault::Downgrade)));
            assert_eq!(refused, leaves, "{from} to {location}");
        }
    }

    #[test]
    fn userinfo_and_fragment_of_a_target_are_dropped_and_its_query_is_kept() {
        let to = followed("https://proxy.example/a?x=1", "https://user:pw@store.example/b?sig=%2Fz#part");
        assert_eq!(to.unwrap(), "https://store.example/b?sig=%2Fz");
    }
}

//! Whether, and where to, a redirect is followed (cmd/go `web.checkRedirect`, made stricter by the guard).
//!
//! The target is somebody else's word. It is followed to http and https only, never from https to http, never to
//! an address inside of the network, and it gets no credentials: those belong to the exact origin that they were
//! configured for. The configured upstream's own origin is the operator's choice and needs no guard.

use reqwest::Url;

use crate::clients::Clients;
use crate::{RedirectFault, SourceError};

/// The next URL of a walk along redirects, without userinfo and fragment.
pub(super) fn target(
    from: &Url,
    location: &str,
    upstream: &Url,
    clients: &Clients,
) -> Result<Url, SourceError> {
    let fault = SourceError::Redirect;
    let mut to = from.join(location).map_err(|_| fault(RedirectFault::Target))?;
    if !matches!(to.scheme(), "http" | "https") {
        return Err(fault(RedirectFault::Target));
    }
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(fault(RedirectFault::Downgrade));
    }
    let cleared = to.set_username("").and_then(|()| to.set_password(None));
    cleared.map_err(|()| fault(RedirectFault::Target))?;
    to.set_fragment(None);
    if to.origin() != upstream.origin() {
        let host = to.host_str().ok_or(fault(RedirectFault::Target))?;
        if clients.is_outbound(host) {
            return Err(fault(RedirectFault::OutboundProxy));
        }
        clients.guard().check_host(host).map_err(|inside| SourceError::Refused { address: inside.0 })?;
    }
    Ok(to)
}

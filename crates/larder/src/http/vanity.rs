//! Pages that say where repositories are (`?go-get=1`), for paths of the operator's own (`vanity`).
//!
//! A company's domain that leads here answers the go command, and every other proxy, with where its modules are. The module
//! path is the host that was asked for and the path after it, as the go command asks (cmd/go `vcs.urlForImportPath`). Who is
//! not served a private module is not told where it is either.

use gomod::{ModulePath, Request as Want};
use http::{Request, Response};

use super::body::Body;
use super::fault::{self, Asker};
use super::{Service, page};
use crate::auth::Identity;
use crate::observe::RequestId;

impl Service {
    /// The page of a path, if it is asked for and the settings have one.
    pub(super) fn go_get<B>(
        &self,
        request: &Request<B>,
        who: &Identity,
        id: &RequestId,
    ) -> Option<Response<Body>> {
        let query = request.uri().query()?;
        let settings = self.settings.now();
        if settings.vanity.is_empty() || !query.split('&').any(|part| part == "go-get=1") {
            return None;
        }
        let path = format!("{}{}", who.host_name().unwrap_or_default(), request.uri().path());
        let path = ModulePath::parse(path.trim_end_matches('/')).ok()?;
        let found = settings.vanity.find(path.as_str())?.page(path.as_str()).ok()?;
        let want = Want::List(path);
        if let Err(error) = self.pipeline.admit(who, &want) {
            return Some(fault::failed(&want, &error, true, &Asker { headers: request.headers(), id }));
        }
        Some(page::answer(found))
    }
}

//! `GET explain/<escaped path>` and `GET explain/<escaped path>/@v/<version or query>`: which settings decide over a module,
//! and what is held of it. No source is asked.

use std::sync::Arc;

use gomod::{ModulePath, Request};
use http::StatusCode;

use super::modules::{asked_about, failed, held_of, versions_of};
use super::{Answer, Asked, Parts};
use crate::app::explain::{Explained, ToldBy, explain};
use crate::http::admin::{self, Refusal};

pub(super) fn answer(parts: Arc<Parts>, asked: Asked) -> Answer {
    Box::pin(async move {
        let want = asked_about(&asked.rest)?;
        let path = want
            .module()
            .cloned()
            .ok_or_else(|| Refusal::of(StatusCode::BAD_REQUEST, "this is no module"))?;
        let told = told(&parts, &path, &want).await?;
        Ok(admin::json(&told))
    })
}

async fn told(parts: &Parts, path: &ModulePath, want: &Request) -> Result<Explained, Refusal> {
    let loaded = parts.reloader.in_force().await;
    let explained = explain(&loaded, path).map_err(|error| {
        Refusal::of(StatusCode::INTERNAL_SERVER_ERROR, crate::config::redact(&format!("{error:#}")))
    })?;
    let (held, version) = match want {
        Request::File(version, _) => {
            let held = held_of(parts, version).await.map_err(|error| failed(&error))?;
            (Some(held), Some(version.version.as_str().to_owned()))
        }
        Request::Query(_, query) => (None, Some(query.as_str().to_owned())),
        Request::Latest(_) => (None, Some("latest".to_owned())),
        Request::List(_) | Request::SumDb(_) => (None, None),
    };
    let explained = explained.with_state_of(parts.reloader.apps());
    let versions_held = versions_of(parts, path).await.map_err(|error| failed(&error))?;
    Ok(Explained { told_by: ToldBy::Server, version, held, versions_held: Some(versions_held), ..explained })
}

//! `POST invalidate`: forgets what is known of a module and may change, so that the next who asks makes the sources be
//! asked. What is held of a version is never forgotten: its content never changes.

use std::sync::Arc;

use gomod::{FileKind, ModulePath, ModuleVersion, Request};
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::modules::{failed, query_wants};
use super::refresh::Meant;
use super::{Answer, Asked, Parts};
use crate::http::admin;

/// What was forgotten.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Invalidated {
    /// The module path.
    pub module: String,
    /// Answers that were forgotten: `list`, `latest`, queries by their names.
    pub answers: Vec<String>,
    /// Absences and failures that were forgotten.
    pub troubles: u64,
    /// Kinds of files of the version that are held, and stay.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub held: Vec<String>,
}

pub(super) fn answer(parts: Arc<Parts>, asked: Asked) -> Answer {
    Box::pin(async move {
        let (path, want) = asked.body::<Meant>()?.parse()?;
        parts.pipeline.look_anew(&path);
        let done = match want {
            Some(Request::File(version, _)) => version_of(&parts, &version).await,
            Some(want) => known(&parts, &path, vec![want]).await,
            None => all(&parts, &path).await,
        };
        Ok(admin::json(&done.map_err(|error| failed(&error))?))
    })
}

async fn all(parts: &Parts, path: &ModulePath) -> Result<Invalidated, StoreError> {
    let mut wants = vec![Request::List(path.clone()), Request::Latest(path.clone())];
    wants.extend(query_wants(parts, path).await?);
    let troubles = parts.pipeline.forget_troubles(path) as u64;
    let done = known(parts, path, wants).await?;
    Ok(Invalidated { troubles: troubles + done.troubles, ..done })
}

async fn known(parts: &Parts, path: &ModulePath, wants: Vec<Request>) -> Result<Invalidated, StoreError> {
    let mut done = Invalidated { module: path.as_str().to_owned(), ..Invalidated::default() };
    for want in wants {
        done.troubles += u64::from(parts.pipeline.forget_trouble(&want));
        if parts.pipeline.cache().forget_known(&want).await? {
            done.answers.push(match &want {
                Request::Latest(_) => "latest".to_owned(),
                Request::Query(_, query) => query.as_str().to_owned(),
                _ => "list".to_owned(),
            });
        }
    }
    Ok(done)
}

async fn version_of(parts: &Parts, version: &ModuleVersion) -> Result<Invalidated, StoreError> {
    let mut done = Invalidated { module: version.path.as_str().to_owned(), ..Invalidated::default() };
    for kind in FileKind::ALL {
        let want = Request::File(version.clone(), kind);
        done.troubles += u64::from(parts.pipeline.forget_trouble(&want));
        let record = parts.pipeline.cache().record(version, kind).await?;
        if record.is_some_and(|record| !record.lost) {
            done.held.push(kind.extension().to_owned());
        }
    }
    Ok(done)
}

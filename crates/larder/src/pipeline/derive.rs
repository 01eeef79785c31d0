//! Answers that may change: asked of the sources, or derived from what is held when no source gives one.
//!
//! A list that no source gives consists of the versions held; a latest version that no source names is chosen from the
//! list as the go command would choose it. Derived answers are marked stale and not kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gomod::list::List;
use gomod::modfile::ModFile;
use gomod::{FileKind, ModulePath, ModuleVersion, Request, Version, latest};
use source::Walk;

use super::fetch::at_fault;
use super::flight::{Flight, Landed};
use super::{Answer, AnswerContent, CacheState, Error, Pipeline, REFRESH_PAUSE, Reach, told};
use crate::auth::Identity;
use crate::cache::keep::DERIVED;
use crate::cache::{Content, Held};
use crate::trust::ask::receive_whole;
use crate::verify;

/// After every source has denied a list, they are asked again when this has passed, as for any absence.
const ABSENCE_LASTS: Duration = Duration::from_mins(1);

impl Pipeline {
    pub(super) async fn bring_known(self: &Arc<Self>, flight: &Flight) -> Result<Landed, Error> {
        let want = flight.want();
        let error = match self.ask_known(want).await {
            Ok(held) => return Ok(Landed::Held(held)),
            Err(error) => error,
        };
        let is_absent = error.is_denial();
        // In an outage the copy of what a source said before is better than anything made here.
        if !is_absent && self.cache.has_known(want).await? {
            return Err(error);
        }
        let derived = match want {
            Request::List(path) => self.held_list(path).await,
            Request::Latest(path) => Box::pin(self.derive_latest(path, is_absent)).await,
            _ => Ok(None),
        };
        // Only sources in trouble can have made this fail: then the denial alone is not the answer, nor remembered.
        let derived = derived.inspect_err(|_| self.cache.forget(want))?;
        let Some(body) = derived else { return Err(error) };
        if let Error::Sources(walk) = &error {
            told::done_without(want, walk);
        }
        let lasts = if is_absent {
            self.failures.remove(want);
            ABSENCE_LASTS
        } else {
            // For whoever wants to know why it is not a source's.
            self.failures.insert(want.clone(), (self.clock.now(), error));
            REFRESH_PAUSE
        };
        Ok(Landed::Derived(self.cache.remember_derived(want, body, lasts)))
    }

    async fn ask_known(&self, want: &Request) -> Result<Held, Error> {
        let chain = self.chain(want)?;
        let mut walk = Walk::over(&chain);
        while let Some(link) = walk.next() {
            let source = &**link.source();
            let checked = match receive_whole(source, want).await {
                Ok(bytes) => {
                    let checked = match want {
                        Request::List(path) => verify::list(path, &bytes),
                        Request::Latest(path) | Request::Query(path, _) => verify::resolved(path, &bytes),
                        Request::File(..) | Request::SumDb(_) => return Err(Error::Lost),
                    };
                    checked.map_err(|wrong| at_fault(&wrong))
                }
                Err(error) => Err(error),
            };
            match checked {
                Ok(body) => {
                    told::done_without(want, &walk.finish());
                    return Ok(self.cache.keep_known(want, body, source.name()).await);
                }
                Err(error) => walk.failed(error),
            }
        }
        Err(self.walked(want, walk).await)
    }

    /// What can be said without asking anyone.
    pub(super) async fn held_only(self: &Arc<Self>, want: &Request) -> Result<Answer, Error> {
        if let Some(kept) = self.kept(want).await? {
            return Ok(kept);
        }
        match want {
            // Not remembered: those who may ask the sources shall do so.
            Request::List(path) => self.held_list(path).await?.ok_or(Error::NotHeld),
            _ => Err(Error::NotHeld),
        }
        .map(|body| self.held(want, self.cache.unkept(body, DERIVED), CacheState::Stale))
    }

    /// The versions whose files are all held, if there are any.
    async fn held_list(&self, path: &ModulePath) -> Result<Option<Bytes>, Error> {
        Ok(self.held_versions(path).await?.map(|list| Bytes::from(list.to_text())))
    }

    /// The latest version, chosen from the list as the go command does when `@latest` is not to be had.
    async fn derive_latest(
        self: &Arc<Self>,
        path: &ModulePath,
        is_absent: bool,
    ) -> Result<Option<Bytes>, Error> {
        // While a source is in trouble only what is held can be chosen from.
        let listed = if is_absent { self.listed_versions(path).await } else { Ok(None) };
        let list = match listed {
            Ok(Some(list)) => list,
            other => match (self.held_versions(path).await?, other) {
                (Some(list), _) => list,
                (None, other) => return other.map(|_| None),
            },
        };
        let Some(source) = latest::retraction_source(list.versions()) else {
            return self.newest_pseudo(path, &list).await;
        };
        // Where there is no such go.mod file nothing counts as retracted.
        let retractions = unless_absent(self.file(path, source, FileKind::Mod).await)?;
        let retractions = retractions.and_then(|bytes| ModFile::parse_lax(&bytes).ok());
        let retracted =
            |version: &Version| retractions.as_ref().is_some_and(|file| file.retracts(version).is_some());
        let Some(chosen) = latest::choose(list.versions(), retracted) else { return Ok(None) };
        unless_absent(self.file(path, chosen, FileKind::Info).await)
    }

    /// The list as a source gives it, pseudo-versions included.
    async fn listed_versions(&self, path: &ModulePath) -> Result<Option<List>, Error> {
        let want = Request::List(path.clone());
        let chain = self.chain(&want)?;
        let mut walk = Walk::over(&chain);
        while let Some(link) = walk.next() {
            match receive_whole(&**link.source(), &want).await {
                Ok(bytes) => return Ok(List::parse(&bytes, path).ok()),
                Err(error) => walk.failed(error),
            }
        }
        unless_absent(Err(Error::Sources(Arc::new(walk.finish()))))
    }

    /// The versions held, pseudo-versions included; none when nothing is held.
    async fn held_versions(&self, path: &ModulePath) -> Result<Option<List>, Error> {
        let held = self.cache.whole_versions(path).await?;
        Ok(if held.is_empty() { None } else { List::parse(held.as_bytes(), path).ok() })
    }

    /// For a module without tags in a tree copied from a module cache: the newest version that its list mentions.
    async fn newest_pseudo(self: &Arc<Self>, path: &ModulePath, list: &List) -> Result<Option<Bytes>, Error> {
        let Some(newest) = list.newest_pseudo() else { return Ok(None) };
        unless_absent(self.file(path, newest, FileKind::Info).await)
    }

    async fn file(
        self: &Arc<Self>,
        path: &ModulePath,
        version: &Version,
        kind: FileKind,
    ) -> Result<Bytes, Error> {
        let module = ModuleVersion::new(path.clone(), version.clone()).map_err(|_| Error::Lost)?;
        self.small(&Request::File(module, kind)).await
    }

    /// A small answer, whole, by the same door that clients use.
    async fn small(self: &Arc<Self>, want: &Request) -> Result<Bytes, Error> {
        let answer = self.answer(&Identity::ourselves(), want, Reach::Anywhere).await?;
        match answer.content {
            AnswerContent::Held(Held { content: Content::Memory(bytes), .. }) => Ok(bytes),
            AnswerContent::Held(Held { content: Content::File(file), .. }) => {
                let len = usize::try_from(file.record().size).unwrap_or(usize::MAX);
                let mut whole = Vec::new();
                while whole.len() < len {
                    let piece = file.read(whole.len() as u64, len - whole.len()).await;
                    whole.extend_from_slice(&piece.map_err(|_| Error::Lost)?);
                }
                Ok(Bytes::from(whole))
            }
            AnswerContent::Arriving(..) | AnswerContent::Passed(_) => Err(Error::Lost),
        }
    }
}

/// An absence as none; every other failure stays one.
fn unless_absent<T>(asked: Result<T, Error>) -> Result<Option<T>, Error> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.class().is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

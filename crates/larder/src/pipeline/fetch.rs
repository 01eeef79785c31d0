//! What a flight does: walk the sources, receive, verify, keep.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::{FutureExt, StreamExt};
use gomod::{FileKind, ModuleVersion, Request};
use http::HeaderValue;
use source::{Chain, Fetched, Link, Resume, RouteError, Source, SourceError, Walk};
use store::{Durability, Spool, StoreError};

use super::flight::{Flight, Landed, PIECE};
use super::{Error, FAILURE_MEMORY, Passage, Pipeline, told};
use crate::cache::keep::Provenance;
use crate::cache::manifest::VerifiedBy;
use crate::cache::{Held, KeepError, Lookup};
use crate::observe::Tally;
use crate::observe::trace::{self, Step};
use crate::trust::ask::{asked, receive_whole};
use crate::verify::sums::{Summer, Sums};
use crate::verify::{self, Verified, Wrong};

/// A source's bytes are passed on in pieces; a piece that is not full waits this long for more.
const GATHER: Duration = Duration::from_millis(2);
/// How long the check of a zip may take: 500 MiB inflate in seconds, wherever they are read from.
const CHECK_TIME: Duration = Duration::from_mins(2);
/// A zip is shown to those who wait when more of it is here than this. A smaller one gains nothing by being shown
/// early, and one that turns out wrong before is refused in words, or asked of the next source, instead of being cut.
const SHOWN_FROM: u64 = PIECE as u64;
/// Bytes at the beginning of a zip that are looked at before it is shown: the name of its first file is in them.
const BEGINNING: usize = 1024;
/// A body that was cut is resumed this many times.
const RESUMES: u32 = 3;

/// What may go wrong with one source.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The source is at fault: perhaps another one may be asked.
    Source(SourceError),
    /// Nothing more can be done for this flight.
    Final(Error),
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl<E: Into<Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

/// Where a flight looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Once more at what is known: whoever asked may have looked just before an earlier flight landed.
    First,
    /// At the sources, whatever is known.
    AtSources,
}

/// The task of one flight: it waits for its turn, unless everyone leaves before that.
pub(super) async fn fly(pipeline: Arc<Pipeline>, flight: Arc<Flight>, passage: Passage) {
    let look = if matches!(passage, Passage::Renewal) { Look::AtSources } else { Look::First };
    let _place = match passage {
        Passage::Ours => None,
        Passage::Behind(place) => Some(place),
        Passage::Asked(_) | Passage::Renewal => tokio::select! {
            biased;
            place = pipeline.departures.place(passage.share()) => Some(place),
            () = flight.hurried() => None,
            () = pipeline.flights.abandoned(&flight) => return,
        },
    };
    if matches!(look, Look::First)
        && let Some(error) = pipeline.recent_failure(flight.want(), FAILURE_MEMORY)
        && !matches!(error, Error::Waited(_))
    {
        // Whoever boarded had looked just before an earlier flight landed.
        return pipeline.flights.land(&flight, Err(error));
    }
    let bringing = pipeline.bring_as_allowed(&flight, look);
    let outcome = std::panic::AssertUnwindSafe(bringing).catch_unwind().await;
    let outcome = outcome.unwrap_or(Err(Error::Lost));
    let failed = outcome.as_ref().is_err_and(|error| !error.class().is_absence());
    pipeline.counters.tally(if failed { Tally::FlightFailed } else { Tally::FlightLanded }, 1);
    match &outcome {
        // Why no source gave it is remembered.
        Ok(Landed::Derived(_)) => {}
        Ok(_) => {
            pipeline.failures.remove(flight.want());
            pipeline.doubted.remove(flight.want());
        }
        Err(error) if error.class().is_absence() => {}
        Err(error) => {
            trace::fail(format_args!("{:?}", error.class()));
            told::given_up(flight.want(), error);
            let failure = (pipeline.clock.now(), error.clone());
            pipeline.failures.insert(flight.want().clone(), failure);
        }
    }
    pipeline.flights.land(&flight, outcome);
}

impl Pipeline {
    /// Brings it under the settings in force; begins anew if they change so that it must.
    async fn bring_as_allowed(self: &Arc<Self>, flight: &Flight, look: Look) -> Result<Landed, Error> {
        loop {
            let settings = self.settings.kept();
            tokio::select! {
                // First the rule, then the work: no step is taken that the rule forbids.
                biased;
                () = self.settings.forbidden(&settings, flight.want()) => {}
                outcome = self.bring(flight, look) => return outcome,
            }
            tracing::info!(
                event = "became_private",
                want = %flight.want(),
                "stopped a fetch: its module has become private"
            );
            if flight.is_followed() {
                return Err(Error::BecamePrivate);
            }
        }
    }

    async fn bring(self: &Arc<Self>, flight: &Flight, look: Look) -> Result<Landed, Error> {
        let want = flight.want();
        let is_refresh = match self.cache.lookup(want).await? {
            Lookup::Fresh(held) if look == Look::First => return Ok(Landed::Held(held)),
            Lookup::Absent(absence) if look == Look::First => return Err(self.absent(want, &absence)),
            Lookup::Absent(_) | Lookup::Missing => false,
            Lookup::Fresh(_) | Lookup::Stale(_) | Lookup::Old(_) | Lookup::Derived { .. } => true,
        };
        let brought = self.bring_anew(flight).await;
        if is_refresh {
            let failed = match &brought {
                Ok(landed) => matches!(landed, Landed::Derived(_)),
                Err(error) => !error.is_denial(),
            };
            self.counters.tally(if failed { Tally::RefreshFailed } else { Tally::RefreshDone }, 1);
        }
        brought
    }

    async fn bring_anew(self: &Arc<Self>, flight: &Flight) -> Result<Landed, Error> {
        let want = flight.want();
        match want {
            Request::File(module, kind) => self.bring_file(flight, module, *kind).await.map(Landed::Held),
            Request::List(_) | Request::Latest(_) | Request::Query(..) => self.bring_known(flight).await,
            Request::SumDb(request) => self.bring_proven(want, request).await,
        }
    }

    /// The chain of a module as it is now, or why it has none.
    pub(super) fn chain(&self, want: &Request) -> Result<Chain, Error> {
        let path = want.module().ok_or(Error::Lost)?;
        let settings = self.settings.now();
        let chain = settings.routes.chain_for(path).map_err(Error::Private)?;
        // Until `direct` can fetch, its "not built in" would send a client with a private name to its next source.
        if settings.routes.is_private(path) && chain.links().iter().all(Link::is_direct) {
            return Err(Error::Private(RouteError::PrivateWithoutSource));
        }
        Ok(chain.clone())
    }

    async fn bring_file(
        &self,
        flight: &Flight,
        module: &ModuleVersion,
        kind: FileKind,
    ) -> Result<Held, Error> {
        let chain = self.chain(flight.want())?;
        // One source a version: what is held of it already says which.
        let pin = self.cache.pinned_source(module).await?;
        let pinned = pin.and_then(|name| only(&chain, &name));
        let mut walk = Walk::over(pinned.as_ref().unwrap_or(&chain));
        while let Some(link) = walk.next() {
            let attempt = match kind {
                FileKind::Zip => self.receive_zip(flight, module, link).await,
                FileKind::Info | FileKind::Mod => self.receive_small(flight, module, kind, link).await,
            };
            match attempt {
                Ok(held) => {
                    told::done_without(flight.want(), &walk.finish());
                    return Ok(held);
                }
                Err(Trouble::Final(error)) => {
                    told::done_without(flight.want(), &walk.finish());
                    return Err(error);
                }
                Err(Trouble::Source(error)) if flight.is_followed() => {
                    if error.class() == source::Class::Corrupt {
                        self.doubted.insert(flight.want().clone(), ());
                    }
                    walk.failed(error);
                    return Err(Error::Sources(Arc::new(walk.finish())));
                }
                Err(Trouble::Source(error)) => walk.failed(error),
            }
        }
        Err(self.walked(flight.want(), walk).await)
    }

    /// The end of a walk that found nothing; an absence is remembered.
    pub(super) async fn walked(&self, want: &Request, walk: Walk<'_>) -> Error {
        let error = walk.finish();
        if error.class.is_absent() && !error.transient {
            let withdrawn = error.class == source::Class::Withdrawn;
            let absence = self.cache.remember_absent(want, &error.to_string(), withdrawn).await;
            return self.absent(want, &absence);
        }
        Error::Sources(Arc::new(error))
    }

    async fn receive_small(
        &self,
        flight: &Flight,
        module: &ModuleVersion,
        kind: FileKind,
        link: &Link,
    ) -> Result<Held, Trouble> {
        let source = &**link.source();
        let bytes = receive_whole(source, flight.want()).await?;
        let recorded = self.cache.recorded_h1(module, kind).await?;
        let verified = match kind {
            FileKind::Info => verify::info(module, &bytes),
            _ => verify::go_mod(bytes, recorded.as_ref()),
        };
        let verified = self.judged(recorded.is_some(), verified)?;
        self.keep_or_pass(module, kind, verified, source).await
    }

    async fn receive_zip(
        &self,
        flight: &Flight,
        module: &ModuleVersion,
        link: &Link,
    ) -> Result<Held, Trouble> {
        let source = &**link.source();
        let coming = Coming::from(source, flight.want()).await?;
        // What a store that is full or failing does not take goes on in memory, if it is small.
        let spool = self.cache.store().sheltered(coming.fetched.size).await?;
        let verified = self.receive_zip_into(flight, module, spool, coming).await?;
        self.keep_or_pass(module, FileKind::Zip, verified, source).await
    }

    /// Keeps a verified file; if the store cannot, serves it this once from where it is.
    async fn keep_or_pass(
        &self,
        module: &ModuleVersion,
        kind: FileKind,
        verified: Verified,
        source: &dyn Source,
    ) -> Result<Held, Trouble> {
        let keeping = self.cache.keep(module, kind, verified.clone(), first_seen(source));
        match trace::step(Step::Keep, keeping).await {
            Ok(held) => Ok(held),
            Err(KeepError::Store(error)) if error.is_outage() => {
                tracing::debug!(module = %module, file.kind = kind.extension(), "served without being kept: {error}");
                self.counters.tally(Tally::Unkept, 1);
                Ok(self.cache.unkept_file(module, kind, verified, &first_seen(source))?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Receives a zip into a spool, to be followed meanwhile, and checks it.
    async fn receive_zip_into(
        &self,
        flight: &Flight,
        module: &ModuleVersion,
        spool: Spool,
        coming: Coming<'_>,
    ) -> Result<Verified, Trouble> {
        let (source, announced) = (coming.source, coming.fetched.size);
        let shown_from = self.doubted.get(flight.want()).map_or(SHOWN_FROM, |()| u64::MAX);
        let arrival = Arrival { module, source, size: announced, shown_from };
        let sums = receive(flight, arrival, coming, &spool).await?;
        if let Some(announced) = announced.filter(|announced| *announced != sums.size) {
            return Err(at_fault(&Wrong::Length { announced, got: sums.size }).into());
        }
        let recorded = self.cache.recorded_h1(module, FileKind::Zip).await?;
        let _permit = self.checking.acquire().await.map_err(|_| Error::Lost)?;
        let (checked, body, is_recorded) = (module.clone(), spool.clone(), recorded.is_some());
        let checking =
            tokio::task::spawn_blocking(move || verify::zip(&checked, body, sums, recorded.as_ref()));
        let checking = trace::step(Step::Verify, tokio::time::timeout(CHECK_TIME, checking));
        let checked = checking.await.map_err(|_| stuck("check"))?;
        let checked = checked.map_err(|_| Error::Lost)?;
        match checked {
            // The spool could not be read: nothing is known to be wrong with what the source sent.
            Err(Wrong::Zip(gomod::zip::ZipError::Read(cause))) => {
                return Err(StoreError::of("read", "a spool", cause).into());
            }
            Err(Wrong::Hash { got, .. }) => self.cache.accuse(module, FileKind::Zip, &spool, got).await,
            _ => {}
        }
        Ok(self.judged(is_recorded, checked)?)
    }

    /// Counts how a check ended; what is wrong is the source's fault.
    fn judged(&self, is_recorded: bool, checked: Result<Verified, Wrong>) -> Result<Verified, SourceError> {
        self.counters.tally(
            match &checked {
                Ok(verified) if is_recorded && verified.h1.is_some() => Tally::VerifiedAgreed,
                Ok(_) => Tally::VerifiedFirst,
                Err(Wrong::Hash { .. }) => Tally::VerifiedDiffers,
                Err(_) => Tally::VerifiedRefused,
            },
            1,
        );
        checked.map_err(|wrong| at_fault(&wrong))
    }
}

/// A source and its answer that has begun to arrive.
struct Coming<'a> {
    source: &'a dyn Source,
    fetched: Fetched,
}

impl<'a> Coming<'a> {
    async fn from(source: &'a dyn Source, want: &Request) -> Result<Self, SourceError> {
        Ok(Self { source, fetched: asked(source, source.fetch(want)).await? })
    }
}

/// What the chain has of this name: one source, or several, since trees are all named alike and proxies by their
/// host. None if the source was taken out of the chain.
fn only(chain: &Chain, name: &str) -> Option<Chain> {
    let links: Vec<_> = chain.links().iter().filter(|link| link.source().name() == name).cloned().collect();
    (!links.is_empty()).then(|| Chain::new(links, false))
}

/// Receives a body into a spool, letting followers see it grow; resumes where it was cut if the source can.
async fn receive(
    flight: &Flight,
    arrival: Arrival<'_>,
    coming: Coming<'_>,
    spool: &Spool,
) -> Result<Sums, Trouble> {
    let Coming { source, mut fetched } = coming;
    let (summer, gathered) = (Summer::default(), BytesMut::new());
    let mut intake = Intake { flight, spool, summer, gathered, arrival: Some(arrival) };
    let etag = fetched.etag.clone();
    let mut resumes = 0;
    loop {
        let Err(trouble) = intake.drain(&mut fetched).await else { break };
        let Trouble::Source(error) = trouble else { return Err(trouble) };
        let is_cut = matches!(error, SourceError::Cut { .. } | SourceError::Timeout { .. });
        let (Some(etag), true) = (&etag, is_cut && resumes < RESUMES) else {
            return Err(error.into());
        };
        resumes += 1;
        intake.flush().await?;
        let from = Resume { offset: spool.size(), etag: etag.clone() };
        fetched = asked(source, source.fetch_from(flight.want(), &from)).await.map_err(|_| error)?;
        tracing::info!(
            event = "resumed",
            want = %flight.want(),
            offset = spool.size(),
            "resumed a body that was cut"
        );
    }
    intake.flush().await?;
    Ok(intake.summer.finish())
}

/// Gathers what arrives into pieces, hashes them, writes them to the spool and shows them to followers.
struct Intake<'a> {
    flight: &'a Flight,
    spool: &'a Spool,
    summer: Summer,
    gathered: BytesMut,
    /// What followers are told once enough is here: before that, another source may still be asked.
    arrival: Option<Arrival<'a>>,
}

/// What is about to be shown.
struct Arrival<'a> {
    module: &'a ModuleVersion,
    source: &'a dyn Source,
    /// What the source announced.
    size: Option<u64>,
    /// More bytes than these are here when it is shown.
    shown_from: u64,
}

impl Intake<'_> {
    async fn drain(&mut self, fetched: &mut Fetched) -> Result<(), Trouble> {
        loop {
            let next = if self.gathered.is_empty() {
                fetched.body.next().await
            } else if let Ok(next) = tokio::time::timeout(GATHER, fetched.body.next()).await {
                next
            } else {
                self.flush().await?;
                continue;
            };
            let Some(mut bytes) = next.transpose()? else { return Ok(()) };
            while !bytes.is_empty() {
                // Room for one piece and no more: what grows by doubling is held by the window as large as it grew.
                self.gathered.reserve(PIECE.saturating_sub(self.gathered.len()));
                let room = PIECE.saturating_sub(self.gathered.len()).min(bytes.len());
                self.gathered.extend_from_slice(&bytes.split_to(room));
                if self.gathered.len() >= PIECE {
                    self.flush().await?;
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Trouble> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let piece = self.gathered.split().freeze();
        let (spool, written) = (self.spool.clone(), piece.clone());
        let mut summer = std::mem::take(&mut self.summer);
        let write = tokio::task::spawn_blocking(move || {
            spool.write(&written)?;
            summer.update(&written);
            Ok::<_, store::StoreError>(summer)
        });
        let write = tokio::time::timeout(store::PATIENCE, write).await.map_err(|_| stuck("write"))?;
        self.summer = write.map_err(|_| Error::Lost)??;
        match &self.arrival {
            None => self.flight.wrote(piece),
            Some(arrival) if self.spool.size() > arrival.shown_from => self.show().await?,
            Some(_) => {}
        }
        Ok(())
    }

    /// Lets followers begin, if what is here begins as the zip that was asked for.
    async fn show(&mut self) -> Result<(), Trouble> {
        let Some(Arrival { module, source, size, .. }) = self.arrival.take() else { return Ok(()) };
        let spool = self.spool.clone();
        let read = tokio::task::spawn_blocking(move || spool.read_at(0, BEGINNING));
        let read = tokio::time::timeout(store::PATIENCE, read).await.map_err(|_| stuck("read"))?;
        let beginning = read.map_err(|_| Error::Lost)??;
        verify::zip_begins(module, &beginning).map_err(|wrong| at_fault(&wrong))?;
        let name = HeaderValue::from_str(source.name()).map_err(|_| Error::Lost)?;
        self.flight.arriving(size, name, self.spool.clone());
        Ok(())
    }
}

/// The disk does not come back; the thread that waits for it is left to itself.
fn stuck(operation: &'static str) -> Error {
    StoreError::Stuck { operation, object: "a spool".to_owned() }.into()
}

/// What is wrong with a body is a fault of its source.
pub(super) fn at_fault(wrong: &Wrong) -> SourceError {
    SourceError::Rejected { text: verify::explain(wrong) }
}

fn first_seen(source: &dyn Source) -> Provenance {
    Provenance {
        source: source.name().into(),
        verified_by: VerifiedBy::FirstSeen,
        durability: Durability::Batched,
    }
}

//! What a flight does: walk the sources, receive, verify, keep.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use gomod::{FileKind, H1, ModuleVersion, Request};
use source::{Chain, Link, Source, SourceError, Walk};
use store::{Durability, Spool, StoreError};

use super::flight::{Flight, Landed};
use super::proof::{Proof, Ruling};
use super::receive::{Arrival, Coming, SHOWN_FROM, receive, stuck};
use super::{Error, FAILURE_MEMORY, Passage, Pipeline, told};
use crate::cache::keep::Provenance;
use crate::cache::manifest::VerifiedBy;
use crate::cache::{Held, KeepError, Lack, Lookup};
use crate::observe::trace::{self, Step};
use crate::observe::{Tally, explain};
use crate::trust::ask::receive_whole;
use crate::verify::sums::Sums;
use crate::verify::{self, Sound, Verified, VerifiedContent, Wrong};

/// How long the check of a zip may take: 500 MiB inflate in seconds, wherever they are read from.
const CHECK_TIME: Duration = Duration::from_mins(2);

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
            Request::SumDb(request) => match self.own_log(request) {
                Some(log) => self.bring_recorded(log, want, &request.operation).await,
                None => self.bring_proven(want, request).await,
            },
        }
    }

    /// The chain of a module as it is now, or why it has none.
    pub(super) fn chain(&self, want: &Request) -> Result<Chain, Error> {
        let path = want.module().ok_or(Error::Lost)?;
        let settings = self.settings.now();
        Ok(settings.routes.chain_for(path).map_err(Error::Private)?.clone())
    }

    async fn bring_file(
        &self,
        flight: &Flight,
        module: &ModuleVersion,
        kind: FileKind,
    ) -> Result<Held, Error> {
        let chain = self.chain(flight.want())?;
        let proof = self.prove(module, kind);
        // One source a version: what is held of it already says which. Others come after it, should a record bind them.
        let pin = self.cache.pinned_source(module).await?;
        let (chain, pinned) = in_turn(&chain, pin.as_deref());
        let mut walk = Walk::over(&chain);
        let mut asked = 0;
        while let Some(link) = walk.next() {
            asked += 1;
            let attempt = match kind {
                FileKind::Zip => self.receive_zip(flight, module, (link, &proof)).await,
                FileKind::Info | FileKind::Mod => {
                    self.receive_small(flight, module, kind, (link, &proof)).await
                }
            };
            let error = match attempt {
                Err(Trouble::Source(error)) => error,
                Err(Trouble::Final(error)) => {
                    told::done_without(flight.want(), &walk.finish());
                    return Err(error);
                }
                Ok(held) => {
                    told::done_without(flight.want(), &walk.finish());
                    return Ok(held);
                }
            };
            let is_wrong = error.class() == source::Class::Corrupt;
            walk.failed(error);
            if flight.is_followed() {
                self.doubt(flight, is_wrong);
                return Err(Error::Sources(Arc::new(walk.finish())));
            }
            let is_last_pinned = asked == pinned;
            if (is_wrong || is_last_pinned) && proof.binds().await {
                walk.go_on();
            } else if is_last_pinned {
                break;
            }
        }
        Err(self.walked(flight.want(), walk).await)
    }

    /// What was wrong after a part of it had been sent is not sent again before all is checked.
    fn doubt(&self, flight: &Flight, is_wrong: bool) {
        if is_wrong && flight.is_followed() {
            self.doubted.insert(flight.want().clone(), ());
        }
    }

    /// The end of a walk that found nothing; an absence is remembered.
    pub(super) async fn walked(&self, want: &Request, walk: Walk<'_>) -> Error {
        let error = walk.finish();
        if error.class.is_absent() && !error.transient {
            let is_withdrawn = error.class == source::Class::Withdrawn;
            let lack = if is_withdrawn { Lack::Withdrawn } else { Lack::NotFound };
            let absence = self.cache.remember_absent(want, &error.to_string(), lack).await;
            return self.absent(want, &absence);
        }
        Error::Sources(Arc::new(error))
    }

    async fn receive_small(
        &self,
        flight: &Flight,
        module: &ModuleVersion,
        kind: FileKind,
        (link, proof): (&Link, &Proof),
    ) -> Result<Held, Trouble> {
        let source = &**link.source();
        let bytes = receive_whole(source, flight.want()).await?;
        let ruling = proof.ruling().await?;
        let recorded = self.bound_h1(module, kind).await?;
        let checked = match kind {
            FileKind::Info => verify::info(module, &bytes),
            _ => verify::go_mod(bytes.clone(), ruling.bound(kind, recorded.as_ref())),
        };
        if let (Err(Wrong::Record { .. }), Ok(sent)) = (&checked, self.cache.blobs().spool()) {
            let written = sent.clone();
            let written = tokio::task::spawn_blocking(move || written.write(&bytes)).await;
            if matches!(written, Ok(Ok(()))) {
                self.accuse((module, kind), (source, &sent), &checked, &ruling).await;
            }
        }
        let verified = self.judged((&ruling, recorded.is_some()), checked)?;
        if let (FileKind::Mod, VerifiedContent::Memory(go_mod)) = (kind, &verified.content) {
            self.look_up_ahead(go_mod);
        }
        let from = provenance(source, &ruling, &verified);
        self.keep_or_pass((module, kind), verified, from).await
    }

    async fn receive_zip(
        &self,
        flight: &Flight,
        module: &ModuleVersion,
        (link, proof): (&Link, &Proof),
    ) -> Result<Held, Trouble> {
        let source = &**link.source();
        let coming = Coming::from(source, flight.want()).await?;
        // What a store that is full or failing does not take goes on in memory, if it is small.
        let spool = self.cache.store().sheltered(coming.fetched.size).await?;
        let sums = tokio::select! {
            // What will be refused is not fetched to its end.
            biased;
            refusal = proof.refused() => Err(refusal.into()),
            sums = self.receive_zip_into(flight, module, &spool, coming) => sums,
        };
        let checked = match sums {
            Ok(sums) => self.check_zip(module, spool, sums, (source, proof)).await,
            Err(trouble) => Err(trouble),
        };
        let (verified, ruling) = checked.inspect_err(|trouble| {
            let is_refused = matches!(trouble, Trouble::Final(Error::Unverified(_) | Error::Absent { .. }));
            self.doubt(flight, is_refused);
        })?;
        let from = provenance(source, &ruling, &verified);
        self.keep_or_pass((module, FileKind::Zip), verified, from).await
    }

    /// Keeps a verified file; if the store cannot, serves it this once from where it is.
    async fn keep_or_pass(
        &self,
        (module, kind): (&ModuleVersion, FileKind),
        verified: Verified,
        from: Provenance,
    ) -> Result<Held, Trouble> {
        let keeping = self.cache.keep(module, kind, verified.clone(), from.clone());
        match trace::step(Step::Keep, keeping).await {
            Ok(held) => {
                if from.verified_by == VerifiedBy::Unverified {
                    self.unproven.note(module);
                }
                Ok(held)
            }
            Err(KeepError::Store(error)) if error.is_outage() => {
                tracing::debug!(module = %module, file.kind = kind.extension(), "served without being kept: {error}");
                self.counters.tally(Tally::Unkept, 1);
                Ok(self.cache.unkept_file(module, kind, verified, &from)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Receives a zip into a spool, to be followed meanwhile.
    async fn receive_zip_into(
        &self,
        flight: &Flight,
        module: &ModuleVersion,
        spool: &Spool,
        coming: Coming<'_>,
    ) -> Result<Sums, Trouble> {
        let (source, announced) = (coming.source, coming.fetched.size);
        let shown_from = self.doubted.get(flight.want()).map_or(SHOWN_FROM, |()| u64::MAX);
        let arrival = Arrival { module, source, size: announced, shown_from };
        let sums = receive(flight, arrival, coming, spool).await?;
        match announced.filter(|announced| *announced != sums.size) {
            Some(announced) => Err(at_fault(&Wrong::Length { announced, got: sums.size }).into()),
            None => Ok(sums),
        }
    }

    /// Checks a zip that is here, whole: the module rules, and the hash that binds it, which may still be on its way.
    async fn check_zip(
        &self,
        module: &ModuleVersion,
        spool: Spool,
        sums: Sums,
        (source, proof): (&dyn Source, &Proof),
    ) -> Result<(Verified, Ruling), Trouble> {
        let recorded = self.bound_h1(module, FileKind::Zip).await?;
        let size = sums.size;
        let (checked, ruling) = tokio::join!(self.checked(module, spool.clone(), sums), proof.ruling());
        let ruling = ruling?;
        let checked = match (checked?, &ruling) {
            // The spool could not be read: nothing is known to be wrong with what the source sent.
            (Err(Wrong::Zip(gomod::zip::ZipError::Read(cause))), _) => {
                return Err(StoreError::of("read", "a spool", cause).into());
            }
            (Err(Wrong::Zip(broken @ gomod::zip::ZipError::Files(_))), Ruling::Record(record))
                if self.zip_h1(&spool, size).await? == Some(record.sums.zip) =>
            {
                let unusable = verify::Unusable { broken, database: record.database.clone() };
                return Err(self.unusable(module, &unusable).await.into());
            }
            (Ok(sound), ruling) => sound.bound_by(ruling.bound(FileKind::Zip, recorded.as_ref())),
            (Err(wrong), _) => Err(wrong),
        };
        self.accuse((module, FileKind::Zip), (source, &spool), &checked, &ruling).await;
        let verified = self.judged((&ruling, recorded.is_some()), checked)?;
        Ok((verified, ruling))
    }

    /// Checks a zip by itself.
    async fn checked(
        &self,
        module: &ModuleVersion,
        spool: Spool,
        sums: Sums,
    ) -> Result<Result<Sound, Wrong>, Error> {
        let module = module.clone();
        self.at_work(move || verify::zip(&module, spool, sums)).await
    }

    /// The hash of a zip that breaks the rules, if it has one.
    async fn zip_h1(&self, spool: &Spool, size: u64) -> Result<Option<H1>, Error> {
        let spool = spool.clone();
        self.at_work(move || verify::zip_h1(&spool, size)).await
    }

    /// A long computation in its turn, within bounds.
    async fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _permit = self.checking.acquire().await.map_err(|_| Error::Lost)?;
        let working = tokio::time::timeout(CHECK_TIME, tokio::task::spawn_blocking(work));
        let worked = trace::step(Step::Verify, working).await;
        worked.map_err(|_| stuck("check"))?.map_err(|_| Error::Lost)
    }

    /// A zip that every source must have as it is, and no go command takes; remembered like an absence.
    async fn unusable(&self, module: &ModuleVersion, unusable: &verify::Unusable) -> Error {
        self.counters.tally(Tally::VerifiedRefused, 1);
        let want = Request::File(module.clone(), FileKind::Zip);
        let absence = self.cache.remember_absent(&want, &unusable.to_string(), Lack::Unusable).await;
        self.absent(&want, &absence)
    }

    /// Keeps what a source sent as evidence where its hash is not the one that binds it.
    async fn accuse(
        &self,
        (module, kind): (&ModuleVersion, FileKind),
        (source, sent): (&dyn Source, &Spool),
        checked: &Result<Verified, Wrong>,
        ruling: &Ruling,
    ) {
        let got = match checked {
            Err(Wrong::Hash { got, .. }) => *got,
            Err(wrong @ Wrong::Record { got, .. }) => {
                tracing::error!(
                    event = "record_differs",
                    module.path = %module.path, module.version = %module.version, file.kind = kind.extension(),
                    upstream.name = source.name(),
                    "a source sent something else than is on record, and nothing of it was kept: {wrong}"
                );
                *got
            }
            _ => return,
        };
        // The same lie told again is no further evidence.
        let lie = (Request::File(module.clone(), kind), got);
        if self.accused.get(&lie).is_some() {
            return;
        }
        self.accused.insert(lie, ());
        let witness = match ruling {
            Ruling::Record(recorded) => Some(recorded),
            Ruling::Unbound(_) => None,
        };
        self.cache.accuse((module, kind), (source.name(), sent), got, witness).await;
    }

    /// Counts how a check ended; what is wrong is the source's fault.
    fn judged(
        &self,
        (ruling, is_recorded): (&Ruling, bool),
        checked: Result<Verified, Wrong>,
    ) -> Result<Verified, SourceError> {
        self.counters.tally(
            match (&checked, ruling) {
                (Ok(verified), _) if verified.database().is_some() => Tally::VerifiedRecord,
                (Ok(verified), _) if is_recorded && verified.h1.is_some() => Tally::VerifiedAgreed,
                (Ok(_), Ruling::Unbound(VerifiedBy::Unverified)) => Tally::VerifiedNot,
                (Ok(_), _) => Tally::VerifiedFirst,
                (Err(Wrong::Hash { .. } | Wrong::Record { .. }), _) => Tally::VerifiedDiffers,
                (Err(_), _) => Tally::VerifiedRefused,
            },
            1,
        );
        checked.map_err(|wrong| at_fault(&wrong))
    }
}

/// The chain with the sources of this name first, and how many those are: trees are all named alike and proxies by
/// their host. None if the source was taken out of the chain.
fn in_turn(chain: &Chain, pin: Option<&str>) -> (Chain, usize) {
    let is_pinned = |link: &&Link| Some(link.source().name()) == pin;
    let pinned: Vec<Link> = chain.links().iter().filter(is_pinned).cloned().collect();
    let count = pinned.len();
    let others = chain.links().iter().filter(|link| !is_pinned(link)).cloned();
    (Chain::new(pinned.into_iter().chain(others).collect(), chain.ends_off()), count)
}

/// What is wrong with a body is a fault of its source.
pub(super) fn at_fault(wrong: &Wrong) -> SourceError {
    SourceError::Rejected { text: explain(wrong) }
}

fn provenance(source: &dyn Source, ruling: &Ruling, verified: &Verified) -> Provenance {
    Provenance {
        source: source.name().into(),
        verified_by: ruling.verified_by(verified),
        durability: Durability::Batched,
    }
}

//! Receiving a zip: into a spool, hashed on the way, shown to those who wait once enough of it is here.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use gomod::{ModuleVersion, Request};
use http::HeaderValue;
use source::{Fetched, Resume, Source, SourceError};
use store::{Spool, StoreError};

use super::Error;
use super::fetch::{Trouble, at_fault};
use super::flight::{Flight, PIECE};
use crate::trust::ask::asked;
use crate::verify;
use crate::verify::sums::{Summer, Sums};

/// A source's bytes are passed on in pieces; a piece that is not full waits this long for more.
const GATHER: Duration = Duration::from_millis(2);
/// A zip is shown to those who wait when more of it is here than this. A smaller one gains nothing by being shown
/// early, and one that turns out wrong before is refused in words, or asked of the next source, instead of being cut.
pub(super) const SHOWN_FROM: u64 = PIECE as u64;
/// Bytes at the beginning of a zip that are looked at before it is shown: the name of its first file is in them.
const BEGINNING: usize = 1024;
/// A body that was cut is resumed this many times.
const RESUMES: u32 = 3;

/// A source and its answer that has begun to arrive.
pub(super) struct Coming<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) fetched: Fetched,
}

impl<'a> Coming<'a> {
    pub(super) async fn from(source: &'a dyn Source, want: &Request) -> Result<Self, SourceError> {
        Ok(Self { source, fetched: asked(source, source.fetch(want)).await? })
    }
}

/// Receives a body into a spool, letting followers see it grow; resumes where it was cut if the source can.
pub(super) async fn receive(
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
pub(super) struct Arrival<'a> {
    pub(super) module: &'a ModuleVersion,
    pub(super) source: &'a dyn Source,
    /// What the source announced.
    pub(super) size: Option<u64>,
    /// More bytes than these are here when it is shown.
    pub(super) shown_from: u64,
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
pub(super) fn stuck(operation: &'static str) -> Error {
    StoreError::Stuck { operation, object: "a spool".to_owned() }.into()
}

//! Has the checksum databases vouch for what is held and was not compared with their records yet: what was imported, what
//! was kept while no database covered it, what was let in during an outage.
//!
//! One version after the other, in places that nobody else wants, and never again for what was settled. When a database
//! cannot be asked the rest waits for the next round. What contradicts a record is set aside, and fetched anew. Nothing
//! waits for this: what is held is served meanwhile, and says why it is trusted.

use std::sync::Arc;
use std::time::Duration;

use gomod::{ModuleVersion, Version};
use store::StoreError;

use crate::cache::evidence::FoundBy;
use crate::observe::Tally;
use crate::pipeline::Pipeline;
use crate::pipeline::compare::Compared;
use crate::tasks::Tasks;

/// Between two versions, and between two pages.
const PAUSE: Duration = Duration::from_millis(10);
/// After so many versions of which nothing could be learned, the rest waits.
const IN_VAIN: u32 = 3;

/// What a round has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Files for which a database has vouched.
    pub vouched: u64,
    /// Versions whose files are not what is on record.
    pub contradicted: u64,
    /// Versions that the database does not know, and was not known not to know.
    pub unrecorded: u64,
    /// Versions of which nothing could be learned.
    pub untold: u64,
}

/// Compares whatever waits, until the tasks are told to stop.
pub async fn run(pipeline: Arc<Pipeline>, tasks: Tasks) {
    loop {
        let round = tokio::select! {
            round = round(&pipeline) => round,
            () = tasks.stopping() => return,
        };
        match round {
            Ok(Round { vouched: 0, contradicted: 0, unrecorded: 0, .. }) => {}
            Ok(Round { vouched, contradicted, unrecorded, untold }) => tracing::info!(
                event = "compared",
                vouched,
                contradicted,
                unrecorded,
                untold,
                "what was held was compared with the checksum databases"
            ),
            Err(error) => tracing::warn!(
                event = "compare_failed",
                error = &error as &dyn std::error::Error,
                "what is held could not be compared with the checksum databases"
            ),
        }
        let every = pipeline.compares_every();
        let pause = if every.is_zero() { Duration::MAX } else { every };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = pipeline.unproven().woken() => {}
            () = tasks.stopping() => return,
        }
    }
}

/// Compares what waits, once.
///
/// # Errors
/// The store failed; what was not reached still waits.
pub async fn round(pipeline: &Arc<Pipeline>) -> Result<Round, StoreError> {
    if pipeline.unproven().take_look()
        && let Err(error) = look_through(pipeline).await
    {
        // Looked through again by the next round.
        pipeline.unproven().note_more();
        return Err(error);
    }
    let (mut round, mut in_vain) = (Round::default(), 0);
    for module in pipeline.unproven().waiting() {
        let place = pipeline.place_to_spare().await;
        let compared = pipeline.compare(&module, Some(FoundBy::Record)).await?;
        drop(place);
        in_vain = if matches!(compared, Compared::Untold(_)) { in_vain + 1 } else { 0 };
        settle(pipeline, &module, compared, &mut round).await;
        if in_vain >= IN_VAIN {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(round)
}

async fn settle(pipeline: &Arc<Pipeline>, module: &ModuleVersion, compared: Compared, round: &mut Round) {
    match compared {
        Compared::Nothing => pipeline.unproven().settle(module),
        Compared::Agrees { news } => {
            round.vouched += news;
            pipeline.counters().tally(Tally::VerifiedRecord, news);
            pipeline.unproven().settle(module);
        }
        Compared::Differs(different) => {
            round.contradicted += 1;
            pipeline.counters().tally(Tally::VerifiedDiffers, different.len() as u64);
            pipeline.unproven().settle(module);
            for difference in different {
                // Whoever asks first would fetch it too; that it cannot be had is told to them.
                drop(pipeline.heal(module, difference.kind).await);
            }
        }
        Compared::Unrecorded(error) => {
            if pipeline.unproven().is_unrecorded(module) {
                round.unrecorded += 1;
                tracing::warn!(
                    event = "record_missing",
                    module.path = %module.path,
                    module.version = %module.version,
                    database = &**error.database(),
                    "the checksum database does not know a held version: {error}"
                );
            }
        }
        Compared::Untold(error) => {
            round.untold += 1;
            tracing::debug!(%module, "not compared with the checksum database: {error}");
        }
    }
}

/// Lists what is held and not vouched for.
async fn look_through(pipeline: &Pipeline) -> Result<(), StoreError> {
    if !pipeline.has_databases() {
        return Ok(());
    }
    let mut modules = pipeline.cache().modules(None)?;
    while let Some(page) = modules.page().await? {
        for (_, path) in page {
            for record in pipeline.cache().records(&path).await? {
                let version = Version::parse(&record.version).ok();
                let module = version.and_then(|version| ModuleVersion::new(path.clone(), version).ok());
                if let Some(module) = module.filter(|module| pipeline.is_unproven(module, &record)) {
                    pipeline.unproven().note(&module);
                }
            }
        }
        if !modules.is_over() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

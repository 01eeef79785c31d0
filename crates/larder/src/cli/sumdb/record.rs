//! `larder sumdb show` and `larder sumdb prove`.

use client::{Proof, target};

use super::{exit, meant, opened};
use crate::cli::args::Record;
use crate::cli::mode::Shown;
use crate::cli::paper::{count, fact};
use crate::cli::{Exit, failure, print, print_described};
use crate::config::Loaded;
use crate::tasks;

/// Prints a record, or its proof.
pub(in crate::cli) fn run(
    record: &Record,
    is_proof: bool,
    loaded: &Loaded,
    shown: &Shown,
) -> anyhow::Result<Exit> {
    let spec = meant(record.sumdb.as_deref(), &shown.environment, &loaded.config)?;
    let way = target::own_way(&spec, &crate::app::builder(&loaded.config)?)?;
    let runtime = tasks::runtime()?;
    let proven = runtime.block_on(async {
        let database = opened(&spec, way, &shown.environment)?;
        // The newest tree, not the one that an old answer to a lookup has.
        database.latest().await?;
        Proof::of(&database, &record.module).await
    });
    let proof = match proven {
        Ok(proof) => proof,
        Err(fault) => {
            let exit = exit(&fault);
            failure::report(&fault.into());
            return Ok(exit);
        }
    };
    if is_proof && !shown.json {
        return print(&proof.to_string());
    }
    print_described(shown, &proof, |paper, proof| {
        let tree = proof.head().tree();
        paper.table(&[
            fact("module", proof.module().to_string()),
            fact("zip", proof.sums().zip.to_string()),
            fact("go.mod", proof.sums().go_mod.to_string()),
            fact("database", spec.name()),
            fact("record", count(proof.record().id())),
            fact("proven in", format!("tree of {} records, {}", count(tree.size), tree.hash)),
        ]);
        Exit::Fine
    })
}

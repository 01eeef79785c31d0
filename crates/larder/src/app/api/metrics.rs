//! The numbers that only the whole server knows: its configuration, its disk, its jobs.

use super::Parts;
use crate::log::State;
use crate::observe::{Samples, families};

/// Adds them.
pub(super) fn tell(parts: &Parts, samples: &mut Samples) {
    let state = parts.reloader.state();
    samples.put(&families::CONFIG_BROKEN, &[], u64::from(state.broken.is_some()));
    samples.put(&families::CONFIG_READ, &[], seconds(state.read_at.as_second()));
    samples.put(&families::CONFIG_RELOADS, &["applied"], state.reloads);
    samples.put(&families::CONFIG_RELOADS, &["failed"], state.failures);
    samples.put(&families::CONFIG_WAITING, &[], state.needs_restart.len() as u64);
    if let Some(expires) = state.certificate_expires {
        samples.put(&families::CERTIFICATE, &[], seconds(expires.as_second()));
    }
    let cache = parts.pipeline.cache();
    let (memory, condition) = (cache.memory_use(), cache.store().state().condition.as_str());
    samples.put(&families::MEMORY_USED, &[], memory.bytes);
    samples.put(&families::MEMORY_LIMIT, &[], memory.limit_bytes);
    for state in ["ok", "full", "read-only", "no-descriptors", "stuck", "failing"] {
        samples.put(&families::STORE_STATE, &[state], u64::from(state == condition));
    }
    let [waiting, unrecorded] = parts.pipeline.unproven().count();
    samples.put(&families::UNPROVEN, &["waiting"], waiting as u64);
    samples.put(&families::UNPROVEN, &["unrecorded"], unrecorded as u64);
    let facts = cache.facts();
    let held = [("modules", facts.modules), ("versions", facts.versions), ("files", facts.files)];
    for (what, count) in held {
        samples.put(&families::HELD, &[what], count);
    }
    samples.put(&families::HELD_BYTES, &[], facts.bytes);
    for database in parts.pipeline.databases() {
        samples.put(&families::SUMDB_TREE, &[database.name()], database.size());
        samples.put(&families::SUMDB_CLOSED, &[database.name()], u64::from(database.closing().is_some()));
    }
    if let Some(log) = parts.pipeline.log() {
        let view = log.view();
        samples.put(&families::LOG_SIZE, &[], view.size.unwrap_or(0));
        samples.put(&families::LOG_REFUSED, &[], view.refused);
        for state in State::WORDS {
            samples.put(&families::LOG_STATE, &[state], u64::from(state == view.state.as_str()));
        }
    }
    if let Ok(space) = parts.disk.space() {
        samples.put(&families::STORE_FREE, &[], space.free_bytes);
        samples.put(&families::STORE_SIZE, &[], space.size_bytes);
    }
    if let Some(ended) = parts.scrub.last_ended() {
        samples.put(&families::SCRUB_LAST, &[], seconds(ended.as_second()));
    }
}

/// Seconds since 1970; a clock before that shows zero.
fn seconds(since_1970: i64) -> u64 {
    u64::try_from(since_1970).unwrap_or(0)
}

//! The contract of [`store::Blobs`], clause by clause.
//!
//! [`blobs_contract!`](crate::blobs_contract) makes a test of each function. It takes the path of a function
//! without arguments that returns a fresh, empty store and something to be dropped after the test (a temporary
//! directory): `fn subject() -> (Arc<dyn Blobs>, impl Sized)`. Clauses use a multi-threaded runtime, small objects
//! but for one, and no clock.

mod journals;
mod names;
mod objects;
mod publishing;
mod spools;

use std::sync::Arc;

use bytes::Bytes;
use store::{Blob, Blobs, Durability, Key, Publish, StoreError, put};

pub use journals::*;
pub use names::*;
pub use objects::*;
pub use publishing::*;
pub use spools::*;

/// Makes a test of every clause of the contract of `Blobs`, see [`contract::blobs`](crate::contract::blobs).
#[macro_export]
macro_rules! blobs_contract {
    ($subject:path) => {
        $crate::blobs_contract! { @each $subject;
            // objects
            an_object_is_read_as_it_was_written
            an_empty_object_is_an_object
            reading_past_the_end_gives_nothing
            what_is_larger_than_the_limit_is_not_loaded
            a_large_object_goes_through_in_pieces
            an_open_object_outlives_its_removal
            a_stamp_changes_exactly_with_its_object
            // publishing
            of_racing_publishers_of_a_new_name_exactly_one_wins
            a_name_is_new_once
            a_replacement_is_seen_by_later_opens_only
            readers_see_the_old_or_the_new_and_never_a_mixture
            a_refused_spool_can_be_published_elsewhere
            strict_publishing_does_the_same
            a_dropped_publishing_does_all_or_nothing
            // spools
            a_spool_is_found_by_nobody_before_it_is_published
            a_dropped_spool_leaves_nothing
            a_follower_reads_a_spool_while_it_is_written_and_after
            a_published_spool_takes_no_more
            racing_writers_of_a_spool_write_whole_pieces
            // names
            absent_is_said_of_what_is_not_there_and_of_nothing_else
            removing_what_is_absent_is_success
            what_is_moved_aside_is_found_there_and_nowhere_else
            keys_with_odd_characters_are_kept_apart
            a_listing_is_in_order_and_comes_in_pages
            a_listing_is_of_what_is_below_at_a_slash
            a_key_is_not_an_object_and_a_prefix
            // journals
            records_are_appended_as_lines
            racing_appenders_keep_every_record_whole
            a_torn_tail_is_closed_before_the_next_record
            racing_appenders_close_a_torn_tail_once
            what_is_no_record_is_refused
            an_open_journal_does_not_grow
        }
    };
    (@each $subject:path; $($clause:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                let (blobs, _keep) = $subject();
                $crate::contract::blobs::$clause(blobs).await;
            }
        )*
    };
}

/// Any store.
pub type Subject = Arc<dyn Blobs>;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

async fn keep(blobs: &Subject, name: &str, bytes: impl Into<Bytes>) -> Blob {
    put(&**blobs, &key(name), bytes.into(), Publish::Replace, Durability::Batched).await.unwrap()
}

async fn load(blobs: &Subject, name: &str) -> Bytes {
    blobs.open(&key(name)).await.unwrap().read_all(1 << 30).await.unwrap()
}

async fn is_absent(blobs: &Subject, name: &str) -> bool {
    blobs.open(&key(name)).await.is_err_and(|error| error.is_absent())
}

async fn keys(blobs: &Subject) -> Vec<String> {
    let listed = blobs.list(None, None, usize::MAX).await.unwrap();
    listed.into_iter().map(|one| one.key.to_string()).collect()
}

/// Bytes that differ at every place, so that a read at a wrong offset shows.
fn pattern(len: usize) -> Bytes {
    (0..len).map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) & 0xff).unwrap()).collect()
}

fn is_misplaced<T>(done: &Result<T, StoreError>) -> bool {
    matches!(done, Err(StoreError::Misplaced { .. }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_clause_is_in_the_list() {
        let list = include_str!("blobs.rs");
        let clauses = [
            include_str!("blobs/journals.rs"),
            include_str!("blobs/names.rs"),
            include_str!("blobs/objects.rs"),
            include_str!("blobs/publishing.rs"),
            include_str!("blobs/spools.rs"),
        ];
        let named =
            clauses.iter().flat_map(|text| text.lines()).filter_map(|l| l.strip_prefix("pub async fn "));
        for name in named.map(|rest| rest.split('(').next().unwrap()) {
            assert!(list.lines().any(|line| line.trim() == name), "{name} is not listed");
        }
    }
}

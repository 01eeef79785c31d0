//! Work that no request waits for. Jobs never fetch modules themselves: what they bring in goes through the pipeline.

pub mod count;
pub mod import;
pub mod probe;
pub mod recover;
pub mod scrub;
pub mod sync;
pub mod verify;

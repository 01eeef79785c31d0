//! Records of a journal: one line each.
//!
//! A crash of the machine may leave part of a record, or zeros, at the end of a file. Such a tail is not cut off,
//! for it may be evidence; it is closed by a line feed in front of the next record, in the same write.

use crate::{Key, StoreError};

/// What to append so that `record` becomes a whole line. `torn`: the file does not end in a line feed now.
pub(crate) fn line(key: &Key, record: &[u8], torn: bool) -> Result<Vec<u8>, StoreError> {
    if record.is_empty() || record.contains(&b'\n') {
        return Err(StoreError::Record { key: key.clone() });
    }
    let mut line = Vec::with_capacity(record.len().saturating_add(2));
    if torn {
        line.push(b'\n');
    }
    line.extend_from_slice(record);
    line.push(b'\n');
    Ok(line)
}

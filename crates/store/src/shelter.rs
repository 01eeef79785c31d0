//! A spool that goes on in memory when its store takes no more.
//!
//! What was written before stays where it is; only the rest is held in memory, within a limit for each and a budget for
//! all. Such a spool is read as any other, but it cannot be published: its bytes serve those who wait for them now.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;

use crate::blob::ReadAt;
use crate::spool::Grow;
use crate::watched::Watch;
use crate::{Spool, Stamp, StoreError};

/// Bytes in memory for one spool.
pub const SHELTER_BYTES: u64 = 8 << 20;
/// Bytes in memory for all of them.
const BUDGET: u64 = 64 << 20;

/// The body of a spool that is watched, and sheltered if it may be.
pub(crate) struct Shelter {
    /// In the store; none if it could not be made.
    inside: Option<Spool>,
    room: Room,
    /// What the store did not take.
    rest: RwLock<Option<Vec<u8>>>,
    /// One writer at a time.
    writing: Mutex<()>,
    watch: Arc<Watch>,
}

impl Shelter {
    /// Over a spool of the store, or the failure to make one.
    pub(crate) fn over(
        made: Result<Spool, StoreError>,
        room: Room,
        watch: Arc<Watch>,
    ) -> Result<Self, StoreError> {
        let inside = match watch.noted(made) {
            Ok(spool) => Some(spool),
            Err(error) if !error.is_outage() || !fits(room, 0) => return Err(error),
            Err(_) => None,
        };
        let rest = RwLock::new(inside.is_none().then(Vec::new));
        Ok(Self { inside, room, rest, writing: Mutex::default(), watch })
    }

    /// The spool of the store, if it holds everything.
    pub(crate) fn whole(&self) -> Option<&Spool> {
        self.inside.as_ref().filter(|_| !self.is_in_memory())
    }

    fn is_in_memory(&self) -> bool {
        self.rest.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn stored(&self) -> u64 {
        self.inside.as_ref().map_or(0, Spool::size)
    }

    fn shelter(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut rest = self.rest.write().unwrap_or_else(PoisonError::into_inner);
        let held = rest.as_ref().map_or(0, Vec::len) as u64;
        let more = bytes.len() as u64;
        if held.saturating_add(more) > SHELTER_BYTES || !self.watch.budget.take(more) {
            return Err(no_room());
        }
        rest.get_or_insert_default().extend_from_slice(bytes);
        Ok(())
    }
}

/// How much may go on in memory.
#[derive(Clone, Copy)]
pub(crate) enum Room {
    /// Nothing.
    None,
    /// What follows, if something is in the store already; how much that will be is not known.
    Unknown,
    /// What is missing of so many bytes.
    Of(u64),
}

/// Whether what is still to come may be held in memory.
fn fits(room: Room, stored: u64) -> bool {
    match room {
        Room::None => false,
        Room::Unknown => stored > 0,
        Room::Of(total) => total.saturating_sub(stored) <= SHELTER_BYTES,
    }
}

fn no_room() -> StoreError {
    StoreError::of("write", "a spool", io::ErrorKind::StorageFull.into())
}

impl Grow for Shelter {
    fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(inside) = self.inside.as_ref().filter(|_| !self.is_in_memory()) else {
            return self.shelter(bytes);
        };
        match self.watch.noted(inside.write(bytes)) {
            Err(error) if error.is_outage() && fits(self.room, inside.size()) => {
                self.shelter(bytes).map_err(|_| error)
            }
            other => other,
        }
    }
}

impl ReadAt for Shelter {
    fn size(&self) -> u64 {
        let rest = self.rest.read().unwrap_or_else(PoisonError::into_inner);
        self.stored().saturating_add(rest.as_ref().map_or(0, Vec::len) as u64)
    }

    fn read_into(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let stored = self.stored();
        let mut filled = 0;
        if let Some(inside) = self.inside.as_ref().filter(|_| offset < stored) {
            let len = usize::try_from(stored - offset).unwrap_or(usize::MAX).min(into.len());
            let read = inside.read_at(offset, len).map_err(io::Error::other)?;
            if let Some(to) = into.get_mut(..read.len()) {
                to.copy_from_slice(&read);
            }
            filled = read.len();
            if filled < len {
                return Ok(filled);
            }
        }
        let rest = self.rest.read().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(offset.saturating_sub(stored)).unwrap_or(usize::MAX);
        let rest = rest.as_ref().and_then(|rest| rest.get(from..)).unwrap_or_default();
        let len = rest.len().min(into.len() - filled);
        if let (Some(to), Some(from)) = (into.get_mut(filled..filled + len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(filled + len)
    }

    fn read_now(&self, offset: u64, len: usize) -> Option<io::Result<Bytes>> {
        let stored = self.stored();
        if offset.saturating_add(len as u64) <= stored || !self.is_in_memory() {
            let read = self.inside.as_ref()?.read_now(offset, len)?;
            return Some(read.map_err(io::Error::other));
        }
        if offset < stored {
            // Across the border: only the waiting read gives all of it.
            return None;
        }
        let mut bytes = vec![0; len];
        let read = self.read_into(offset, &mut bytes);
        Some(read.map(|read| {
            bytes.truncate(read);
            bytes.into()
        }))
    }

    fn stamp(&self) -> io::Result<Stamp> {
        Ok(Stamp { size: self.size(), inode: 0, changed_ns: 0 })
    }
}

impl Drop for Shelter {
    fn drop(&mut self) {
        let rest = self.rest.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.watch.budget.give(rest.as_ref().map_or(0, Vec::len) as u64);
    }
}

/// Memory that all shelters of a store share.
#[derive(Default)]
pub(crate) struct Budget(AtomicU64);

impl Budget {
    fn take(&self, bytes: u64) -> bool {
        let within = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= BUDGET);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, within).is_ok()
    }

    fn give(&self, bytes: u64) {
        self.0.fetch_sub(bytes, Ordering::AcqRel);
    }
}

//! Going through a listing of any length, a page at a time.

use crate::{Blobs, Key, Listed, StoreError};

/// The pages of a listing. What is published or removed meanwhile may or may not show ([`Blobs::list`]).
pub struct Pages<'a> {
    blobs: &'a dyn Blobs,
    under: Key,
    after: Option<Key>,
    limit: usize,
    is_over: bool,
}

impl<'a> Pages<'a> {
    /// Pages of `limit` objects below a key: of all, or of those after one.
    pub fn of(blobs: &'a dyn Blobs, under: Key, after: Option<Key>, limit: usize) -> Self {
        Self { blobs, under, after, limit, is_over: false }
    }

    /// The next page, perhaps an empty one; `None` after the last. After a failure the same page can be asked for again.
    pub async fn page(&mut self) -> Result<Option<Vec<Listed>>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.blobs.list(Some(&self.under), self.after.as_ref(), self.limit).await?;
        self.is_over = page.len() < self.limit;
        if let Some(last) = page.last() {
            self.after = Some(last.key.clone());
        }
        Ok(Some(page))
    }

    /// The object that the next page comes after, once there was a page; `None` after the last.
    pub fn reached(&self) -> Option<&Key> {
        self.after.as_ref().filter(|_| !self.is_over)
    }
}

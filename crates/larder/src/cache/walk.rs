//! Going through all modules of which something is recorded.

use gomod::repo::below;
use gomod::{EscapedPath, ModulePath};
use store::{Key, Pages, StoreError};

use super::{Cache, Remembered};

/// Names looked at in one go.
const PAGE: usize = 500;

/// The modules that have a manifest, in the order of its keys, a page at a time.
pub struct Modules<'a>(Pages<'a>);

impl Cache {
    /// Begins to go through the modules that have a manifest: all, or those after one, named by its manifest.
    ///
    /// # Errors
    /// None in practice: the store cannot name the place of the manifests.
    pub fn modules(&self, after: Option<Key>) -> Result<Modules<'_>, StoreError> {
        Ok(Modules(Pages::of(&*self.blobs, Key::named("meta")?, after, PAGE)))
    }
}

impl Cache {
    /// Modules at and below an import path of which something is recorded or known, so many at most and perhaps one page
    /// more.
    ///
    /// # Errors
    /// The store could not list them.
    pub async fn modules_below(&self, root: &ModulePath, most: usize) -> Result<Vec<ModulePath>, StoreError> {
        let Ok(under) = Key::parse(&format!("meta/{}", root.escape())) else { return Ok(Vec::new()) };
        let mut pages = Pages::of(&*self.blobs, under, None, PAGE);
        let mut found: Vec<ModulePath> = Vec::new();
        while let Some(page) = pages.page().await? {
            for listed in page {
                let path =
                    listed.key.as_str().strip_prefix("meta/").and_then(|name| Some(name.split_once("/@")?.0));
                let path = path.and_then(|path| EscapedPath::unescape(path).ok());
                found.extend(path.filter(|path| found.last() != Some(path)));
            }
            if found.len() >= most {
                break;
            }
        }
        Ok(found)
    }

    /// Modules at and below an import path of which something is remembered as absent.
    pub fn absent_below(&self, root: &ModulePath) -> Vec<ModulePath> {
        let wants = self.memory.iter().filter(|(_, held)| matches!(held, Remembered::Absent(_)));
        let paths = wants.filter_map(|(want, _)| want.module().cloned());
        paths.filter(|path| below(path.as_str(), root.as_str()).is_some()).collect()
    }
}

impl Modules<'_> {
    /// The modules of the next page, each with the key of its manifest; perhaps none. `None` after the last page.
    ///
    /// # Errors
    /// The store could not list them.
    pub async fn page(&mut self) -> Result<Option<Vec<(Key, ModulePath)>>, StoreError> {
        let Some(page) = self.0.page().await? else { return Ok(None) };
        let of = |key: Key| module_of(&key).map(|path| (key, path));
        Ok(Some(page.into_iter().filter_map(|listed| of(listed.key)).collect()))
    }

    /// Whether there was the last page.
    pub fn is_over(&self) -> bool {
        self.0.reached().is_none()
    }
}

/// The other way round than `manifest_key`.
fn module_of(manifest: &Key) -> Option<ModulePath> {
    let path = manifest.as_str().strip_prefix("meta/")?.strip_suffix("/@manifest")?;
    EscapedPath::unescape(path).ok()
}

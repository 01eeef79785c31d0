//! A static GOPROXY tree on disk, for `GOPROXY=file://…` and for imports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::module::{ModuleFiles, escape};

/// Writes module versions in the layout of `$GOMODCACHE/cache/download`: `<escaped path>/@v/<version>.{info,mod,zip}`
/// and `list`.
#[derive(Debug)]
pub struct Tree;

impl Tree {
    /// Writes all versions below `dir`, each module's `list` in the order given.
    pub fn write(dir: &Path, versions: &[ModuleFiles]) {
        let mut lists: BTreeMap<String, String> = BTreeMap::new();
        for files in versions {
            for (extension, bytes) in
                [("info", files.info()), ("mod", files.mod_file()), ("zip", files.zip())]
            {
                let file = dir.join(files.url(extension).trim_start_matches('/'));
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, bytes).unwrap();
            }
            let list = lists.entry(escape(files.path())).or_default();
            list.push_str(files.version());
            list.push('\n');
        }
        for (path, list) in lists {
            fs::write(dir.join(path).join("@v/list"), list).unwrap();
        }
    }
}

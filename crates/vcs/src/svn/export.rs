//! The files of a revision, exported.
//!
//! svn writes no archive, so files are written into a directory of this machine first (cmd/go `svnReadZip`). Their names and
//! sizes come from a listing, because the ones on disk may be others; what was written must be what was listed. Where it is
//! not, the go command makes no version of it either: conversions of line ends change the size, and a link is no file.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::archive::{Each, is_plain};
use crate::{Archive, Entry, VcsError};

/// The archive of an export: the listed files, which must be there with their sizes. Blocking.
pub(super) fn archive(listed: Vec<Entry>, exported: TempDir, top: &Path) -> Result<Archive, VcsError> {
    if top.is_file() {
        // Listed and exported was a file, which has nothing below it.
        return Ok(Archive::new(Vec::new(), |_| Ok(())));
    }
    let mut written = HashMap::new();
    walk(top, "", &mut written).map_err(|cause| VcsError::Local {
        what: "reading what svn exported".to_owned(),
        cause: Arc::new(cause),
    })?;
    let mut files = Vec::new();
    for entry in &listed {
        let path = std::str::from_utf8(&entry.path).unwrap_or_default();
        let written = written.remove(path).filter(|_| is_plain(path));
        let size_bytes = written.as_ref().map(|(_, size_bytes)| *size_bytes);
        match written {
            Some((file, size_bytes)) if size_bytes == entry.size_bytes => files.push(file),
            _ => {
                let (path, listed_bytes) = (path.to_owned(), entry.size_bytes);
                return Err(VcsError::Altered { path, listed_bytes, written_bytes: size_bytes });
            }
        }
    }
    let paths: Vec<_> = listed.iter().map(|entry| entry.path.clone()).collect();
    Ok(Archive::new(listed, move |each: &mut Each<'_>| {
        let read = paths.iter().zip(files).try_for_each(|(path, file)| each(path, &mut File::open(file)?));
        // The files stay until here.
        drop(exported);
        read
    }))
}

/// Notes every regular file below a directory, by its path there. No link is followed.
fn walk(dir: &Path, below: &str, files: &mut HashMap<String, (PathBuf, u64)>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let facts = entry.metadata()?;
        // What is no UTF-8 was not listed.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{below}{name}");
        if facts.is_dir() {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if facts.is_file() {
            files.insert(path, (entry.path(), facts.len()));
        }
    }
    Ok(())
}

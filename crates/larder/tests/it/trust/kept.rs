//! What is on the disk of what databases said: nothing but the truth.

use std::fs;
use std::path::{Path, PathBuf};

use sumdb::{Note, Record, Tile, Tree, Verifier};
use testkit::database::History;

use crate::proxy::TestProxy;

/// Every file below a folder, with its path from there.
pub(crate) fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            let path: PathBuf = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found
}

/// Checks that every tile and record that is kept of the database is that of this history, and that every signed tree is
/// one of it. Gives how many files there are.
pub(crate) fn assert_true(what: &str, proxy: &TestProxy, verifier: &Verifier, history: &History) -> usize {
    let name = verifier.name().as_str();
    let public = files(&proxy.data(&format!("modules/sumdb/{name}")));
    for (path, bytes) in &public {
        let tile = Tile::parse(path);
        let is_true = match (path.split('/').next(), tile.map(|tile| (tile, tile.level()))) {
            // For clients that read the tree as files.
            (Some("supported"), _) => bytes.is_empty(),
            (Some("lookup"), _) => is_record(bytes, verifier, history),
            (_, Ok((tile, None))) => {
                let records = history.records(history.size(), tile.number(), tile.width());
                records.as_deref().map(str::as_bytes) == Some(bytes)
            }
            (_, Ok((tile, Some(level)))) => {
                let hashes = history.hashes(history.size(), level, tile.number(), tile.width());
                hashes.as_ref() == Some(bytes)
            }
            _ => false,
        };
        assert!(is_true, "{what}: modules/sumdb/{name}/{path} is kept: {}", String::from_utf8_lossy(bytes));
    }
    let heads = files(&proxy.data(&format!("meta/sumdb/{name}")));
    for (path, bytes) in heads.iter().filter(|(path, _)| path.ends_with("/head")) {
        assert!(is_head(bytes, verifier, history), "{what}: meta/sumdb/{name}/{path}");
    }
    public.len() + heads.len()
}

/// Whether bytes are an answer with a record of the history, and one of its trees.
pub(crate) fn is_record(bytes: &[u8], verifier: &Verifier, history: &History) -> bool {
    Record::parse(bytes).is_ok_and(|(record, note)| {
        record.id() < history.size()
            && record.text() == history.text(record.id())
            && is_head(note, verifier, history)
    })
}

/// Whether bytes are the signed head of one of the history's trees.
pub(crate) fn is_head(bytes: &[u8], verifier: &Verifier, history: &History) -> bool {
    let note = Note::open(bytes, std::slice::from_ref(verifier));
    note.is_ok_and(|note| {
        Tree::parse(note.text())
            .is_ok_and(|tree| tree.size <= history.size() && tree.hash.0 == history.root(tree.size))
    })
}

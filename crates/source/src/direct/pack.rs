//! The zip of a version, made while it is sent.
//!
//! Names come before contents, so all that can be wrong with a module's files, but for sizes that conversions change, is known
//! before the first byte. Then a thread of its own reads the archive and writes the zip into a short channel: memory does not
//! grow with the module, and whoever stops reading stops the thread, and with it the tool that it reads from. The end of the
//! channel alone means nothing: only what the thread says at its end makes a whole zip.
//!
//! The rules are cmd/go `codeRepo.Zip` and x/mod `zip.Create`.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use gomod::modfile::ModFile;
use gomod::zip::{self, MAX_LICENSE_BYTES, TreeEntry, TreeKind, WriteError, Writer};
use gomod::{ModuleVersion, Version};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use vcs::{Archive, ArchiveError, Entry, EntryKind, VcsError};

use super::{Code, CodeError};
use crate::{Fetched, SourceError};

/// The file that a module in a directory inherits from the top of its repository.
const LICENSE: &str = "LICENSE";
/// The size of a piece of the body.
const PIECE_BYTES: usize = 64 << 10;
/// How many pieces may wait for the reader.
const PIECES: usize = 4;

/// What will be in a zip.
struct Plan {
    module: ModuleVersion,
    archive: Archive,
    /// The paths of the archive's files that are taken.
    taken: HashSet<Vec<u8>>,
    /// The LICENSE of the repository, if it is inherited.
    license: Option<Bytes>,
}

impl Code {
    /// The zip of a version, still being made.
    ///
    /// # Errors
    /// [`CodeError::Zip`] if its files make no module. What goes wrong later is an item of the body.
    pub async fn zip(&self, version: &Version) -> Result<Fetched, CodeError> {
        let revision = self.checked_revision(version).await?;
        let located = self.locate(&revision.id, version.as_str()).await?;
        let mut archive =
            self.repo.archive(&revision.id, &located.dir).await.map_err(|cause| self.trouble(cause))?;
        let entries = std::mem::take(&mut archive.entries);
        let has_license = entries.iter().any(|entry| entry.path == LICENSE.as_bytes());
        let license =
            if located.dir.is_empty() || has_license { None } else { self.license(&revision.id).await? };
        let go = located.go_mod.filter(|_| has_file(&entries, b"go.mod"));
        let go = go.and_then(|go_mod| ModFile::parse_lax(&go_mod).ok()).and_then(|file| file.go);
        let module = self.module(version)?;
        let taken = select(&entries, license.as_ref(), go.as_deref())
            .map_err(|fault| CodeError::Zip { module: module.clone(), fault: Arc::new(fault) })?;
        let plan = Plan { module, archive, taken, license: license.map(|(content, _)| content) };
        Ok(Fetched {
            size: None,
            content_type: Some("application/zip".to_owned()),
            etag: None,
            body: body(plan),
        })
    }

    /// The LICENSE in the top of the repository, and its size, which may be more than was read.
    async fn license(&self, id: &str) -> Result<Option<(Bytes, u64)>, CodeError> {
        match self.repo.read_file(id, LICENSE, MAX_LICENSE_BYTES).await {
            Ok(found) => Ok(found.map(|content| (content.clone(), content.len() as u64))),
            Err(VcsError::TooLarge { .. }) => Ok(Some((Bytes::new(), MAX_LICENSE_BYTES + 1))),
            Err(cause) => Err(self.trouble(cause)),
        }
    }
}

fn has_file(entries: &[Entry], path: &[u8]) -> bool {
    entries.iter().any(|entry| entry.path == path && entry.kind == EntryKind::File)
}

/// The paths of the files that make up the module.
fn select(
    entries: &[Entry],
    license: Option<&(Bytes, u64)>,
    go: Option<&str>,
) -> Result<HashSet<Vec<u8>>, zip::ZipError> {
    let mut tree: Vec<TreeEntry<'_>> = entries.iter().map(tree_entry).collect();
    if let Some((_, size_bytes)) = license {
        let path = LICENSE.as_bytes();
        tree.push(TreeEntry { path, kind: TreeKind::File, size_bytes: *size_bytes });
    }
    let selection = zip::select(&tree, go);
    selection.check(&tree)?;
    let included = selection.included.iter().filter_map(|index| entries.get(*index));
    Ok(included.map(|entry| entry.path.clone()).collect())
}

fn tree_entry(entry: &Entry) -> TreeEntry<'_> {
    let kind = match entry.kind {
        EntryKind::File => TreeKind::File,
        EntryKind::Symlink => TreeKind::Symlink,
        EntryKind::Other => TreeKind::Other,
    };
    TreeEntry { path: &entry.path, kind, size_bytes: entry.size_bytes }
}

/// The zip as a stream of pieces. The thread begins at once, and waits when it is far enough ahead.
fn body(plan: Plan) -> BoxStream<'static, Result<Bytes, SourceError>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    let task = tokio::task::spawn_blocking(move || plan.write(Pieces { sender, piece: Vec::new(), sent: 0 }));
    stream::unfold(Some((receiver, task)), |making| async {
        let (mut receiver, task): (mpsc::Receiver<Bytes>, JoinHandle<Result<(), SourceError>>) = making?;
        match receiver.recv().await {
            Some(piece) => Some((Ok(piece), Some((receiver, task)))),
            None => match task.await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some((Err(error), None)),
                Err(cause) => Some((Err(cut(0, Some(Arc::new(cause)))), None)),
            },
        }
    })
    .boxed()
}

impl Plan {
    /// Writes the zip: the archive's files in its order, then an inherited LICENSE. Blocking.
    fn write(self, pieces: Pieces) -> Result<(), SourceError> {
        let Self { module, archive, taken, license } = self;
        let mut writer = Writer::new(&module, pieces);
        let mut refused = None;
        let mut left = taken.len();
        let read = archive.read(|path, content| {
            if !taken.contains(path) {
                return Ok(());
            }
            left = left.saturating_sub(1);
            let path = String::from_utf8_lossy(path);
            writer.add(&path, content).map_err(|error| match error {
                WriteError::Read { cause, .. } => ArchiveError::Read(cause),
                other => {
                    refused = Some(other);
                    ArchiveError::Read(io::ErrorKind::BrokenPipe.into())
                }
            })
        });
        let fail = |error| fault(&module, error);
        match (refused, read) {
            (Some(error), _) => return Err(fail(error)),
            (None, Err(error)) => return Err(cut(0, Some(Arc::new(error)))),
            (None, Ok(())) if left > 0 => {
                let error = ArchiveError::Malformed(format!("{left} files are missing"));
                return Err(cut(0, Some(Arc::new(error))));
            }
            (None, Ok(())) => {}
        }
        if let Some(license) = license {
            writer.add(LICENSE, &mut license.as_ref()).map_err(fail)?;
        }
        writer.finish().map_err(fail)?;
        Ok(())
    }
}

/// What a failure to write means: a broken rule is the module's, everything else breaks the answer off.
fn fault(module: &ModuleVersion, error: WriteError) -> SourceError {
    match error {
        WriteError::Rule(rule) => {
            CodeError::Zip { module: module.clone(), fault: Arc::new(rule) }.to_source(false, String::new)
        }
        other => cut(0, Some(Arc::new(other))),
    }
}

fn cut(got: u64, cause: Option<crate::Cause>) -> SourceError {
    SourceError::Cut { got, size: None, cause }
}

/// A writer into the channel, in pieces of one size.
struct Pieces {
    sender: mpsc::Sender<Bytes>,
    piece: Vec<u8>,
    sent: u64,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        self.sent += piece.len() as u64;
        // Nobody reads any more.
        self.sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES - self.piece.len();
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.piece.extend_from_slice(taken);
        if self.piece.len() == PIECE_BYTES {
            self.send()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}

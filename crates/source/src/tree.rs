//! A file tree in the layout of a proxy: `file://` in a `GOPROXY` list (cmd/go `web.getFile`).
//!
//! The go command's own download cache is such a tree (`$GOMODCACHE/cache/download`), and so is our `modules/`
//! directory. A missing file is absent; anything else that goes wrong is the tree's trouble and ends a `,` list.
//!
//! A request is a checked relative path, so it cannot name anything outside of the root. Symbolic links inside of
//! the tree are followed, wherever they lead, as a file server would: whoever writes the tree decides what it
//! serves. Files are read in pieces on the blocking pool and never held whole in memory.

mod offer;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use gomod::Request;

use crate::limits::{Budget, Deadlines};
use crate::{Cause, Fetched, Malformed, Source, SourceError};

pub use offer::{Found, Offer};

/// How much is read at once, in bytes.
const PIECE_BYTES: u64 = 128 << 10;

/// A GOPROXY tree on disk.
#[derive(Clone, Debug)]
pub struct Tree {
    name: String,
    root: PathBuf,
}

/// Why a `file:` URL names no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Not a `file:` URL.
    #[error("not a file: URL")]
    Scheme,
    /// A host, a query or a fragment (cmd/go: `invalid file:// proxy URL with non-path elements`).
    #[error("a file: URL may have a path and nothing else")]
    NotOnlyPath,
    /// A path that is not absolute, or is none on this system.
    #[error("a file: URL needs an absolute path")]
    Path,
}

impl Tree {
    /// A tree below `root`.
    pub fn new(name: impl Into<String>, root: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), root: root.into() }
    }

    /// The tree that a URL like `file:///srv/modules` names; percent-encoding is decoded once.
    pub fn from_url(name: impl Into<String>, url: &str) -> Result<Self, TreeError> {
        let rest = url.strip_prefix("file:").ok_or(TreeError::Scheme)?;
        if rest.contains(['?', '#']) {
            return Err(TreeError::NotOnlyPath);
        }
        let path = match rest.strip_prefix("//") {
            Some(path) if !path.starts_with('/') => return Err(TreeError::NotOnlyPath),
            Some(path) => path,
            None => rest,
        };
        if !path.starts_with('/') {
            return Err(TreeError::Path);
        }
        let url = reqwest::Url::parse(&format!("file://{path}")).map_err(|_| TreeError::Path)?;
        let root = url.to_file_path().map_err(|()| TreeError::Path)?;
        if root.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(TreeError::Path);
        }
        Ok(Self::new(name, root))
    }

    /// The directory of the tree.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Source for Tree {
    fn name(&self) -> &str {
        &self.name
    }

    fn fetch<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Fetched, SourceError>> {
        let path = self.root.join(request.to_string());
        let max = Budget::of(request, &Deadlines::default()).max_bytes;
        Box::pin(async move {
            let (file, size) = blocking(move || open(&path)).await?;
            if size > max {
                return Err(SourceError::Malformed(Malformed::TooLarge { max }));
            }
            Ok(Fetched { size: Some(size), content_type: None, etag: None, body: pieces(file, size) })
        })
    }
}

/// Opens a regular file. Looks first: opening a pipe would wait for a writer.
fn open(path: &Path) -> Result<(File, u64), SourceError> {
    let found = std::fs::metadata(path).map_err(|cause| failure(&cause))?;
    if !found.is_file() {
        return Err(absent());
    }
    let file = File::open(path).map_err(|cause| failure(&cause))?;
    let size = file.metadata().map_err(|cause| failure(&cause))?.len();
    Ok((file, size))
}

/// The first `size` bytes of a file. What is appended meanwhile is not sent; a file that shrinks is cut.
fn pieces(file: File, size: u64) -> BoxStream<'static, Result<Bytes, SourceError>> {
    let file = Arc::new(file);
    let read = move |at: u64| {
        let file = Arc::clone(&file);
        async move {
            if at >= size {
                return Ok(None);
            }
            let piece = blocking(move || read_piece(&file, at, size)).await?;
            let next = at + piece.len() as u64;
            Ok(Some((piece, next)))
        }
    };
    stream::try_unfold(0, read).boxed()
}

fn read_piece(mut file: &File, got: u64, size: u64) -> Result<Bytes, SourceError> {
    let want = PIECE_BYTES.min(size - got);
    let mut piece = Vec::with_capacity(usize::try_from(want).unwrap_or_default());
    let cut = |cause: Option<Cause>| SourceError::Cut { got, size: Some(size), cause };
    file.by_ref().take(want).read_to_end(&mut piece).map_err(|cause| cut(Some(Arc::new(cause))))?;
    if piece.is_empty() { Err(cut(None)) } else { Ok(piece.into()) }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|cause| Err(SourceError::Unreachable { cause: Arc::new(cause) }))
}

fn absent() -> SourceError {
    SourceError::Absent { text: "no such file".to_owned(), transient: false }
}

/// Missing is absent; a name that the file system cannot have is missing. The rest is trouble.
fn failure(cause: &io::Error) -> SourceError {
    match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => absent(),
        io::ErrorKind::PermissionDenied => trouble("permission denied"),
        _ => trouble("the file could not be read"),
    }
}

/// The text never names the path: it is local.
fn trouble(text: &str) -> SourceError {
    SourceError::Unavailable { status: None, text: text.to_owned(), retry_after: None }
}

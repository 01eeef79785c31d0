//! The files of a revision: first their names, then their contents, in one pass and the same order.
//!
//! Why two steps: whether a file belongs to a module depends on files that may come after it, such as the go.mod of a
//! nested module. So names come first; contents follow as a stream and are never all in memory.

pub(crate) mod tarred;

use std::io::{self, Read};

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// A regular file, executable or not.
    File,
    /// A symbolic link.
    Symlink,
    /// Something without content: a submodule.
    Other,
}

/// One entry, without its content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Slash-separated, relative to the directory that was asked for. Any bytes.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of its content before conversions.
    pub size_bytes: u64,
}

/// Why contents cannot be read to the end.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Reading failed, or the tool ended with a fault.
    #[error("the archive broke off")]
    Read(#[from] io::Error),
    /// The stream is not what the tool should write, or has other files than were listed.
    #[error("the archive is not what was listed: {0}")]
    Malformed(String),
}

/// What reads the contents of one entry after the other.
pub(crate) type Each<'a> = dyn FnMut(&[u8], &mut dyn Read) -> Result<(), ArchiveError> + 'a;
/// The second step, made by a driver.
type Contents = Box<dyn FnOnce(&mut Each<'_>) -> Result<(), ArchiveError> + Send>;

/// The files of a revision.
pub struct Archive {
    /// All entries, in the order of their contents.
    pub entries: Vec<Entry>,
    contents: Contents,
}

impl Archive {
    /// An archive of these entries, whose contents a driver's function gives to whoever reads them, file by file in the
    /// order of `entries`. It may pass over links and other things.
    pub fn new(
        entries: Vec<Entry>,
        contents: impl FnOnce(&mut Each<'_>) -> Result<(), ArchiveError> + Send + 'static,
    ) -> Self {
        Self { entries, contents: Box::new(contents) }
    }

    /// Reads all contents, each file's path with a reader of its bytes; what is not read of it is passed over. Blocking.
    ///
    /// # Errors
    /// The stream broke off or is not what was listed; what was given until then must be thrown away. Errors of `each` are
    /// passed on.
    pub fn read(
        self,
        mut each: impl FnMut(&[u8], &mut dyn Read) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        (self.contents)(&mut each)
    }
}

/// Whether a path can be one in a repository. Tools read `./x` and `../x` as relative to where they are.
pub(crate) fn is_plain(path: &str) -> bool {
    path.split('/').all(|element| !matches!(element, "" | "." | "..")) && !path.contains(['\0', '\n', '\r'])
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

//! What is answered at which path.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sumdb::{Note, Signer, Tile};

use super::{History, NodeHash};
use crate::upstream::Reply;

const TEXT: &str = "text/plain; charset=UTF-8";

/// What is said, by whom.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) signer: Signer,
    pub(super) truth: Arc<History>,
}

/// Answers as the database does at the time.
pub(super) fn of(told: &Arc<Mutex<Told>>) -> impl Fn(&str) -> Option<Reply> + Send + Sync + 'static {
    let told = Arc::clone(told);
    move |path| told.lock().unwrap_or_else(PoisonError::into_inner).honest(path)
}

/// The signed head of a tree, honest or not.
pub(super) fn sign(signer: &Signer, size: u64, root: &NodeHash) -> String {
    let text = format!("go.sum database tree\n{size}\n{}\n", STANDARD.encode(root));
    Note::new(text).unwrap().signed(signer).to_string()
}

impl Told {
    pub(super) fn new(signer: Signer, history: History) -> Self {
        Self { signer, truth: Arc::new(history) }
    }

    /// The truth at a path; nothing where there is no such endpoint.
    pub(super) fn honest(&self, path: &str) -> Option<Reply> {
        let size = self.truth.size();
        if path == "/latest" {
            return Some(Reply::ok(TEXT, self.head()));
        }
        if let Some(asked) = path.strip_prefix("/lookup/") {
            return Some(self.lookup(asked));
        }
        let Ok(tile) = Tile::parse(path.strip_prefix('/')?) else {
            return path.starts_with("/tile/").then(|| Reply::text(400, "invalid tile syntax\n"));
        };
        let (number, width) = (tile.number(), tile.width());
        let found = match tile.level() {
            _ if tile.height() != sumdb::tile::HEIGHT => None,
            None => self.truth.records(size, number, width).map(|texts| Reply::ok(TEXT, texts)),
            Some(level) => self
                .truth
                .hashes(size, level, number, width)
                .map(|hashes| Reply::ok("application/octet-stream", hashes)),
        };
        Some(found.unwrap_or_else(|| Reply::text(404, "not found\n")))
    }

    fn head(&self) -> String {
        let size = self.truth.size();
        sign(&self.signer, size, &self.truth.root(size))
    }

    /// The record of a module version, in the newest tree.
    fn lookup(&self, asked: &str) -> Reply {
        let Some((module, version)) = asked.rsplit_once('@').filter(|(_, version)| version.starts_with('v'))
        else {
            return Reply::text(400, "invalid module@version syntax\n");
        };
        let (module, version) = (unescape(module), unescape(version));
        match self.truth.id(&module, &version) {
            Some(id) => Reply::ok(TEXT, format!("{id}\n{}\n{}", self.truth.text(id), self.head())),
            None => Reply::text(
                404,
                &format!("not found: {module}@{version}: invalid version: unknown revision {version}\n"),
            ),
        }
    }
}

/// Each `!` and its lower-case letter as the upper-case letter.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '!' => plain.extend(letters.next().map(|letter| letter.to_ascii_uppercase())),
            letter => plain.push(letter),
        }
    }
    plain
}

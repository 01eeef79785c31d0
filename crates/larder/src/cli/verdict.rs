//! How a check ended: for a person, and as the number that scripts read.

use super::Exit;
use super::paper::{Cell, Tone};

/// What a check has found out.
pub(super) struct Verdict {
    words: Cell,
    /// How the command ends.
    pub(super) exit: Exit,
}

impl Verdict {
    /// All is well.
    pub(super) fn good(words: &str) -> Self {
        Self { words: Cell(words.to_owned(), Tone::Good), exit: Exit::Fine }
    }

    /// Nothing is wrong, but not all could be found out.
    pub(super) fn open(words: &str) -> Self {
        Self { words: Cell(words.to_owned(), Tone::Warn), exit: Exit::Failed }
    }

    /// Something is wrong.
    pub(super) fn bad(words: &str) -> Self {
        Self { words: Cell(words.to_owned(), Tone::Bad), exit: Exit::Refused }
    }

    /// The row of the verdict among the facts.
    pub(super) fn row(&self) -> Vec<Cell> {
        vec![Cell::soft("verdict"), self.words.clone()]
    }
}

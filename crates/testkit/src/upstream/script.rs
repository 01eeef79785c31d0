//! The scripts: what to answer at a path, and what to do wrong while answering.

#![expect(
    clippy::return_self_not_must_use,
    reason = "each call is in force at once; its result may be dropped"
)]

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::ledger::Shared;

/// What is done differently from a sound answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    /// Requests it still applies to; `None` is all.
    pub(super) left: Option<usize>,
    /// Before the head.
    pub(super) hold: Option<Arc<Semaphore>>,
    /// In place of what the path serves.
    pub(super) reply: Option<Reply>,
    /// Header fields beside the usual ones.
    pub(super) headers: Vec<(String, String)>,
    pub(super) gzip: bool,
    pub(super) length: Length,
    pub(super) transfer: Transfer,
}

/// A status with a body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The field `Content-Type`.
    pub content_type: &'static str,
    /// The body, as it is sent unless a script says otherwise.
    pub body: Bytes,
}

impl Reply {
    /// 200 with this body.
    pub fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: 200, content_type, body: body.into() }
    }

    /// A status with a plain text.
    pub fn text(status: u16, text: &str) -> Self {
        Self { status, content_type: TEXT, body: Bytes::copy_from_slice(text.as_bytes()) }
    }
}

/// What the head says of the body's length.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Length {
    #[default]
    True,
    Off(isize),
    Chunked,
    UntilClose,
}

/// How the body is sent.
#[derive(Clone, Debug, Default)]
pub(super) enum Transfer {
    #[default]
    Whole,
    Refuse,
    Cut(usize),
    Stall(usize, Arc<Semaphore>),
    Drip(usize, Arc<Semaphore>),
    Endless,
    Raw(Bytes),
}

const TEXT: &str = "text/plain; charset=UTF-8";
const HTML: &str = "text/html; charset=utf-8";

/// A script being written, one fault a call, each in force at once. Calls combine:
/// `on(path).etag("\"v1\"").once().cut_after(1000)`.
#[derive(Debug)]
pub struct On<'upstream> {
    shared: &'upstream Shared,
    path: String,
}

impl<'upstream> On<'upstream> {
    pub(super) fn begin(shared: &'upstream Shared, path: &str) -> Self {
        let mut state = shared.state();
        let scripts: &mut VecDeque<Script> = state.scripts.entry(path.to_owned()).or_default();
        if scripts.back().is_some_and(|last| last.left.is_none()) {
            scripts.pop_back();
        }
        scripts.push_back(Script::default());
        drop(state);
        Self { shared, path: path.to_owned() }
    }

    /// Applies to the next request only; after it the next script of the path, or a sound answer.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Applies to the next `n` requests only.
    pub fn times(self, n: usize) -> Self {
        self.change(|script| script.left = Some(n))
    }

    /// Answers with a status and its name as text.
    pub fn status(self, status: u16) -> Self {
        self.status_text(status, super::wire::reason(status))
    }

    /// Answers with a status and this plain text.
    pub fn status_text(self, status: u16, text: &str) -> Self {
        self.reply(status, TEXT, text)
    }

    /// Answers with a page, as a captive portal or a login form would.
    pub fn html(self, status: u16, page: &str) -> Self {
        self.reply(status, HTML, page)
    }

    /// Answers 200 with other bytes than the path serves.
    pub fn bytes(self, body: impl Into<Bytes>) -> Self {
        let reply =
            Reply { status: 200, content_type: super::wire::content_type(&self.path), body: body.into() };
        self.change(|script| script.reply = Some(reply))
    }

    /// Answers 302 to another URL.
    pub fn redirect(self, url: &str) -> Self {
        self.reply(302, HTML, "<a href=\"elsewhere\">Found</a>.\n").header("Location", url)
    }

    /// Adds a header field.
    pub fn header(self, name: &str, value: &str) -> Self {
        let field = (name.to_owned(), value.to_owned());
        self.change(|script| script.headers.push(field))
    }

    /// Gives the path this entity tag, quotes included, for good; `Range` and `If-Range` then work on it.
    pub fn etag(self, etag: &str) -> Self {
        self.shared.state().etags.insert(self.path.clone(), etag.to_owned());
        self
    }

    /// Compresses the body and says so, whatever the client accepts.
    pub fn gzip(self) -> Self {
        self.change(|script| script.gzip = true)
    }

    /// Says a length that is wrong by that many bytes, and closes after the body.
    pub fn wrong_length(self, off_by: isize) -> Self {
        self.change(|script| script.length = Length::Off(off_by))
    }

    /// Sends the body in chunks, its length unknown beforehand.
    pub fn chunked(self) -> Self {
        self.change(|script| script.length = Length::Chunked)
    }

    /// Sends the body with neither length nor chunks: the end of the connection is its end.
    pub fn until_close(self) -> Self {
        self.change(|script| script.length = Length::UntilClose)
    }

    /// Closes the connection after that many bytes of the body (chunks: without the last one).
    pub fn cut_after(self, body_bytes: usize) -> Self {
        self.change(|script| script.transfer = Transfer::Cut(body_bytes))
    }

    /// Closes the connection without an answer.
    pub fn refuse(self) -> Self {
        self.change(|script| script.transfer = Transfer::Refuse)
    }

    /// Sends exactly these bytes in place of a response, whatever they are, and closes the connection.
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        self.change(|script| script.transfer = Transfer::Raw(bytes))
    }

    /// Sends a body that never ends, in chunks, until the client goes away.
    pub fn endless(self) -> Self {
        self.change(|script| script.transfer = Transfer::Endless)
    }

    /// Does not answer at all until released.
    pub fn hold(self) -> Self {
        let gate = self.gate();
        self.change(|script| script.hold = Some(gate))
    }

    /// Stands still after that many bytes of the body, until released.
    pub fn stall_after(self, body_bytes: usize) -> Self {
        let gate = self.gate();
        self.change(|script| script.transfer = Transfer::Stall(body_bytes, gate))
    }

    /// Sends the head at once and the body in chunks of this size, each when [`super::Upstream::step`] lets it, the
    /// rest when released.
    pub fn drip(self, chunk_bytes: usize) -> Self {
        let gate = self.gate();
        self.change(|script| script.transfer = Transfer::Drip(chunk_bytes.max(1), gate))
    }

    fn reply(self, status: u16, content_type: &'static str, body: &str) -> Self {
        let reply = Reply { status, content_type, body: Bytes::copy_from_slice(body.as_bytes()) };
        self.change(|script| script.reply = Some(reply))
    }

    fn gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.shared.state().gates.push((self.path.clone(), Arc::clone(&gate)));
        gate
    }

    fn change(self, change: impl FnOnce(&mut Script)) -> Self {
        if let Some(script) = self.shared.state().scripts.get_mut(&self.path).and_then(VecDeque::back_mut) {
            change(script);
        }
        self
    }
}

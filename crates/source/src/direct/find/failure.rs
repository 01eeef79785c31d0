//! Why no repository is found, and whether that is a statement or a fault.
//!
//! The texts are Go's where Go has one (cmd/go `vcs.repoRootForImportDynamic`), since people search for them. The go command
//! takes every failure here for "not there"; we do not: what may be an outage is told as one.

use std::time::Duration;

use gomod::govcs::Disallowed;
use gomod::meta::{ImportError, MatchError, PageError};
use gomod::quote::quoted;
use gomod::repo::RepoError;
use reqwest::StatusCode;
use vcs::{Place, PlaceError, Trouble, VcsError};

use super::page::Seen;
use crate::text::shown;
use crate::{Class, NoToken, SourceError};

/// Why no repository is found for a module path.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FindError {
    /// No module can be at such a path.
    #[error(transparent)]
    Path(#[from] RepoError),
    /// GOVCS forbids the system that the path names.
    #[error(transparent)]
    GoVcs(#[from] Disallowed),
    /// The page of the path's host says nothing that helps.
    #[error("unrecognized import path {}: {fault}", quoted(path))]
    Page {
        /// The path.
        path: String,
        /// What it says, or why it says nothing.
        fault: Box<PageFault>,
    },
    /// The repository is at a URL whose scheme is not open for its path. The URL is not repeated.
    #[error("the repository of {root} is asked over {scheme}, which `network.schemes` does not open for it")]
    Scheme {
        /// The path of the repository's top.
        root: String,
        /// The scheme.
        scheme: String,
    },
    /// The path names a repository by its suffix, and it is not there over any scheme.
    #[error("no {}protocol found for repository", if *secure { "secure " } else { "" })]
    NoProtocol {
        /// Whether only schemes were tried that keep secrets.
        secure: bool,
    },
    /// The path names a repository by its suffix, and it cannot be told where it answers.
    #[error("no protocol found for repository: {}", in_words(fault))]
    Unanswered {
        /// The first place that did not say no.
        place: Place,
        /// What it said.
        fault: VcsError,
    },
    /// Nobody was asked where the repository is, for want of a token.
    #[error(transparent)]
    Token(#[from] NoToken),
    /// The path and its suffix make no URL that a tool could be given.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// What a page says that does not help, or why it says nothing. A URL is that which was asked for, not where it led to.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PageFault {
    /// The page did not come.
    #[error("{} fetch: Get {}: {}", if *insecure { "http/https" } else { "https" }, quoted(url), error.text())]
    Fetch {
        /// The page.
        url: String,
        /// Whether plain http was tried too.
        insecure: bool,
        /// Why.
        error: SourceError,
    },
    /// The page of the tag's prefix did not come.
    #[error("fetching {prefix}: {}", error.text())]
    FetchPrefix {
        /// The prefix.
        prefix: String,
        /// Why.
        error: SourceError,
    },
    /// There is no tag, and the status says that this is no page.
    #[error("reading {url}: {status}{}", response(said))]
    Status {
        /// The page.
        url: String,
        /// Its status.
        status: StatusCode,
        /// Up to four lines of the server's own words.
        said: String,
        /// Whether they name a cause that passes.
        transient: bool,
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
        /// Whether it is the page of the tag's prefix, and not that of the path.
        of_prefix: bool,
    },
    /// The page cannot be read, and nothing was found in front of the fault.
    #[error("parsing {page}: {fault}")]
    Parse {
        /// The path, or the URL of the prefix's page.
        page: String,
        /// The fault.
        fault: PageError,
    },
    /// No tag is for the path.
    #[error("parse {url}: no go-import meta tags ({fault})")]
    NoTag {
        /// The page.
        url: String,
        /// What the tags are for.
        fault: MatchError,
    },
    /// More than one tag is for the path.
    #[error("parse //{address}: {fault}")]
    Several {
        /// The page without its scheme.
        address: String,
        /// The fault.
        fault: MatchError,
    },
    /// The page of the prefix has no tag at all.
    #[error("fetching {prefix}: no go-import meta tag found in {url}")]
    NoPrefixTag {
        /// The prefix.
        prefix: String,
        /// Its page.
        url: String,
    },
    /// The page of the prefix says something else.
    #[error("{url} and //{address} disagree about go-import for {prefix}")]
    Disagree {
        /// The path's page.
        url: String,
        /// The prefix's page, without its scheme.
        address: String,
        /// The prefix.
        prefix: String,
    },
    /// The tag names what cannot be.
    #[error("{url}: {fault}")]
    Tag {
        /// The page.
        url: String,
        /// The fault.
        fault: ImportError,
    },
    /// The tag names a system that we do not know.
    #[error("{url}: unknown vcs {}", quoted(vcs))]
    UnknownVcs {
        /// The page.
        url: String,
        /// What it names.
        vcs: String,
    },
    /// The tag's URL is none that a tool could be given, or no proxy's. It is not repeated.
    #[error("{url}: invalid repo root: {fault}")]
    Place {
        /// The page.
        url: String,
        /// The fault.
        fault: String,
    },
    /// GOVCS forbids the system that the tag names.
    #[error(transparent)]
    GoVcs(#[from] Disallowed),
    /// The tag is for a path that stands for many.
    #[error(transparent)]
    Wildcard(RepoError),
}

impl PageFault {
    /// What a page without tags says by its status; `None` if that is 200.
    pub(super) fn of_status(seen: &Seen, of_prefix: bool) -> Option<Self> {
        (seen.status != StatusCode::OK).then(|| Self::Status {
            url: seen.url.clone(),
            status: seen.status,
            said: seen.said.text.clone(),
            transient: seen.said.transient,
            retry_after: seen.retry_after,
            of_prefix,
        })
    }
}

impl FindError {
    /// What it means for the answer: absent is what the path, its host or our rules have said for certain (no such host,
    /// 404, 410, a page without a tag that fits, GOVCS); unavailable is everything else.
    pub fn class(&self) -> Class {
        let unclear = match self {
            Self::Page { fault, .. } => match &**fault {
                PageFault::Fetch { error, .. } | PageFault::FetchPrefix { error, .. } => !error.is_absent(),
                PageFault::Status { status, .. } => !is_absence(*status),
                _ => false,
            },
            Self::Unanswered { .. } | Self::Token(_) => true,
            _ => false,
        };
        if unclear { Class::Unavailable } else { Class::Absent }
    }

    /// Whether it is our rules that forbid it: GOVCS, or the schemes that are open.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::GoVcs(_) | Self::Scheme { .. } => true,
            Self::Page { fault, .. } => matches!(**fault, PageFault::GoVcs(_)),
            _ => false,
        }
    }

    /// Whether the host answered, with trouble, for this very path, so that the pages of shorter paths may still tell
    /// ([`Finder::find_above`](super::Finder::find_above)).
    pub fn is_answer(&self) -> bool {
        // Of a path whose prefix is known but in trouble, no other path tells.
        let Self::Page { fault, .. } = self else { return false };
        matches!(**fault, PageFault::Status { of_prefix: false, .. }) && self.class() == Class::Unavailable
    }

    /// Whether a server said that there is nothing, as it may also say of what it hides: 404, 410, no repository, a page without
    /// any tags, such as one for signing in. It has no name in DNS, a system that GOVCS forbids and the like hide nothing.
    pub fn is_denial(&self) -> bool {
        match self {
            Self::NoProtocol { .. } => true,
            Self::Page { fault, .. } => match &**fault {
                PageFault::Status { status, .. } => is_absence(*status),
                PageFault::NoTag { fault: MatchError::None { prefixes, .. }, .. } => prefixes.is_empty(),
                PageFault::Parse { .. } => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// Where a server was that did not let us in, or may not have.
    pub(in crate::direct) fn refused_at(&self) -> Option<At<'_>> {
        match self {
            Self::Unanswered { place, fault: VcsError::Failed { trouble: Trouble::Auth, .. } } => {
                Some(At::Place(place))
            }
            Self::Page { fault, .. } => match &**fault {
                PageFault::Status { url, status, .. } if matches!(status.as_u16(), 401 | 403) => {
                    Some(At::Page(url))
                }
                PageFault::Status { url, .. } | PageFault::NoTag { url, .. } if self.is_denial() => {
                    Some(At::Page(url))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Where we were not let in.
#[derive(Clone, Copy, Debug)]
pub(in crate::direct) enum At<'a> {
    /// A page, at a URL.
    Page(&'a str),
    /// A repository.
    Place(&'a Place),
}

impl From<FindError> for SourceError {
    /// The same for the walk over sources: the class is kept, and the text, in at most four safe lines.
    fn from(error: FindError) -> Self {
        let error = match error {
            FindError::Token(error) => return error.into(),
            error => error,
        };
        let text = shown(&error.to_string());
        let is_absent = error.class() == Class::Absent;
        let fault = if let FindError::Page { fault, .. } = error { Some(*fault) } else { None };
        match fault {
            Some(PageFault::Status { transient, .. }) if is_absent => Self::Absent { text, transient },
            _ if is_absent => Self::Absent { text, transient: false },
            Some(PageFault::Status { status, retry_after, .. }) => {
                Self::Unavailable { status: Some(status.as_u16()), text, retry_after }
            }
            Some(PageFault::Fetch { error, .. } | PageFault::FetchPrefix { error, .. })
                if error.class() == Class::Unavailable =>
            {
                error
            }
            _ => Self::Unavailable { status: None, text, retry_after: None },
        }
    }
}

/// Whether a status says that there is nothing.
pub(super) fn is_absence(status: StatusCode) -> bool {
    matches!(status, StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::GONE)
}

/// The server's words as the go command shows them.
fn response(said: &str) -> String {
    match said {
        "" => String::new(),
        _ if said.contains('\n') => format!("\n\tserver response:\n\t{}", said.replace('\n', "\n\t")),
        _ => format!("\n\tserver response: {said}"),
    }
}

/// A fault with what the tool said of it.
fn in_words(fault: &VcsError) -> String {
    match fault {
        VcsError::Failed { text, .. } if !text.is_empty() => format!("{fault}\n{text}"),
        _ => fault.to_string(),
    }
}

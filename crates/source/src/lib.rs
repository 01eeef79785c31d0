//! Where module files come from: another proxy over HTTP, a file tree; later version control.
//!
//! Knows nothing of caches. A [`Source`] answers one [`gomod::Request`] with a stream of bytes or with an error
//! that says whether the thing is absent or the source is in trouble; a chain of sources is walked in GOPROXY
//! grammar.

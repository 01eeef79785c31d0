//! Repositories of version control systems, asked what the making of module versions needs to know.
//!
//! What this is for: `direct` makes, from a repository itself, what the go command would make of it. What that is, are
//! rules about modules, and not here: this crate knows repositories, revisions, tags and files.
//! Why this shape: the system's own `git`, `hg`, `svn` and `fossil` do the work, since the conversions that a checkout
//! makes (line ends, `ident`, encodings) decide the hash of a module, and since credentials, URL rewriting and proxies
//! are configured for these tools. One trait, [`Repo`], one driver a system, one contract suite for all.
//! What it promises: children run in a jail, and one place starts them; a fault of a server, or on the way to it, is
//! never reported as absence; nothing that a repository says reaches a command line as an option.
//!
//! The contract is that of cmd/go `modfetch/codehost.Repo`.

mod archive;
mod failure;
mod flight;
mod fossil;
pub mod gate;
mod git;
mod hg;
mod ids;
pub mod jail;
mod mirror;
mod place;
mod remembered;
mod repo;
mod repos;
mod server;
mod svn;
mod whole;

pub use archive::{Archive, ArchiveError, Entry, EntryKind};
pub use failure::{Cause, Trouble, VcsError};
pub use place::{Place, PlaceError, System};
pub use repo::{Repo, Revision, Tag};
pub use repos::{Kept, Repos, ReposSettings, Status};

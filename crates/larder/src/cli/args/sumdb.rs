//! The commands about checksum databases.

use std::path::PathBuf;

use client::audit::{FIRST_VISIT, Range};
use client::{State, target};

use super::{Asking, Settings};
use crate::cli::failure::Usage;
use crate::cli::sumdb::AuditCall;
use crate::config::{Environment, state_directory};

pub(super) const HELP: &str = "\
Examples:
  larder sumdb audit sum.golang.org
      Whether the public checksum database keeps to its word since the last time it was asked.
  larder sumdb status
      What the server knows of its checksum databases, and whether one is closed.";

const STATUS: &str = "\
Examples:
  larder sumdb status
  larder sumdb status sum.golang.org
  larder sumdb status --json | jq '.databases[] | select(.closed)'

Asks the running server; without one, looks into the data directory.

Exit codes: 0 all of them are asked, 1 it could not be found out, 2 mistake in the command line or
            the configuration, 4 one is closed.";

const ACCEPT: &str = "\
Examples:
  larder sumdb accept sum.golang.org

A checksum database that has signed two different histories is asked nothing more. This forgets
the history that was known, with the lookups and tiles that were kept of it, and believes the next
tree that the database signs. Only do so if you know which of the two histories others see. What
was verified before stays held, and so does the evidence.

Exit codes: 0 it is asked again, 1 it is not closed, or failed, 2 mistake in the command line or
            the configuration.";

const AUDIT: &str = "\
Examples:
  larder sumdb audit sum.golang.org
  larder sumdb audit https://proxy.golang.org/sumdb/sum.golang.org
      The same database, reached through a proxy.
  larder sumdb audit https://sum.corp.example.com --key sum.corp.example.com+1f2e3d4c+AXu6...
  larder sumdb audit \"$(go env GOSUMDB)\" --all --json | jq '.findings'

Checked are: the signature of the newest tree; that it continues the tree of the last visit; that
the records since then are all there and those of the tree, each of one module version with both
hashes, none of them twice; and that lookups of a sample answer with the same records. A first visit
reads the newest 20,000 records. The tree is remembered when all was in order. Of a fork the
evidence is kept beside it, as FILE.fork.

Exit codes: 0 all is in order, 1 it could not be found out (no answer), 2 mistake in the command
            line or the configuration, 3 the database is wrong.";

/// The commands about checksum databases.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum SumdbCommand {
    /// Check a checksum database from outside.
    #[command(after_help = AUDIT)]
    Audit(Audit),
    /// Show what the server knows of its checksum databases.
    #[command(after_help = STATUS)]
    Status {
        /// Only this one, by its name.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// As JSON, as the admin API answers.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Ask a checksum database again that is closed, and believe its next tree.
    #[command(after_help = ACCEPT)]
    Accept {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        /// As JSON, as the admin API answers.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

/// `sumdb audit`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Audit {
    /// The database, written as GOSUMDB is, or its address alone.
    #[arg(value_name = "SPEC|URL")]
    database: String,
    /// The verifier key of the database at an address, NAME+HASH+KEY.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The file that remembers the database [else below ~/.local/state/larder]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Read all records.
    #[arg(long, conflicts_with = "records")]
    all: bool,
    /// Read the newest N records, whatever was read before; with 0 only the tree is checked.
    #[arg(long, value_name = "N")]
    records: Option<u64>,
    /// How many of the records that were read are looked up.
    #[arg(long, value_name = "N", default_value_t = 16)]
    lookups: usize,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub asking: Asking,
}

impl Audit {
    /// What is meant.
    pub(in crate::cli) fn call(&self, environment: &Environment) -> Result<AuditCall, Usage> {
        let spec = target(&self.database, self.key.as_deref()).map_err(|error| Usage {
            what: error.to_string(),
            next: "see `larder sumdb audit --help`",
            cause: std::error::Error::source(&error).map(|cause| cause.to_string().into()),
        })?;
        let state = match (&self.state, state_directory(environment)) {
            (Some(file), _) => State::at(file),
            (None, Some(directory)) => State::below(&directory, spec.verifier()),
            (None, None) => {
                return Err(Usage {
                    what: "there is no home directory to remember the database in".to_owned(),
                    next: "name a file with --state",
                    cause: None,
                });
            }
        };
        let range = match (self.all, self.records) {
            (true, _) => Range::All,
            (false, Some(count)) => Range::Newest(count),
            (false, None) => Range::SinceLast,
        };
        Ok(AuditCall { spec, state, range, lookups: self.lookups })
    }
}

// What the help says.
const _: () = assert!(FIRST_VISIT == 20_000);

//! The commands about checksum databases.

use std::path::PathBuf;

use client::audit::{FIRST_VISIT, Range};
use client::{State, target};
use gomod::{ModulePath, ModuleVersion, Version};

use super::{Asking, Settings};
use crate::cli::failure::Usage;
use crate::cli::sumdb::AuditCall;
use crate::config::{Environment, LogName, state_directory};

pub(super) const HELP: &str = "\
Examples:
  larder sumdb init sum.corp.example.com --key /etc/larder/log.key
      The key pair of a checksum database of our own, for private and public modules.
  larder sumdb audit sum.golang.org
      Whether the public checksum database keeps to its word since the last time it was asked.
  larder sumdb show golang.org/x/text@v0.14.0
      What it has recorded of a module version.
  larder sumdb prove golang.org/x/text@v0.14.0 > text.tlog-proof
      The same, with all that somebody else needs to check it.
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

const SHOW: &str = "\
Examples:
  larder sumdb show golang.org/x/text@v0.14.0
  larder sumdb show golang.org/toolchain@v0.0.1-go1.24.0.linux-amd64 --json | jq -r .zip
  larder sumdb show example.com/m@v1.0.0 --sumdb \"$(go env GOSUMDB)\"

What is shown is proven in the newest tree that the database shows.
The database is --sumdb, else the variable GOSUMDB, else the first of the configuration.

Exit codes: 0 shown, 1 it has no record or does not answer, 2 mistake in the command line or the
            configuration, 3 it is not to be believed.";

const PROVE: &str = "\
Examples:
  larder sumdb prove golang.org/x/text@v0.14.0 > text.tlog-proof
  larder sumdb prove golang.org/x/text@v0.14.0 --json | jq -r .leaf

The text is in the format of C2SP \"tlog-proof\": the record (`extra`, in base64), its number, the
hashes beside the way up the tree, a blank line, the signed tree. To check it take SHA-256 of a zero
byte and the record for the leaf, hash it upwards (RFC 6962 section 2.1.1), compare the result with
the tree's hash, and check the signature with a key that you know: golang.org/x/mod/sumdb has
tlog.CheckRecord and note.Open. docs/verify.md has an example.
The database is --sumdb, else the variable GOSUMDB, else the first of the configuration.

Exit codes: 0 proven, 1 it has no record or does not answer, 2 mistake in the command line or the
            configuration, 3 it is not to be believed.";
const INIT: &str = "\
Examples:
  larder sumdb init sum.corp.example.com --key /etc/larder/log.key > /etc/larder/log.pub
      The private key goes to the file, which is never written over; the verifier key to
      standard output.
  larder serve --set log.name=sum.corp.example.com --set log.key=/etc/larder/log.key
      Keeps a checksum database of this name, for private and for public modules.
  go env -w GOSUMDB=\"$(cat /etc/larder/log.pub)\"
      What clients set, beside GOPROXY. They need neither GONOSUMDB nor GOPRIVATE then.

A server that gets its secrets by its environment reads the key from a variable: log.key=env:NAME,
and log.state names a file. No backup of the data directory has the key: keep a copy of it where
secrets are kept.
Exit codes: 0 made, 1 failed, 2 mistake in the command line or the configuration.";

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
    /// Make the key pair of a checksum database of our own.
    #[command(after_help = INIT)]
    Init(Init),
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
    /// Print what a checksum database has recorded of a module version.
    #[command(after_help = SHOW)]
    Show(Record),
    /// Print a record with its proof, for another tool to check.
    #[command(after_help = PROVE)]
    Prove(Record),
}

/// `sumdb show` and `sumdb prove`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Record {
    /// The module version.
    #[arg(value_name = "MODULE@VERSION", value_parser = module_version)]
    pub module: ModuleVersion,
    /// The database, written as GOSUMDB is.
    #[arg(long, value_name = "SPEC")]
    pub sumdb: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub asking: Asking,
}

/// Reads `MODULE@VERSION`, of a canonical version. A module path has no `@`.
fn module_version(text: &str) -> Result<ModuleVersion, String> {
    let (path, version) =
        text.split_once('@').ok_or("write MODULE@VERSION, such as golang.org/x/text@v0.14.0")?;
    let path = ModulePath::parse(path).map_err(|error| error.to_string())?;
    let version = Version::parse(version).map_err(|error| error.to_string())?;
    ModuleVersion::new(path, version).map_err(|error| error.to_string())
}

/// `sumdb init`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Init {
    /// Its name: a host and, perhaps, a path, as `sum.corp.example.com`.
    pub name: LogName,
    /// The file for the private key, outside of the data directory; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    #[command(flatten)]
    pub settings: Settings,
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
        let spec = target(&self.database, self.key.as_deref());
        let spec = spec.map_err(|error| Usage::of(&error, "see `larder sumdb audit --help`"))?;
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

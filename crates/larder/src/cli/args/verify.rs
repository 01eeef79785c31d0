//! `larder verify`.

use std::path::PathBuf;

use super::{Asking, Settings};

pub(super) const HELP: &str = "\
Examples:
  larder verify
      Each line of go.sum here, against the checksum database.
  larder verify --proxy https://goproxy.corp.example.com --private corp.example.com
      Also what that proxy serves; modules of the company are named to nobody.
  larder verify \"$(go env GOMODCACHE)\"
      The zips and go.mod files that this machine holds, hashed.
  larder verify ./go.sum --json | jq '.findings[] | select(.kind == \"differs\")'

Nothing is changed. GOPRIVATE and GONOSUMDB are kept to; golang.org/toolchain is always compared.
The database is --sumdb, else the variable GOSUMDB, else the first of the configuration. With
--proxy and no address of its own it is reached through the proxy, if that passes it on.

Exit codes: 0 all is the same, 1 something could not be compared (no answer, no record), 2 mistake
            in the command line or the configuration, 3 something differs.";

/// `verify`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Verify {
    /// A directory with go.mod or go.sum, a go.sum file, or a module cache.
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,
    /// The database, written as GOSUMDB is.
    #[arg(long, value_name = "SPEC")]
    pub sumdb: Option<String>,
    /// A proxy to compare besides: its go.mod files.
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// The proxy's zips too. They are downloaded and thrown away.
    #[arg(long, requires = "proxy")]
    pub zips: bool,
    /// Pattern of modules that are named to nobody; may be repeated [else GONOSUMDB, GOPRIVATE].
    #[arg(long, value_name = "PATTERN")]
    private: Vec<String>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    asking: Asking,
}

impl Verify {
    /// The same as flags of a server.
    pub(in crate::cli) fn settings(&self) -> Settings {
        Settings { private: self.private.clone(), ..self.asking.settings() }
    }
}

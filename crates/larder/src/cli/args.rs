//! What was written: the words of the command line, as clap reads them.

mod doctor;
mod sumdb;
mod verify;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use super::named::Named;
use crate::config::FlagValue;

pub(super) use doctor::DoctorCommand;
pub(super) use sumdb::{Init, Record, SumdbCommand};
pub(super) use verify::Verify;

const SUMMARY: &str = "\
First steps:
  larder serve
  GOPROXY=http://127.0.0.1:3000 go mod download

Exit codes:
  0  all went well
  1  something failed
  2  the command line or the configuration has a mistake; nothing was done
  3  an import left something out because it was not right, or a scrub left something broken;
     a checksum database is wrong, or a hash is not the one that it has recorded
  4  somebody should look at something (status, sumdb status, explain)

`larder COMMAND --help` shows examples of each command.";

const SERVE: &str = "\
Examples:
  larder serve
      On 127.0.0.1:3000, kept in the platform's directory for data.
  larder serve --listen :3000 --data /srv/larder
      On port 3000 of every address of the machine.
  larder serve --private corp.example.com --set route=corp.example.com=https://goproxy.corp.example.com
      Modules of the company come from its own proxy, and are never named to others.
  larder serve --set cache.fresh=5m --set timeout.connect=2s
      Any key of the configuration can be set.

Then tell the go command:
  go env -w GOPROXY=http://127.0.0.1:3000

Exit codes: 0 stopped as asked, 1 failed, 2 mistake in the command line or the configuration.";

const CONFIG: &str = "\
Examples:
  larder config show
  larder config check /etc/larder/larder.toml

Layers, each beating those before it: defaults, Go's own variables, the file, LARDER_... variables, flags.";

const SHOW: &str = "\
Examples:
  larder config show
  larder config show --config /etc/larder/larder.toml --set cache.fresh=5m
      What would hold with this file and flag.
  larder config show --json | jq '.upstream'

Passwords in addresses are shown as ****.
Exit codes: 0 shown, 2 the configuration has mistakes.";

const CHECK: &str = "\
Examples:
  larder config check
      What `larder serve` would read here.
  larder config check ./larder.toml && systemctl restart larder

All mistakes are told at once, each with its line, its reason and what to write.
Exit codes: 0 no mistake, 2 mistakes.";

const IMPORT: &str = "\
Examples:
  larder import \"$(go env GOMODCACHE)/cache/download\"
      What the go command has downloaded on this machine.
  larder import --data /srv/larder /mnt/usb/goproxy
      A tree in the layout of a GOPROXY, as `file://` proxies and Larder itself keep it.

Every file is checked as if it came from a network. Nothing that is held is changed.
Exit codes: 0 all imported, 1 failed, 2 mistake in the command line or the configuration,
            3 something was refused.";

const SCRUB: &str = "\
Examples:
  larder scrub
      Reads everything that is held, and fetches again what the disk has lost.
  larder scrub --no-heal --json | jq '.findings'
      Only looks.
  larder scrub --module 'corp.example.com,*.corp.example.com'

By the server, if one runs on the data directory; otherwise this command opens the directory itself.
What is found wrong is moved to `evidence/` in the data directory.
Exit codes: 0 all is well or was healed, 1 failed, 2 mistake in the command line or the configuration,
            3 something is still broken.";

const STATUS: &str = "\
Examples:
  larder status
      How the running server does: requests, upstreams, store, configuration.
  larder status golang.org/x/text
      What it knows of a module: how fresh, from where, when it is asked again, which versions are held.
  larder status golang.org/x/text@v0.14.0
  larder status golang.org/x/text@master --json

No source is asked. The server is found by its data directory.
Exit codes: 0 all is well, 1 no server answers, 2 mistake in the command line or the configuration,
            4 somebody should look at something: an upstream is left alone, a file of the configuration has
              mistakes, the disk is full, the last try to fetch failed.";

const EXPLAIN: &str = "\
Examples:
  larder explain corp.example.com/team/lib
      Which patterns match it, where it may come from and with which credential, which checksum database is asked,
      who is served it, and where its repository would be looked for.
  larder explain corp.example.com/team/lib@v1.4.0
      The same, and what is held of this version, from where and why it is trusted.
  larder explain corp.example.com/team/lib --json | jq -r '.way.sources[].name'
  larder explain corp.example.com/team/lib@main --ask
      And what its sources say now, step by step, with times: where the repository is, its tags, the version.

By the running server, of the settings in force there; otherwise by the settings here. Nobody is asked without --ask:
the name does not leave the machine. With it this command asks, as its user and in its environment.
Exit codes: 0 explained, 1 failed, or no source has it, 2 mistake in the command line or the configuration, 4 the module can come from
            nowhere.";

const REFRESH: &str = "\
Examples:
  larder refresh example.com/team/lib
      After a release: the list, @latest and known branches are asked for now, absences are forgotten.
  larder refresh example.com/team/lib@main
      One branch.
  larder refresh example.com/team/lib@v1.4.0
      A version that was asked for before it was published.

When a source is down the old copy stays. What is held of a version never changes.
Exit codes: 0 all sources answered, 1 failed or no server answers, 2 mistake in the command line or the
            configuration.";

const INVALIDATE: &str = "\
Examples:
  larder invalidate example.com/team/lib
      The list, @latest, branches, absences and failures are forgotten; the next who asks has the sources asked.
  larder invalidate example.com/team/lib@v1.4.0
      That this version is absent, or has failed, is forgotten.

What is held of a version is never forgotten: its content never changes. `larder refresh` keeps the old answers until
there are new ones; prefer it unless the old ones are wrong.
Exit codes: 0 done, 1 failed or no server answers, 2 mistake in the command line or the configuration.";

const VERSION: &str = "\
Examples:
  larder version
  larder version --json";

const COMPLETIONS: &str = "\
Examples:
  larder completions bash > ~/.local/share/bash-completion/completions/larder
  larder completions zsh > ~/.zfunc/_larder
  larder completions fish > ~/.config/fish/completions/larder.fish";

const UPSTREAM: &str =
    "Where modules come from, written as GOPROXY is [default: https://proxy.golang.org,direct]";

/// The Go module proxy: one binary between the go command and the world's modules.
#[derive(Debug, Parser)]
#[command(name = "larder", version, after_help = SUMMARY, disable_help_subcommand = true)]
pub(super) struct Args {
    /// What to do; nothing prints the summary.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve modules to the go command.
    #[command(after_help = SERVE)]
    Serve(Settings),
    /// Show or check the configuration.
    #[command(after_help = CONFIG, subcommand_required = true, arg_required_else_help = true)]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Take modules over from a directory.
    #[command(after_help = IMPORT)]
    Import {
        /// Directory in the layout of a GOPROXY: a module cache's `cache/download`, a mirror, another Larder's.
        #[arg(value_name = "DIR")]
        from: PathBuf,
        /// Report as JSON, every refused file named.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Read everything that is held again, and heal what is not what was kept.
    #[command(after_help = SCRUB)]
    Scrub {
        /// Only modules that match, in the grammar of GOPRIVATE; may be repeated.
        #[arg(long = "module", value_name = "PATTERN")]
        modules: Vec<String>,
        /// Change nothing.
        #[arg(long)]
        no_heal: bool,
        /// Report as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Tell how the running server does, or what it knows of a module.
    #[command(after_help = STATUS)]
    Status {
        /// Module path, with a version or query where only that is meant.
        #[arg(value_name = "MODULE[@VERSION]", value_parser = Named::parse)]
        named: Option<Named>,
        /// As JSON, as the admin API answers.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Explain which settings decide over a module; nobody is asked unless told to.
    #[command(after_help = EXPLAIN)]
    Explain(Explain),
    /// Have the running server ask its sources for a module now.
    #[command(after_help = REFRESH)]
    Refresh(Change),
    /// Have the running server forget what may change of a module.
    #[command(after_help = INVALIDATE)]
    Invalidate(Change),
    /// Find out what is in the way of repositories.
    #[command(after_help = doctor::HELP, subcommand_required = true, arg_required_else_help = true)]
    Doctor {
        #[command(subcommand)]
        command: DoctorCommand,
    },
    /// Compare go.sum, or a module cache, with a checksum database.
    #[command(after_help = verify::HELP)]
    Verify(Verify),
    /// Look at checksum databases.
    #[command(after_help = sumdb::HELP, subcommand_required = true, arg_required_else_help = true)]
    Sumdb {
        #[command(subcommand)]
        command: SumdbCommand,
    },
    /// Print the version.
    #[command(after_help = VERSION)]
    Version {
        /// As JSON, with the commit it was built from where that is known.
        #[arg(long)]
        json: bool,
    },
    /// Print completions for a shell.
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What the commands take that are about one module.
#[derive(Debug, clap::Args)]
pub(super) struct Change {
    /// Module path, with a version or query where only that is meant.
    #[arg(value_name = "MODULE[@VERSION]", value_parser = Named::parse)]
    pub named: Named,
    /// As JSON, as the admin API answers.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Settings,
}

/// What `explain` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// Ask the sources too, and tell what each says.
    #[arg(long = "ask")]
    pub asks_sources: bool,
    #[command(flatten)]
    pub what: Change,
}

/// The commands about the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every key, its value, and where the value came from.
    #[command(after_help = SHOW)]
    Show {
        /// As one JSON object: `{"KEY": {"value": ..., "from": ...}}`.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Tell all mistakes of the configuration.
    #[command(after_help = CHECK)]
    Check {
        /// The file to check instead of the one that would be read.
        #[arg(conflicts_with = "config")]
        file: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print a document that is made of the types.
    #[command(hide = true)]
    Reference {
        /// Which one, by the name of its file below `docs`.
        document: Document,
    },
}

/// A document that is made of the types.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Document {
    /// The reference of all keys.
    #[value(name = "configure.md")]
    Configure,
    /// The JSON schema of the file.
    #[value(name = "larder.schema.json")]
    Schema,
    /// The reference of all numbers that `/metrics` tells.
    #[value(name = "metrics.md")]
    Metrics,
}

/// Flags that set keys of the configuration. The doc comments are short: `docs/configure.md` says more.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct Settings {
    /// The configuration file [else `LARDER_CONFIG`, ~/.config/larder/larder.toml, /etc/larder/larder.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address to listen on; `:3000` is every address; may be repeated [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
    /// Directory of everything that is kept [else `STATE_DIRECTORY`, ~/.local/share/larder]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    // Not a doc comment, which could not hold a bare address.
    #[arg(long, value_name = "LIST", help = UPSTREAM)]
    upstream: Option<String>,
    /// Checksum database, written as GOSUMDB is, or `off`; may be repeated [default: sum.golang.org]
    #[arg(long, value_name = "SPEC")]
    sumdb: Vec<String>,
    /// Pattern of private module paths; may be repeated [else GOPRIVATE]
    #[arg(long, value_name = "PATTERN")]
    private: Vec<String>,
    /// Form of log lines: auto, text or json [default: auto]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Least important log lines: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Set any key, such as `cache.fresh=5m`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

/// Flags of commands that ask others themselves, without a server.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct Asking {
    /// The configuration file, for what it says of the network [else as `larder serve`]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set any key, such as `timeout.lookup=2m`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

impl Asking {
    /// The same as flags of a server.
    pub(super) fn settings(&self) -> Settings {
        Settings { config: self.config.clone(), set: self.set.clone(), ..Settings::default() }
    }
}

fn setting(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, such as cache.fresh=5m")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl Settings {
    /// The values as the configuration takes them. `--set` comes last: where both name a key that is no list, it
    /// counts.
    pub(super) fn values(&self) -> Vec<FlagValue> {
        let one = |key: &'static str, value: &Option<String>| {
            value.iter().map(|value| (key, value.clone())).collect()
        };
        let many =
            |key: &'static str, values: &[String]| values.iter().map(|value| (key, value.clone())).collect();
        let everyday: [Vec<(&str, String)>; 7] = [
            many("listen", &self.listen),
            one("data", &self.data),
            one("upstream", &self.upstream),
            many("sumdb", &self.sumdb),
            many("private", &self.private),
            one("log.format", &self.log_format),
            one("log.level", &self.log_level),
        ];
        let everyday = everyday.into_iter().flatten().map(|(key, value)| {
            let flag = format!("--{}", key.replace('.', "-"));
            FlagValue { flag, key: key.to_owned(), value }
        });
        let set = self.set.iter().map(|(key, value)| FlagValue {
            flag: format!("--set {key}"),
            key: key.clone(),
            value: value.clone(),
        });
        everyday.chain(set).collect()
    }
}

//! `larder doctor`.

use clap::Subcommand;
use gomod::ModulePath;

use super::Settings;

pub(super) const HELP: &str = "\
Examples:
  larder doctor vcs
      Which tools of version control are found, and which modules need those that are not.
  larder doctor vcs corp.example.com/team/lib
      The same, and what the settings say of the module: which rules match, and which tools may be used for it.
  larder doctor auth corp.example.com/team/lib
      Where the repository of a module is, which credential is sent, and what the server says.

Run it as the user, and in the environment, of the server.
Exit codes: 0 all is well, 1 a repository could not be asked, 2 mistake in the command line or the configuration,
            4 git, or the tool that the module needs, is missing.";

/// The commands that find out what is in the way.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DoctorCommand {
    /// Tell which tools of version control are installed.
    Vcs {
        /// Module path; tells what the settings say of it too. Nobody is asked.
        #[arg(value_name = "MODULE", value_parser = parse)]
        path: Option<ModulePath>,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Ask the repository of a module for its tags, as the server would.
    Auth {
        /// Module path.
        #[arg(value_name = "MODULE", value_parser = parse)]
        path: ModulePath,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

fn parse(text: &str) -> Result<ModulePath, String> {
    ModulePath::parse(text).map_err(|error| error.to_string())
}

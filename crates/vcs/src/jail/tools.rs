//! Which tools are installed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::System;

/// Where the tools are. They are found once, at the start, so that what is missing is said then, and so that a later change
/// of a search path changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tools {
    git: Option<PathBuf>,
    hg: Option<PathBuf>,
    svn: Option<PathBuf>,
    fossil: Option<PathBuf>,
    ssh: Option<PathBuf>,
    shell: Option<PathBuf>,
    path: Vec<PathBuf>,
}

impl Tools {
    /// Finds the tools in a search path (the form of `PATH`). Parts of it that are not absolute are passed over, since
    /// what they mean would change with the directory that a child works in.
    pub fn find(path: &OsStr) -> Self {
        let path: Vec<PathBuf> = std::env::split_paths(path).filter(|part| part.is_absolute()).collect();
        let tool = |name: &str| path.iter().map(|part| part.join(name)).find(|file| is_program(file));
        Self {
            git: tool("git"),
            hg: tool("hg"),
            svn: tool("svn"),
            fossil: tool("fossil"),
            ssh: tool("ssh"),
            shell: tool("sh"),
            path,
        }
    }

    /// Where the tool of a system is.
    pub fn of(&self, system: System) -> Option<&Path> {
        match system {
            System::Git => self.git.as_deref(),
            System::Hg => self.hg.as_deref(),
            System::Svn => self.svn.as_deref(),
            System::Fossil => self.fossil.as_deref(),
        }
    }

    /// Where `ssh` is, which the tools of git, hg and svn start for places that are reached by it.
    pub fn ssh(&self) -> Option<&Path> {
        self.ssh.as_deref()
    }

    /// Where a POSIX shell is.
    pub(super) fn shell(&self) -> Option<&Path> {
        self.shell.as_deref()
    }

    /// The systems whose tool is not installed.
    pub fn missing(&self) -> impl Iterator<Item = System> + '_ {
        System::ALL.into_iter().filter(|system| self.of(*system).is_none())
    }

    /// The search path, as children get it: tools start their own parts by it.
    pub(super) fn search_path(&self) -> std::ffi::OsString {
        // Parts of a path have no separator, so that joining them cannot fail.
        std::env::join_paths(&self.path).unwrap_or_default()
    }
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

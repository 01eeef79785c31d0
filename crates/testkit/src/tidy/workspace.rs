//! The files that rules look at.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Text files by their path relative to the workspace, slashes between elements. Others are left out.
#[derive(Debug, Default)]
pub struct Workspace {
    files: BTreeMap<String, String>,
}

impl Workspace {
    /// Reads what git tracks or would track; in a directory without git, everything but `target` and dotted names.
    pub fn read(root: &Path) -> Self {
        let names = git_files(root).unwrap_or_else(|| walk(root));
        let read = |name: String| fs::read_to_string(root.join(&name)).ok().map(|text| (name, text));
        Self { files: names.into_iter().filter_map(read).collect() }
    }

    /// A workspace made up of these paths and texts.
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect() }
    }

    /// Every file.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every Rust file.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all().filter(|(path, _)| Path::new(path).extension().is_some_and(|extension| extension == "rs"))
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// The folders of the crates in `crates/`, each with its `Cargo.toml`.
    pub(super) fn crates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all().filter_map(|(path, text)| {
            let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            (!name.contains('/')).then_some((name, text))
        })
    }
}

fn git_files(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let names = String::from_utf8(listed.stdout).ok().filter(|_| listed.status.success())?;
    Some(names.split_terminator('\0').map(str::to_owned).collect())
}

fn walk(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}{name}");
            match entry.file_type().unwrap() {
                _ if name.starts_with('.') || path == "target" => {}
                kind if kind.is_dir() => folders.push(format!("{path}/")),
                _ => found.push(path),
            }
        }
    }
    found
}

//! What is looked at: the go.sum files of a project, or the files of a module cache.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use gomod::gosum::{self, GoSumError, Summed};
use gomod::{H1, ModulePath, ModuleVersion, Version};
use source::{Found, Offer};

use super::{Claim, Claims, Finding, Kind, Place};

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The files, or the directory, as they are named.
    pub(super) names: Vec<PathBuf>,
    /// What is claimed in go.sum files, by module version.
    pub(super) listed: Vec<Claims>,
    /// What a module cache holds.
    pub(super) held: Vec<Holding>,
    /// What is wrong before anybody is asked.
    pub(super) findings: Vec<Finding>,
    /// Lines with hashes of a kind that nobody knows yet.
    pub(super) unknown: u64,
}

/// A module version that a cache holds files of.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) root: PathBuf,
    pub(super) found: Found,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// Nothing there is known.
    #[error("{} has neither a go.mod or go.sum file nor a module cache", path.display())]
    Neither {
        /// The path.
        path: PathBuf,
    },
    /// A file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// It.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A go.sum file is none.
    #[error("{} cannot be used", path.display())]
    GoSum {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: GoSumError,
    },
}

impl Subject {
    /// Finds out what a path is: a go.sum file, a directory with go.mod or go.sum, or a module cache (GOMODCACHE, or its
    /// `cache/download`). Blocking; zips are not read yet.
    pub fn at(path: &Path) -> Result<Self, SubjectError> {
        let read = |cause| SubjectError::Read { path: path.to_owned(), cause };
        let is_project_file = path.file_name().is_some_and(|name| name == "go.mod" || name == "go.work");
        let metadata = std::fs::metadata(path).map_err(read)?;
        if metadata.is_file() && !is_project_file {
            return Self::of_sums(vec![path.to_owned()]);
        }
        let directory = if metadata.is_file() { path.parent().unwrap_or(path) } else { path };
        // Relative to the working directory names are shorter without `./`.
        let named = |name: &str| if directory == Path::new(".") { name.into() } else { directory.join(name) };
        let is_there = |name: &&str| directory.join(name).is_file();
        if ["go.mod", "go.work", "go.sum", "go.work.sum"].iter().any(is_there) {
            let sums = ["go.sum", "go.work.sum"];
            return Self::of_sums(
                sums.iter().filter(|name| is_there(name)).map(|name| named(name)).collect(),
            );
        }
        if !is_cache(path) {
            return Err(SubjectError::Neither { path: path.to_owned() });
        }
        let Offer { root, found, refused } = Offer::of(path).map_err(read)?;
        let mut subject = Self::empty(vec![root.clone()]);
        for (file, why) in refused {
            subject.findings.push(Finding::of_file(Kind::Malformed, root.join(file), why));
        }
        subject.held = found.into_iter().map(|found| Holding { root: root.clone(), found }).collect();
        Ok(subject)
    }

    fn empty(names: Vec<PathBuf>) -> Self {
        Self { names, listed: Vec::new(), held: Vec::new(), findings: Vec::new(), unknown: 0 }
    }

    fn of_sums(files: Vec<PathBuf>) -> Result<Self, SubjectError> {
        let mut subject = Self::empty(files.clone());
        let mut listed: BTreeMap<ModuleVersion, Vec<Claim>> = BTreeMap::new();
        for file in files {
            let bytes = read(&file)?;
            for line in gosum::lines(&bytes) {
                let (line, sum) = line.map_err(|cause| SubjectError::GoSum { path: file.clone(), cause })?;
                let place = Place { file: file.clone(), line: Some(line) };
                // Every kind but `h1:` is of the future.
                let Ok(hash) = H1::parse(sum.hash) else {
                    subject.unknown += 1;
                    continue;
                };
                match module_of(&sum) {
                    Ok(module) => listed.entry(module).or_default().push(Claim { place, of: sum.of, hash }),
                    Err(why) => subject.findings.push(Finding::of_line(Kind::Malformed, place, why)),
                }
            }
        }
        for (module, claims) in &listed {
            conflicts(module, claims, &mut subject.findings);
        }
        subject.listed = listed.into_iter().map(|(module, claims)| Claims { module, claims }).collect();
        Ok(subject)
    }
}

/// Whether a directory may be a module cache, or a tree of the same layout: any other is not walked through. Module paths
/// begin with the name of a host, which has a dot (Go modules reference, "Module paths").
fn is_cache(path: &Path) -> bool {
    let has_inside =
        ["cache/download", "pkg/mod/cache/download"].iter().any(|inner| path.join(inner).is_dir());
    let is_host = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.contains('.') && !name.starts_with('.') && entry.path().is_dir()
    };
    let entries = || std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    has_inside || path.ends_with("cache/download") || entries().any(is_host)
}

/// The module version of a line, if it can be one.
fn module_of(sum: &gosum::Sum<'_>) -> Result<ModuleVersion, String> {
    let path = ModulePath::parse(sum.path).map_err(|error| error.to_string())?;
    let version = Version::parse(sum.version).map_err(|error| error.to_string())?;
    ModuleVersion::new(path, version).map_err(|error| error.to_string())
}

/// Lines that cannot both be right. The go command takes the first that it meets.
fn conflicts(module: &ModuleVersion, claims: &[Claim], findings: &mut Vec<Finding>) {
    for of in [Summed::Zip, Summed::GoMod] {
        let mut same = claims.iter().filter(|claim| claim.of == of);
        let Some(first) = same.next() else { continue };
        for other in same.filter(|other| other.hash != first.hash) {
            let mut finding = Finding::of_line(
                Kind::Conflict,
                other.place.clone(),
                format!("{} says another hash", first.place),
            );
            finding.name(module, of);
            finding.here = Some(other.hash);
            findings.push(finding);
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, SubjectError> {
    let failed = |cause| SubjectError::Read { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(gosum::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

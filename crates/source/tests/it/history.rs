//! A repository written down as data: commits, their files, and names for them. What it was asked is counted, and it fails where
//! a test wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::{self, BoxFuture};
use gomod::{ModulePath, Version};
use jiff::Timestamp;
use source::direct::{Code, Found};
use vcs::{Archive, Entry, EntryKind, Place, Repo, Revision, System, Tag, VcsError};

pub(crate) const ROOT: &str = "example.test/r";

/// The repository. Commits are named by one word, and each is behind those that name it as a parent.
pub(crate) struct History {
    place: Place,
    commits: Vec<Commit>,
    tags: BTreeMap<String, usize>,
    branches: BTreeMap<String, usize>,
    /// Which question fails, and how.
    fault: Option<(&'static str, VcsError)>,
    /// Where contents break off: after this many files.
    broken_after: Option<usize>,
    /// A last file in each archive that is only made while it is read: its size, and what was read of it.
    endless: Option<(u64, Arc<AtomicU64>)>,
    asked: Mutex<Vec<String>>,
}

struct Commit {
    parents: Vec<usize>,
    files: BTreeMap<String, (EntryKind, Vec<u8>)>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::new(System::Git, "https://example.test/r.git").unwrap(),
            commits: Vec::new(),
            tags: BTreeMap::new(),
            branches: BTreeMap::new(),
            fault: None,
            broken_after: None,
            endless: None,
            asked: Mutex::default(),
        }
    }

    /// A commit on `main`, after the last one, with these files and no others.
    pub(crate) fn commit(mut self, files: &[(&str, &str)]) -> Self {
        let parents = self.branches.get("main").copied().into_iter().collect();
        self.add(parents, files);
        self.branches.insert("main".to_owned(), self.commits.len() - 1);
        self
    }

    /// A commit without parents, on a branch of its own.
    pub(crate) fn apart(mut self, branch: &str, files: &[(&str, &str)]) -> Self {
        self.add(Vec::new(), files);
        self.branches.insert(branch.to_owned(), self.commits.len() - 1);
        self
    }

    fn add(&mut self, parents: Vec<usize>, files: &[(&str, &str)]) {
        let file = |(path, text): &(&str, &str)| {
            let (kind, text) = match text.strip_prefix("-> ") {
                Some(target) => (EntryKind::Symlink, target),
                None => (EntryKind::File, *text),
            };
            ((*path).to_owned(), (kind, text.as_bytes().to_vec()))
        };
        self.commits.push(Commit { parents, files: files.iter().map(file).collect() });
    }

    /// Tags the last commit.
    pub(crate) fn tag(mut self, name: &str) -> Self {
        self.tags.insert(name.to_owned(), self.commits.len() - 1);
        self
    }

    /// Lets a question (`tags`, `stat`, `read_file`, `archive`, …) fail.
    pub(crate) fn failing(mut self, question: &'static str, fault: VcsError) -> Self {
        self.fault = Some((question, fault));
        self
    }

    /// Lets contents break off after some files.
    pub(crate) fn broken_after(mut self, files: usize) -> Self {
        self.broken_after = Some(files);
        self
    }

    /// Adds a file `zz` of so many bytes to each archive, which counts what is read of it.
    pub(crate) fn endless(mut self, size_bytes: u64, read: &Arc<AtomicU64>) -> Self {
        self.endless = Some((size_bytes, Arc::clone(read)));
        self
    }

    /// The module in it, and the repository to ask it what it was asked.
    pub(crate) fn module(self, path: &str) -> (Code, Arc<Self>) {
        let repo = Arc::new(self);
        let found = Found {
            path: ModulePath::parse(path).unwrap(),
            root: ROOT.to_owned(),
            place: repo.place.clone(),
            subdir: String::new(),
        };
        (Code::new(&found, Arc::clone(&repo) as Arc<dyn Repo>).unwrap(), repo)
    }

    /// What it was asked, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn ask<T>(
        &self,
        question: &'static str,
        about: &str,
        answer: impl FnOnce() -> Result<T, VcsError>,
    ) -> Result<T, VcsError> {
        self.asked.lock().unwrap().push(format!("{question} {about}").trim_end().to_owned());
        match &self.fault {
            Some((failing, fault)) if *failing == question => Err(fault.clone()),
            _ => answer(),
        }
    }

    fn at(&self, id: &str) -> &Commit {
        (0..self.commits.len())
            .find(|index| self::id(*index) == id)
            .map(|index| &self.commits[index])
            .unwrap()
    }

    fn behind(&self, id: &str) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open: Vec<usize> = (0..self.commits.len()).filter(|index| self::id(*index) == id).collect();
        while let Some(index) = open.pop() {
            if found.insert(index) {
                open.extend(&self.commits[index].parents);
            }
        }
        found
    }

    fn resolve(&self, name: Option<&str>) -> Result<Revision, VcsError> {
        let unknown = || VcsError::UnknownRevision { name: name.unwrap_or_default().to_owned() };
        let branch = |name: &str| self.branches.get(name).map(|index| (*index, format!("refs/heads/{name}")));
        let (index, reference) = match name {
            None => branch("main")
                .map(|(index, _)| (index, Some("HEAD".to_owned())))
                .ok_or(VcsError::NoCommits)?,
            Some(name) => {
                let tag = self.tags.get(name).map(|index| (*index, format!("refs/tags/{name}")));
                let named = tag.or_else(|| branch(name)).map(|(index, reference)| (index, Some(reference)));
                let is_id = |index: &usize| name.len() >= 7 && id(*index).starts_with(name);
                named
                    .or_else(|| (0..self.commits.len()).find(is_id).map(|index| (index, None)))
                    .ok_or_else(unknown)?
            }
        };
        let is_tag = name.is_some_and(|name| self.tags.contains_key(name));
        let tags = self.tags.iter().filter(|(_, at)| **at == index).map(|(name, _)| name.clone());
        Ok(Revision {
            id: id(index),
            short: id(index)[..12].to_owned(),
            name: if is_tag { name.unwrap().to_owned() } else { id(index) },
            reference,
            time: time(index),
            tags: tags.collect(),
        })
    }
}

/// The id of a commit, by its number.
pub(crate) fn id(index: usize) -> String {
    format!("{index:03x}{}", "c0ffee".repeat(7))[..40].to_owned()
}

/// When a commit was made: one each hour.
fn time(index: usize) -> Timestamp {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    begin + jiff::SignedDuration::from_hours(index.try_into().unwrap())
}

/// The pseudo-version of a commit, after what comes before its time.
pub(crate) fn pseudo(stem: &str, index: usize) -> String {
    format!("{stem}{}-{}", time(index).strftime("%Y%m%d%H%M%S"), &id(index)[..12])
}

pub(crate) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// Bytes that do not get smaller.
struct Noise {
    left: u64,
    state: u64,
    read: Arc<AtomicU64>,
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.left).unwrap());
        for byte in &mut buffer[..count] {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            *byte = self.state.to_le_bytes()[3];
        }
        self.left -= count as u64;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

fn now<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(future::ready(value))
}

impl Repo for History {
    fn place(&self) -> &Place {
        &self.place
    }

    fn tags<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Tag>, VcsError>> {
        let tags = self.tags.iter().filter(|(name, _)| name.starts_with(prefix));
        let tags = tags.map(|(name, index)| Tag { name: name.clone(), id: id(*index) }).collect();
        now(self.ask("tags", prefix, || Ok(tags)))
    }

    fn stat<'a>(&'a self, name: Option<&'a str>) -> BoxFuture<'a, Result<Revision, VcsError>> {
        now(self.ask("stat", name.unwrap_or_default(), || self.resolve(name)))
    }

    fn read_file<'a>(
        &'a self,
        revision: &'a str,
        path: &'a str,
        max: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, VcsError>> {
        let found = self.at(revision).files.get(path).map(|(_, content)| Bytes::from(content.clone()));
        now(self.ask("read_file", path, || match found {
            Some(content) if content.len() as u64 > max => {
                Err(VcsError::TooLarge { what: path.to_owned(), max })
            }
            found => Ok(found),
        }))
    }

    fn tags_behind<'a>(
        &'a self,
        revision: &'a str,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, VcsError>> {
        let behind = self.behind(revision);
        let tags = self.tags.iter().filter(|(name, at)| name.starts_with(prefix) && behind.contains(at));
        now(self.ask("tags_behind", prefix, || Ok(tags.map(|(name, _)| name.clone()).collect())))
    }

    fn descends_from<'a>(&'a self, revision: &'a str, tag: &'a str) -> BoxFuture<'a, Result<bool, VcsError>> {
        let is_behind = self.tags.get(tag).is_some_and(|at| self.behind(revision).contains(at));
        now(self.ask("descends_from", tag, || Ok(is_behind)))
    }

    fn archive<'a>(
        &'a self,
        revision: &'a str,
        directory: &'a str,
    ) -> BoxFuture<'a, Result<Archive, VcsError>> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let below = self.at(revision).files.iter().filter_map(|(path, (kind, content))| {
            Some((path.strip_prefix(&prefix)?.as_bytes().to_vec(), *kind, content.clone()))
        });
        let files: Vec<_> = below.collect();
        let entries = files.iter().map(|(path, kind, content)| Entry {
            path: path.clone(),
            kind: *kind,
            size_bytes: content.len() as u64,
        });
        let mut entries: Vec<Entry> = entries.collect();
        let broken_after = self.broken_after;
        let endless = self.endless.clone();
        if let Some((size_bytes, _)) = endless {
            entries.push(Entry { path: b"zz".to_vec(), kind: EntryKind::File, size_bytes });
        }
        now(self.ask("archive", directory, || {
            Ok(Archive::new(entries, move |each| {
                for (at, (path, kind, content)) in files.iter().enumerate() {
                    if broken_after == Some(at) {
                        return Err(io::Error::other("the tool died").into());
                    }
                    if *kind == EntryKind::File {
                        each(path, &mut content.as_slice() as &mut dyn Read)?;
                    }
                }
                match endless {
                    Some((left, read)) => each(b"zz", &mut Noise { left, state: 1, read }),
                    None => Ok(()),
                }
            }))
        }))
    }
}

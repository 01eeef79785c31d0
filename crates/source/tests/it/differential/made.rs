//! Repositories made of their description by the real git.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// When the first commit of each repository was made. The others are an hour apart, in another zone.
const BEGIN: u64 = 1_767_225_600;

/// What lets a commit begin without files.
const CLEAR: &str = "deleteall\n";

/// A repository.
pub(crate) struct Made {
    dir: PathBuf,
    names: HashMap<String, usize>,
    ids: Vec<String>,
}

impl Made {
    /// All repositories of a description, each in a directory of its name below `dir`.
    pub(crate) fn all(description: &str, dir: &Path) -> HashMap<String, Self> {
        let parts = description.split("\n== ").skip(1);
        parts.map(|part| Self::one(part, dir)).map(|(name, made)| (name.to_owned(), made)).collect()
    }

    fn one<'d>(part: &'d str, dir: &Path) -> (&'d str, Self) {
        let (head, script) = part.split_once('\n').unwrap();
        let (name, format) = head.split_once(' ').unwrap_or((head, "sha1"));
        let dir = dir.join(name);
        let made = Self { dir, names: HashMap::new(), ids: Vec::new() };
        git(
            &made.dir,
            &["init", "-q", "--bare", "-b", "main", &format!("--object-format={format}"), "."],
            "",
        );
        let mut writing =
            Writing { made, stream: String::new(), commits: 0, hidden: Vec::new(), late: Vec::new() };
        for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            writing.line(line, if format == "sha1" { 40 } else { 64 });
        }
        (name, writing.finish())
    }

    /// Text with what stands in braces replaced.
    pub(crate) fn filled(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').unwrap();
            out.push_str(before);
            if let Some((digits, name)) = inside.split_once('#') {
                let id = self.id(name);
                out.push_str(&id[..digits.parse().unwrap_or(id.len())]);
            } else {
                let time = time(self.names[inside]).try_into().unwrap();
                let time = jiff::Timestamp::from_second(time).unwrap().strftime("%Y%m%d%H%M%S");
                write!(out, "{time}-{}", &self.id(inside)[..12]).unwrap();
            }
            rest = after;
        }
        out + rest
    }

    fn id(&self, name: &str) -> &str {
        &self.ids[self.names[name]]
    }
}

fn time(commit: usize) -> u64 {
    BEGIN + 3600 * commit as u64
}

/// A repository while its description is read.
struct Writing {
    made: Made,
    /// For `git fast-import`.
    stream: String,
    commits: usize,
    /// Branches that nobody shall see.
    hidden: Vec<String>,
    /// Tags of tags, and tags of files in `main`, which are made last.
    late: Vec<(bool, String, String)>,
}

impl Writing {
    fn line(&mut self, line: &str, digits: usize) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "commit" => self.commit(rest),
            "keep" => self.stream.truncate(self.stream.len() - CLEAR.len()),
            "+" => {
                let (path, text) = path(rest);
                let text =
                    text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t").replace("\\0", "\0");
                write!(self.stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
            }
            ">" => {
                let (path, target) = path(rest);
                write!(self.stream, "M 120000 inline {path}\ndata {}\n{target}\n", target.len()).unwrap();
            }
            "@" => writeln!(self.stream, "M 160000 {} {rest}", "5".repeat(digits)).unwrap(),
            "tag" => self.name(rest, &format!("reset refs/tags/{rest}\nfrom :{}\n\n", self.commits)),
            "annotated" => {
                let tagger = format!("tagger T <t@example.test> {} +0000\ndata 1\nx\n", BEGIN + 5);
                self.name(rest, &format!("tag {rest}\nfrom :{}\n{tagger}", self.commits));
            }
            "branch" => self.name(rest, &format!("reset refs/heads/{rest}\nfrom :{}\n\n", self.commits)),
            "nested" | "thing" => {
                let (new, old) = rest.split_once(' ').unwrap();
                self.late.push((word == "nested", new.to_owned(), old.to_owned()));
            }
            "hidden" => {
                let (reference, branch) = rest.split_once(' ').unwrap();
                let line = format!("reset {reference}\nfrom :{}\n\n", self.commits);
                self.stream.push_str(&line);
                self.hidden.push(branch.to_owned());
            }
            other => panic!("{other}"),
        }
    }

    /// Begins a commit. Without `keep` in the next line its files are only those that follow.
    fn commit(&mut self, rest: &str) {
        let mut words = rest.split(' ');
        let branch = words.next().unwrap();
        self.commits += 1;
        let committer = format!("committer T <t@example.test> {} -0700", time(self.commits));
        write!(self.stream, "commit refs/heads/{branch}\nmark :{}\n{committer}\ndata 1\nx\n", self.commits)
            .unwrap();
        while let (Some(how), Some(name)) = (words.next(), words.next()) {
            writeln!(self.stream, "{how} :{}", self.made.names[name]).unwrap();
        }
        self.made.names.insert(branch.to_owned(), self.commits);
        self.stream.push_str(CLEAR);
    }

    fn name(&mut self, name: &str, line: &str) {
        self.stream.push_str(line);
        self.made.names.insert(name.to_owned(), self.commits);
    }

    fn finish(mut self) -> Made {
        let marks = self.made.dir.join("marks");
        git(
            &self.made.dir,
            &["fast-import", "--quiet", "--force", &format!("--export-marks={}", marks.display())],
            &self.stream,
        );
        for branch in &self.hidden {
            git(&self.made.dir, &["update-ref", "-d", &format!("refs/heads/{branch}")], "");
        }
        for (is_nested, new, old) in &self.late {
            let what = if *is_nested { format!("refs/tags/{old}") } else { format!("main:{old}") };
            let kind: &[&str] = if *is_nested { &["-a", "-m", "x"] } else { &[] };
            let user = [
                "-c",
                "user.name=T",
                "-c",
                "user.email=t@example.test",
                "-c",
                "advice.nestedTag=false",
                "tag",
            ];
            git(&self.made.dir, &[&user, kind, &[new, &what]].concat(), "");
        }
        let marks = std::fs::read_to_string(marks).unwrap_or_default();
        self.made.ids = vec![String::new(); self.commits + 1];
        for line in marks.lines() {
            let (mark, id) = line.trim_start_matches(':').split_once(' ').unwrap();
            if let Some(slot) = self.made.ids.get_mut(mark.parse::<usize>().unwrap()) {
                id.clone_into(slot);
            }
        }
        self.made
    }
}

/// A path, which may be in quotes, and what follows it.
fn path(rest: &str) -> (&str, &str) {
    let end = match rest.strip_prefix('"') {
        Some(quoted) => quoted.find('"').unwrap() + 2,
        None => rest.find(' ').unwrap_or(rest.len()),
    };
    let (path, text) = rest.split_at(end);
    (path, text.strip_prefix(' ').unwrap_or_default())
}

fn git(dir: &Path, arguments: &[&str], input: &str) {
    std::fs::create_dir_all(dir).unwrap();
    let mut command = Command::new("git");
    command
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(running.wait().unwrap().success(), "git {arguments:?}");
}

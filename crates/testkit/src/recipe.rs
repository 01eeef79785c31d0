//! Repositories made by the real tools, step by step, with the commits, dates and names that give the same hashes
//! everywhere.
//!
//! A recipe is a text in the language of Go's own test repositories (`cmd/go/testdata/vcstest`): an archive whose first part
//! is a script and whose other parts are files. Those of the Go tree are read from `go env GOROOT` when a test runs, so that
//! hashes which Go's tests pin can be pinned here; a test may also bring its own. Of the language there is what those
//! scripts use: `env`, `at TIME`, `echo`, `unquote`, `cp`, `cmp`, `mkdir`, `rm`, `cd`, `replace`, `chmod`, conditions, and
//! the tools by their names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use sha2::{Digest as _, Sha256};

/// What the scripts may call.
const TOOLS: &[&str] = &["git", "hg", "svn", "svnadmin", "svnmucc", "fossil"];

/// Makes the repository of a recipe of the Go tree (`git/gitrepo1`) in a directory, which is made. Nothing where there is
/// no Go tree.
pub fn make_go(name: &str, dir: &Path) -> Option<()> {
    make(&of_go(name)?, dir);
    Some(())
}

/// A recipe of the Go tree (`git/gitrepo1`). Nothing where there is no Go tree.
pub fn of_go(name: &str) -> Option<String> {
    static ROOT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let said = Command::new("go").args(["env", "GOROOT"]).output().ok()?;
        Some(PathBuf::from(String::from_utf8(said.stdout).ok()?.trim()))
    });
    fs::read_to_string(root.as_ref()?.join(format!("src/cmd/go/testdata/vcstest/{name}.txt"))).ok()
}

/// The repository of a recipe for tests that only read it, made once and kept in a directory that Cargo has for a test
/// binary (`CARGO_TARGET_TMPDIR`). Made anew when the recipe is another, or what makes it.
pub fn once(recipe: &str, kept: &Path) -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _turn = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let digest = Sha256::digest([recipe, include_str!("recipe.rs")].concat());
    let number = u64::from_be_bytes(digest[..8].try_into().unwrap());
    let made = kept.join(format!("recipe-{number:016x}"));
    if !made.exists() {
        let half = tempfile::tempdir_in(kept).unwrap();
        make(recipe, &half.path().join("made"));
        // Another test binary may have been faster.
        let _ = fs::rename(half.path().join("made"), &made);
    }
    made
}

/// Makes the repository of a recipe in a directory, which is made.
pub fn make(recipe: &str, dir: &Path) {
    let (script, files) = split(recipe);
    fs::create_dir_all(dir).unwrap();
    for (name, text) in files {
        let file = dir.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".hgrc"), HGRC).unwrap();
    fs::write(home.path().join(".gitconfig"), GITCONFIG).unwrap();
    let mut kitchen = Kitchen::new(dir, home.path());
    for line in script.lines() {
        kitchen.step(line);
    }
}

const HGRC: &str =
    "[ui]\nusername=Go Gopher <gopher@golang.org>\n[phases]\nnew-commit=public\n[extensions]\nconvert=\n";
const GITCONFIG: &str = "[user]\nname = Go Gopher\nemail = gopher@golang.org\n[init]\ndefaultBranch = main\n\
                         [core]\neol = lf\n[gui]\nencoding = utf-8\n[protocol \"file\"]\nallow = always\n";

/// The script, and the files after it, each behind a line `-- NAME --`.
fn split(recipe: &str) -> (String, Vec<(String, String)>) {
    let (mut script, mut files) = (String::new(), Vec::<(String, String)>::new());
    for line in recipe.split_inclusive('\n') {
        let name = line.trim_end().strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
        match (name, files.last_mut()) {
            (Some(name), _) => files.push((name.trim().to_owned(), String::new())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => script.push_str(line),
        }
    }
    (script, files)
}

struct Kitchen {
    dir: PathBuf,
    env: BTreeMap<String, String>,
    stdout: String,
}

impl Kitchen {
    fn new(dir: &Path, home: &Path) -> Self {
        let env = [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", home.display().to_string()),
            ("USER", "gopher".to_owned()),
            ("ROOT", dir.display().to_string()),
            ("PWD", dir.display().to_string()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("HGRCPATH", home.join(".hgrc").display().to_string()),
            ("HGENCODING", "utf-8".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
        ];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { dir: dir.to_owned(), env, stdout: String::new() }
    }

    fn step(&mut self, line: &str) {
        let mut words = self.words(line);
        while let Some(condition) = words.first().and_then(|word| word.strip_prefix('[')) {
            let condition = condition.trim_end_matches(']').to_owned();
            if !holds(&condition) {
                return;
            }
            words.remove(0);
        }
        let may_fail = words.first().is_some_and(|word| word == "?" || word == "!");
        if may_fail {
            words.remove(0);
        }
        let Some((command, arguments)) = words.split_first() else { return };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match (command.as_str(), arguments.as_slice()) {
            ("handle" | "stdout", _) => {}
            ("env", settings) => self.set(settings),
            ("at", [time]) => {
                self.set(&[&format!("GIT_COMMITTER_DATE={time}"), &format!("GIT_AUTHOR_DATE={time}")]);
            }
            ("echo", words) => self.stdout = format!("{}\n", words.join(" ")),
            ("unquote", [text]) => self.stdout = unquote(text),
            ("cp", [from @ .., to]) => from.iter().for_each(|from| self.copy(from, to)),
            ("cmp", [have, want]) => assert_eq!(self.text(have), self.text(want), "{line}"),
            ("mkdir", folders) => {
                for name in folders {
                    fs::create_dir_all(self.dir.join(name)).unwrap();
                }
            }
            ("rm", names) => names.iter().for_each(|name| self.remove(name)),
            ("cd", [folder]) => self.dir = self.dir.join(folder),
            ("chmod", [mode, file]) => set_mode(&self.dir.join(file), mode),
            ("replace", [pairs @ .., file]) => self.replace(pairs, file),
            (tool, arguments) if TOOLS.contains(&tool) => self.run(tool, arguments, may_fail),
            (other, _) => panic!("a recipe asks for {other}: {line}"),
        }
    }

    fn set(&mut self, settings: &[&str]) {
        for setting in settings {
            let (name, value) = setting.split_once('=').unwrap();
            self.env.insert(name.to_owned(), value.to_owned());
        }
    }

    fn text(&self, name: &str) -> String {
        if name == "stdout" { self.stdout.clone() } else { fs::read_to_string(self.dir.join(name)).unwrap() }
    }

    fn copy(&self, from: &str, to: &str) {
        let mut to = self.dir.join(to);
        if to.is_dir() {
            to.push(Path::new(from).file_name().unwrap());
        }
        match from {
            "stdout" => fs::write(to, &self.stdout).unwrap(),
            from => drop(fs::copy(self.dir.join(from), to).unwrap()),
        }
    }

    fn remove(&self, name: &str) {
        let path = self.dir.join(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    fn replace(&self, pairs: &[&str], file: &str) {
        let text = pairs.chunks_exact(2).fold(self.text(file), |text, pair| text.replace(pair[0], pair[1]));
        fs::write(self.dir.join(file), text).unwrap();
    }

    fn run(&mut self, tool: &str, arguments: &[&str], may_fail: bool) {
        let mut command = Command::new(tool);
        command.args(arguments).current_dir(&self.dir).env_clear().envs(&self.env);
        let output = command.output().unwrap_or_else(|error| panic!("{tool}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(may_fail || output.status.success(), "{tool} {arguments:?}: {said}");
        self.stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    }

    /// Words at blanks; `'…'` is taken as it is, `''` in it is a quote, `$NAME` outside of it is a variable.
    fn words(&self, line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
        let mut rest = line.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '\'' if quoted && rest.peek() == Some(&'\'') => {
                    rest.next();
                    word.get_or_insert_default().push('\'');
                }
                '\'' => {
                    quoted = !quoted;
                    word.get_or_insert_default();
                }
                ' ' | '\t' if !quoted => words.extend(word.take()),
                '#' if !quoted && word.is_none() => break,
                '$' if !quoted => {
                    let mut name = String::new();
                    while let Some(letter) = rest.next_if(|c| c.is_ascii_alphanumeric() || "_{}".contains(*c))
                    {
                        name.push(letter);
                    }
                    let value = self.env.get(name.trim_matches(['{', '}']));
                    word.get_or_insert_default().push_str(value.map_or("", String::as_str));
                }
                letter => word.get_or_insert_default().push(letter),
            }
        }
        words.extend(word);
        words
    }
}

/// Whether a condition holds here: none of other operating systems, and our git knows SHA-256.
fn holds(condition: &str) -> bool {
    match condition.strip_prefix('!') {
        Some(condition) => !holds(condition),
        None => condition == "git-sha256" || condition == "GOOS:linux",
    }
}

/// The escapes of a Go string.
fn unquote(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                other => out.extend(other),
            },
            (letter, false) => out.push(letter),
        }
    }
    out
}

fn set_mode(file: &Path, mode: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = u32::from_str_radix(mode, 8).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

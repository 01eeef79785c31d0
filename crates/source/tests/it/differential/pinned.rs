//! The versions that the go command's own tests pin, of the repositories that they make: a table in Go's source, read where Go is
//! installed, so that hashes are right whatever git and go command happen to be here.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::process::Command;
use std::sync::Arc;

use gomod::{ModulePath, ModuleVersion, Request, zip};
use source::direct::{Code, CodeError, Found};
use testkit::{go, recipe};
use vcs::jail::Access;
use vcs::{Place, Repos, System};

/// One case: its fields by name, each with the texts in it.
type Case = BTreeMap<String, Vec<String>>;

/// The cases of a table: `NAME = []TYPE{` and blocks of `field: value,`.
fn table(source: &str, name: &str) -> Vec<Case> {
    let (_, body) = source.split_once(&format!("var {name} = ")).unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let blocks = body.split("\n\t{\n").skip(1);
    blocks.map(|block| case(block.split("\n\t},").next().unwrap())).collect()
}

fn case(block: &str) -> Case {
    let mut case = Case::new();
    let mut field = String::new();
    for line in block.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let value = match line.split_once(':') {
            Some((name, value)) if name.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                name.clone_into(&mut field);
                value.trim()
            }
            _ => line,
        };
        case.entry(field.clone()).or_default().extend(texts(value));
    }
    case
}

/// The Go strings of a line: one, or a list of them.
fn texts(value: &str) -> Vec<String> {
    if let Some(raw) = value.strip_prefix('`') {
        return raw.split('`').take(1).map(str::to_owned).collect();
    }
    let value = value.trim_end_matches(',');
    let list = value.strip_prefix("[]string{").and_then(|rest| rest.strip_suffix('}')).unwrap_or(value);
    serde_json::from_str(&format!("[{list}]")).unwrap_or_default()
}

fn one<'c>(case: &'c Case, field: &str) -> &'c str {
    case.get(field).and_then(|texts| texts.first()).map(String::as_str).unwrap_or_default()
}

/// The repository of a path, as far as a recipe makes it: import path of its top, recipe, directory.
fn place_of(path: &str) -> Option<(String, String, &'static str)> {
    let below = |root: &str| path == root || path.starts_with(&format!("{root}/"));
    for (root, name, subdir) in [
        ("github.com/rsc/vgotest1", "vgotest1", ""),
        ("github.com/rsc/empty", "emptytest", ""),
        ("vcs-test.golang.org/go/gitreposubdir", "gitreposubdir", "foo/subdir"),
        ("vcs-test.golang.org/go/gitreposubdirv2/v2", "gitreposubdirv2", "subdir"),
    ] {
        if below(root) {
            return Some((root.to_owned(), name.to_owned(), subdir));
        }
    }
    let (name, _) = path.strip_prefix("vcs-test.golang.org/git/")?.split_once(".git")?;
    Some((format!("vcs-test.golang.org/git/{name}.git"), name.to_owned(), ""))
}

struct Pinned {
    dir: tempfile::TempDir,
    repos: Repos,
    source: String,
}

impl Pinned {
    fn new() -> Option<Self> {
        let root = Command::new("go").args(["env", "GOROOT"]).output().ok()?;
        let root = String::from_utf8(root.stdout).ok()?;
        let file = format!("{}/src/cmd/go/internal/modfetch/coderepo_test.go", root.trim());
        let source = fs::read_to_string(file).ok()?;
        let dir = tempfile::tempdir().unwrap();
        let repos = super::repos(dir.path(), None);
        Some(Self { dir, repos, source })
    }

    /// The module, in its repository; none where that is somewhere in the network.
    fn code(&self, path: &str) -> Option<Result<Code, CodeError>> {
        let (root, name, subdir) = place_of(path)?;
        let dir = self.dir.path().join(&name);
        if !dir.exists() {
            recipe::make_go(&format!("git/{name}"), &dir)?;
        }
        let place = Place::new(System::Git, &format!("file://{}", dir.display())).unwrap();
        let access = Access { schemes: vec!["file".to_owned()], ..Access::default() };
        let repo: Arc<dyn vcs::Repo> = self.repos.open(&place, &access).unwrap();
        let path = ModulePath::parse(path).unwrap();
        Some(Code::new(&Found { path, root, place, subdir: subdir.to_owned() }, repo))
    }
}

/// What a revision of a table must be; the text is what differs.
async fn compare(code: &Code, case: &Case) -> Result<(), String> {
    let module = ModulePath::parse(one(case, "path")).unwrap();
    let info = match Request::named(&module, one(case, "rev")).map_err(|error| error.to_string())? {
        Request::Query(_, query) => code.query(&query).await,
        Request::File(module, _) => code.info(&module.version).await,
        _ => code.latest().await,
    };
    let info = match info {
        Ok(info) => info,
        Err(error) if !one(case, "err").is_empty() && error.to_string().contains(one(case, "err")) => {
            return Ok(());
        }
        Err(error) => return Err(error.to_string()),
    };
    let origin = info.origin.unwrap();
    for (field, found) in
        [("version", info.version.as_str()), ("name", origin.hash.as_deref().unwrap_or_default())]
    {
        let wanted = one(case, field);
        if !wanted.is_empty() && found != wanted {
            return Err(format!("{field}: {found}"));
        }
    }
    let go_mod = code.go_mod(&info.version).await.map_err(|error| error.to_string())?;
    if case.contains_key("gomod") && go_mod != one(case, "gomod") {
        return Err(format!("go.mod: {go_mod:?}"));
    }
    let module = ModuleVersion::new(module, info.version.clone()).unwrap();
    let bytes = code.zip(&info.version).await.map_err(|error| error.to_string())?.whole().await.unwrap();
    let checked = zip::check(&mut Cursor::new(&bytes), bytes.len() as u64, &module).unwrap();
    let sum = one(case, "zipSum");
    if sum.is_empty() || checked.h1.to_string() == sum { Ok(()) } else { Err(format!("zip: {}", checked.h1)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_those_that_the_go_commands_tests_pin() {
    if !go::available() {
        return;
    }
    let Some(pinned) = Pinned::new() else { return eprintln!("SKIPPED: Go's own tests are not installed") };
    let (mut compared, mut differences) = (0, Vec::new());
    for case in table(&pinned.source, "codeRepoTests") {
        if let Some(Ok(code)) = pinned.code(one(&case, "path")) {
            compared += 1;
            if let Err(difference) = compare(&code, &case).await {
                differences.push(format!("{case:?}\n  {difference}"));
            }
        }
    }
    assert!(differences.is_empty(), "{} of {compared}\n{}", differences.len(), differences.join("\n"));
    assert!(compared > 30, "{compared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_those_that_the_go_commands_tests_pin() {
    if !go::available() {
        return;
    }
    let Some(pinned) = Pinned::new() else { return eprintln!("SKIPPED: Go's own tests are not installed") };
    let mut compared = 0;
    for case in table(&pinned.source, "codeRepoVersionsTests") {
        let (path, prefix) = (one(&case, "path"), one(&case, "prefix"));
        if let Some(Ok(code)) = pinned.code(path) {
            compared += 1;
            let found = code.versions().await.unwrap();
            let found: Vec<&str> = found.iter().map(gomod::Version::as_str).collect();
            let found: Vec<&str> = found.into_iter().filter(|version| version.starts_with(prefix)).collect();
            let wanted = case.get("versions").cloned().unwrap_or_default();
            assert_eq!(found, wanted, "{case:?}");
        }
    }
    assert!(compared > 2, "{compared}");
}

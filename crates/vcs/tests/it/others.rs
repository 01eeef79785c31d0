//! Mercurial, Subversion and Fossil, whose tools must be installed where these tests run (`scripts/test` sees to it).

#![expect(clippy::disallowed_methods, reason = "the tests make what is asked: repositories, damage")]

mod hg;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vcs::gate::{Gate, GateSettings};
use vcs::jail::{Access, Jail, JailSettings, Limits, Operator, Tools};
use vcs::{Place, Repo, Repos, ReposSettings, System};

/// Repositories kept below a directory, what names mean remembered for long.
fn repos(dir: &Path) -> Repos {
    let tools = Tools::find("/usr/local/bin:/usr/bin:/bin".as_ref());
    let missing: Vec<System> = tools.missing().collect();
    assert!(missing.is_empty(), "not installed, and needed by these tests: {missing:?}");
    let jail = Jail::new(JailSettings {
        tools,
        environment: Operator::default(),
        limits: Limits::default(),
        gate: Gate::open(GateSettings::new(|_| true)).unwrap(),
        dir: dir.join("jail"),
    });
    let settings = ReposSettings {
        dir: dir.join("vcs"),
        fresh: Duration::from_mins(10),
        max_repository_bytes: 1 << 30,
        max_total_bytes: 1 << 30,
        status: Arc::new(|_, _| Box::pin(async { None })),
    };
    Repos::new(jail.unwrap(), settings)
}

/// The repository of a system at a path.
fn open(repos: &Repos, system: System, path: &Path) -> Arc<dyn Repo> {
    let access = Access { schemes: vec!["file".to_owned()], ..Access::default() };
    repos.open(&place(system, path), &access).unwrap()
}

fn place(system: System, path: &Path) -> Place {
    Place::new(system, &format!("file://{}", path.display())).unwrap()
}

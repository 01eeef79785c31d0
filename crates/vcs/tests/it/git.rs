//! Git.

mod contract;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vcs::jail::{Access, Jail, JailSettings, Limits, Operator, Tools};
use vcs::{Place, Repo, Repos, ReposSettings, System};

/// Repositories kept in a directory, whose refs are remembered for long.
fn repos(dir: &Path) -> Repos {
    let settings = ReposSettings {
        dir: dir.join("vcs"),
        fresh: Duration::from_mins(1),
        max_repository_bytes: 1 << 30,
        max_total_bytes: 1 << 30,
        status: Arc::new(|_, _| Box::pin(async { None })),
    };
    let jail = Jail::new(JailSettings {
        tools: Tools::find("/usr/local/bin:/usr/bin:/bin".as_ref()),
        environment: Operator::default(),
        limits: Limits::default(),
        dir: dir.join("jail"),
    });
    Repos::new(jail.unwrap(), settings)
}

/// The repository in a directory, over `file`.
fn open(repos: &Repos, dir: &Path) -> Arc<dyn Repo> {
    let place = Place::new(System::Git, &format!("file://{}", dir.display())).unwrap();
    let access = Access { schemes: vec!["file".to_owned()], ..Access::default() };
    repos.open(&place, &access).unwrap()
}

//! Mercurial, Subversion and Fossil, whose tools must be installed where these tests run (`scripts/test` sees to it).

#![expect(clippy::disallowed_methods, reason = "the tests make what is asked: repositories, damage")]

mod fossil;
mod hg;
mod keeping;
mod ssh;
mod svn;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vcs::gate::{Gate, GateSettings};
use vcs::jail::{Access, Jail, JailSettings, Limits, Operator, Sent, Tools};
use vcs::{Archive, Place, Repo, Repos, ReposSettings, System};

/// The address of this machine that tests may reach.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Repositories kept below a directory, what names mean remembered for long.
fn repos(dir: &Path) -> Repos {
    configured(dir, Operator::default())
}

/// The same, with an operator's configuration of the tools.
fn configured(dir: &Path, environment: Operator) -> Repos {
    Repos::new(jail(dir, environment), settings(dir))
}

/// A jail with the system's tools.
fn jail(dir: &Path, environment: Operator) -> Jail {
    let tools = Tools::find("/usr/local/bin:/usr/bin:/bin".as_ref());
    let missing: Vec<System> = tools.missing().collect();
    assert!(missing.is_empty(), "not installed, and needed by these tests: {missing:?}");
    let helper = Some((env!("CARGO_BIN_EXE_vcs-child").into(), vec!["through".into()]));
    Jail::new(JailSettings {
        tools,
        environment,
        limits: Limits::default(),
        gate: Gate::open(GateSettings { helper, ..GateSettings::new(|address| address == HERE) }).unwrap(),
        dir: dir.join("jail"),
    })
    .unwrap()
}

/// Settings to begin with.
fn settings(dir: &Path) -> ReposSettings {
    ReposSettings {
        dir: dir.join("vcs"),
        fresh: Duration::from_mins(10),
        max_repository_bytes: 1 << 30,
        max_total_bytes: 1 << 30,
        status: Arc::new(|_, _| Box::pin(async { None })),
    }
}

/// The repository of a system at a path.
fn open(repos: &Repos, system: System, path: &Path) -> Arc<dyn Repo> {
    open_at(repos, &place(system, path), None)
}

/// The repository at a place, asked with a credential.
fn open_at(repos: &Repos, place: &Place, credential: Option<Sent>) -> Arc<dyn Repo> {
    let access = Access { schemes: vec![place.scheme().to_owned()], credential, ..Access::default() };
    repos.open(place, &access).unwrap()
}

fn place(system: System, path: &Path) -> Place {
    Place::new(system, &format!("file://{}", path.display())).unwrap()
}

/// All contents of an archive.
async fn unpack(archive: Archive) -> BTreeMap<String, String> {
    let read = move || {
        let mut files = BTreeMap::new();
        let each = |path: &[u8], content: &mut dyn std::io::Read| {
            let mut text = String::new();
            content.read_to_string(&mut text)?;
            files.insert(String::from_utf8(path.to_vec()).unwrap(), text);
            Ok(())
        };
        archive.read(each).map(|()| files)
    };
    tokio::task::spawn_blocking(read).await.unwrap().unwrap()
}

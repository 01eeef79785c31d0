//! What stands behind a held file: what is recorded of it, what clients are told, and what a database has said.

mod ahead;
mod behind;
mod entry;
mod trouble;
mod vouching;

use testkit::module::ModuleFiles;
use testkit::raw::Response;
use testkit::{Database, Upstream};

use crate::proxy::TestProxy;

/// A source, the database that covers what it has, and a Larder in front of both.
struct World {
    upstream: Upstream,
    database: Database,
    proxy: TestProxy,
}

impl World {
    /// With these versions, all of them on record.
    async fn of(versions: &[ModuleFiles]) -> Self {
        Self::with(versions, &[]).await
    }

    /// The same with further settings.
    async fn with(versions: &[ModuleFiles], settings: &[(&str, &str)]) -> Self {
        let (upstream, database) = (Upstream::of(versions).await, Database::start().await);
        database.grow(300);
        for files in versions {
            database.record(files);
        }
        let (url, spec) = (upstream.url(), database.spec());
        let named = [("upstream", url.as_str()), ("sumdb", spec.as_str())];
        let given = |key: &str| settings.iter().any(|(other, _)| *other == key);
        let all: Vec<_> = named.into_iter().filter(|(key, _)| !given(key)).chain(settings.to_vec()).collect();
        let proxy = TestProxy::with(&all);
        Self { upstream, database, proxy }
    }

    /// Lets pass what is remembered of failures.
    fn later(&self) {
        self.proxy.clock().advance(std::time::Duration::from_secs(2));
    }

    /// Notes in `evidence/`, as JSON.
    fn evidence(&self) -> Vec<serde_json::Value> {
        let Ok(dir) = std::fs::read_dir(self.proxy.data("evidence")) else { return Vec::new() };
        let paths = dir.map(|entry| entry.unwrap().path());
        let notes = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
        notes.map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }
}

fn small() -> ModuleFiles {
    ModuleFiles::new("example.com/m", "v1.0.0").file("m.go", "package m\n")
}

/// A zip that is shown before all of it is here.
fn large() -> ModuleFiles {
    small().padding(600_000)
}

/// The same version with other content.
fn other(files: &ModuleFiles) -> ModuleFiles {
    let go_mod = format!("module {}\n\ngo 1.99\n", files.path());
    ModuleFiles::new(files.path(), files.version()).go_mod(go_mod).padding(if files.zip().len() > 65_536 {
        600_000
    } else {
        10
    })
}

/// Status and why it is trusted.
fn told(response: &Response) -> (u16, String) {
    (response.status, response.header("x-larder-verified-by").unwrap_or("-").to_owned())
}

const BY_RECORD: &str = "record localhost.localdev/sumdb";

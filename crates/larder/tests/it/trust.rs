//! Checksum databases: what is believed of them, passed on, and kept.

mod behind;
mod deciding;
mod files;
mod forks;
mod keeping;
mod kept;
mod lies;
mod passing;
mod trouble;

use testkit::{Database, ModuleFiles, Upstream};

use crate::proxy::TestProxy;

fn hello() -> ModuleFiles {
    ModuleFiles::new("example.com/Hello", "v1.0.0")
}

/// A database with a history, and a Larder that reaches it at its own address.
async fn reached() -> (Database, TestProxy) {
    let database = Database::start().await;
    database.grow(300);
    database.record(&hello());
    let upstream = Upstream::start().await;
    let proxy = TestProxy::with(&[("upstream", &upstream.url()), ("sumdb", &database.spec())]);
    (database, proxy)
}

/// Where the test database is passed on.
fn below(path: &str) -> String {
    format!("/sumdb/localhost.localdev/sumdb{path}")
}

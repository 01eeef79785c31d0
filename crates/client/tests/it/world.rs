//! How a test asks: sources over loopback that are patient with nobody.

use std::sync::Arc;
use std::time::Duration;

use client::Database;
use source::{Builder, Clients, Conduct, Deadlines, Network, Retry, Source};
use sumdb::Spec;

/// Sources that ask once.
pub(crate) fn builder() -> Builder {
    let clients = Clients::new(&Network::default(), Duration::from_secs(5)).unwrap();
    let retry = Retry { times: 0, ..Retry::default() };
    Builder::new(clients, Deadlines::default()).with_conduct(Conduct { retry, ..Conduct::default() })
}

/// The way to a database at its own address.
pub(crate) fn way(spec: &Spec) -> Arc<dyn Source> {
    client::target::own_way(spec, &builder()).unwrap()
}

pub(crate) fn spec(database: &testkit::Database) -> Spec {
    Spec::parse(&database.spec()).unwrap()
}

pub(crate) fn client_of(database: &testkit::Database) -> Database {
    let spec = spec(database);
    Database::new(&spec, way(&spec)).unwrap()
}

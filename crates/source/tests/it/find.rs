//! From module paths to repositories, over pages of every kind.

mod agreeing;
mod asking;
mod private;
mod suffixes;
mod trouble;
mod world;

use std::sync::Arc;

use futures_util::FutureExt as _;
use gomod::ModulePath;
use source::direct::find::{Discovery, FindError, Finder, Ping, Rules};
use source::{Credentials, Deadlines};

pub(crate) use world::{Https, World};

/// A ping that must not be needed.
pub(crate) fn no_ping() -> Ping {
    Arc::new(|place, _| async move { panic!("{place} was pinged") }.boxed())
}

pub(crate) fn path(path: &str) -> ModulePath {
    ModulePath::parse(path).unwrap()
}

/// A finder with rules.
pub(crate) fn finder(world: &World, rules: Rules) -> Finder {
    Finder::new(&world.builder(Deadlines::default(), Credentials::default()), rules, no_ping())
}

/// What is found, in one line: `root system url subdir`, or `mod url`.
pub(crate) fn line(found: &Discovery) -> String {
    match found {
        Discovery::Repo(found) => {
            let (system, url) = (found.place.system(), found.place.url());
            format!("{} {system} {url} {}", found.root, found.subdir).trim_end().to_owned()
        }
        Discovery::Proxy(url) => format!("mod {url}"),
    }
}

pub(crate) async fn find(finder: &Finder, module: &str) -> Result<String, FindError> {
    finder.find(&path(module)).await.map(|found| line(&found))
}

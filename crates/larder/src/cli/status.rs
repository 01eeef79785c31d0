//! `larder status`: how the running server does, or what it knows of a module.

mod module;
mod server;

pub(super) use module::files;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Exit;
use super::mode::Ask;
use super::named::Named;
use super::paper::Paper;
use crate::app::api::modules::{Module, Query, Version};
use crate::app::api::status::Status;

/// Asks the server; [`Exit::Attention`] when somebody should look at something.
pub(super) fn run(ask: &Ask, named: Option<&Named>) -> anyhow::Result<Exit> {
    match named {
        None => told::<Status>(ask, "status", server::show),
        Some(named) if named.is_module() => told::<Module>(ask, &named.call(), module::show),
        Some(named) if named.is_version() => told::<Version>(ask, &named.call(), module::show_version),
        Some(named) => told::<Query>(ask, &named.call(), module::show_query),
    }
}

fn told<T: Serialize + DeserializeOwned>(
    ask: &Ask,
    call: &str,
    show: impl Fn(&mut Paper, &T) -> Exit,
) -> anyhow::Result<Exit> {
    let answer: T = ask.caller().get(call)?;
    super::print_described(&ask.shown, &answer, show)
}

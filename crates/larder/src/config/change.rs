//! What differs between two configurations, in words that may be shown.

use serde::{Deserialize, Serialize};

use super::Config;
use super::keys::{Keys, plain};

/// A key whose value is another one now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its value before, without secrets.
    pub before: String,
    /// Its value now, without secrets.
    pub now: String,
    /// It counts from the next start only.
    pub needs_restart: bool,
}

/// The keys whose values differ, in the order of the documentation. Of passwords only that they differ can be seen,
/// and that only where nothing else does: they stand under the key `a password`.
pub fn changes(before: &Config, now: &Config) -> Vec<Change> {
    let [old, new] = [before, now].map(|config| serde_json::to_value(config).unwrap_or_default());
    let mut changes = Vec::new();
    for key in Keys::of_config().all() {
        let place = format!("/{}", key.name.replace('.', "/"));
        let [was, is] = [&old, &new].map(|tree| tree.pointer(&place).map(plain).unwrap_or_default());
        if was != is {
            let needs_restart = key.needs_restart;
            changes.push(Change { key: key.name.clone(), before: was, now: is, needs_restart });
        }
    }
    if changes.is_empty() && before != now {
        let hidden = || "****".to_owned();
        let key = "a password".to_owned();
        changes.push(Change { key, before: hidden(), now: hidden(), needs_restart: false });
    }
    changes
}

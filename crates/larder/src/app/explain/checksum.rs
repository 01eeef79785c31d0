//! Which checksum database says what the files of a module are, and why.

use gomod::ModulePath;
use serde::{Deserialize, Serialize};

use super::{Rule, rule, whole};
use crate::config::Loaded;
use crate::trust::TOOLCHAIN;

/// Which checksum database is asked about a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// Its name; none if none hears of the module.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub database: Option<String>,
    /// Why this one, or why none.
    pub why: String,
    /// The setting that says so.
    pub by: Rule,
}

/// As [`crate::trust::Databases::cover`] decides.
pub(super) fn of(loaded: &Loaded, path: &ModulePath) -> Checksum {
    let config = &loaded.config;
    let folded = |patterns: &gomod::Patterns| patterns.matches_folded(path.as_str());
    let none = |by, why: &str| Checksum { database: None, why: why.to_owned(), by };
    let first = config.sumdb.first().map(|database| database.spec.name().to_owned());
    if path.as_str() == TOOLCHAIN {
        let why = "toolchains are looked up whatever else is set";
        return Checksum { database: first, why: why.to_owned(), by: whole(loaded, "sumdb") };
    }
    if let Some(by) = rule(loaded, "private", &config.private, folded) {
        return none(by, "the module is private: no database hears of it");
    }
    if let Some(by) = rule(loaded, "gonosumdb", &config.gonosumdb, folded) {
        return none(by, "the module is not to be looked up");
    }
    let listed = config.sumdb.iter().find_map(|database| {
        let by = rule(loaded, "sumdb", &database.covers, folded)?;
        Some(Checksum {
            database: Some(database.spec.name().to_owned()),
            why: "its setting lists the module".to_owned(),
            by,
        })
    });
    listed.unwrap_or_else(|| match first {
        Some(name) => Checksum {
            database: Some(name),
            why: "it is the first, which decides for public modules".to_owned(),
            by: whole(loaded, "sumdb"),
        },
        None => none(whole(loaded, "sumdb"), "no database is configured"),
    })
}

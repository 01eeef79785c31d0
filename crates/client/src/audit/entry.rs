//! What a record must say: both hashes of one module version, and nothing of any other.

use gomod::{H1, ModulePath, ModuleVersion, Version};
use sumdb::Record;

/// Why the text of a record is not what a checksum database logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryFault {
    /// A line is not a path, a version and a hash.
    #[error("a line of it is not PATH VERSION HASH")]
    Fields,
    /// The path and the version of its first line are none that a module can have.
    #[error("{name} is no module version: {why}")]
    Name { name: String, why: String },
    /// A line is of another module version than the first one.
    #[error("it is of {first} and of {other}")]
    Mixed { first: String, other: String },
    /// A hash is no `h1:` hash.
    #[error("the hash of {of} is malformed")]
    Hash { of: String },
    /// There is not exactly one hash of a file.
    #[error("it has {count} hashes of {of}, not one")]
    Count { of: String, count: usize },
}

/// The module version of a record (Go modules reference, "Checksum database"; from Go 1.27 a go command refuses a
/// record that lacks one of the lines).
pub(super) fn module_of(record: &Record) -> Result<ModuleVersion, EntryFault> {
    let mut named: Option<(&str, &str)> = None;
    let (mut zips, mut go_mods) = (0, 0);
    for line in record.text().lines() {
        let mut fields = line.split(' ');
        let (Some(path), Some(version), Some(hash), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(EntryFault::Fields);
        };
        let (version, count) = match version.strip_suffix("/go.mod") {
            Some(version) => (version, &mut go_mods),
            None => (version, &mut zips),
        };
        let first = *named.get_or_insert((path, version));
        if first != (path, version) {
            let name = |(path, version)| format!("{path}@{version}");
            return Err(EntryFault::Mixed { first: name(first), other: name((path, version)) });
        }
        // Hashes of kinds to come may stand beside.
        if hash.starts_with("h1:") {
            *count += 1;
            H1::parse(hash).map_err(|_| EntryFault::Hash { of: format!("{path}@{version}") })?;
        }
    }
    let (path, version) = named.ok_or(EntryFault::Fields)?;
    for (count, of) in [(zips, ""), (go_mods, "/go.mod")] {
        if count != 1 {
            return Err(EntryFault::Count { of: format!("{path}@{version}{of}"), count });
        }
    }
    let name = |why: &dyn std::error::Error| EntryFault::Name {
        name: format!("{path}@{version}"),
        why: why.to_string(),
    };
    let path = ModulePath::parse(path).map_err(|error| name(&error))?;
    let version = Version::parse(version).map_err(|error| name(&error))?;
    ModuleVersion::new(path, version).map_err(|error| name(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZIP: &str = "h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=";
    const MOD: &str = "h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=";

    fn read(text: &str) -> Result<String, EntryFault> {
        module_of(&Record::new(7, text.to_owned()).unwrap()).map(|module| module.to_string())
    }

    #[test]
    fn a_record_has_both_hashes_of_one_module_version() {
        let both = format!("example.com/m v1.0.0 {ZIP}\nexample.com/m v1.0.0/go.mod {MOD}\n");
        assert_eq!(read(&both).unwrap(), "example.com/m@v1.0.0");
        let more = format!("{both}example.com/m v1.0.0 h2:AAAA\n");
        assert_eq!(read(&more).unwrap(), "example.com/m@v1.0.0");
    }

    #[test]
    fn a_record_with_less_or_more_is_refused() {
        let zip = format!("example.com/m v1.0.0 {ZIP}\n");
        let go_mod = format!("example.com/m v1.0.0/go.mod {MOD}\n");
        for (text, why) in [
            (zip.clone(), "it has 0 hashes of example.com/m@v1.0.0/go.mod, not one"),
            (go_mod.clone(), "it has 0 hashes of example.com/m@v1.0.0, not one"),
            (format!("{zip}{zip}{go_mod}"), "it has 2 hashes of example.com/m@v1.0.0, not one"),
            (
                format!("{zip}example.com/n v1.0.0/go.mod {MOD}\n"),
                "it is of example.com/m@v1.0.0 and of example.com/n@v1.0.0",
            ),
            (format!("{zip}{go_mod}example.com/m v1.0.1 {ZIP}\n"), "it is of example.com/m@v1.0.0 and of"),
            (format!("{zip}example.com/m v1.0.0/go.mod h1:AAAA\n"), "the hash of example.com/m@v1.0.0 is"),
            (format!("{zip}{} more\n", go_mod.trim_end()), "a line of it is not PATH VERSION HASH"),
            ("leaf 0\n".to_owned(), "a line of it is not PATH VERSION HASH"),
            (format!("m v1 {ZIP}\nm v1/go.mod {MOD}\n"), "m@v1 is no module version: "),
        ] {
            let fault = read(&text).unwrap_err().to_string();
            assert!(fault.starts_with(why), "{text}: {fault}");
        }
    }
}

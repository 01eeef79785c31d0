//! Which crate may use which, read from the `Cargo.toml` files: Cargo itself only refuses circles.

use toml::Table;

use super::Workspace;

/// Each crate of ours with those of ours that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("gomod", &[]),
    ("store", &[]),
    ("sumdb", &["gomod"]),
    ("vcs", &[]),
    ("source", &["gomod", "vcs"]),
    ("client", &["gomod", "sumdb", "source"]),
    ("larder", &["gomod", "sumdb", "source", "store", "client", "vcs"]),
    ("testkit", &["gomod", "sumdb", "source", "store", "client", "vcs"]),
];

/// Dependencies of every kind, also those of single platforms; `testkit` as a dev-dependency only.
pub(super) fn dependencies_go_down(workspace: &Workspace) -> Vec<String> {
    let ours: Vec<&str> = workspace.crates().map(|(name, _)| name).collect();
    let mut violations = Vec::new();
    for (name, manifest) in workspace.crates() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(of, _)| *of == name) else {
            violations.push(format!("crates/{name}: no rule says what it may use: add it to testkit's tidy"));
            continue;
        };
        let manifest: Table = match manifest.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                violations.push(format!("crates/{name}/Cargo.toml: {error}"));
                continue;
            }
        };
        for (kind, used) in dependencies(&manifest) {
            let for_tests = kind == "dev-dependencies" && used == "testkit";
            if ours.contains(&used.as_str()) && !allowed.contains(&used.as_str()) && !for_tests {
                violations.push(format!("crates/{name}/Cargo.toml: [{kind}] {name} may not use {used}"));
            }
        }
    }
    violations
}

fn dependencies(manifest: &Table) -> Vec<(String, String)> {
    let platforms = manifest.get("target").and_then(|target| target.as_table());
    let platforms =
        platforms.into_iter().flat_map(|target| target.values()).filter_map(|value| value.as_table());
    let mut found = Vec::new();
    for table in std::iter::once(manifest).chain(platforms) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = table.get(kind).and_then(|entries| entries.as_table());
            for (key, value) in entries.into_iter().flatten() {
                let renamed = value.get("package").and_then(|package| package.as_str());
                found.push((kind.to_owned(), renamed.unwrap_or(key).to_owned()));
            }
        }
    }
    found
}

//! `larder version`: which Larder this is.

use serde_json::json;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, where the build says so. Not a `LARDER_` variable: those are settings.
const COMMIT: Option<&str> = option_env!("BUILD_COMMIT");

/// The version, for people or as JSON.
pub(super) fn text(json: bool) -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    if json {
        return format!("{:#}\n", json!({ "version": VERSION, "commit": COMMIT, "os": os, "arch": arch }));
    }
    let commit = COMMIT.map(|commit| format!(" (commit {commit})")).unwrap_or_default();
    format!("larder {VERSION}{commit} {os}/{arch}\n")
}

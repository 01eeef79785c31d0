//! The rules of the house, kept by the workspace and each shown to find what it is for.

use std::path::Path;

use testkit::tidy::{Workspace, check, tidy};

#[test]
fn the_workspace_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let violations = tidy(root);
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

/// Asserts that each of these made-up files has exactly one violation, which says this.
fn refused(files: &[(&str, &str, &str)]) {
    for (path, text, expected) in files {
        let violations = check(&Workspace::of(&[(path, text)]));
        assert_eq!(violations.len(), 1, "{path} {text:?}: {violations:?}");
        assert!(violations.concat().contains(expected), "{path} {text:?}: {violations:?}");
    }
}

/// Asserts that nothing is wrong with these made-up files.
fn accepted(files: &[(&str, &str)]) {
    assert_eq!(check(&Workspace::of(files)), Vec::<String>::new());
}

#[test]
fn a_module_imports_only_from_lower_levels() {
    refused(&[
        (
            "crates/larder/src/cache.rs",
            "//! — é.\nuse crate::pipeline::X;\n",
            "cache.rs:2: `cache` imports from `pipeline`",
        ),
        (
            "crates/larder/src/cache/keep.rs",
            "//! C.\nfn f() { crate::http::x() }\n",
            "`cache` imports from `http`",
        ),
        ("crates/larder/src/verify.rs", "//! C.\nuse crate::policy;\n", "not below it"),
        (
            "crates/larder/src/auth.rs",
            "//! C.\nuse crate::{\n    config::{app, http},\n    cache,\n};\n",
            "`cache`",
        ),
        (
            "crates/larder/src/auth.rs",
            "//! C.\nuse super::cache;\n",
            "auth.rs:2: `auth` imports from `cache`",
        ),
        (
            "crates/larder/src/auth/a.rs",
            "//! C.\n\nuse super::super::app::X;\n",
            "a.rs:3: `auth` imports from `app`",
        ),
        ("crates/larder/src/auth.rs", "//! C.\nuse crate::Cache;\n", "hides the module"),
        ("crates/larder/src/auth.rs", "//! C.\nuse crate::novel::X;\n", "`crate::novel` has no level"),
        ("crates/larder/src/novel.rs", "//! C.\nuse crate::config::X;\n", "`novel` has no level"),
        ("crates/larder/src/jobs.rs", "//! C.\nuse crate::http::X;\n", "not below it"),
    ]);
    accepted(&[
        ("crates/larder/src/lib.rs", "//! L.\npub use crate::app::App;\n"),
        ("crates/larder/src/main.rs", "//! M.\nuse larder::cli;\n"),
        (
            "crates/larder/src/cache.rs",
            "//! [`crate::pipeline`]\nuse crate::{cache::keep, verify::{self, http}};\n",
        ),
        (
            "crates/larder/src/cache/keep.rs",
            "//! C.\nuse super::app;\n#[cfg(test)]\nmod tests { use super::super::x; }\n",
        ),
        ("crates/larder/src/jobs.rs", "//! C.\nuse crate::pipeline::X; // crate::http\n"),
        ("crates/store/src/disk.rs", "//! Levels are larder's.\nuse crate::Key;\n"),
    ]);
}

#[test]
fn a_crate_uses_only_the_crates_below_it() {
    let with = |path: &str, manifest: &str| {
        let names =
            ["gomod", "store", "source", "larder", "testkit"].map(|name| format!("crates/{name}/Cargo.toml"));
        let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        files.push((path, manifest));
        check(&Workspace::of(&files))
    };
    let wrong = [
        ("crates/gomod/Cargo.toml", "[dependencies]\nstore.workspace = true\n"),
        ("crates/store/Cargo.toml", "[build-dependencies]\ngomod.workspace = true\n"),
        ("crates/source/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nstore.workspace = true\n"),
        ("crates/larder/Cargo.toml", "[dependencies]\nkit = { package = \"testkit\", path = \"x\" }\n"),
        ("crates/source/Cargo.toml", "[dev-dependencies]\nlarder.workspace = true\n"),
        ("crates/novel/Cargo.toml", ""),
        ("crates/store/Cargo.toml", "not toml"),
    ];
    for (path, manifest) in wrong {
        assert_eq!(with(path, manifest).len(), 1, "{path} {manifest:?}");
    }
    let right = [
        (
            "crates/gomod/Cargo.toml",
            "[dependencies]\nserde = \"1\"\n[dev-dependencies]\ntestkit.workspace = true\n",
        ),
        ("crates/source/Cargo.toml", "[dependencies]\ngomod.workspace = true\n"),
        ("crates/larder/Cargo.toml", "[dependencies]\ngomod.workspace = true\nstore.workspace = true\n"),
    ];
    for (path, manifest) in right {
        assert_eq!(with(path, manifest), Vec::<String>::new(), "{path} {manifest:?}");
    }
}

#[test]
fn a_file_has_at_most_five_hundred_lines() {
    let lines = |count: usize| format!("//! Long.\n{}", "\n".repeat(count - 1));
    refused(&[("crates/store/src/disk.rs", &lines(501), "disk.rs:501: more than 500 lines")]);
    accepted(&[("crates/store/src/disk.rs", &lines(500))]);
}

#[test]
fn a_module_has_a_subject() {
    refused(&[
        ("crates/store/src/utils.rs", "//! U.\n", "`utils` is no name"),
        ("crates/store/src/error/disk.rs", "//! U.\n", "`error` is no name"),
        ("crates/common/src/lib.rs", "//! U.\n", "`common` is no name"),
        ("crates/store/tests/it/main.rs", "//! U.\n\nmod helpers {}\n", "main.rs:3: `helpers` is no name"),
    ]);
    accepted(&[(
        "crates/store/src/failure.rs",
        "//! A mod error is not meant: mod utils.\nuse x::error::Y;\n",
    )]);
}

#[test]
fn a_function_says_what_it_does() {
    refused(&[
        ("crates/store/src/a.rs", "//! A.\npub async fn get_size() {}\n", "a.rs:2: `get_size`"),
        ("crates/store/src/a.rs", "//! A.\nfn handle_it<T>() {}\n", "`handle_it`"),
        ("crates/store/src/a.rs", "//! A.\nfn process_x() {}\n", "`process_x`"),
        ("crates/store/src/a.rs", "//! A.\n#[cfg(test)]\nmod tests {}\nfn do_it() {}\n", "a.rs:4: `do_it`"),
    ]);
    accepted(&[
        ("crates/store/src/a.rs", "//! A.\nfn get() {}\nfn docs() { let _ = \"fn get_x\"; }\n"),
        ("crates/store/src/b.rs", "//! B.\n#[cfg(test)]\nmod tests {\n    fn get_x() {}\n}\n"),
        ("crates/store/tests/it/c.rs", "//! C.\nfn get_c() {}\n"),
    ]);
}

#[test]
fn a_module_begins_with_a_comment() {
    refused(&[
        ("crates/store/src/a.rs", "use std::fs;\n", "begins without a module comment"),
        ("crates/store/tests/it/a.rs", "// Not for the reader.\n", "begins without a module comment"),
    ]);
}

#[test]
fn tests_are_not_ignored_and_lints_not_allowed() {
    refused(&[
        ("crates/store/tests/it/a.rs", "//! A.\n#[ignore]\nfn a() {}\n", "a.rs:2: `#[ignore`"),
        ("crates/store/src/a.rs", "//! A.\n#[ignore = \"slow\"]\nfn a() {}\n", "`#[ignore`"),
        ("crates/store/src/a.rs", "//! A.\n\n#[allow(dead_code)]\nfn a() {}\n", "a.rs:3: `#[allow(`"),
        ("crates/store/src/a.rs", "//! A.\n#![allow(dead_code)]\n", "`#![allow(`"),
    ]);
    accepted(&[("crates/store/src/a.rs", "//! #[ignore]\n#[expect(x, reason = \"#[allow(\")]\nfn a() {}\n")]);
}

#[test]
fn tests_do_not_sleep() {
    refused(&[
        ("crates/store/tests/it/a.rs", "//! A.\nfn a() { std::thread::sleep(x) }\n", "a.rs:2: `sleep`"),
        ("crates/testkit/src/go.rs", "//! A.\nuse tokio::time::sleep;\n", "`sleep`"),
        ("e2e/start.rs", "//! A.\nfn a() { sleep(x) }\n", "`sleep`"),
        (
            "crates/store/src/a.rs",
            "//! A.\n#[cfg(test)]\nmod tests {\n  fn a() { sleep_until(x) }\n}\n",
            "a.rs:4:",
        ),
    ]);
    accepted(&[
        ("crates/testkit/src/eventually.rs", "//! A.\nfn a() { sleep(x) }\n"),
        ("e2e/soak/load.rs", "//! A.\nfn a() { sleep(x) }\n"),
        ("crates/store/src/a.rs", "//! A.\nfn a() { sleep(x) }\n#[cfg(test)]\nmod tests {}\n"),
        ("crates/store/tests/it/a.rs", "//! A.\nfn tests_do_not_sleep() {}\n"),
    ]);
}

#[test]
fn promises_have_their_tests() {
    let table = "| Promise | Tests |\n| --- | --- |\n| It holds | `it_holds`, soak |\n";
    let promises = "docs/decisions/0003-promises.md";
    refused(&[(promises, table, "0003-promises.md:3: there is no test `it_holds`")]);
    accepted(&[(promises, table), ("e2e/a.rs", "//! A.\n#[test]\nfn it_holds() {}\n")]);
}

#[test]
fn a_log_line_names_its_event() {
    let named =
        "//! A.\nfn a() {\n    tracing::warn!(\n        event = \"lost\",\n        \"x\"\n    );\n}\n";
    let page = "# P\n## What the log says\n| Event |\n| --- |\n| `lost` | x |\n";
    refused(&[
        ("crates/store/src/a.rs", "//! A.\nfn a() { tracing::info!(\"x\") }\n", "a.rs:2: a log line"),
        ("crates/store/src/a.rs", &named.replace("lost", "Lost"), "a.rs:3: the event `Lost`"),
        ("docs/operate.md", page, "there is no event `lost`"),
    ]);
    let silent = [("docs/operate.md", "## What the log says\n"), ("crates/store/src/a.rs", named)];
    let unnamed = check(&Workspace::of(&silent));
    assert_eq!(unnamed, ["crates/store/src/a.rs:3: docs/operate.md does not name the event `lost`"]);
    accepted(&[("docs/operate.md", page), ("crates/store/src/a.rs", named)]);
    let request = "//! A.\nfn a() { tracing::info!(target: \"request\", \"x\") }\n";
    accepted(&[("crates/store/src/b.rs", request)]);
}

#[test]
fn no_file_names_a_machine() {
    let [home, root, work] = ["home", "root", "work"].map(|name| format!("see /{name}/x\n"));
    refused(&[
        ("docs/start.md", &home, "docs/start.md:1: a path of one machine"),
        ("scripts/test", &format!("\n{root}"), "scripts/test:2:"),
        ("Cargo.toml", &work, "a path of one machine"),
    ]);
    accepted(&[("docs/start.md", &home.replace("see ", "https://example.com"))]);
}

#[test]
fn no_file_is_half_merged() {
    let marks = ["<", ">"].map(|mark| format!("text\n{} main\n", mark.repeat(7)));
    refused(&[
        ("README.md", &marks[0], "README.md:2: a conflict"),
        ("x.rs", &marks[1], "x.rs:2: a conflict"),
    ]);
    accepted(&[("README.md", "Title\n=======\n")]);
}

#[test]
fn the_map_of_the_code_is_short_and_complete() {
    refused(&[("ARCHITECTURE.md", &"\n".repeat(151), "ARCHITECTURE.md:151: more than 150 lines")]);
    let files = [
        ("ARCHITECTURE.md", "| `store` |\n"),
        ("crates/store/Cargo.toml", ""),
        ("crates/gomod/Cargo.toml", ""),
    ];
    assert_eq!(check(&Workspace::of(&files)), ["ARCHITECTURE.md:1: does not name the crate `gomod`"]);
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = "//! A.\n/* #[allow( /* nested */ #[ignore */\nconst A: &str = \"\\\" #[allow(\";\n\
        const B: &str = r##\"#[allow( \"# #[ignore\"##;\nconst C: char = '\"';\nconst D: char = '\\'';\n\
        fn e<'a>(x: &'a str) {}\nconst F: &[u8] = br\"#[allow(\";\n";
    accepted(&[("crates/store/src/a.rs", text)]);
    let after = format!("{text}#[allow(x)]\n");
    refused(&[("crates/store/src/a.rs", &after, "a.rs:9:")]);
}

//! go.mod files: the same verdicts, results and messages as golang.org/x/mod/modfile.
//!
//! The cases are made by `testdata/generate_modfile` with Go's own code.

use std::fmt::Write;
use std::sync::LazyLock;

use gomod::Version;
use gomod::modfile::{self, ModFile, ModFileErrors, Replacement};
use proptest::prelude::*;

const TRICKY: &str = include_str!("../../testdata/modfile/tricky.txt");
const XMOD: &str = include_str!("../../testdata/modfile/xmod.txt");
const REAL: &str = include_str!("../../testdata/modfile/real.txt");
const MUTATED: &str = include_str!("../../testdata/modfile/mutated.txt");

static SEEDS: LazyLock<Vec<Case>> = LazyLock::new(|| cases(XMOD).into_iter().chain(cases(REAL)).collect());

/// An input and what Go says about it.
struct Case {
    name: String,
    input: Vec<u8>,
    strict: String,
    lax: String,
    path: String,
}

fn cases(file: &str) -> Vec<Case> {
    format!("\n{file}").split("\n=== ").skip(1).map(case).collect()
}

fn case(text: &str) -> Case {
    let (head, rest) = text.split_once('\n').unwrap();
    let (form, name) = head.split_once(' ').unwrap();
    let (input, rest) = rest.split_once("--- strict\n").unwrap();
    let (strict, rest) = rest.split_once("--- lax\n").unwrap();
    let (lax, path) = rest.split_once("--- path\n").unwrap();
    let input = match form {
        "plain" => input.as_bytes().to_vec(),
        "quoted" => input.lines().flat_map(unquote).collect(),
        form => panic!("{form}"),
    };
    let (strict, lax, path) = (strict.to_owned(), lax.to_owned(), path.trim_end().to_owned());
    Case { name: name.to_owned(), input, strict, lax, path }
}

/// The bytes of a text in quotes, in which `\xhh` is a byte.
fn unquote(line: &str) -> Vec<u8> {
    let text = line.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(byte, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            ' '..='~' if c != '"' && c != '\\' => out.push(c),
            c => write!(out, "\\u{{{:x}}}", u32::from(c)).unwrap(),
        }
    }
    out + "\""
}

fn dump(parsed: &Result<ModFile, ModFileErrors>) -> String {
    let lines = match parsed {
        Ok(file) => lines(file),
        Err(errors) => errors.iter().map(|error| format!("error {}\n", quote(&error.to_string()))).collect(),
    };
    lines.concat()
}

fn lines(file: &ModFile) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(file.module.iter().map(|module| {
        let deprecated = module.deprecated.as_deref().unwrap_or_default();
        format!("module {} deprecated {}\n", quote(&module.path), quote(deprecated))
    }));
    out.extend(file.go.iter().map(|version| format!("go {}\n", quote(version))));
    out.extend(file.toolchain.iter().map(|name| format!("toolchain {}\n", quote(name))));
    out.extend(file.godebug.iter().map(|x| format!("godebug {} {}\n", quote(&x.key), quote(&x.value))));
    out.extend(
        file.require
            .iter()
            .map(|x| format!("require {} indirect {}\n", both(&x.path, Some(&x.version)), x.indirect)),
    );
    out.extend(file.exclude.iter().map(|x| format!("exclude {}\n", both(&x.path, Some(&x.version)))));
    out.extend(file.replace.iter().map(|x| {
        let new = match &x.new {
            Replacement::Directory { path } => both(path, None),
            Replacement::Module { path, version } => both(path, Some(version)),
        };
        format!("replace {} => {new}\n", both(&x.path, x.version.as_ref()))
    }));
    out.extend(
        file.retract
            .iter()
            .map(|x| format!("retract {} {} {}\n", quote(&x.low), quote(&x.high), quote(&x.rationale))),
    );
    out.extend(file.tool.iter().map(|path| format!("tool {}\n", quote(path))));
    out.extend(file.ignore.iter().map(|path| format!("ignore {}\n", quote(path))));
    out
}

fn both(path: &str, version: Option<&Version>) -> String {
    format!("{} {}", quote(path), quote(version.map_or("", Version::as_str)))
}

#[track_caller]
fn check(file: &str, at_least: usize) {
    let cases = cases(file);
    assert!(cases.len() >= at_least, "only {} cases", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        let strict = dump(&ModFile::parse_strict(&case.input));
        let lax = dump(&ModFile::parse_lax(&case.input));
        let path = quote(&modfile::module_path(&case.input).unwrap_or_default());
        for (reader, ours, wanted) in
            [("strict", strict, &case.strict), ("lax", lax, &case.lax), ("path", path, &case.path)]
        {
            if ours != *wanted {
                let input = String::from_utf8_lossy(&case.input);
                writeln!(wrong, "{} {reader}: {input:?}\nwanted {wanted}got    {ours}", case.name).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.chars().take(4000).collect::<String>());
}

#[test]
fn inputs_at_the_edges_of_the_rules_are_read_as_go_reads_them() {
    check(TRICKY, 400);
}

#[test]
fn inputs_of_the_tests_of_go_are_read_as_go_reads_them() {
    check(XMOD, 200);
}

#[test]
fn real_files_are_read_as_go_reads_them() {
    check(REAL, 20);
}

#[test]
fn damaged_files_are_read_as_go_reads_them() {
    check(MUTATED, 800);
}

#[test]
fn retraction_covers_its_interval_and_gives_the_first_reason() {
    let text = b"module m\nretract v1.0.0\nretract [v1.1.0, v1.3.0] // two\nretract v1.2.0 // three\nretract latest\n";
    let file = ModFile::parse_lax(text).unwrap();
    let retracts = |version| file.retracts(&Version::parse(version).unwrap());
    assert_eq!(retracts("v1.0.0"), Some(""));
    assert_eq!(retracts("v1.0.1"), None);
    assert_eq!(retracts("v1.1.0"), Some("two"));
    assert_eq!(retracts("v1.2.0-rc.1"), Some("two"));
    assert_eq!(retracts("v1.2.0"), Some("two"));
    assert_eq!(retracts("v1.3.0"), Some("two"));
    assert_eq!(retracts("v1.3.1"), None);
    let file =
        ModFile::parse_lax(b"retract [v1.0.0, v2.0.0]\nretract v1.5.0\nretract v1.5.0 // why\n").unwrap();
    assert_eq!(file.retracts(&Version::parse("v1.5.0").unwrap()), Some("why"));
}

#[test]
fn deprecation_is_told() {
    let file = ModFile::parse_lax(b"// Deprecated: use n\nmodule m\n").unwrap();
    assert_eq!(file.deprecated(), Some("use n"));
    assert_eq!(ModFile::parse_lax(b"module m\n").unwrap().deprecated(), None);
}

#[test]
fn file_over_the_limit_is_refused() {
    let mut bytes = vec![b'/'; modfile::MAX_BYTES];
    assert!(ModFile::parse_lax(&bytes).is_ok());
    bytes.push(b'/');
    let error = ModFile::parse_lax(&bytes).unwrap_err().to_string();
    assert_eq!(error, "go.mod:1: file has 16777217 bytes, more than 16777216");
    // The end of the file is a token.
    let mut bytes = vec![b'\n'; modfile::MAX_TOKENS - 1];
    assert!(ModFile::parse_lax(&bytes).is_ok());
    bytes.push(b'\n');
    let error = ModFile::parse_lax(&bytes).unwrap_err().to_string();
    assert_eq!(error, "go.mod:500001: file has more than 500000 tokens");
}

#[test]
fn all_errors_of_a_file_are_told() {
    let errors = ModFile::parse_strict(b"module m\nfoo\nrequire (\n\ta v2.0.0\n)\n").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "go.mod:2: unknown directive: foo\n\
         go.mod:4:2: require a: version \"v2.0.0\" invalid: should be v0 or v1, not v2"
    );
    let places: Vec<_> = errors.iter().map(|error| (error.line, error.column)).collect();
    assert_eq!(places, [(2, 1), (4, 2)]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, text: String) {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = ModFile::parse_strict(bytes);
            let _ = ModFile::parse_lax(bytes);
            let _ = modfile::module_path(bytes);
        }
    }

    #[test]
    fn no_damage_makes_the_reader_panic(seed: prop::sample::Index, at: prop::sample::Index, byte: u8, cut: bool) {
        let mut bytes = SEEDS[seed.index(SEEDS.len())].input.clone();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(if cut { at } else { bytes.len() });
        }
        let lax = ModFile::parse_lax(&bytes).is_ok();
        // What a strict reader accepts, a lax one does.
        prop_assert!(lax || ModFile::parse_strict(&bytes).is_err());
    }
}

//! Archives that lie, each refused with its reason, and the odd honest ones beside them.

use std::io::Cursor;

use gomod::zip::{self, Checked, ZipError};
use gomod::{ModulePath, ModuleVersion, Version};

use crate::rawzip::{RawEntry, archive};

const PREFIX: &str = "example.com/a@v1.0.0/";
const GO_MOD: &str = "module example.com/a\n\ngo 1.20\n";

fn check(bytes: &[u8]) -> Result<Checked, ZipError> {
    let module =
        ModuleVersion::new(ModulePath::parse("example.com/a").unwrap(), Version::parse("v1.0.0").unwrap());
    zip::check(&mut Cursor::new(bytes), bytes.len() as u64, &module.unwrap())
}

fn name(path: &str) -> String {
    format!("{PREFIX}{path}")
}

fn good() -> Vec<RawEntry> {
    vec![RawEntry::described(name("go.mod"), GO_MOD), RawEntry::deflated(name("a.go"), "package a\n")]
}

#[test]
fn honest_archive_has_the_known_hash() {
    let checked = check(&archive(&good())).unwrap();
    assert_eq!(checked.h1.to_string(), "h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=");
    assert_eq!(checked.go_mod.unwrap().to_string(), "h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=");
    assert_eq!((checked.files, checked.inflated_bytes), (2, 40));
}

#[test]
fn archive_cut_anywhere_is_refused() {
    let bytes = archive(&good());
    for length in 0..bytes.len() {
        assert!(check(&bytes[..length]).is_err(), "cut to {length} bytes");
    }
}

/// Writes what is wrong as one short text: the variant, without the fields that vary.
fn reason(error: &ZipError) -> String {
    match error {
        ZipError::Layout(fault) => format!("{fault:?}"),
        ZipError::Entry { name, fault } => {
            format!("{}: {fault:?}", name.strip_prefix(PREFIX).unwrap_or(name))
        }
        other => other.to_string(),
    }
}

fn second(change: impl FnOnce(RawEntry) -> RawEntry) -> Vec<u8> {
    let mut entries = good();
    let last = entries.pop().unwrap();
    entries.push(change(last));
    archive(&entries)
}

fn first(change: impl FnOnce(RawEntry) -> RawEntry) -> Vec<u8> {
    let mut entries = good();
    let head = entries.remove(0);
    entries.insert(0, change(head));
    archive(&entries)
}

fn named(path: impl AsRef<[u8]>) -> Vec<u8> {
    let mut entries = good();
    entries.push(RawEntry::stored(path, ""));
    archive(&entries)
}

#[track_caller]
fn refused(bytes: &[u8], want: &str) {
    let error = check(bytes).expect_err(want);
    assert_eq!(reason(&error), want);
}

#[test]
fn names_that_leave_the_directory_are_refused() {
    let prefix = "path does not have prefix \"example.com/a@v1.0.0/\"";
    for path in [
        "../evil",
        "/etc/passwd",
        "example.com/a@v1.0.1/a.go",
        "example.com/a@v1.0.0",
        "",
        "EXAMPLE.com/a@v1.0.0/b",
    ] {
        refused(&named(path), &format!("{path}: {prefix}"));
    }
    for path in ["b/../../evil", "./b", "b//c", "b/.", "b/..", "/", "b//", "/.."] {
        let path = name(path);
        refused(&named(&path), &format!("{path}: file path is not clean"));
    }
    for path in [
        "../evil",
        "/etc/passwd",
        "b\\..\\..\\evil",
        "C:evil",
        "b\0.go",
        "b\n.go",
        "b./c",
        ".",
        "..",
        "...",
        "//",
        "aux.go",
        "\u{202e}x",
        "e\u{301}",
    ] {
        let error = check(&named(name(path))).expect_err(path).to_string();
        assert!(error.contains(": malformed file path "), "{path:?}: {error}");
    }
    let error = check(&named([PREFIX.as_bytes(), b"b\xff.go"].concat())).unwrap_err().to_string();
    assert!(error.ends_with("invalid UTF-8"), "{error}");
}

#[test]
fn names_that_are_one_file_somewhere_are_refused() {
    let a = "example.com/a@v1.0.0/";
    refused(&named(name("a.go")), &format!("{a}a.go: multiple entries for file \"a.go\""));
    refused(
        &named(name("A.go")),
        &format!("{a}A.go: case-insensitive file name collision: \"a.go\" and \"A.go\""),
    );
    refused(&named(name("a.go/b")), &format!("{a}a.go/b: entry \"a.go\" is both a file and a directory"));
    refused(
        &named(name("GO.MOD")),
        &format!("{a}GO.MOD: case-insensitive file name collision: \"go.mod\" and \"GO.MOD\""),
    );
    let kelvin = [RawEntry::stored(name("k"), ""), RawEntry::stored(name("\u{212a}"), "")];
    refused(
        &archive(&kelvin),
        &format!("{a}\u{212a}: case-insensitive file name collision: \"k\" and \"\u{212a}\""),
    );
    let parents = [RawEntry::stored(name("x/b"), ""), RawEntry::stored(name("X/c"), "")];
    refused(&archive(&parents), &format!("{a}X/c: case-insensitive file name collision: \"x\" and \"X\""));
    let nested = [RawEntry::stored(name("x/Go.mod"), "")];
    refused(&archive(&nested), &format!("{a}x/Go.mod: go.mod file not in module root directory"));
    let cased = [RawEntry::stored(name("Go.mod"), "")];
    refused(&archive(&cased), &format!("{a}Go.mod: go.mod files must have lowercase names"));
}

#[test]
fn local_headers_that_contradict_the_directory_are_refused() {
    let differs = |field: &str| format!("Differs {{ field: {field:?} }}");
    let a = |field| format!("a.go: {}", differs(field));
    let go_mod = |field| format!("go.mod: {}", differs(field));
    refused(&second(|e| e.local(|h| h.name = name("b.go").into())), &a("name"));
    refused(&second(|e| e.local(|h| h.name = name("ab.go").into())), &a("name"));
    refused(&second(|e| e.local(|h| h.method = 0)), &a("method"));
    refused(&second(|e| e.local(|h| h.flags = 0x800)), &a("flags"));
    refused(&second(|e| e.local(|h| h.flags = 8)), &a("flags"));
    refused(&second(|e| e.local(|h| h.crc32 ^= 1)), &a("checksum"));
    refused(&second(|e| e.local(|h| h.crc32 = 0)), &a("checksum"));
    refused(&second(|e| e.local(|h| h.size += 1)), &a("sizes"));
    refused(&second(|e| e.local(|h| h.size = 0)), &a("sizes"));
    refused(&second(|e| e.local(|h| h.compressed -= 1)), &a("sizes"));
    refused(&first(|e| e.local(|h| h.size = 7)), &go_mod("sizes"));
    refused(&first(|e| e.local(|h| h.crc32 = 7)), &go_mod("checksum"));
    refused(&first(|e| e.with(|e| e.descriptor[4] ^= 1)), &go_mod("checksum"));
    refused(&first(|e| e.with(|e| e.descriptor[8] ^= 1)), &go_mod("sizes"));
    refused(&first(|e| e.with(|e| e.descriptor[0] ^= 1)), "go.mod: Gap { bytes: 16 }");
    refused(&first(|e| e.with(|e| e.descriptor.clear())), "go.mod: Gap { bytes: 0 }");
    refused(&first(|e| e.with(|e| e.descriptor.push(0))), "go.mod: Gap { bytes: 17 }");
    refused(&first(|e| e.both(|h| h.flags = 0)), &go_mod("checksum"));
}

#[test]
fn content_that_is_not_as_declared_is_refused() {
    let size = |size: u32| move |h: &mut crate::rawzip::Header| h.size = size;
    refused(&second(|e| e.both(size(9))), "a.go: Longer { size_bytes: 9 }");
    refused(&second(|e| e.both(size(11))), "a.go: Shorter { size_bytes: 11, found_bytes: 10 }");
    refused(&second(|e| e.both(|h| h.crc32 ^= 0x8000_0000)), "a.go: Checksum");
    // Go takes a checksum of zero for one that was not recorded.
    refused(&second(|e| e.both(|h| h.crc32 = 0)), "a.go: Checksum");
    refused(&second(|e| e.with(|e| e.data[0] = 0xff)), "a.go: Deflate");
    let cut = |e: RawEntry| e.both(|h| h.compressed -= 1).with(|e| e.data.truncate(e.data.len() - 1));
    refused(&second(cut), "a.go: Deflate");
    let padded = |e: RawEntry| e.both(|h| h.compressed += 1).with(|e| e.data.push(0));
    refused(&second(padded), "a.go: AfterDeflate");
    let stored = [RawEntry::stored(name("a.go"), "package a\n").both(size(11))];
    refused(&archive(&stored), "a.go: Sizes { compressed_bytes: 10, size_bytes: 11 }");
    let directory = [RawEntry::stored(name("d/"), "hidden")];
    refused(&archive(&directory), "d/: Sizes { compressed_bytes: 6, size_bytes: 6 }");
    let directory = [RawEntry::deflated(name("d/"), "hidden").both(size(0))];
    refused(&archive(&directory), "d/: Longer { size_bytes: 0 }");
}

#[test]
fn entries_that_are_no_plain_files_are_refused() {
    let mode = |mode: u32, creator: u16| {
        move |h: &mut crate::rawzip::Header| (h.creator, h.attributes) = (creator << 8, mode << 16)
    };
    for creator in [3, 19] {
        for kind in [0o120_777, 0o010_644, 0o020_644, 0o060_644, 0o140_644, 0o040_755] {
            let want = format!("a.go: NotRegular {{ mode: {kind} }}");
            refused(&second(|e| e.central(mode(kind, creator))), &want);
        }
        assert!(check(&second(|e| e.central(mode(0o100_755, creator)))).is_ok());
        assert!(check(&second(|e| e.central(mode(0o644, creator)))).is_ok());
    }
    // Of other systems the attributes are no mode.
    assert!(check(&second(|e| e.central(mode(0o120_777, 0)))).is_ok());
    let directory = [RawEntry::stored(name("d/"), "").central(mode(0o040_755, 3))];
    assert_eq!(check(&archive(&directory)).unwrap().files, 0);
    for flag in [1, 0x20, 0x40, 0x2000] {
        refused(&second(|e| e.both(|h| h.flags |= flag)), "a.go: Encrypted");
    }
    refused(&second(|e| e.both(|h| h.method = 12)), "a.go: Method(12)");
    refused(&second(|e| e.central(|h| h.method = 99)), "a.go: Method(99)");
    refused(&second(|e| e.central(|h| h.disk = 1)), "MultiDisk");
    let long = name(&"x".repeat(4096));
    refused(&named(&long), &format!("{}: NameTooLong {{ bytes: 4117 }}", "x".repeat(4096)));
}

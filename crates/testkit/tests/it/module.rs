//! Module versions made in memory.

use testkit::module::{Entry, go_mod_h1, zip_h1};
use testkit::{ModuleFiles, Tree};

#[test]
fn hashes_are_those_that_the_go_command_computes() {
    let files = ModuleFiles::new("example.com/a", "v1.0.0")
        .go_mod("module example.com/a\n\ngo 1.20\n")
        .file("a.go", "package a\n");
    assert_eq!(files.mod_h1(), "h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=");
    assert_eq!(files.zip_h1(), "h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=");
    assert_eq!(zip_h1(&[]), "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(go_mod_h1(b""), "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=");
}

#[test]
fn a_zip_begins_as_gos_does_and_is_the_same_each_time() {
    let files = ModuleFiles::new("example.com/a", "v1.0.0").file("a~b.go", "package a\n").padding(100_000);
    assert_eq!(files.zip(), files.clone().file("go.mod", files.mod_file()).zip());
    assert_eq!(&files.zip()[..14], b"PK\x03\x04\x14\x00\x08\x00\x08\x00\x00\x00\x00\x00");
    assert!(files.zip().len() > 100_000, "padding must not compress");
    let local =
        files.zip().windows(10).filter(|window| *window == b"PK\x03\x04\x14\x00\x08\x08\x08\x00").count();
    assert_eq!(local, 1, "the name with a tilde is marked as UTF-8");
}

#[test]
fn damage_changes_the_bytes_and_not_the_hashes() {
    let sound = ModuleFiles::new("example.com/a", "v1.0.0").file("a.go", "package a\n");
    let broken = sound.clone().flip_zip_byte(60).truncate_zip(200);
    assert_eq!(broken.zip().len(), 200);
    assert_eq!(broken.zip()[60], sound.zip()[60] ^ 1);
    assert_eq!(broken.zip_h1(), sound.zip_h1());
}

#[test]
fn upper_case_letters_are_escaped_in_urls() {
    let files = ModuleFiles::new("example.com/ABc", "v1.0.0-Rc1");
    assert_eq!(files.url("mod"), "/example.com/!a!bc/@v/v1.0.0-!rc1.mod");
}

#[test]
fn a_module_without_go_mod_has_none_in_its_zip() {
    let files =
        ModuleFiles::new("example.com/old", "v1.0.0").without_go_mod().file("old.go", "package old\n");
    assert_eq!(files.mod_file(), "module example.com/old\n");
    let name = b"example.com/old@v1.0.0/old.go";
    let only = [Entry::new(std::str::from_utf8(name).unwrap(), "package old\n")];
    assert_eq!(files.zip_h1(), zip_h1(&only));
}

#[test]
fn a_tree_has_the_layout_of_the_download_cache() {
    let dir = tempfile::tempdir().unwrap();
    let one = ModuleFiles::new("example.com/Up", "v1.0.0");
    let two = ModuleFiles::new("example.com/Up", "v1.1.0");
    Tree::write(dir.path(), &[one, two.clone()]);
    let versions = dir.path().join("example.com/!up/@v");
    assert_eq!(std::fs::read_to_string(versions.join("list")).unwrap(), "v1.0.0\nv1.1.0\n");
    assert_eq!(std::fs::read(versions.join("v1.1.0.zip")).unwrap(), two.zip());
}

//! Records and tree heads as text.

use gomod::{ModulePath, ModuleVersion, Version};
use sumdb::record::{LookupAnswer, SumsError, check_records, print_records};
use sumdb::{Hash, Record, Tree};
use testkit::cases;

pub(crate) fn module(path: &str, version: &str) -> ModuleVersion {
    ModuleVersion::new(ModulePath::parse(path).unwrap(), Version::parse(version).unwrap()).unwrap()
}

#[test]
fn tree_heads_are_read_as_go_reads_them() {
    for case in cases!("tree_parse") {
        let ours = case.utf8(0).and_then(|text| Tree::parse(text).ok());
        if case.is_ok(1) {
            // A text is that of a note, which is UTF-8.
            let Some(_) = case.utf8(0) else { continue };
            let tree = ours.unwrap_or_else(|| panic!("{case}"));
            assert_eq!(tree.size, case.number(2), "{case}");
            assert_eq!(tree.hash.to_string(), case.text(3), "{case}");
            assert_eq!(Tree::parse(&tree.to_string()), Ok(tree));
        } else {
            assert_eq!(ours, None, "{case}");
        }
    }
    let long = format!("{}{}", Tree::EMPTY, "x".repeat(sumdb::tree::MAX_TEXT_BYTES));
    assert!(Tree::parse(&long).is_err());
}

#[test]
fn records_are_read_as_go_reads_them() {
    for case in cases!("record_parse") {
        let ours = Record::parse(case.bytes(0));
        let is_negative = case.is_ok(1) && case.word(2).starts_with('-');
        if case.is_ok(1) && !is_negative {
            let (record, rest) = ours.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(
                (record.id(), record.text(), rest),
                (case.number(2), case.text(3), case.bytes(4)),
                "{case}"
            );
        } else {
            assert!(ours.is_err(), "{case}");
        }
    }
}

#[test]
fn records_are_written_as_go_writes_them() {
    for case in cases!("record_format") {
        let ours = case.utf8(1).and_then(|text| Record::new(case.number(0), text.to_owned()).ok());
        match (ours, case.is_ok(2)) {
            (Some(record), true) => assert_eq!(record.to_string(), case.text(3), "{case}"),
            (ours, is_ok) => assert!(ours.is_none() && !is_ok, "{case}"),
        }
    }
}

const ZIP: &str = "h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=";
const MOD: &str = "h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=";

fn record(text: &str) -> Record {
    Record::new(7, text.to_owned()).unwrap()
}

#[test]
fn only_lines_of_exactly_the_module_and_version_count() {
    let module = module("example.com/m", "v1.0.0");
    let both = format!("example.com/m v1.0.0 {ZIP}\nexample.com/m v1.0.0/go.mod {MOD}\n");
    let sums = record(&both).sums(&module).unwrap();
    assert_eq!((sums.zip.to_string(), sums.go_mod.to_string()), (ZIP.to_owned(), MOD.to_owned()));
    assert_eq!(Record::of_module(7, &module, &sums), record(&both));
    for (wrong, missing) in [
        (format!("example.com/m v1.0.0 {ZIP}\n"), true),
        (format!("example.com/m v1.0.0/go.mod {MOD}\n"), true),
        (both.replace("example.com/m ", "example.com/M "), true),
        (both.replace("example.com/m ", "example.com/mm "), true),
        (both.replace("example.com/m ", "xexample.com/m "), true),
        (both.replace("v1.0.0", "v1.0.00"), true),
        (both.replace("v1.0.0", "v1.0.0+incompatible"), true),
        (both.replace("example.com/m v1", "example.com/m  v1"), true),
        (both.replace(" h1:", "  h1:"), true),
        (both.replace("h1:", "h2:"), true),
        (both.replace("=\n", "\n"), false),
        (both.replace("h1:S", "h1:"), false),
        (both.replace("=\n", "= extra\n"), false),
    ] {
        match record(&wrong).sums(&module) {
            Err(SumsError::Missing { .. }) => assert!(missing, "{wrong}"),
            Err(SumsError::Malformed { .. }) => assert!(!missing, "{wrong}"),
            other => panic!("{wrong}: {other:?}"),
        }
    }
}

#[test]
fn the_first_line_of_the_kind_decides_and_unknown_kinds_are_passed_over() {
    let module = module("example.com/m", "v1.0.0");
    let lines = [
        "example.com/m v1.0.0 h2:later".to_owned(),
        format!("example.com/m v1.0.0 {ZIP}"),
        format!("example.com/m v1.0.0 {MOD}"),
        format!("example.com/m v1.0.0/go.mod {MOD}"),
    ];
    let record = record(&format!("{}\n", lines.join("\n")));
    assert_eq!(record.sums(&module).unwrap().zip.to_string(), ZIP);
    assert_eq!(record.lines("example.com/m", "v1.0.0").collect::<Vec<_>>(), &lines[..3]);
    assert_eq!(record.lines("example.com/m", "v1.0.0/go.mod").count(), 1);
}

#[test]
fn an_answer_is_a_record_and_a_note() {
    let answer = LookupAnswer::parse(b"7\na b c\n\nnote\n\n-- x\n").unwrap();
    assert_eq!((answer.record, answer.note), (record("a b c\n"), b"note\n\n-- x\n".to_vec()));
    assert!(LookupAnswer::parse(&vec![b'\n'; sumdb::record::MAX_ANSWER_BYTES + 1]).is_err());
}

#[test]
fn a_tile_of_records_is_checked_record_by_record() {
    let records = [
        record("a\n"),
        Record::new(1, "b\nc\n".to_owned()).unwrap(),
        Record::new(2, "d\n".to_owned()).unwrap(),
    ];
    let records = [Record::new(0, "a\n".to_owned()).unwrap(), records[1].clone(), records[2].clone()];
    let hashes: Vec<u8> = records.iter().flat_map(|record| record.hash().0).collect();
    let hash = Hash::of_node(&Hash::of_node(&records[0].hash(), &records[1].hash()), &records[2].hash());
    let tree = Tree { size: 3, hash };
    let level = sumdb::Tile::parse("tile/8/0/000.p/3").unwrap();
    let plan = sumdb::tile::Plan::against(tree, 8, &[sumdb::Node::of_record(0).unwrap()], |_| None).unwrap();
    let tiles = plan.finish(|_| Some(hashes.clone().into())).unwrap();
    let proven = tiles.tile(level).unwrap();
    let of_records = sumdb::Tile::parse("tile/8/data/000.p/3").unwrap();
    let bytes = print_records(&records);
    assert_eq!(bytes, "a\n\nb\nc\n\nd\n\n");
    assert_eq!(check_records(of_records, bytes.as_bytes(), proven), Ok(records[..3].to_vec()));
    let two = of_records.with_width(2).unwrap();
    assert_eq!(check_records(two, b"a\n\nb\nc\n\n", proven), Ok(records[..2].to_vec()));
    for wrong in [
        &bytes[..bytes.len() - 1],
        "a\n\nb\nc\n\nD\n\n",
        "a\n\nb\nc\n\n",
        "a\n\nb\nc\n\nd\n\ne\n\n",
        "b\nc\n\na\n\nd\n\n",
        "",
    ] {
        assert!(check_records(of_records, wrong.as_bytes(), proven).is_err(), "{wrong:?}");
    }
    assert!(check_records(level, bytes.as_bytes(), proven).is_err());
    assert!(check_records(of_records.with_width(4).unwrap(), bytes.as_bytes(), proven).is_err());
}

//! Archives whose parts are not where they should be: each refused with its reason.

use std::io::Cursor;

use gomod::zip::{self, Checked, LayoutFault, ZipError};
use gomod::{ModulePath, ModuleVersion, Version};

use crate::rawzip::{self, End, RawEntry, archive, archive_with};

const PREFIX: &str = "example.com/a@v1.0.0/";

fn check(bytes: &[u8]) -> Result<Checked, ZipError> {
    let module =
        ModuleVersion::new(ModulePath::parse("example.com/a").unwrap(), Version::parse("v1.0.0").unwrap());
    zip::check(&mut Cursor::new(bytes), bytes.len() as u64, &module.unwrap())
}

fn good() -> Vec<RawEntry> {
    ["go.mod", "a.go", "b.go"].map(|path| RawEntry::described(format!("{PREFIX}{path}"), path)).to_vec()
}

#[track_caller]
fn misplaced(bytes: &[u8], want: &LayoutFault) {
    match check(bytes) {
        Err(ZipError::Layout(fault)) => assert_eq!(&fault, want),
        other => panic!("want {want:?}, got {other:?}"),
    }
}

#[track_caller]
fn faulty(bytes: &[u8], want: &str) {
    let error = check(bytes).expect_err(want).to_string();
    assert!(error.ends_with(want), "want {want:?}, got {error:?}");
}

/// An archive with zip64 end records, each number in all three changed by its function.
fn zip64(lie64: impl FnOnce(&mut End), lie: impl FnOnce(&mut End), offset_by: i64) -> Vec<u8> {
    let (mut bytes, end) = rawzip::body(&good());
    let (mut end64, mut end32) = (end.clone(), end);
    lie64(&mut end64);
    lie(&mut end32);
    let offset = u64::try_from(bytes.len()).unwrap().checked_add_signed(offset_by).unwrap();
    bytes.extend(rawzip::end_record64(&end64, offset));
    bytes.extend(rawzip::end_record(&end32));
    bytes
}

fn all_ones(end: &mut End) {
    (end.entries, end.directory_bytes, end.directory_offset) = (u64::MAX, u64::MAX, u64::MAX);
}

#[test]
fn bytes_around_the_archive_are_refused() {
    let bytes = archive(&good());
    misplaced(&[b"#!/bin/sh\n", bytes.as_slice()].concat(), &LayoutFault::DirectoryPlace);
    misplaced(&[bytes.as_slice(), b"\n"].concat(), &LayoutFault::Trailing);
    misplaced(&[bytes.as_slice(), &vec![0; 70_000]].concat(), &LayoutFault::NoEnd);
    misplaced(&[bytes.as_slice(), bytes.as_slice()].concat(), &LayoutFault::DirectoryPlace);
    misplaced(b"", &LayoutFault::NoEnd);
    misplaced(b"<html>not a zip, though long enough to hold one</html>", &LayoutFault::NoEnd);
    // A prefix that the offsets know of.
    let shifted = |entry: RawEntry, by: u64| entry.with(|entry| entry.offset = Some(by));
    let one = RawEntry::stored(format!("{PREFIX}a"), "a");
    let bytes = archive_with(&[shifted(one, 4)], |end| end.directory_offset += 4);
    misplaced(&[b"1234", bytes.as_slice()].concat(), &LayoutFault::Prefix { bytes: 4 });
}

#[test]
fn end_records_that_leave_a_choice_are_refused() {
    let (bytes, end) = rawzip::body(&good());
    let record = rawzip::end_record(&end);
    misplaced(&[bytes.as_slice(), &record, &record].concat(), &LayoutFault::DirectoryPlace);
    // The second record is the comment of the first; both reach to the end.
    let commented = rawzip::end_record(&End { comment: record.clone(), ..end.clone() });
    misplaced(&[bytes.as_slice(), &commented].concat(), &LayoutFault::TwoEnds);
    // The last record begins inside the comment, but is cut off by the end of the file.
    let mut cut = record.clone();
    *cut.last_mut().unwrap() = 1;
    let commented = rawzip::end_record(&End { comment: cut, ..end.clone() });
    misplaced(&[bytes.as_slice(), &commented].concat(), &LayoutFault::Trailing);
    // A comment as `git archive` writes it.
    let commented = rawzip::end_record(&End { comment: vec![b'0'; 40], ..end.clone() });
    check(&[bytes.as_slice(), &commented].concat()).unwrap();
    let longest = rawzip::end_record(&End { comment: vec![b'0'; 65_535], ..end });
    check(&[bytes.as_slice(), &longest].concat()).unwrap();
}

#[test]
fn end_records_that_lie_are_refused() {
    let lie = |lie: fn(&mut End)| archive_with(&good(), lie);
    let directory = |header, count| LayoutFault::Directory { header, count };
    misplaced(&lie(|end| end.disk = 1), &LayoutFault::MultiDisk);
    misplaced(&lie(|end| end.entries = 2), &directory(2, 2));
    misplaced(&lie(|end| end.entries = 4), &directory(3, 4));
    misplaced(&lie(|end| end.entries = 0), &directory(0, 0));
    misplaced(&lie(|end| end.entries = 0xffff), &directory(3, 0xffff));
    misplaced(&lie(|end| end.directory_bytes -= 1), &LayoutFault::DirectoryPlace);
    misplaced(&lie(|end| end.directory_offset += 1), &LayoutFault::DirectoryPlace);
    misplaced(&lie(all_ones), &LayoutFault::DirectoryPlace);
    let early = |end: &mut End| {
        end.directory_bytes += 1;
        end.directory_offset -= 1;
    };
    misplaced(&lie(early), &directory(0, 3));
}

#[test]
fn zip64_records_must_agree_with_the_archive() {
    let honest = |_: &mut End| {};
    check(&zip64(honest, all_ones, 0)).unwrap();
    check(&zip64(honest, honest, 0)).unwrap();
    check(&zip64(honest, |end| end.entries = u64::MAX, 0)).unwrap();
    misplaced(&zip64(honest, all_ones, 1), &LayoutFault::Zip64);
    misplaced(&zip64(honest, all_ones, -1), &LayoutFault::Zip64);
    misplaced(&zip64(honest, |end| end.entries = 2, 0), &LayoutFault::Zip64);
    // Go would not look at the zip64 record, other readers would.
    misplaced(&zip64(honest, |end| end.directory_bytes = u64::MAX, 0), &LayoutFault::Zip64);
    misplaced(&zip64(|end| end.entries = 2, honest, 0), &LayoutFault::Zip64);
    misplaced(&zip64(|end| end.disk = 1, all_ones, 0), &LayoutFault::MultiDisk);
    misplaced(&zip64(|end| end.directory_offset = u64::MAX, all_ones, 0), &LayoutFault::DirectoryPlace);
    misplaced(&zip64(|end| end.directory_bytes = 1 << 62, all_ones, 0), &LayoutFault::DirectoryPlace);
    misplaced(&zip64(|end| end.entries = 1 << 60, all_ones, 0), &LayoutFault::TooMany);
    misplaced(&zip64(|end| end.entries = 1_000_000, all_ones, 0), &LayoutFault::TooMany);
    misplaced(
        &zip64(|end| end.entries = 200_000, all_ones, 0),
        &LayoutFault::Directory { header: 3, count: 200_000 },
    );
}

#[test]
fn zip64_fields_of_entries_are_read_once() {
    let field = |values: &[u64]| {
        let mut extra = vec![1, 0];
        extra.extend(u16::try_from(values.len() * 8).unwrap().to_le_bytes());
        extra.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        extra
    };
    let wide = |extra: Vec<u8>| {
        let entry = RawEntry::stored(format!("{PREFIX}a"), "a");
        archive(&[entry.both(|header| (header.size, header.extra) = (u32::MAX, extra.clone()))])
    };
    check(&wide(field(&[1]))).unwrap();
    faulty(&wide(field(&[])), "damaged extra field");
    faulty(&wide([field(&[1]), field(&[1])].concat()), "damaged extra field");
    faulty(&wide([field(&[1]), vec![9, 9, 1, 0]].concat()), "damaged extra field");
    faulty(&wide(field(&[u64::MAX])), "sizes cannot be right (1 bytes for 18446744073709551615)");
    // Padding of up to three bytes is no field.
    check(&wide([field(&[1]), vec![0; 3]].concat())).unwrap();
    // Without the field the value is meant literally.
    let deflated = RawEntry::deflated(format!("{PREFIX}a"), "a").both(|header| header.size = u32::MAX);
    faulty(
        &archive(&[deflated]),
        "total uncompressed size of module contents too large (max size is 524288000 bytes)",
    );
}

#[test]
fn entries_that_overlap_or_leave_gaps_are_refused() {
    let mut entries = good();
    // A second directory header for the bytes of the first entry.
    let mut again = entries[0].clone();
    again.central.name = format!("{PREFIX}c.go").into();
    again.offset = Some(0);
    entries.insert(1, again);
    faulty(&archive(&entries), "entry overlaps what follows it");
    // An entry inside of the data of another.
    let inner = RawEntry::stored(format!("{PREFIX}i"), "i");
    let (inner_bytes, end) = rawzip::body(std::slice::from_ref(&inner));
    let outer = RawEntry::stored(
        format!("{PREFIX}o"),
        &inner_bytes[..usize::try_from(end.directory_offset).unwrap()],
    );
    let begin = 30 + outer.local.name.len() as u64;
    let hidden = inner.with(|entry| entry.offset = Some(begin));
    faulty(&archive(&[outer, hidden]), "entry overlaps what follows it");
    // Data that no directory header names.
    let mut entries = good();
    entries[1] = entries[1].clone().with(|entry| entry.descriptor.extend([0; 40]));
    faulty(&archive(&entries), "56 bytes between this entry and what follows it");
    let plain = RawEntry::stored(format!("{PREFIX}a"), "a").with(|entry| entry.descriptor = vec![0; 1]);
    faulty(&archive(&[plain]), "1 bytes between this entry and what follows it");
    let wrong = RawEntry::stored(format!("{PREFIX}a"), "a").with(|entry| entry.data[0] = 0);
    faulty(&archive(&[wrong]), "checksum error");
    let far =
        good().into_iter().map(|entry| entry.with(|entry| entry.offset = Some(1 << 30))).collect::<Vec<_>>();
    misplaced(&archive(&far), &LayoutFault::Prefix { bytes: 1 << 30 });
}

#[test]
fn all_forms_of_data_descriptors_are_read() {
    let form = |signature: bool, wide: bool| {
        RawEntry::described(format!("{PREFIX}a"), "content").with(|entry| {
            let header = &entry.central;
            entry.descriptor = if signature { b"PK\x07\x08".to_vec() } else { Vec::new() };
            entry.descriptor.extend(header.crc32.to_le_bytes());
            for size in [header.compressed, header.size] {
                let bytes = u64::from(size).to_le_bytes();
                entry.descriptor.extend(&bytes[..if wide { 8 } else { 4 }]);
            }
        })
    };
    for (signature, wide) in [(false, false), (false, true), (true, false), (true, true)] {
        check(&archive(&[form(signature, wide)])).unwrap();
    }
}

#[test]
fn empty_archive_is_a_module_without_files() {
    let checked = check(&archive(&[])).unwrap();
    assert_eq!(checked.h1.to_string(), "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!((checked.files, checked.go_mod), (0, None));
}

//! Damaged archives: never a panic, and what is still accepted is what it was.

use std::io::Cursor;

use gomod::zip::{self, Checked, ZipError};
use gomod::{ModulePath, ModuleVersion, Version};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::rawzip::{self, RawEntry};

const PREFIX: &str = "example.com/a@v1.0.0/";

fn check(bytes: &[u8]) -> Result<Checked, ZipError> {
    let module =
        ModuleVersion::new(ModulePath::parse("example.com/a").unwrap(), Version::parse("v1.0.0").unwrap());
    zip::check(&mut Cursor::new(bytes), bytes.len() as u64, &module.unwrap())
}

/// An archive with every form of entry there is, and zip64 end records.
fn good() -> Vec<u8> {
    let name = |path: &str| format!("{PREFIX}{path}");
    let wide = RawEntry::stored(name("w"), "ww").both(|header| {
        (header.size, header.compressed) = (u32::MAX, u32::MAX);
        header.extra = [&[1, 0, 16, 0], 2_u64.to_le_bytes().as_slice(), &2_u64.to_le_bytes()].concat();
    });
    let entries = [
        RawEntry::described(name("go.mod"), "module example.com/a\n"),
        RawEntry::deflated(name("a.go"), "package a\n".repeat(20)),
        RawEntry::stored(name("d/"), ""),
        RawEntry::stored(name("d/b"), "b"),
        wide,
        RawEntry::described(name("empty"), ""),
    ];
    let (mut bytes, mut end) = rawzip::body(&entries);
    let offset = bytes.len() as u64;
    bytes.extend(rawzip::end_record64(&end, offset));
    end.comment = b"comment".to_vec();
    bytes.extend(rawzip::end_record(&end));
    bytes
}

#[test]
fn flipping_any_bit_changes_nothing_or_is_refused() {
    let mut bytes = good();
    let want = check(&bytes).unwrap();
    let mut accepted = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            if let Ok(got) = check(&bytes) {
                assert_eq!(got, want, "bit {bit} of byte {at}");
                accepted += 1;
            }
            bytes[at] ^= 1 << bit;
        }
    }
    // Times, versions, attributes and the comment.
    assert!(accepted * 4 < bytes.len() * 8, "{accepted} of {} accepted", bytes.len() * 8);
}

#[test]
fn cutting_anywhere_is_refused() {
    let bytes = good();
    for length in 0..bytes.len() {
        assert!(check(&bytes[..length]).is_err(), "cut to {length} bytes");
        assert!(check(&bytes[bytes.len() - length..]).is_err(), "last {length} bytes");
    }
}

/// A damage to an archive.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, Vec<u8>),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Copy(Index, Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..9),
            proptest::sample::select(vec![
                vec![0; 2],
                vec![0; 4],
                vec![0xff; 2],
                vec![0xff; 4],
                vec![0xff; 8]
            ]),
            proptest::sample::select(vec![
                b"PK\x01\x02",
                b"PK\x03\x04",
                b"PK\x05\x06",
                b"PK\x06\x06",
                b"PK\x06\x07"
            ])
            .prop_map(|signature| signature.to_vec()),
        ]
    };
    prop_oneof![
        (any::<Index>(), bytes()).prop_map(|(at, bytes)| Damage::Set(at, bytes)),
        (any::<Index>(), bytes()).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<Index>(), 1..200_usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        (any::<Index>(), any::<Index>(), 1..100_usize)
            .prop_map(|(from, to, count)| Damage::Copy(from, to, count)),
    ]
}

fn overwrite(bytes: &mut [u8], at: usize, new: &[u8]) {
    let end = bytes.len().min(at + new.len());
    bytes[at..end].copy_from_slice(&new[..end - at]);
}

fn apply(damage: &Damage, bytes: &mut Vec<u8>) {
    match damage {
        Damage::Set(at, new) => {
            let at = at.index(bytes.len());
            overwrite(bytes, at, new);
        }
        Damage::Insert(at, new) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, new.iter().copied());
        }
        Damage::Remove(at, count) => {
            let at = at.index(bytes.len());
            bytes.drain(at..bytes.len().min(at + count));
            bytes.push(0);
        }
        Damage::Copy(from, to, count) => {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let new = bytes[from..bytes.len().min(from + count)].to_vec();
            overwrite(bytes, to, &new);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_archive_is_what_it_was_or_is_refused(damages in proptest::collection::vec(damage(), 1..4)) {
        let mut bytes = good();
        let want = check(&bytes).unwrap();
        for damage in &damages {
            apply(damage, &mut bytes);
        }
        if let Ok(got) = check(&bytes) {
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), end in any::<bool>()) {
        if end {
            let offset = bytes.len() as u64;
            bytes.extend(rawzip::end_record(&rawzip::End { entries: 1, directory_bytes: offset, ..Default::default() }));
        }
        prop_assert!(check(&bytes).is_err());
    }
}

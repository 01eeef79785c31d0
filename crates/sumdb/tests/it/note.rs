//! Notes and keys, as x/mod `sumdb/note` reads and writes them.

use sumdb::note::{KeyError, Name, NoteError, SignError, Signature};
use sumdb::{Note, Signer, Verifier};
use testkit::cases;

pub(crate) const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SIGNER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
pub(crate) const TEST: &str =
    "localhost.localdev/sumdb+00000c67+AcTrnkbUA+TU4heY3hkjiSES/DSQniBqIeQ/YppAUtK6";
pub(crate) const TEST_SIGNER: &str =
    "PRIVATE+KEY+localhost.localdev/sumdb+00000c67+AXu6+oaVaOYuQOFrf1V59JK1owcFlJcHwwXHDfDGxSPk";

pub(crate) fn verifier(key: &str) -> Verifier {
    Verifier::parse(key).unwrap()
}

#[test]
fn verifier_keys_are_read_as_go_reads_them() {
    for case in cases!("verifier") {
        let ours = case.utf8(0).ok_or(KeyError::Malformed).and_then(Verifier::parse);
        // A key that is no point of the curve is refused here, and with its first signature by Go.
        if case.is_ok(1) && ours != Err(KeyError::NoPoint) {
            let key = ours.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(key.name().as_str(), case.text(2), "{case}");
            assert_eq!(u64::from(key.key_hash().0), case.number(3), "{case}");
            assert_eq!(Verifier::parse(&key.to_string()), Ok(key));
        } else {
            assert!(ours.is_err(), "{case}");
        }
    }
}

#[test]
fn parts_and_changes_of_a_key_are_no_key() {
    for (key, is_key) in [
        (PETER, (|key| Verifier::parse(key).is_ok()) as fn(&str) -> bool),
        (PETER_SIGNER, |key| Signer::parse(key).is_ok()),
    ] {
        assert!(is_key(key));
        for start in 0..key.len() {
            for end in start..=key.len() {
                assert!(end - start == key.len() || !is_key(&key[start..end]), "{}", &key[start..end]);
            }
        }
        for at in 0..key.len() {
            let mut bytes = key.as_bytes().to_vec();
            bytes[at] += 1;
            assert!(!is_key(str::from_utf8(&bytes).unwrap()), "{at}");
        }
    }
}

#[test]
fn a_key_that_could_never_verify_is_refused() {
    // Key data are the algorithm byte and an encoding of the neutral element, which is of small order, or of no point.
    for key in [
        "weak+dcdeba94+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "none+b2f10f1f+AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let KeyError::Hash { actual, .. } = Verifier::parse(key).unwrap_err() else {
            assert_eq!(Verifier::parse(key), Err(KeyError::NoPoint));
            continue;
        };
        let (name, rest) = key.split_once('+').unwrap();
        let key = format!("{name}+{actual}+{}", &rest[9..]);
        assert_eq!(Verifier::parse(&key), Err(KeyError::NoPoint), "{key}");
    }
}

#[test]
fn signer_keys_are_read_as_go_reads_them_and_sign_the_same() {
    for case in cases!("signer") {
        let ours = case.utf8(0).ok_or(KeyError::Malformed).and_then(Signer::parse);
        if !case.is_ok(1) {
            assert!(ours.is_err(), "{case}");
            continue;
        }
        let signer = ours.unwrap_or_else(|error| panic!("{case}: {error}"));
        let key = signer.verifier();
        assert_eq!(
            (key.name().as_str(), u64::from(key.key_hash().0)),
            (case.text(2), case.number(3)),
            "{case}"
        );
        let note = Note::new("hi\n".to_owned()).unwrap().signed(&signer).to_string();
        assert_eq!(note, case.text(4), "{case}");
        assert!(Note::open(note.as_bytes(), std::slice::from_ref(key)).is_ok());
        assert_eq!(Signer::parse(&signer.reveal()).unwrap().verifier(), key);
        assert!(!format!("{signer:?}").contains(signer.reveal().rsplit('+').next().unwrap()));
    }
}

#[test]
fn notes_are_opened_as_go_opens_them() {
    for case in cases!("note_open") {
        let names = case.text(1).split(',').filter(|name| !name.is_empty());
        let known: Vec<Verifier> = names
            .map(|name| match name {
                "peter" => verifier(PETER),
                "enoch" => verifier(ENOCH),
                _ => verifier(TEST),
            })
            .collect();
        let ours = Note::open(case.bytes(0), &known);
        if !case.is_ok(2) {
            let error = ours.expect_err(&case.to_string());
            let expected = case.text(3);
            match error {
                NoteError::TooManySignatures => assert_eq!(expected, "malformed note", "{case}"),
                error => assert_eq!(error.to_string(), expected, "{case}"),
            }
            continue;
        }
        let note = ours.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(note.text(), case.text(3), "{case}");
        let mut at = 4;
        for signature in note.verified() {
            assert_signature(signature, &case, at);
            at += 3;
        }
        assert_eq!(case.word(at), "/", "{case}");
        at += 1;
        for signature in note.unknown() {
            assert_signature(signature, &case, at);
            at += 3;
        }
        assert_eq!(at, case.fields.len(), "{case}");
    }
}

fn assert_signature(signature: &Signature, case: &testkit::cases::Case, at: usize) {
    let (name, hash) = (signature.name().as_str(), u64::from(signature.key_hash().0));
    assert_eq!((name, hash), (case.text(at), case.number(at + 1)), "{case}");
    assert_eq!(signature.base64(), case.text(at + 2), "{case}");
}

#[test]
fn notes_are_signed_as_go_signs_them() {
    let (peter, test) = (Signer::parse(PETER_SIGNER).unwrap(), Signer::parse(TEST_SIGNER).unwrap());
    for case in cases!("note_sign") {
        let note = Note::open(case.bytes(0), &[verifier(PETER)]).unwrap();
        assert_eq!(note.clone().signed(&test).to_string(), case.text(1), "{case}");
        assert_eq!(note.clone().signed(&peter).to_string(), case.text(2), "{case}");
        assert_eq!(note.signed(&test).signed(&test).to_string(), case.text(1), "a key signs once: {case}");
    }
}

#[test]
fn the_published_test_pair_of_the_go_command_verifies() {
    let signer = Signer::parse(TEST_SIGNER).unwrap();
    assert_eq!(signer.verifier(), &verifier(TEST));
    assert_eq!(signer.verifier().to_string(), TEST);
    assert_eq!(signer.reveal(), TEST_SIGNER);
    let text = "go.sum database tree\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".to_owned();
    let note = Note::new(text).unwrap().signed(&signer).to_string();
    assert!(Note::open(note.as_bytes(), &[verifier(TEST)]).is_ok());
    assert_eq!(Note::open(note.as_bytes(), &[verifier(PETER)]), Err(NoteError::Unverified));
    for at in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[at] ^= 1;
        let opened = Note::open(&bytes, &[verifier(TEST)]);
        // The last bits of the base64 before its padding mean nothing, as in Go.
        assert!(
            opened.is_err()
                || opened.unwrap().text() == Note::open(note.as_bytes(), &[verifier(TEST)]).unwrap().text()
        );
    }
}

#[test]
fn a_text_that_no_note_can_have_is_not_signed() {
    assert_eq!(Note::new("abc".to_owned()), Err(SignError::Unfinished));
    assert_eq!(Note::new(String::new()), Err(SignError::Unfinished));
    assert_eq!(Note::new("a\rb\n".to_owned()), Err(SignError::Control));
    assert!(Name::parse("bad name").is_err() && Name::parse("a+b").is_err() && Name::parse("").is_err());
}

#[test]
fn a_note_beyond_the_bound_is_refused() {
    let text = format!("{}\n", "x".repeat(sumdb::note::MAX_BYTES));
    let note = Note::new(text).unwrap().signed(&Signer::parse(TEST_SIGNER).unwrap()).to_string();
    assert_eq!(
        Note::open(note.as_bytes(), &[verifier(TEST)]),
        Err(NoteError::TooLarge { bytes: note.len() })
    );
}

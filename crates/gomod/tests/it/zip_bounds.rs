//! How much of an archive is read, and how much of what it claims is believed.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use flate2::{Compress, Compression, FlushCompress};
use gomod::zip::{self, Checked, EntryFault, LayoutFault, ZipError};
use gomod::{ModulePath, ModuleVersion, Version};

use crate::rawzip::{self, End, RawEntry, archive};

const PREFIX: &str = "example.com/a@v1.0.0/";

fn check(reader: &mut (impl Read + Seek), size: u64) -> Result<Checked, ZipError> {
    let module =
        ModuleVersion::new(ModulePath::parse("example.com/a").unwrap(), Version::parse("v1.0.0").unwrap());
    zip::check(reader, size, &module.unwrap())
}

/// Zeros, and then a tail; counts what is read, and fails at an offset.
struct Tape {
    zeros: u64,
    tail: Vec<u8>,
    at: u64,
    read_bytes: u64,
    broken_at: u64,
}

impl Tape {
    fn new(zeros: u64, tail: Vec<u8>) -> Self {
        Self { zeros, tail, at: 0, read_bytes: 0, broken_at: u64::MAX }
    }

    fn size(&self) -> u64 {
        self.zeros + self.tail.len() as u64
    }
}

impl Read for Tape {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.broken_at {
            return Err(io::Error::other("broken"));
        }
        let count = if self.at < self.zeros {
            io::repeat(0).take(self.zeros - self.at).read(buffer)?
        } else {
            let from = usize::try_from(self.at - self.zeros).unwrap();
            (&self.tail[from.min(self.tail.len())..]).read(buffer)?
        };
        self.at += count as u64;
        self.read_bytes += count as u64;
        Ok(count)
    }
}

impl Seek for Tape {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { panic!("{to:?}") };
        self.at = at;
        Ok(at)
    }
}

fn check_tape(tape: &mut Tape) -> Result<Checked, ZipError> {
    let size = tape.size();
    check(tape, size)
}

/// A deflate stream of `count` times 8 MiB of zeros.
fn zeros(count: usize) -> Vec<u8> {
    let block = |flush| {
        let mut compress = Compress::new(Compression::best(), false);
        let mut block = Vec::with_capacity(1 << 20);
        compress.compress_vec(&vec![0; 8 << 20], &mut block, flush).unwrap();
        block
    };
    [block(FlushCompress::Full).repeat(count - 1), block(FlushCompress::Finish)].concat()
}

#[test]
fn bomb_is_read_no_further_than_its_declared_size() {
    let ten_gigabytes = zeros(1250);
    let bomb = |size: u32| {
        let mut entry = RawEntry::deflated(format!("{PREFIX}a"), "").both(|header| {
            header.size = size;
            header.compressed = u32::try_from(ten_gigabytes.len()).unwrap();
        });
        entry.data.clone_from(&ten_gigabytes);
        archive(&[entry])
    };
    for size in [0, 1000, 1 << 20] {
        let mut tape = Tape::new(0, bomb(size));
        match check_tape(&mut tape) {
            Err(ZipError::Entry { fault: EntryFault::Longer { size_bytes }, .. }) => {
                assert_eq!(size_bytes, u64::from(size));
            }
            other => panic!("{other:?}"),
        }
        // The tail, the directory and one or two buffers of ten megabytes.
        assert!(
            tape.size() > 9_000_000 && tape.read_bytes < 300_000,
            "read {} of {}",
            tape.read_bytes,
            tape.size()
        );
    }
    // The largest size that can be written in 32 bits is too much to begin with.
    let mut tape = Tape::new(0, bomb(u32::MAX));
    assert!(matches!(check_tape(&mut tape), Err(ZipError::ContentTooLarge)));
}

#[test]
fn size_of_the_file_is_limited_before_anything_is_read() {
    let mut tape = Tape::new((500 << 20) + 1, Vec::new());
    let error = check_tape(&mut tape).unwrap_err();
    assert_eq!(error.to_string(), "module zip file is too large (524288001 bytes; limit is 524288000 bytes)");
    assert_eq!(tape.read_bytes, 0);
}

#[test]
fn size_and_count_of_the_directory_are_limited_before_it_is_read() {
    let layout = |tape: &mut Tape| match check_tape(tape) {
        Err(ZipError::Layout(fault)) => fault,
        other => panic!("{other:?}"),
    };
    let size = (32 << 20) + 1;
    let end = |entries| End { entries, directory_bytes: size, ..End::default() };
    let mut large = Tape::new(size, rawzip::end_record(&end(0xffff)));
    assert_eq!(layout(&mut large), LayoutFault::DirectoryTooLarge { size_bytes: size });
    assert!(large.read_bytes < 70_000);
    let record = |entries: u64| {
        let end = End { directory_bytes: size - 1, entries, ..End::default() };
        [rawzip::end_record64(&end, size - 1), rawzip::end_record(&end)].concat()
    };
    let mut many = Tape::new(size - 1, record(1_000_000));
    assert_eq!(layout(&mut many), LayoutFault::TooMany);
    assert!(many.read_bytes < 70_000);
    let mut damaged = Tape::new(size - 1, record(1 << 18));
    assert_eq!(layout(&mut damaged), LayoutFault::Directory { header: 0, count: 1 << 18 });
}

#[test]
fn failure_of_the_reader_is_not_the_fault_of_the_zip() {
    let bytes = archive(&[RawEntry::stored(format!("{PREFIX}a"), vec![7; 200_000])]);
    let mut tape = Tape::new(0, bytes.clone());
    tape.broken_at = 100_000;
    assert!(matches!(check_tape(&mut tape), Err(ZipError::Read(_))));
    let missing = bytes.len() as u64 + 1;
    assert!(matches!(check(&mut Cursor::new(&bytes), missing), Err(ZipError::Read(_))));
}

#[test]
fn overlapping_entries_are_refused_before_any_is_inflated() {
    let large = RawEntry::stored(format!("{PREFIX}a"), vec![7; 1 << 20]);
    let one = RawEntry::stored(format!("{PREFIX}b"), "b");
    let (before, _) = rawzip::body(std::slice::from_ref(&large));
    let directory_header = 46 + large.central.name.len();
    let again = RawEntry::stored(format!("{PREFIX}c"), "b")
        .with(|entry| entry.offset = Some((before.len() - directory_header) as u64));
    let mut tape = Tape::new(0, archive(&[large, one, again]));
    let error = check_tape(&mut tape).unwrap_err();
    assert!(matches!(error, ZipError::Entry { fault: EntryFault::Overlap, .. }), "{error}");
    assert!(tape.read_bytes < 70_000, "read {}", tape.read_bytes);
}

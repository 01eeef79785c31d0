//! Zips that we write: whole, the same each time, and as Go's writer shapes them.

use std::fmt::Write as _;
use std::io::{self, Cursor, Read};

use gomod::zip::{self, WriteError, Writer, ZipError};
use gomod::{ModulePath, ModuleVersion, Version};

fn module() -> ModuleVersion {
    let path = ModulePath::parse("example.com/m").unwrap();
    ModuleVersion::new(path, Version::parse("v1.2.3").unwrap()).unwrap()
}

/// A reader that gives its bytes in pieces of an odd size.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(buffer.len());
        self.0.read(&mut buffer[..most])
    }
}

fn written(files: &[(&str, Vec<u8>)], piece: usize) -> Vec<u8> {
    let mut writer = Writer::new(&module(), Vec::new());
    for (path, content) in files {
        writer.add(path, &mut Pieces(content, piece)).unwrap();
    }
    writer.finish().unwrap()
}

/// Text that does not compress to nothing, longer than any buffer.
fn long() -> Vec<u8> {
    let mut text = String::new();
    for number in 0_u64..60_000 {
        writeln!(text, "{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).unwrap();
    }
    text.into_bytes()
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("go.mod", b"module example.com/m\n".to_vec()),
        ("empty", Vec::new()),
        ("exact", vec![b'x'; 64 << 10]),
        ("long.txt", long()),
        ("a~b.txt", b"tilde\n".to_vec()),
        ("täxt.go", b"package m\n".to_vec()),
    ]
}

#[test]
fn what_is_written_passes_the_check_and_has_the_hash_of_its_contents() {
    let zip = written(&files(), usize::MAX);
    let checked = zip::check(&mut Cursor::new(&zip), zip.len() as u64, &module()).unwrap();
    assert_eq!(checked.files, files().len());
    assert_eq!(checked.go_mod, Some(gomod::H1::of_mod(b"module example.com/m\n")));
    let empty = written(&[], 1);
    zip::check(&mut Cursor::new(&empty), empty.len() as u64, &module()).unwrap();
}

#[test]
fn the_bytes_do_not_depend_on_how_contents_come() {
    let whole = written(&files(), usize::MAX);
    for piece in [1, 1000, 65_537] {
        assert!(written(&files(), piece) == whole, "pieces of {piece}");
    }
}

#[test]
fn more_files_than_a_plain_directory_counts_are_written_too() {
    let mut writer = Writer::new(&module(), Vec::new());
    for number in 0..70_000 {
        writer.add(&format!("f{number}"), &mut io::empty()).unwrap();
    }
    let zip = writer.finish().unwrap();
    let checked = zip::check(&mut Cursor::new(&zip), zip.len() as u64, &module()).unwrap();
    assert_eq!(checked.files, 70_000);
}

#[test]
fn what_turns_out_too_large_is_refused() {
    let mut writer = Writer::new(&module(), io::sink());
    let refused = writer.add("go.mod", &mut io::repeat(b' ').take(zip::MAX_GO_MOD_BYTES + 1)).unwrap_err();
    assert!(refused.to_string().starts_with("go.mod: go.mod file too large"), "{refused}");
    let mut writer = Writer::new(&module(), io::sink());
    let refused = writer.add("big", &mut io::repeat(0)).unwrap_err();
    assert!(matches!(refused, WriteError::Rule(ZipError::TreeTooLarge)), "{refused}");
}

#[test]
fn faults_of_contents_and_of_the_output_are_told_apart() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    let mut writer = Writer::new(&module(), io::sink());
    assert!(matches!(writer.add("a/b", &mut Broken), Err(WriteError::Read { path, .. }) if path == "a/b"));
    let mut room = [0; 40];
    let mut writer = Writer::new(&module(), &mut room[..]);
    assert!(matches!(writer.add("a", &mut io::empty()), Err(WriteError::Write(_))));
}

/// What archive/zip of Go 1.26 writes for two files of two bytes (`x` and a line feed), but for the compressed data, which it
/// makes 8 bytes long: the sizes and places that follow from it are open.
#[test]
fn the_container_is_the_one_that_gos_writer_makes() {
    let files = [("a~b", b"x\n".to_vec()), ("go.mod", b"x\n".to_vec())];
    let ours: String = written(&files, 1).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let (one, other) = (
        "6578616d706c652e636f6d2f6d4076312e322e332f617e62",
        "6578616d706c652e636f6d2f6d4076312e322e332f676f2e6d6f64",
    );
    // Deflate, with the codes that need no table: `x`, a line feed, the end.
    let (data, size) = ("abe00200", "04000000");
    let go = format!(
        "504b0304140008080800000000000000000000000000000000001800\
         0000{one}{data}504b07081f08ea46{size}02000000\
         504b0304140008000800000000000000000000000000000000001b00\
         0000{other}{data}504b07081f08ea46{size}02000000\
         504b01021400140008080800000000001f08ea46{size}020000001800\
         00000000000000000000000000000000{one}\
         504b01021400140008000800000000001f08ea46{size}020000001b00\
         0000000000000000000000004a000000{other}\
         504b050600000000020002008f000000970000000000"
    );
    assert_eq!(ours, go);
}

//! The text cases of testdata/zip_*: what Go's own code says of zips and trees, and that we say the same.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use gomod::zip::{self, FileFault, Omission, TreeEntry, TreeKind};
use gomod::{ModulePath, ModuleVersion, Version};
use testkit::cases::{Field, fields};

use crate::rawzip::{RawEntry, archive};

/// A line of a case: a word and its arguments, quoted ones unquoted.
struct Line {
    word: String,
    arguments: Vec<Vec<u8>>,
}

impl Line {
    fn text(&self, index: usize) -> String {
        String::from_utf8_lossy(&self.arguments[index]).into_owned()
    }

    fn number(&self, index: usize) -> u64 {
        self.text(index).parse().unwrap()
    }

    /// A message of Go. Where it quotes bytes that are no UTF-8, we show the replacement character.
    fn message(&self, index: usize) -> String {
        self.text(index).replace("\\xff", "\u{fffd}")
    }
}

/// Calls a test with each case of a folder and where it is from.
fn each_case(folder: &str, mut compare: impl FnMut(&str, &[Line])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (number, case) in text.split("====\n").enumerate() {
            let lines: Vec<_> = case.lines().filter(|text| !text.is_empty()).map(line).collect();
            compare(&format!("{} case {number}:\n{case}", file.display()), &lines);
        }
    }
}

fn line(text: &str) -> Line {
    let words = fields(text).into_iter().map(|field| match field {
        Field::Word(word) => word.into_bytes(),
        Field::Bytes(bytes) => bytes,
    });
    let mut words: Vec<_> = words.collect();
    let word = String::from_utf8(words.remove(0)).unwrap();
    Line { word, arguments: words }
}

fn module(path: &str, version: &str) -> Option<ModuleVersion> {
    ModuleVersion::new(ModulePath::parse(path).ok()?, Version::parse(version).ok()?).ok()
}

fn entry(line: &Line) -> RawEntry {
    let name = &line.arguments[0];
    match line.word.as_str() {
        "file" if name.ends_with(b"/") => RawEntry::stored(name, ""),
        "file" => RawEntry::described(name, &line.arguments[1]),
        "stored" => RawEntry::stored(name, &line.arguments[1]),
        "zeros" => RawEntry::described(name, vec![0; usize::try_from(line.number(1)).unwrap()]),
        "claim" => match u32::try_from(line.number(1)) {
            Ok(size) => RawEntry::deflated(name, "").both(|header| header.size = size),
            Err(_) => RawEntry::deflated(name, "").both(|header| {
                header.size = u32::MAX;
                header.extra = [&[1, 0, 8, 0], line.number(1).to_le_bytes().as_slice()].concat();
            }),
        },
        other => panic!("{other}"),
    }
}

#[test]
fn zips_get_the_verdict_of_go() {
    each_case("zip_check", |case, lines| {
        let module = module(&lines[0].text(0), &lines[0].text(1));
        let split = lines.iter().position(|line| line.word == "want").unwrap();
        let bytes = archive(&lines[1..split].iter().map(entry).collect::<Vec<_>>());
        let want: Vec<_> =
            lines[split].arguments.iter().map(|word| str::from_utf8(word).unwrap_or("")).collect();
        if want[0] == "no" {
            assert_eq!(module, None, "{case}");
            return;
        }
        let got = zip::check(&mut Cursor::new(&bytes), bytes.len() as u64, &module.unwrap());
        match want[0] {
            "refused" => assert_eq!(got.expect_err(case).to_string(), lines[split].message(1), "{case}"),
            "damaged" => assert!(got.is_err(), "{case}"),
            "h1" => {
                let got = got.unwrap_or_else(|error| panic!("{case}: {error}"));
                let go_mod = got.go_mod.map_or("none".to_owned(), |h1| h1.to_string());
                assert_eq!(
                    (got.h1.to_string(), go_mod),
                    (want[1].to_owned(), lines[split + 1].text(1)),
                    "{case}"
                );
                let files = lines[1..split].iter().filter(|line| !line.arguments[0].ends_with(b"/")).count();
                assert_eq!(got.files, files, "{case}");
            }
            other => panic!("{other}"),
        }
    });
}

#[test]
fn trees_get_the_selection_of_go() {
    each_case("zip_select", |case, lines| {
        let go_version = lines.iter().find(|line| line.word == "go").map(|line| line.text(0));
        let kinds = [
            ("file", TreeKind::File),
            ("symlink", TreeKind::Symlink),
            ("directory", TreeKind::Directory),
            ("other", TreeKind::Other),
        ];
        let tree: Vec<_> = lines
            .iter()
            .filter_map(|line| {
                let (_, kind) = *kinds.iter().find(|(word, _)| *word == line.word)?;
                Some(TreeEntry { path: &line.arguments[0], kind, size_bytes: line.number(1) })
            })
            .collect();
        let selection = zip::select(&tree, go_version.as_deref());
        let path = |index: usize| String::from_utf8_lossy(tree[index].path).into_owned();
        let included = selection.included.iter().map(|index| format!("included {:?}", path(*index)));
        let omitted =
            selection.omitted.iter().map(|(index, why)| format!("omitted {:?} {why}", path(*index)));
        let invalid =
            selection.invalid.iter().map(|(index, why)| format!("invalid {:?} {why}", path(*index)));
        let refused = selection.check(&tree).err().map(|error| format!("refused {error}"));
        let got: Vec<_> = included.chain(omitted).chain(invalid).chain(refused).collect();
        let want: Vec<_> = lines.iter().filter_map(wanted_of_tree).collect();
        assert_eq!(got, want, "{case}");
    });
}

fn wanted_of_tree(line: &Line) -> Option<String> {
    match line.word.as_str() {
        "included" => Some(format!("included {:?}", line.text(0))),
        "omitted" | "invalid" => Some(format!("{} {:?} {}", line.word, line.text(0), line.message(1))),
        "refused" => Some(format!("refused {}", line.message(0))),
        _ => None,
    }
}

/// Whether a path alone in a tree is omitted as vendored.
fn is_vendored(path: &[u8], go_version: &str) -> bool {
    let tree = [TreeEntry { path, kind: TreeKind::File, size_bytes: 0 }];
    zip::select(&tree, Some(go_version)).omitted == [(0, Omission::Vendored)]
}

fn lines_of(file: &str) -> Vec<Line> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file);
    // The first word of these lines is quoted; give them one that is not.
    fs::read_to_string(file).unwrap().lines().map(|text| line(&format!("line {text}"))).collect()
}

#[test]
fn vendor_rules_are_those_of_go() {
    for line in lines_of("zip_vendor/versions.txt") {
        let new_rule = is_vendored(b"vendor/modules.txt", &line.text(0));
        assert_eq!(new_rule.to_string(), line.text(1), "{}", line.text(0));
    }
    for line in lines_of("zip_vendor/paths.txt") {
        for (index, go_version) in [(1, "1.23"), (2, "1.24")] {
            let vendored = is_vendored(&line.arguments[0], go_version);
            assert_eq!(vendored.to_string(), line.text(index), "{} in {go_version}", line.text(0));
        }
    }
    assert_eq!(
        zip::select(&[TreeEntry { path: b"vendor/modules.txt", kind: TreeKind::File, size_bytes: 0 }], None)
            .included,
        [0]
    );
}

#[test]
fn case_folding_is_that_of_go() {
    let text = lines_of("zip_fold/simple.txt");
    let code = |text: String| char::from_u32(u32::from_str_radix(&text, 16).unwrap()).unwrap();
    let folding: std::collections::HashMap<_, _> =
        text.iter().map(|line| (code(line.text(0)), code(line.text(1)))).collect();
    for c in char::MIN..=char::MAX {
        assert_eq!(zip::fold(c), folding.get(&c).copied().unwrap_or(c), "{c:?}");
    }
}

#[test]
fn a_long_list_of_faults_is_cut() {
    let tree: Vec<_> = (0..300).map(|index| format!("{index}'")).collect();
    let tree: Vec<_> = tree
        .iter()
        .map(|path| TreeEntry { path: path.as_bytes(), kind: TreeKind::File, size_bytes: 0 })
        .collect();
    let Err(zip::ZipError::Files(faults)) = zip::select(&tree, None).check(&tree) else { panic!("accepted") };
    assert_eq!((faults.faults.len(), faults.more), (100, 200));
    let [FileFault { path, .. }, ..] = faults.faults.as_slice() else { panic!("no faults") };
    assert_eq!(path, "0'");
    assert!(faults.to_string().ends_with("\nand 200 more"));
}

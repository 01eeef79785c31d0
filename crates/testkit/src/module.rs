//! Module versions made in memory, without the go command: what an upstream would have.
//!
//! The zip is written as cmd/go writes it (protocol: no directory entries, deflate, sizes after the data, no times)
//! and the hashes are computed here, from golang.org/x/mod `dirhash`'s definition, not by Larder's code.

mod hash;
mod zip;

use std::sync::OnceLock;

use bytes::Bytes;

pub use hash::{go_mod_h1, zip_h1};
pub use zip::{Entry, write_zip};

/// One version of a module and its three files.
///
/// ```
/// let hello = testkit::ModuleFiles::new("example.com/hello", "v1.0.0").file("hello.go", "package hello\n");
/// assert!(hello.zip_h1().starts_with("h1:"));
/// ```
#[derive(Clone, Debug)]
pub struct ModuleFiles {
    path: String,
    version: String,
    time: String,
    /// The `.mod` answer; also the zip's `go.mod` unless that was taken out.
    go_mod: Bytes,
    /// Names relative to the module's root, in the order of the zip.
    files: Vec<Entry>,
    /// In place of `path@version/` before each name.
    prefix: Option<String>,
    damage: Vec<Damage>,
    zip: OnceLock<Bytes>,
}

#[derive(Clone, Debug)]
enum Damage {
    Flip(usize),
    Truncate(usize),
}

impl ModuleFiles {
    /// A module with nothing but a `go.mod` that says `module <path>` and `go 1.21`.
    /// The path and the version are taken as they are, un-escaped; nothing checks them.
    #[must_use]
    pub fn new(path: &str, version: &str) -> Self {
        let go_mod = Bytes::from(format!("module {path}\n\ngo 1.21\n"));
        Self {
            path: path.to_owned(),
            version: version.to_owned(),
            time: "2026-01-02T03:04:05Z".to_owned(),
            files: vec![Entry::new("go.mod", go_mod.clone())],
            go_mod,
            prefix: None,
            damage: Vec::new(),
            zip: OnceLock::new(),
        }
    }

    /// Adds a file, or replaces the one of that name. `name` is relative to the module's root.
    #[must_use]
    pub fn file(mut self, name: &str, content: impl Into<Bytes>) -> Self {
        self.place(Entry::new(name, content.into()));
        self
    }

    /// Replaces `go.mod`, in the zip and as the `.mod` answer.
    #[must_use]
    pub fn go_mod(mut self, text: impl Into<Bytes>) -> Self {
        self.go_mod = text.into();
        let text = self.go_mod.clone();
        self.file("go.mod", text)
    }

    /// Makes the module require others: each a `path version` pair.
    #[must_use]
    pub fn requires(self, needed: &[(&str, &str)]) -> Self {
        let lines: String =
            needed.iter().map(|(path, version)| ["require ", path, " ", version, "\n"].concat()).collect();
        let text = format!("module {}\n\ngo 1.21\n\n{lines}", self.path);
        self.go_mod(text)
    }

    /// Takes `go.mod` out of the zip, as in modules older than Go 1.11; the `.mod` answer is then `module <path>`.
    #[must_use]
    pub fn without_go_mod(mut self) -> Self {
        self.zip = OnceLock::new();
        self.go_mod = Bytes::from(format!("module {}\n", self.path));
        self.files.retain(|entry| entry.name != "go.mod");
        self
    }

    /// Adds `padding.bin`: that many bytes which do not compress, always the same for one path and version.
    #[must_use]
    pub fn padding(mut self, size_bytes: usize) -> Self {
        let seed = format!("{}@{}", self.path, self.version);
        self.place(Entry::new("padding.bin", noise(&seed, size_bytes)).uncompressed());
        self
    }

    /// The `Time` of `.info`, as text (RFC 3339 when it is to be valid).
    #[must_use]
    pub fn time(mut self, time: &str) -> Self {
        time.clone_into(&mut self.time);
        self
    }

    /// Puts another prefix than `path@version/` before the names in the zip.
    #[must_use]
    pub fn zip_prefix(mut self, prefix: &str) -> Self {
        self.zip = OnceLock::new();
        self.prefix = Some(prefix.to_owned());
        self
    }

    /// Damages the zip: inverts the lowest bit of one byte. The hashes stay those of the sound zip.
    #[must_use]
    pub fn flip_zip_byte(mut self, at: usize) -> Self {
        self.zip = OnceLock::new();
        self.damage.push(Damage::Flip(at));
        self
    }

    /// Damages the zip: keeps only its first bytes. The hashes stay those of the sound zip.
    #[must_use]
    pub fn truncate_zip(mut self, size_bytes: usize) -> Self {
        self.zip = OnceLock::new();
        self.damage.push(Damage::Truncate(size_bytes));
        self
    }

    /// The module path, un-escaped.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The `.info` answer: compact JSON as cmd/go writes it.
    pub fn info(&self) -> Bytes {
        Bytes::from(format!(r#"{{"Version":"{}","Time":"{}"}}"#, self.version, self.time))
    }

    /// The `.mod` answer.
    pub fn mod_file(&self) -> Bytes {
        self.go_mod.clone()
    }

    /// The `.zip` answer, damage included. Made once.
    pub fn zip(&self) -> Bytes {
        self.zip.get_or_init(|| self.damaged(write_zip(&self.entries()))).clone()
    }

    /// The `h1:` hash of the sound zip, as in `go.sum`.
    pub fn zip_h1(&self) -> String {
        zip_h1(&self.entries())
    }

    /// The `h1:` hash of `go.mod`, as in the `/go.mod` line of `go.sum`.
    pub fn mod_h1(&self) -> String {
        go_mod_h1(&self.go_mod)
    }

    /// The two lines of `go.sum`, which are also the text of a checksum database's record.
    pub fn sum_lines(&self) -> String {
        let (path, version) = (&self.path, &self.version);
        format!("{path} {version} {}\n{path} {version}/go.mod {}\n", self.zip_h1(), self.mod_h1())
    }

    /// The URL path of a file of this version, escaped: `/example.com/!upper/@v/v1.0.0.zip` for `extension` `zip`.
    pub fn url(&self, extension: &str) -> String {
        format!("/{}/@v/{}.{extension}", escape(&self.path), escape(&self.version))
    }

    /// The URL path of the list of versions: `/example.com/!upper/@v/list`.
    pub fn list_url(&self) -> String {
        format!("/{}/@v/list", escape(&self.path))
    }

    /// The URL path of the newest version: `/example.com/!upper/@latest`.
    pub fn latest_url(&self) -> String {
        format!("/{}/@latest", escape(&self.path))
    }

    fn place(&mut self, entry: Entry) {
        self.zip = OnceLock::new();
        match self.files.iter_mut().find(|held| held.name == entry.name) {
            Some(held) => *held = entry,
            None => self.files.push(entry),
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let prefix = self.prefix.clone().unwrap_or_else(|| format!("{}@{}/", self.path, self.version));
        self.files.iter().map(|entry| entry.below(&prefix)).collect()
    }

    fn damaged(&self, mut zip: Vec<u8>) -> Bytes {
        for damage in &self.damage {
            match *damage {
                Damage::Flip(at) => zip[at] ^= 1,
                Damage::Truncate(size) => zip.truncate(size),
            }
        }
        zip.into()
    }
}

/// Each upper-case letter as `!` and its lower-case letter (x/mod `module.EscapePath`).
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(letter.to_ascii_lowercase());
    }
    escaped
}

/// Bytes that look random and depend on nothing but the seed (`SplitMix64`).
fn noise(seed: &str, size_bytes: usize) -> Vec<u8> {
    let mut state = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut bytes = Vec::with_capacity(size_bytes + 8);
    while bytes.len() < size_bytes {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(size_bytes);
    bytes
}

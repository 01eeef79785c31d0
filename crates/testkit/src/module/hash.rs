//! The `h1:` hash (x/mod `dirhash.Hash1`), written a second time on purpose: an oracle for Larder's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::zip::Entry;

/// The hash of a zip's entries: the lines `<sha256 of content, hex>  <name>` sorted by name, hashed together.
pub fn zip_h1(entries: &[Entry]) -> String {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut lines = Sha256::new();
    for entry in sorted {
        for byte in Sha256::digest(&entry.content) {
            lines.update(format!("{byte:02x}"));
        }
        lines.update(format!("  {}\n", entry.name));
    }
    format!("h1:{}", STANDARD.encode(lines.finalize()))
}

/// The hash of a `go.mod`: that of a tree with one file named `go.mod`.
pub fn go_mod_h1(content: &[u8]) -> String {
    zip_h1(&[Entry::new("go.mod", content.to_vec())])
}

//! A hash over the tags that an answer depends on: as long as it is the same, the answer is.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use crate::quote::quoted;
use crate::{pseudo, semver};

/// The `TagSum` of an origin: over the tags that begin with `prefix`, given by name and the id that they stand for, sorted by
/// name (cmd/go `gitRepo.Tags`). Tags that can be neither versions nor the base of one do not count.
pub fn tag_sum<'a>(prefix: &str, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let directory = prefix.rfind('/').and_then(|slash| prefix.get(..=slash)).unwrap_or("");
    let mut sha256 = Sha256::new();
    let mut line = String::new();
    for (name, id) in tags {
        if name.starts_with(prefix) && counts(name.strip_prefix(directory).unwrap_or(name)) {
            line.clear();
            // Writing to a String cannot fail.
            let _ = writeln!(line, "{} {id}", quoted(name));
            sha256.update(&line);
        }
    }
    format!("t1:{}", BASE64.encode(sha256.finalize()))
}

/// Whether a tag may decide something (cmd/go `codehost.isOriginTag`).
fn counts(tag: &str) -> bool {
    let begins = semver::canonical(tag).is_some_and(|canonical| tag.starts_with(canonical.as_ref()));
    begins && !pseudo::is_pseudo(tag)
}
